"""Files that WeCom names by link: whole and proven, or an error that says which and why."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import socketserver
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from jit_qywx import errors
from jit_qywx.client import downloads
from jit_qywx.client.downloads import Downloads, Link
from jit_qywx.export_files import make_key

if TYPE_CHECKING:
    from jit_qywx.client import QywxProxyClient
    from jit_qywx.emulator import Emulator

CORP = "wwcorpa0000000"


@pytest.fixture
def link(client: QywxProxyClient, wecom_emulator: Emulator) -> Link:
    """A file of some kilobytes."""
    for number in range(40):
        wecom_emulator.org(CORP).add_member(f"member{number}", f"成员{number}", position="工程师" * 20)
    wecom_emulator.set_exports(polls=0)
    [told] = client.export.get_result(client.export.user(make_key()))["data_list"]
    wecom_emulator.calls.clear()
    return Link(**told, call="export/user block 1 of 1", corpId=CORP)


def fetched(client: QywxProxyClient, link: Link) -> bytes:
    with client.download(link) as file:
        return file.read()


def test_a_file_comes_whole(client: QywxProxyClient, wecom_emulator: Emulator, link: Link) -> None:
    """Size and MD5 are those of the link; one request does."""
    data = fetched(client, link)
    assert (len(data), hashlib.md5(data).hexdigest()) == (link.size, link.md5)
    assert wecom_emulator.calls.paths == ["export/file"]


def test_letters_of_an_md5_may_be_large(client: QywxProxyClient, link: Link) -> None:
    """Hexadecimal digits are the same in either case."""
    assert len(fetched(client, replace(link, md5=link.md5.upper()))) == link.size


@pytest.mark.parametrize("fault", [{"cut": "headers"}, {"cut": "reset"}, {"cut": "body"}, {"status": 502}])
def test_a_connection_that_breaks_twice_goes_unnoticed(
    client: QywxProxyClient, wecom_emulator: Emulator, link: Link, fault: dict[str, Any]
) -> None:
    """Twice cut, or answered by a gateway, the file is whole all the same."""
    wecom_emulator.faults.add("export/file", times=2, **fault)
    assert hashlib.md5(fetched(client, link)).hexdigest() == link.md5


def test_a_connection_that_breaks_is_taken_up_where_it_was(
    client: QywxProxyClient, wecom_emulator: Emulator, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What had come, in whole chunks, is not asked for again."""
    monkeypatch.setattr(downloads, "_CHUNK", 16)
    wecom_emulator.faults.add("export/file", times=2, cut="body")
    assert hashlib.md5(fetched(client, link)).hexdigest() == link.md5
    assert wecom_emulator.calls[2].status == 206
    assert link.size / 4 <= wecom_emulator.calls[2].size < link.size / 4 + 64


def test_a_host_that_knows_no_ranges_starts_again(
    client: QywxProxyClient, wecom_emulator: Emulator, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host may answer with the whole file although a part was asked for."""
    exports = wecom_emulator.platform.exports
    real = type(exports).download
    monkeypatch.setattr(type(exports), "download", lambda self, number, sign, _: real(self, number, sign, None))
    wecom_emulator.faults.add("export/file", times=1, cut="body")
    assert hashlib.md5(fetched(client, link)).hexdigest() == link.md5
    assert [call.status for call in wecom_emulator.calls] == [0, 200]


@pytest.mark.parametrize("fault", [{"cut": "headers"}, {"cut": "reset"}, {"cut": "body"}, {"status": 502}])
def test_a_connection_that_keeps_breaking_is_an_error(
    client: QywxProxyClient, wecom_emulator: Emulator, link: Link, fault: dict[str, Any]
) -> None:
    """After three tries it says which file did not come."""
    wecom_emulator.faults.add("export/file", **fault)
    with pytest.raises(errors.TransportError, match="export/user block 1 of 1") as caught:
        fetched(client, link)
    assert caught.value.path == "export/user"
    assert len(wecom_emulator.calls) == 3


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"garbage": "truncated"}, "bytes, not the"),
        ({"garbage": "empty"}, "has 0 bytes"),
        ({"rewrite": lambda data: data + b"x"}, "is larger than"),
        ({"rewrite": lambda data: data[:-1] + bytes([data[-1] ^ 1])}, "MD5"),
        ({"status": 302}, "302"),
        ({"status": 404}, "404"),
    ],
)
def test_what_is_not_the_file_is_refused(
    client: QywxProxyClient, wecom_emulator: Emulator, link: Link, fault: dict[str, Any], why: str
) -> None:
    """Another size, other bytes or a page of somebody's: not a byte of it is handed out, and it is not asked again."""
    wecom_emulator.faults.add("export/file", **fault)
    with pytest.raises(errors.BadAnswer, match=f"export/user block 1 of 1 .*{why}"):
        fetched(client, link)
    assert len(wecom_emulator.calls) == 1


def test_a_link_that_has_ended_is_refused(client: QywxProxyClient, wecom_emulator: Emulator, link: Link) -> None:
    """Links work for two hours; afterwards it is told what helps."""
    wecom_emulator.clock.advance(7200)
    with pytest.raises(errors.BadAnswer, match="404") as caught:
        fetched(client, link)
    assert "new export" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x", "ftp://host/x", "https:///x", "//host/x", "https://a:b@host/x", "https://[/x", ""]
)
def test_only_protected_links_are_followed(url: str) -> None:
    """Where the API itself is reached by HTTPS a file is, too; other schemes and passwords in a link are refused."""
    link = Link(url, 1, "0" * 32, call="export/user block 1 of 1", corpId=CORP)
    fetch = Downloads(timeout=(1, 1), trust_env=False, plain=False, pause=lambda _: None).fetch
    with pytest.raises(errors.BadAnswer, match="none of https"):
        fetch(link)


