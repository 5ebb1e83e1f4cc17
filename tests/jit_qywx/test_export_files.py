"""A file of an export: every record of it, or an error; never a shorter list."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jit_qywx import errors, export_files
from jit_qywx.emulator.cipher import decode_key, encrypt_cbc
from jit_qywx.export_files import make_key, read_records

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = make_key()
MEMBER = {"userid": "zhangsan", "name": "张三", "department": [1, 22], "extattr": {"attrs": [{"name": "a]},{"}]}}


def sealed(plain: bytes, key: str = KEY) -> io.BytesIO:
    return io.BytesIO(encrypt_cbc(decode_key(key), plain))


def read(file: io.BytesIO, key: str = KEY) -> list[dict[str, Any]]:
    return list(read_records(file, key, "userlist", call="export/user block 2 of 3", corpId="ww1"))


def refused(file: io.BytesIO) -> str:
    with pytest.raises(errors.ExportFailed) as caught:
        read(file)
    assert caught.value.call == "export/user block 2 of 3"
    assert caught.value.message.startswith("export/user block 2 of 3 of enterprise ww1 ")
    return caught.value.message


@pytest.fixture(params=[1, 7, 2**16])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """How much of a file is decrypted at once: also so little that everything is cut."""
    monkeypatch.setattr(export_files, "_CHUNK", request.param * 16)
    return request.param


def test_keys_are_what_wecom_takes() -> None:
    """A key is 43 letters and digits that stand for exactly 32 bytes, and no two are the same."""
    keys = {make_key() for _ in range(100)}
    assert len(keys) == 100
    for key in keys:
        assert len(decode_key(key)) == 32
        # No spare bits: whoever decodes strictly takes it as well.
        assert base64.b64encode(decode_key(key)).decode() == key + "="


@pytest.mark.usefixtures("chunk")
def test_every_record_comes() -> None:
    """Wherever the text is cut, in the middle of a character as well, the records are those of the list."""
    members = [{**MEMBER, "userid": f"member{number}", "order": [number, 10**9]} for number in range(50)]
    for told in (
        {"userlist": members},
        {"errcode": 0, "errmsg": "ok", "userlist": members, "partylist": [1, 2], "more": None, "n": 12345},
    ):
        for text in (
            json.dumps(told),
            json.dumps(told, ensure_ascii=False, separators=(",", ":")),
            json.dumps(told, indent=1),
        ):
            assert read(sealed(text.encode())) == members


@pytest.mark.usefixtures("chunk")
def test_a_list_may_be_empty() -> None:
    """An enterprise without members has a list without items."""
    assert read(sealed(b'{"userlist":[]}')) == []
    assert read(sealed(b' { "userlist" : [ ] } \n')) == []


@pytest.mark.parametrize("length", range(1, 70))
def test_padding_of_every_length_is_taken_off(length: int) -> None:
    """Up to 32 bytes are padding, and they end where the text does."""
    plain = b'{"userlist":[]}' + b" " * length
    assert read(sealed(plain)) == []


def test_what_people_type_is_no_trouble() -> None:
    """Control characters and broken UTF-8 in a name do not make a file unreadable."""
    [member] = read(sealed(b'{"userlist":[{"userid":"a","name":"\x01\xff\xfe"}]}'))
    assert member["name"] == "\x01\ufffd\ufffd"


@pytest.mark.usefixtures("chunk")
@pytest.mark.parametrize(
    ("plain", "why"),
    [
        (b"", "ends too early"),
        (b"{}", "no list 'userlist'"),
        (b'{"department":[{"id":1}]}', "no list 'userlist'"),
        (b'{"userlist":{}}', "not JSON"),
        (b'{"userlist":null}', "not JSON"),
        (b'{"userlist":[{"userid":"a"}', "ends too early"),
        (b'{"userlist":[{"userid":"a"}]', "ends too early"),
        (b'{"userlist":[{"userid":"a"},', "not JSON"),
        (b'{"userlist":[{"userid":"a"', "not JSON"),
        (b'{"userlist":[{"userid":"a"} {"userid":"b"}]}', "not JSON"),
        (b'{"userlist":[{"userid":"a"},]}', "not JSON"),
        (b'{"userlist":["a"]}', "no object"),
        (b'{"userlist":[1', "no object"),
        (b'{"userlist":[]}{"userlist":[]}', "goes on"),
        (b'{"userlist":[]}\0', "goes on"),
        (b'[{"userid":"a"}]', "not JSON"),
        (b"<html>", "not JSON"),
        (b'{"userlist":[' + b"[" * 5000, "not JSON"),
    ],
)
def test_what_is_not_a_list_is_refused(plain: bytes, why: str) -> None:
    """Text that ends early, goes on, or is of another shape is no shorter list."""
    assert why in refused(sealed(plain))


@pytest.mark.parametrize("file", [b"", b"x", b"x" * 16, b"x" * 33])
def test_other_than_whole_blocks_are_refused(file: bytes) -> None:
    """A ciphertext is made of blocks of 32 bytes."""
    assert "whole blocks" in refused(io.BytesIO(file))


@pytest.mark.parametrize("plain", [b'{"userlist":[]}', b'{"userlist":[]}' + b" " * 100])
def test_another_key_is_refused(plain: bytes) -> None:
    """A file of another job, or of somebody else's, gives no records."""
    messages = {refused(sealed(plain, make_key())) for _ in range(20)}
    assert all("not encrypted with the key" in message or "not JSON" in message for message in messages)


