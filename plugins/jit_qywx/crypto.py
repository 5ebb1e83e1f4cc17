"""WeCom's callback cryptography: who sent this, what does it say, and is it meant for us.

Signature: SHA-1 over the sorted token, timestamp, nonce and ciphertext. Cipher: AES-256-CBC, the first 16 bytes of
the key as IV, PKCS#7 padding to multiples of 32 bytes. Plaintext: 16 random bytes, the message's length as four
big-endian bytes, the message, and the id of the receiver. Source: WeCom documents 90968 and 91144.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import struct
from typing import TYPE_CHECKING, NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from jit_qywx.errors import PayloadInvalid, ReceiverMismatch, SignatureMismatch
from jitcore.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["CallbackCipher", "Envelope", "Opened"]

_KEY_PATTERN = re.compile(r"[A-Za-z0-9]{43}")
_BLOCK = 32
_RANDOM = 16
_LENGTH = 4


class Opened(NamedTuple):
    """A decrypted message and the receiver it names."""

    message: bytes
    receive_id: str


class Envelope(NamedTuple):
    """An encrypted message with everything its receiver needs to check it."""

    encrypt: str
    msg_signature: str
    timestamp: str
    nonce: str


class CallbackCipher:
    """Opens and seals callbacks of one endpoint.

    :param token: the Token of the endpoint in the provider console.
    :param encodingAESKey: the EncodingAESKey of the endpoint: exactly 43 characters of A-Z, a-z, 0-9.
    :raises jitcore.errors.ArgumentError: when the key is not of that form.
    """

    def __init__(self, token: str, encodingAESKey: str) -> None:
        self._token = token
        self._key = _decode_key(encodingAESKey)

    def sign(self, timestamp: str, nonce: str, encrypt: str) -> str:
        """The signature WeCom puts into ``msg_signature``, as lowercase hexadecimal digits."""
        parts = sorted([self._token, timestamp, nonce, encrypt])
        # The protocol fixes SHA-1; it guards a keyed comparison here, not a certificate.
        return hashlib.sha1("".join(parts).encode(), usedforsecurity=False).hexdigest()

    def open(
        self,
        msg_signature: str,
        timestamp: str,
        nonce: str,
        encrypt: str,
        *,
        receivers: Collection[str] | None,
    ) -> Opened:
        """Check the signature, decrypt, and check the receiver.

        :param msg_signature: ``msg_signature`` of the query, URL-decoded; so are ``timestamp`` and ``nonce``.
        :param encrypt: the ciphertext: ``echostr`` of a URL check, or the body's ``Encrypt``.
        :param receivers: the receiver ids to accept; None accepts any.
        :raises SignatureMismatch: it is not signed with our token.
        :raises PayloadInvalid: it does not decrypt to the documented form.
        :raises ReceiverMismatch: it names a receiver that is not among ``receivers``.
        """
        expected = self.sign(timestamp, nonce, encrypt)
        if not hmac.compare_digest(expected.encode(), msg_signature.encode()):
            raise SignatureMismatch(
                "The callback's signature does not match.",
                hint='Compare "token" in authConfig with the Token of this callback URL in the provider console.',
            )
        opened = self.decrypt(encrypt)
        if receivers is not None and opened.receive_id not in receivers:
            raise ReceiverMismatch(
                f"The callback is meant for {opened.receive_id!r}, not for {' or '.join(sorted(receivers))}.",
                receive_id=opened.receive_id,
                hint='A URL check names the provider\'s own corpid: set it as "corpId" of the auth element. '
                "An event names the suite: check that this URL belongs to this template.",
            )
        return opened

    def decrypt(self, encrypt: str) -> Opened:
        """Decrypt without checking a signature: for a message that was checked when it arrived.

        :raises PayloadInvalid: it does not decrypt to the documented form.
        """
        try:
            ciphertext = base64.b64decode(encrypt, validate=True)
        except (binascii.Error, ValueError):
            raise _invalid("its ciphertext is not base64") from None
        if not ciphertext or len(ciphertext) % 16:
            raise _invalid("its ciphertext is not made of whole blocks")
        decryptor = self._cipher().decryptor()
        return _split(_unpad(decryptor.update(ciphertext) + decryptor.finalize()))

    def encrypt(self, message: bytes, receive_id: str, *, random: bytes | None = None) -> str:
        """Encrypt a message for a receiver.

        :param random: the 16 random bytes at the front; None draws them.
        """
        front = secrets.token_bytes(_RANDOM) if random is None else random
        plain = front + struct.pack(">I", len(message)) + message + receive_id.encode()
        pad = _BLOCK - len(plain) % _BLOCK
        encryptor = self._cipher().encryptor()
        sealed = encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()
        return base64.b64encode(sealed).decode("ascii")

    def seal(self, message: bytes, receive_id: str, *, timestamp: str, nonce: str) -> Envelope:
        """Encrypt and sign a message, as WeCom does when it calls us."""
        encrypt = self.encrypt(message, receive_id)
        return Envelope(encrypt, self.sign(timestamp, nonce, encrypt), timestamp, nonce)

    def _cipher(self) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16]))

    def __repr__(self) -> str:
        return "<CallbackCipher>"


def _decode_key(encodingAESKey: str) -> bytes:
    if not _KEY_PATTERN.fullmatch(encodingAESKey):
        raise ArgumentError(
            f"encodingAESKey is not an EncodingAESKey: it has {len(encodingAESKey)} characters, or some that do not "
            "belong there.",
            hint="It is exactly 43 letters and digits; copy it from the callback settings in the provider console.",
        )
    # Not a canonical-base64 check: the official sample key has spare bits in its last character.
    return base64.b64decode(encodingAESKey + "=")


def _unpad(plain: bytes) -> bytes:
    pad = plain[-1]
    if not 1 <= pad <= _BLOCK or pad > len(plain) or plain[-pad:] != bytes([pad]) * pad:
        raise _invalid("its padding is wrong")
    return plain[:-pad]


def _split(plain: bytes) -> Opened:
    head = _RANDOM + _LENGTH
    if len(plain) < head:
        raise _invalid("it is too short")
    (length,) = struct.unpack(">I", plain[_RANDOM:head])
    if length > len(plain) - head:
        raise _invalid("the length it states is more than it holds")
    try:
        receive_id = plain[head + length :].decode("utf-8")
    except UnicodeDecodeError:
        raise _invalid("the receiver it names is not text") from None
    return Opened(plain[head : head + length], receive_id)


def _invalid(why: str) -> PayloadInvalid:
    return PayloadInvalid(
        f"The callback does not decrypt: {why}.",
        hint='Compare "encodingAESKey" in authConfig with the EncodingAESKey of this callback URL.',
    )
