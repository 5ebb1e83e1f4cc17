"""The HTTP server under the API."""

from __future__ import annotations

import ast
import http.client
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import jit_qywx.emulator
from jit_qywx.emulator import Emulator


@pytest.fixture
def connection(emulator):
    """A keep-alive connection."""
    connection = http.client.HTTPConnection(emulator.url.removeprefix("http://"), timeout=60)
    yield connection
    connection.close()


def exchange(emulator, data: bytes) -> bytes:
    """Send bytes, read until the server closes."""
    host, port = emulator.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
        return answer


def test_one_connection_carries_many_calls(connection):
    """HTTP/1.1 connections stay open between calls."""
    connection.request("GET", "/cgi-bin/gettoken")
    connection.getresponse().read()
    before = connection.sock
    connection.request("POST", "/cgi-bin/service/get_suite_token", b"{}")
    assert connection.getresponse().read()
    assert connection.sock is before


def test_connection_closes_when_asked(emulator):
    """Connection: close is obeyed."""
    answer = exchange(emulator, b"GET /cgi-bin/gettoken HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close" in answer


@pytest.mark.parametrize("path", ["/cgi-bin/message/send", "/cgi-bin/", "/", "/elsewhere", "/export/none"])
def test_unknown_paths_are_404(connection, path):
    """What the emulator does not know is HTTP 404."""
    connection.request("GET", path)
    assert connection.getresponse().status == 404


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nbroken header\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n", b"400"),
    ],
)
def test_what_is_no_request_is_refused(emulator, data, status):
    """Broken, chunked and oversized requests are refused, and the connection closed."""
    assert exchange(emulator, data).split(b" ")[1] == status


def test_callers_may_vanish(emulator, caller):
    """A caller that connects and leaves, or leaves in the middle of a body, disturbs nobody."""
    assert exchange(emulator, b"") == b""
    exchange(emulator, b"POST /cgi-bin/gettoken HTTP/1.1\r\nContent-Length: 50\r\n\r\nhalf")
    assert caller.get("tag/list")["errcode"] == 0


def test_head_has_no_body(emulator):
    """HEAD answers the headers alone."""
    answer = exchange(emulator, b"HEAD /cgi-bin/gettoken HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert answer.endswith(b"\r\n\r\n")


def test_percent_encoding_is_undone(caller):
    """Paths and queries are decoded, Chinese included."""
    assert caller.get("department%2Flist")["errcode"] == 0
    assert caller.get("user/get", userid="张三")["errcode"] == 60111


def test_get_where_post_is_due_is_40058(caller):
    """A POST call asked with GET is 40058; a GET call asked with POST is answered."""
    assert caller.get("tag/create")["errcode"] == 40058
    assert caller.post("tag/list")["errcode"] == 0


@pytest.mark.parametrize(
    ("body", "errcode"), [(b"{broken", 40058), (b"[1]", 40058), (b'{"tagname": "\\u503c"}', 40033)]
)
def test_bad_bodies_are_refused(caller, body, errcode):
    """Broken JSON and JSON that is no object are 40058 with a warning, \\uXXXX escapes are 40033."""
    answer = caller.http.post(
        caller.emulator.base_url + "tag/create", params={"access_token": caller.token}, data=body, timeout=5
    ).json()
    assert answer["errcode"] == errcode
    assert answer["errmsg"].startswith("Warning: wrong json format. ") == (errcode == 40058)


def test_bad_body_of_a_suite_call_is_refused(caller):
    """A call about no known corp with a broken body answers its error, too."""
    answer = caller.http.post(caller.emulator.base_url + "service/get_suite_token", data=b"{", timeout=60).json()
    assert answer["errcode"] == 40058


def test_many_clients_at_once(emulator, caller):
    """Sixteen threads get sixteen times the same answer, and every call is recorded."""
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: caller.get("department/list"), range(160)))
    assert all(answer == answers[0] for answer in answers)
    assert emulator.calls.by_path["department/list"] == 160
    assert [call.number for call in emulator.calls] == list(range(1, 161))


def test_reading_while_editing(emulator, caller):
    """Lists are served while another thread edits, and no call fails."""
    org = emulator.org("ww1")
    stop = threading.Event()

    def edit():
        for number in range(10_000):
            if stop.is_set():
                break
            org.add_member(f"x{number}", departments=[4])
            org.remove_member(f"x{number}")

    editor = threading.Thread(target=edit)
    editor.start()
    codes = {caller.get("user/list", department_id=4)["errcode"] for _ in range(50)}
    stop.set()
    editor.join()
    assert codes == {0}


def test_closed_emulator_refuses_connections():
    """After close nobody listens; closing twice is harmless."""
    emulator = Emulator()
    host, port = emulator.url.removeprefix("http://").split(":")
    emulator.close()
    emulator.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=60)


def test_taken_port_is_an_error(emulator):
    """A port that is taken is an OSError at the start."""
    port = int(emulator.url.rsplit(":", 1)[1])
    with pytest.raises(OSError):
        Emulator(port=port)


def test_emulator_knows_nothing_of_the_client():
    """The emulator imports the standard library, cryptography and itself: it is a second, independent protocol."""
    folder = Path(jit_qywx.emulator.__file__).parent
    imported = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                imported.add(node.module)
            elif isinstance(node, ast.Import):
                imported.update(alias.name for alias in node.names)
    foreign = {
        name
        for name in imported
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("jit_qywx.emulator")
    }
    assert foreign == {"cryptography.hazmat.primitives.ciphers", "pytest"}
