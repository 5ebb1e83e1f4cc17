"""Reading HTTP answers: whole ones in every shape, and never a part of one."""

from __future__ import annotations

import gc
import gzip
import json
import socket
import threading
import zlib
from http.client import HTTPException
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jit_qywx.client import answers
from jit_qywx.client.answers import Answer, read_answer

if TYPE_CHECKING:
    from collections.abc import Iterable

BODY = '{"errcode":0,"errmsg":"ok","名":"字"}'.encode()
# Without the time of day: parameters of tests are the same in every process.
GZIPPED = gzip.compress(BODY, mtime=0)
GZIPPED_PARTS = gzip.compress(BODY[:9], mtime=0) + gzip.compress(BODY[9:], mtime=0)
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
CHUNKS = b"5;x=y\r\n" + BODY[:5] + b"\r\n%X\r\n" % len(BODY[5:]) + BODY[5:] + b"\r\n0\r\nTrailer: x\r\n\r\n"

#: What a server may send, and whether the connection can be used again.
WHOLE = {
    "length": (b"HTTP/1.1 200 OK\r\nDate: now\r\n" + LENGTH + b"\r\n" + BODY, True),
    "odd spelling": (b"HTTP/1.1 200\r\ncontent-LENGTH:  %d \r\n\r\n" % len(BODY) + BODY, True),
    "chunks": (CHUNKED + CHUNKS, True),
    "interim": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + BODY, True),
    "until the end": (b"HTTP/1.1 200 OK\r\n\r\n" + BODY, False),
    "closing": (b"HTTP/1.1 200 OK\r\nConnection: Close\r\n" + LENGTH + b"\r\n" + BODY, False),
    "old": (b"HTTP/1.0 200 OK\r\n" + LENGTH + b"\r\n" + BODY, False),
    "gzip": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(GZIPPED) + GZIPPED,
        True,
    ),
    "gzip in parts": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: X-GZip\r\nContent-Length: %d\r\n\r\n" % len(GZIPPED_PARTS)
        + GZIPPED_PARTS,
        True,
    ),
}


def answered(pieces: Iterable[bytes]) -> Answer:
    """What is read when a server sends these pieces and hangs up."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            for piece in pieces:
                theirs.sendall(piece)
        return read_answer(ours)


@given(st.sampled_from(sorted(WHOLE)), st.sets(st.integers(1, 150), max_size=4))
@example("gzip in parts", {100})
def test_whole_answers_in_any_pieces(kind: str, cuts: set[int]) -> None:
    """Every way to say where a body ends is understood, wherever the network cuts it."""
    sent, reusable = WHOLE[kind]
    edges = [0, *sorted(cuts), len(sent)]
    found = answered(sent[start:end] for start, end in pairwise(edges))
    assert found == Answer(200, BODY, reusable)


@given(st.sampled_from(sorted(WHOLE)), st.integers(0, 400))
def test_a_part_is_never_taken_for_the_whole(kind: str, length: int) -> None:
    """Of an answer that ends early nothing is read, or something that is no JSON, or all of its body."""
    sent, _ = WHOLE[kind]
    try:
        content = answered([sent[:length]]).content
        json.loads(content)
    except (HTTPException, ValueError):
        return
    assert content == BODY


def test_a_body_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody fills the memory: neither by sending on, nor by sending what becomes large when it is decompressed."""
    large = b"x" * 10_000
    packed = gzip.compress(large, mtime=0)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    plain = [b"HTTP/1.1 200 OK\r\n\r\n", *[large[:1000]] * 10]
    for sent in (plain, [head, packed], [head, packed[:-8]], [head, gzip.compress(large[1:], mtime=0), GZIPPED]):
        monkeypatch.setattr(answers, "_LONGEST_BODY", len(large) - 1)
        with pytest.raises(HTTPException, match="endless"):
            answered(sent)
    monkeypatch.setattr(answers, "_LONGEST_BODY", len(large))
    assert answered(plain).content == answered([head, packed]).content == large


def test_interim_answers_are_passed_over() -> None:
    """What a server says before the answer, with headers that say nothing of it, is not taken for the answer."""
    early = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Encoding: br\r\n\r\n"
    found = answered([early, early, b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + BODY])
    assert found == Answer(200, BODY, reusable=True)
    with pytest.raises(HTTPException):
        answered([early])


@pytest.mark.parametrize("more", [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"HTTP", b"\x00garbage", BODY])
def test_after_an_answer_with_more_than_asked_for_nothing_follows(more: bytes) -> None:
    """What comes after it must not be taken for the answer to the next call."""
    whole = b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + BODY
    assert answered([whole + more]) == Answer(200, BODY, reusable=False)


@pytest.mark.parametrize(
    "sent",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 500 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + LENGTH + LENGTH + b"\r\n" + BODY,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
        CHUNKED + b"z\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n" + LENGTH + b"\r\n" + BODY,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n" + LENGTH + b"\r\n" + BODY,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + GZIPPED[:20],
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + zlib.compress(BODY),
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + GZIPPED + BODY,
    ],
)
def test_what_is_not_understood_is_an_error(sent: bytes) -> None:
    """What is no HTTP, or comes as nobody asked for, is refused."""
    with pytest.raises(HTTPException):
        answered([sent])


def test_an_answer_leaves_nothing_behind() -> None:
    """A reading of a large enterprise seldom looks for garbage, and an answer may be large."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        answered([WHOLE["length"][0]])
        with pytest.raises(HTTPException):
            answered([b"no HTTP"])
        gc.collect()
        # Others, of earlier tests, may be let go meanwhile.
        ours = ("jit_qywx.client.answers", "httptools.parser.parser")
        assert not [one for one in gc.garbage if type(one).__module__ in ours]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def test_an_answer_that_never_ends_is_given_up() -> None:
    """Who sends a little now and then, each piece in time, holds nobody for longer than all of it may take."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(30)
        theirs.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        is_over = threading.Event()

        def drip() -> None:
            while not is_over.wait(0.01):
                theirs.sendall(b" ")

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            with pytest.raises(TimeoutError):
                read_answer(ours, 0.2)
        finally:
            is_over.set()
            dripping.join()


def test_no_content_has_no_content() -> None:
    """204 ends with its head."""
    assert answered([b"HTTP/1.1 204 No Content\r\n\r\n"]) == Answer(204, b"", reusable=True)
