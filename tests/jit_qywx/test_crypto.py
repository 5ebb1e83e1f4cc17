"""Callback cryptography against public vectors: what WeCom's own samples and other SDKs' tests contain."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_qywx.crypto import CallbackCipher
from jit_qywx.errors import PayloadInvalid, ReceiverMismatch, SignatureMismatch
from jitcore.errors import ArgumentError

VECTORS: dict[str, dict[str, Any]] = {
    vector["id"]: vector for vector in json.loads((Path(__file__).parent / "callback_vectors.json").read_text("utf-8"))
}
SIGNED = [name for name, vector in VECTORS.items() if vector["sig"]]
KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"


def cipher_of(vector: dict[str, Any]) -> CallbackCipher:
    return CallbackCipher(vector["token"] or "any", vector["key"])


def open_vector(vector: dict[str, Any], **changes: Any) -> bytes:
    told = {**vector, **changes}
    opened = cipher_of(vector).open(
        told["sig"], told["timestamp"], told["nonce"], told["encrypt"], receivers={told["receiveid"]}
    )
    return opened.message


@pytest.mark.parametrize("name", VECTORS)
def test_vector_decrypts(name: str) -> None:
    """Every public vector decrypts to its message and its receiver, whatever its padding."""
    vector = VECTORS[name]
    opened = cipher_of(vector).decrypt(vector["encrypt"])
    assert opened.message.decode().startswith(vector["msg"])
    assert opened.receive_id == vector["receiveid"]


@pytest.mark.parametrize("name", SIGNED)
def test_vector_signature_holds(name: str) -> None:
    """Every signed vector passes the signature and receiver checks."""
    vector = VECTORS[name]
    assert open_vector(vector).decode().startswith(vector["msg"])


def test_known_random_gives_the_known_ciphertext() -> None:
    """Encrypting the vector's message with its random bytes gives its ciphertext, byte for byte."""
    vector = VECTORS["V8"]
    cipher = cipher_of(vector)
    message = cipher.decrypt(vector["encrypt"]).message
    encrypt = cipher.encrypt(message, vector["receiveid"], random=b"1234567890123456")
    assert encrypt == vector["encrypt"]
    assert cipher.sign(vector["timestamp"], vector["nonce"], encrypt) == vector["sig"]


def test_other_nonce_is_refused() -> None:
    """A nonce that was not signed fails (wechatpy's negative case)."""
    with pytest.raises(SignatureMismatch):
        open_vector(VECTORS["V6"], nonce="437374424")


def test_changed_signature_digit_is_refused() -> None:
    """One changed digit of the signature fails (go-workwx's negative case)."""
    with pytest.raises(SignatureMismatch):
        open_vector(VECTORS["V4"], sig="1ba3cb09c0d2c2b3ed6900d37f91a6efae6cb012")


@pytest.mark.parametrize("signature", ["", "ü", "477715D11CDB4164915DEBCBA66CB864D751F3E6"])
def test_odd_signature_is_refused_as_a_signature(signature: str) -> None:
    """An empty, non-ASCII or upper-case signature is a mismatch, not a crash."""
    with pytest.raises(SignatureMismatch):
        open_vector(VECTORS["V1"], sig=signature)


def test_other_receiver_is_refused_by_name() -> None:
    """A message for somebody else is refused, naming whom it was for."""
    vector = VECTORS["V1"]
    with pytest.raises(ReceiverMismatch) as caught:
        cipher_of(vector).open(
            vector["sig"], vector["timestamp"], vector["nonce"], vector["encrypt"], receivers={"wwother"}
        )
    assert caught.value.receive_id == vector["receiveid"]


def test_any_receiver_can_be_accepted() -> None:
    """Without a set of receivers every one passes."""
    vector = VECTORS["V1"]
    opened = cipher_of(vector).open(
        vector["sig"], vector["timestamp"], vector["nonce"], vector["encrypt"], receivers=None
    )
    assert opened.receive_id == vector["receiveid"]


@pytest.mark.parametrize("key", [KEY[:42], KEY + "D", KEY[:42] + "=", KEY[:42] + "$", "", KEY[:42] + "\n"])
def test_malformed_key_is_refused_without_repeating_it(key: str) -> None:
    """A key of 42 or 44 characters, or with others than letters and digits, is refused and not printed."""
    with pytest.raises(ArgumentError) as caught:
        CallbackCipher("token", key)
    assert not key or key not in str(caught.value)


def test_key_with_spare_bits_is_accepted() -> None:
    """The official sample key is valid although re-encoding it gives another last character."""
    assert base64.b64encode(base64.b64decode(KEY + "=")).decode() != KEY + "="
    CallbackCipher("token", KEY)


def encrypted(plain: bytes) -> str:
    """Ciphertext of a plaintext that is used as it is, padding included."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    key = base64.b64decode(KEY + "=")
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode()


@pytest.mark.parametrize(
    "plain",
    [
        b"\0" * 32,
        b"\x21" * 64,
        b"a" * 29 + b"\x01\x02\x03",
        b"a" * 16 + b"\x7f\xff\xff\xff" + b"b" * 11 + b"\x01",
        b"\x10" * 16,
        b"a" * 16 + b"\0\0\0\x01" + b"m" + b"\xff\xfe" + b"\x09" * 9,
    ],
    ids=["pad 0", "pad 33", "uneven pad", "length beyond the end", "only padding", "receiver not text"],
)
def test_garbage_plaintext_is_refused(plain: bytes) -> None:
    """What a wrong key decrypts to is refused by the padding, the length or the receiver."""
    with pytest.raises(PayloadInvalid):
        CallbackCipher("token", KEY).decrypt(encrypted(plain))


@pytest.mark.parametrize("encrypt", ["", "=", "not base64!", "YWJj", "ü"])
def test_garbage_ciphertext_is_refused(encrypt: str) -> None:
    """A ciphertext that is no base64 or no whole blocks is refused."""
    with pytest.raises(PayloadInvalid):
        CallbackCipher("token", KEY).decrypt(encrypt)


@given(message=st.binary(max_size=200), receiver=st.text(max_size=40))
def test_sealed_messages_open_again(message: bytes, receiver: str) -> None:
    """Whatever is sealed opens to the same message and receiver."""
    cipher = CallbackCipher("token", KEY)
    envelope = cipher.seal(message, receiver, timestamp="1", nonce="2")
    opened = cipher.open(
        envelope.msg_signature, envelope.timestamp, envelope.nonce, envelope.encrypt, receivers={receiver}
    )
    assert opened == (message, receiver)


@given(st.integers(1, 6).flatmap(lambda blocks: st.binary(min_size=16 * blocks, max_size=16 * blocks)))
def test_arbitrary_blocks_never_crash(data: bytes) -> None:
    """Any ciphertext either opens or is refused with our error."""
    with contextlib.suppress(PayloadInvalid):
        CallbackCipher("token", KEY).decrypt(base64.b64encode(data).decode())


def test_repr_holds_no_secret() -> None:
    """The cipher does not show its token or key."""
    assert repr(CallbackCipher("tokentoken", KEY)) == "<CallbackCipher>"