@pytest.mark.parametrize("pad", [0, 33, 255])
def test_padding_that_cannot_be_is_refused(pad: int) -> None:
    """Padding is 1 to 32 bytes that all say how many they are."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    key = decode_key(KEY)
    for last in (bytes([pad]) * 32, b'{"userlist":[]}'.ljust(31) + bytes([2])):
        encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
        assert "not encrypted with the key" in refused(io.BytesIO(encryptor.update(last) + encryptor.finalize()))


def test_a_record_without_an_end_is_not_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be a record is given up long before a large file is in memory."""
    monkeypatch.setattr(export_files, "_LONGEST", 2**17)
    file = sealed(b'{"userlist":[{"userid":"' + b"a" * 2**20 + b'"}]}')
    assert "not JSON" in refused(file)
    assert file.tell() < 2**19


def test_no_content_is_in_an_error() -> None:
    """What people are called stays out of every exception, and of those behind it."""
    with pytest.raises(errors.ExportFailed) as caught:
        read(sealed('{"userlist":[{"userid":"canary-张三"'.encode()))
    error: BaseException | None = caught.value
    while error is not None:
        assert "canary" not in repr(vars(error)) + repr(error)
        error = error.__context__


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=3,
)


@settings(max_examples=25, deadline=None)
@given(
    before=st.dictionaries(st.text().filter(lambda name: name != "userlist"), JSON, max_size=2),
    records=st.lists(st.dictionaries(st.text(), JSON, max_size=2), max_size=3),
    after=st.dictionaries(st.text(min_size=1).map(lambda name: "z" + name), JSON, max_size=2),
    indent=st.sampled_from([None, 2]),
    ascii_=st.booleans(),
    cut=st.integers(1, 4),
)
def test_any_object_is_read_as_the_library_reads_it(before, records, after, indent, ascii_, cut) -> None:
    """Whatever stands beside the list, and wherever the text is cut, the items are those that json.loads gives."""
    told = {**before, "userlist": records, **after}
    text = json.dumps(told, indent=indent, ensure_ascii=ascii_).encode("utf-8", "replace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_files, "_CHUNK", cut * 16)
        assert read(sealed(text)) == json.loads(text)["userlist"]


@pytest.mark.parametrize("number", ["1.5", "0.0", "-2.5e-7", "1E+3", "12"])
@pytest.mark.parametrize("shift", range(16))
def test_a_number_may_be_cut_anywhere(number, shift) -> None:
    """Where a piece ends inside a number, behind its point or its sign too, the number goes on in the next one."""
    text = f'{{"userlist":[],"{"z" * shift}":{number}}}'.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_files, "_CHUNK", 16)
        assert read(sealed(text)) == []


@settings(max_examples=25, deadline=None)
@given(end=st.integers(0, 600), cut=st.integers(1, 4))
def test_a_text_cut_anywhere_is_refused(end, cut) -> None:
    """There is no place at which a text may end early and still be a list."""
    text = json.dumps({"userlist": [{**MEMBER, "userid": f"m{number}"} for number in range(6)]}).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_files, "_CHUNK", cut * 16)
        assert refused(sealed(text[: min(end, len(text) - 1)]))
