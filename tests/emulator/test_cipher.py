"""The callback cipher against vectors published by others, and against what must be refused."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from jit_qywx.emulator.cipher import CipherError, MessageCipher, decode_key, decrypt_cbc, encrypt_cbc

VECTORS = json.loads((Path(__file__).parent / "callback_vectors.json").read_text(encoding="utf-8"))
SIGNED = [vector for vector in VECTORS if vector["sig"]]


def cipher_of(vector: dict[str, str], receiveid: str | None = None) -> MessageCipher:
    """The cipher a vector was made with."""
    return MessageCipher(vector["token"] or "", vector["key"], receiveid or vector["receiveid"])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_published_message_decrypts(vector):
    """Every published message opens with its key and shows its published text."""
    assert cipher_of(vector).decrypt(vector["encrypt"]).decode().startswith(vector["msg"])


@pytest.mark.parametrize("vector", SIGNED, ids=lambda vector: vector["id"])
def test_published_signature_is_reproduced(vector):
    """Every published signature is what we compute."""
    assert cipher_of(vector).sign(vector["timestamp"], vector["nonce"], vector["encrypt"]) == vector["sig"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_encrypting_again_gives_the_published_text(vector):
    """The same random bytes and message encrypt to the published text, byte for byte."""
    key = decode_key(vector["key"])
    plain = decrypt_cbc(key, base64.b64decode(vector["encrypt"]))
    assert cipher_of(vector).encrypt(cipher_of(vector).decrypt(vector["encrypt"]), plain[:16]) == vector["encrypt"]


def test_wrong_nonce_is_refused():
    """A message whose nonce was changed does not open."""
    vector = next(vector for vector in VECTORS if vector["id"] == "V6")
    with pytest.raises(CipherError, match="signature"):
        cipher_of(vector).open(vector["sig"], vector["timestamp"], "437374424", vector["encrypt"])


def test_message_for_another_receiver_is_refused():
    """A message encrypted for one suite does not open as another's."""
    vector = VECTORS[0]
    with pytest.raises(CipherError, match="receiveid"):
        cipher_of(vector, "ww0000000000000000").decrypt(vector["encrypt"])


@pytest.mark.parametrize("key", ["a" * 42, "a" * 44, "a" * 42 + "=", "a" * 42 + "$", "字" * 43])
def test_what_is_no_key_is_refused(key):
    """An EncodingAESKey is 43 letters and digits, nothing else."""
    with pytest.raises(CipherError):
        MessageCipher("token", key, "ww1")


@pytest.mark.parametrize("text", ["not base64!", "", base64.b64encode(b"short").decode()])
def test_what_is_no_ciphertext_is_refused(text):
    """Text that is no base64 or no whole blocks is refused, not decoded to something."""
    with pytest.raises(CipherError):
        MessageCipher("token", "a" * 43, "ww1").decrypt(text)


def test_wrong_key_is_refused_by_the_padding():
    """A message for another key fails on its padding, before its length is believed."""
    sent = MessageCipher("token", "a" * 43, "ww1").encrypt(b"<xml/>", bytes(16))
    with pytest.raises(CipherError):
        MessageCipher("token", "b" * 43, "ww1").decrypt(sent)


def test_length_beyond_the_message_is_refused():
    """A length field greater than the message is refused."""
    key = decode_key("a" * 43)
    sent = base64.b64encode(encrypt_cbc(key, bytes(16) + b"\xff\xff\xff\xff" + b"abc")).decode()
    with pytest.raises(CipherError, match="length"):
        MessageCipher("token", "a" * 43, "ww1").decrypt(sent)