def test_nothing_of_ours_reaches_the_host(client: QywxProxyClient, wecom_emulator: Emulator, link: Link) -> None:
    """Neither a token nor a cookie goes to the host of a file; its own query does."""
    seen = []
    real = wecom_emulator._pipeline.file
    wecom_emulator._pipeline.file = lambda request, number: seen.append(request) or real(request, number)
    fetched(client, link)
    [request] = seen
    assert set(request.query) == {"sign"}
    assert not {"cookie", "authorization", "x-jit-query"} & set(request.headers)


def test_a_link_is_told_nobody(
    client: QywxProxyClient, wecom_emulator: Emulator, link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever has a link has the file: its signature is in no log, no message and no repr."""
    caplog.set_level(logging.DEBUG)
    sign = link.url.rpartition("=")[2]
    fetched(client, link)
    wecom_emulator.faults.add("export/file", cut="reset")
    with pytest.raises(errors.TransportError) as caught:
        fetched(client, link)
    told = [caplog.text, repr(link), repr(caught.value), str(caught.value.__context__), str(caught.value.hint)]
    assert caplog.records
    assert not [text for text in told if sign in text]


def test_closing_ends_what_is_under_way(client: QywxProxyClient, wecom_emulator: Emulator, link: Link) -> None:
    """A file that is being waited for fails at once when the App is closed, and none is begun after that."""
    wecom_emulator.at_call(1, client._transport.close, path="export/file")
    wecom_emulator.faults.add("export/file", hang=True)
    for _ in range(2):
        with pytest.raises(errors.ConnectionFailed):
            fetched(client, link)
    assert len(wecom_emulator.calls) == 1


def test_silence_times_out(
    client: QywxProxyClient, wecom_emulator: Emulator, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that says nothing is given up after the time that calls have, too."""
    monkeypatch.setattr(client._transport.downloads, "_timeout", (0.1, 0.1))
    monkeypatch.setattr(downloads, "_TRIES", 1)
    wecom_emulator.faults.add("export/file", hang=True)
    with pytest.raises(errors.AnswerTimeout, match="block 1 of 1"):
        fetched(client, link)


@pytest.mark.parametrize("begun", ["HTTP/1.1 200 OK\r\nX-Slow: ", "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n"])
def test_a_file_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch, begun: str) -> None:
    """Who sends a byte now and then, each in time, holds nobody for longer than all of the file may take."""
    is_over = threading.Event()
    asked = []

    class Dripping(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            asked.append(self.request.recv(2**16))
            self.request.sendall(begun.encode())
            with contextlib.suppress(OSError):
                while not is_over.wait(0.01):
                    self.request.sendall(b"x")

    monkeypatch.setattr(downloads, "PIECES", 0.01)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dripping) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            url = f"http://127.0.0.1:{server.server_address[1]}/file"
            link = Link(url, 70_000, "0" * 32, call="export/user block 1 of 1", corpId=CORP)
            fetching = Downloads(timeout=(30, 30), trust_env=False, plain=True, pause=lambda _: None)
            with pytest.raises(errors.AnswerTimeout, match="block 1 of 1 did not come in time"):
                fetching.fetch(link)
        finally:
            is_over.set()
            server.shutdown()
            serving.join()
    assert len(asked) == 1


def test_a_file_that_nobody_wants_any_longer_is_left(
    client: QywxProxyClient, wecom_emulator: Emulator, link: Link
) -> None:
    """Whoever waits for a file may give it up on the way; it is not tried again."""
    with pytest.raises(errors.ConnectionFailed, match="not wanted"):
        client.download(link, lambda: False)
    assert len(wecom_emulator.calls) == 1
