"""WeCom's callback cipher, written from its description (document 90968): an implementation of its own.

The project has another one in its client. Two that were written apart and agree with the published vectors are worth
more than one that agrees with itself.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32
KEY_TEXT = 43
RANDOM = 16


class CipherError(ValueError):
    """A key that is none, a message that was not encrypted for us, or a wrong signature."""


def decode_key(aes_key: str) -> bytes:
    """The 32 bytes behind an EncodingAESKey: 43 characters of base64 whose last may carry spare bits.

    Raises:
        CipherError: another length, or other characters than letters and digits.
    """
    if len(aes_key) != KEY_TEXT or not (aes_key.isascii() and aes_key.isalnum()):
        raise CipherError("an EncodingAESKey is 43 letters and digits")
    return base64.b64decode(aes_key + "=")


def encrypt_cbc(key: bytes, data: bytes) -> bytes:
    """AES-256-CBC with the first half of the key as IV, padded PKCS7 to multiples of 32 bytes."""
    pad = BLOCK - len(data) % BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return encryptor.update(data + bytes([pad]) * pad) + encryptor.finalize()


def decrypt_cbc(key: bytes, data: bytes) -> bytes:
    """The reverse of `encrypt_cbc`.

    Raises:
        CipherError: not whole blocks, or not padded as it must be.
    """
    if not data or len(data) % 16:
        raise CipherError("the ciphertext is not made of whole blocks")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    plain = decryptor.update(data) + decryptor.finalize()
    pad = plain[-1]
    if not 1 <= pad <= BLOCK or plain[-pad:] != bytes([pad]) * pad:
        raise CipherError("the padding is wrong: not encrypted with this key")
    return plain[:-pad]


class MessageCipher:
    """Signs and encrypts callbacks of one channel.

    Args:
        token: the channel's token.
        aes_key: its EncodingAESKey.
        receiveid: whom the messages are for: suite id, corpid, or the provider's corpid (document 91144).
    """

    def __init__(self, token: str, aes_key: str, receiveid: str) -> None:
        self._token = token
        self._key = decode_key(aes_key)
        self._receiveid = receiveid.encode()

    def sign(self, timestamp: str, nonce: str, encrypted: str) -> str:
        """The msg_signature."""
        parts = sorted([self._token, timestamp, nonce, encrypted])
        return hashlib.sha1("".join(parts).encode(), usedforsecurity=False).hexdigest()

    def encrypt(self, message: bytes, random: bytes) -> str:
        """The `Encrypt` of a message; `random` is 16 bytes."""
        framed = random + len(message).to_bytes(4, "big") + message + self._receiveid
        return base64.b64encode(encrypt_cbc(self._key, framed)).decode()

    def decrypt(self, encrypted: str) -> bytes:
        """The message behind an `Encrypt`.

        Raises:
            CipherError: not base64, not for this key, or for another receiveid.
        """
        try:
            data = base64.b64decode(encrypted, validate=True)
        except binascii.Error:
            raise CipherError("not base64") from None
        plain = decrypt_cbc(self._key, data)
        end = RANDOM + 4 + int.from_bytes(plain[RANDOM : RANDOM + 4], "big")
        if end > len(plain):
            raise CipherError("the length inside is greater than the message")
        if plain[end:] != self._receiveid:
            raise CipherError("the message is for another receiveid")
        return plain[RANDOM + 4 : end]

    def open(self, signature: str, timestamp: str, nonce: str, encrypted: str) -> bytes:
        """Check the signature, then decrypt.

        Raises:
            CipherError: as of `decrypt`, or a wrong signature.
        """
        if not hmac.compare_digest(signature, self.sign(timestamp, nonce, encrypted)):
            raise CipherError("the signature is wrong")
        return self.decrypt(encrypted)
