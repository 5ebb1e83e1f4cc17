"""The transport: which failures are repeated, how often, after how long, and what is raised in the end."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import socket
import ssl
import threading
import time
from base64 import b64encode
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from jit_qywx import errors
from jit_qywx.client import Transport
from jit_qywx.client.call import Call
from jit_qywx.client.retries import RetryBudget, RetryPolicy
from jit_qywx.client.transport import OFFICIAL_BASE_URL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import FakeTime

    from jit_qywx.client import QywxProxyClient
    from jit_qywx.emulator import Emulator
    from jit_qywx.suite import Suite

CORP = "wwcorpa0000000"


def test_busy_is_tried_three_times_more(client: QywxProxyClient, wecom_emulator: Emulator, fake_time: FakeTime) -> None:
    """-1 is repeated at most three times (WeCom's advice), each after a longer random wait."""
    wecom_emulator.faults.add("user/list", errcode=-1)
    with pytest.raises(errors.ServerBusy):
        client.user.list(1)
    assert wecom_emulator.calls.by_path["user/list"] == 4
    assert fake_time.waits == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("errcode", [-1, 6000])
def test_busy_once_goes_unnoticed(client: QywxProxyClient, wecom_emulator: Emulator, errcode: int) -> None:
    """A single busy answer does not reach the caller."""
    wecom_emulator.faults.add("user/list", errcode=errcode, times=1)
    assert [member["userid"] for member in client.user.list(1)] == ["zhangsan"]


def test_used_up_quota_is_waited_for_once(
    client: QywxProxyClient, wecom_emulator: Emulator, fake_time: FakeTime
) -> None:
    """45009 waits for one window and tries once more; then the quota is reported with its remedy."""
    wecom_emulator.faults.add("user/list", errcode=45009)
    with pytest.raises(errors.RateLimited) as caught:
        client.user.list(1)
    assert wecom_emulator.calls.by_path["user/list"] == 2
    assert fake_time.waits == [60.0]
    assert "60 seconds" in str(caught.value)


def test_used_up_quota_can_pass(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """When the window is over the call succeeds."""
    wecom_emulator.faults.add("user/list", errcode=45009, times=1)
    assert client.user.list(1)


def test_too_many_at_once_lowers_concurrency(
    client: QywxProxyClient, wecom_emulator: Emulator, fake_time: FakeTime
) -> None:
    """45033 halves how many calls are made at once, and is tried again after a random wait."""
    before = client._pace.concurrency
    wecom_emulator.faults.add("user/list", errcode=45033, times=2)
    client.user.list(1)
    assert client._pace.concurrency == before // 4
    assert fake_time.waits == [0.5, 1.0]


def test_too_many_at_once_is_reported_as_such(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """45033 that does not pass is an error that names the setting to change."""
    wecom_emulator.faults.add("user/list", errcode=45033)
    with pytest.raises(errors.TooManyConcurrent, match="concurrency"):
        client.user.list(1)


@pytest.mark.parametrize(
    ("errcode", "error"),
    [
        (60020, errors.NetworkRefused),
        (48002, errors.PermissionDenied),
        (48004, errors.AuthorizationLost),
        (60003, errors.NotFound),
        (40058, errors.CallerMistake),
        (99999, errors.ApiError),
    ],
)
def test_hopeless_answers_are_raised_at_once(
    client: QywxProxyClient, wecom_emulator: Emulator, errcode: int, error: type[Exception]
) -> None:
    """What repeating cannot help is asked once."""
    wecom_emulator.faults.add("user/list", errcode=errcode)
    with pytest.raises(error, match="user/list department_id=1"):
        client.user.list(1)
    assert wecom_emulator.calls.by_path["user/list"] == 1


@pytest.mark.parametrize("cut", ["headers", "reset", "body"])
def test_cut_connection_is_tried_twice_more(client: QywxProxyClient, wecom_emulator: Emulator, cut: str) -> None:
    """A broken connection is repeated for calls that only read, then reported."""
    wecom_emulator.faults.add("user/list", cut=cut)
    with pytest.raises(errors.TransportError) as caught:
        client.user.list(1)
    assert caught.value.call == "user/list department_id=1"
    assert wecom_emulator.calls.by_path["user/list"] == 3


def test_cut_connection_once_goes_unnoticed(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """One lost answer does not reach the caller."""
    wecom_emulator.faults.add("user/list", cut="headers", times=1)
    assert client.user.list(1)


def test_gateway_error_is_tried_again(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """502 is trouble of the moment; the error names the status in the end."""
    wecom_emulator.faults.add("user/list", status=502)
    with pytest.raises(errors.BadAnswer, match="502"):
        client.user.list(1)
    assert wecom_emulator.calls.by_path["user/list"] == 3


def test_refused_path_is_not_tried_again(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """404 is an answer, and a final one."""
    wecom_emulator.faults.add("user/list", status=404)
    with pytest.raises(errors.BadAnswer, match="404"):
        client.user.list(1)
    assert wecom_emulator.calls.by_path["user/list"] == 1


def test_a_redirect_is_not_followed(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """A redirect would carry the token elsewhere, so it counts as a bad answer."""
    wecom_emulator.faults.add("user/list", status=302)
    with pytest.raises(errors.BadAnswer, match="302"):
        client.user.list(1)


@pytest.mark.parametrize(
    "garbage", ["invalid-json", "empty", "empty-object", "null", "list", "missing-list", "truncated"]
)
def test_garbage_is_never_an_empty_list(client: QywxProxyClient, wecom_emulator: Emulator, garbage: str) -> None:
    """An answer that is not what WeCom documents is an error, whatever shape it has."""
    wecom_emulator.faults.add("user/list", garbage=garbage)
    with pytest.raises(errors.BadAnswer, match="user/list"):
        client.user.list(1)


@pytest.mark.parametrize("garbage", ["string-errcode", "control-characters", "not-utf8"])
def test_odd_but_usable_answers_are_read(client: QywxProxyClient, wecom_emulator: Emulator, garbage: str) -> None:
    """Text errcodes, control characters and broken UTF-8 in names occur in real answers."""
    wecom_emulator.faults.add("user/list", garbage=garbage)
    assert len(client.user.list(1)) == 1


@pytest.mark.parametrize(
    "body", [b'{"errcode": "x"}', b'{"errcode": [0]}', b'{"errcode": 0, "userlist": ["a"]}', b"[" * 100_000]
)
def test_unusable_fields_are_bad_answers(client: QywxProxyClient, wecom_emulator: Emulator, body: bytes) -> None:
    """An errcode that is no number, items that are no objects, and a bottomless document are refused."""
    wecom_emulator.faults.add("user/list", body=body)
    with pytest.raises(errors.BadAnswer):
        client.user.list(1)


def test_silence_times_out(make_suite: Callable[..., Suite], wecom_emulator: Emulator, fake_time: FakeTime) -> None:
    """A server that does not answer ends the call after the configured time."""
    suite = make_suite(timeoutSeconds=0.05)
    fault = wecom_emulator.faults.add("gettoken", hang=True)
    with pytest.raises(errors.AnswerTimeout, match="gettoken"):
        suite.transport.call(Call("gettoken", {"corpid": CORP}))
    fault.release()
    assert fault.hits == 3


class Trickle(BaseHTTPRequestHandler):
    """Sends a body that is long, a byte now and then, and hangs up in the middle of it after ten seconds."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(1000):
                self.wfile.write(b" ")
                time.sleep(0.01)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def test_an_answer_that_trickles_times_out(fake_time: FakeTime) -> None:
    """A server whose every byte comes in time holds a call for ten times the configured time at most."""
    policy = RetryPolicy(timing=fake_time.timing, budget=RetryBudget(ratio=0, reserve=0))
    with HTTPServer(("127.0.0.1", 0), Trickle) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        transport = Transport(f"http://127.0.0.1:{server.server_port}/cgi-bin", timeout=(5, 0.1), policy=policy)
        with pytest.raises(errors.AnswerTimeout, match="gettoken"):
            transport.call(Call("gettoken"))
        transport.close()
        thread.join()


def test_refused_connection_says_why(fake_time: FakeTime) -> None:
    """When nobody listens, the error repeats what the operating system said, and names the place."""
    transport = Transport("http://127.0.0.1:9/cgi-bin", policy=RetryPolicy(timing=fake_time.timing))
    with pytest.raises(errors.ConnectionFailed) as caught:
        transport.call(Call("gettoken"))
    transport.close()
    assert "refused" in str(caught.value).lower()
    assert "http://127.0.0.1:9/cgi-bin/" in str(caught.value)


def test_calls_that_change_something_are_not_repeated_blindly(
    client: QywxProxyClient, wecom_emulator: Emulator
) -> None:
    """After a lost answer nobody knows whether the tag was made, so it is not made twice."""
    wecom_emulator.faults.add("tag/create", cut="headers")
    with pytest.raises(errors.ConnectionFailed):
        client.tag.create("新标签")
    assert wecom_emulator.calls.by_path["tag/create"] == 1


def test_the_budget_ends_repeats(fake_time: FakeTime, wecom_emulator: Emulator) -> None:
    """A client that fails all the time stops repeating long before three repeats per call."""
    policy = RetryPolicy(timing=fake_time.timing, budget=RetryBudget(ratio=0.1, reserve=5))
    transport = Transport(wecom_emulator.base_url, policy=policy)
    wecom_emulator.faults.add("gettoken", errcode=-1)
    for _ in range(20):
        with pytest.raises(errors.ServerBusy):
            transport.call(Call("gettoken", {"corpid": CORP, "corpsecret": "x"}))
    transport.close()
    assert wecom_emulator.calls.by_path["gettoken"] == 20 + 5 + 2


def test_errors_carry_no_context(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """The HTTP library's exception, whose text we do not control, is not chained to ours."""
    wecom_emulator.faults.add("user/list", cut="headers")
    with pytest.raises(errors.ConnectionFailed) as caught:
        client.user.list(1)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_no_query_reaches_a_log(
    client: QywxProxyClient, wecom_emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Even with everything logged, logs show paths only: no token, no userid."""
    caplog.set_level(logging.DEBUG)
    token = client._tokens.current().value
    client.user.get("zhangsan")
    assert "WeCom answered user/get with errcode 0" in caplog.text
    assert "user/get?" not in caplog.text
    assert "zhangsan" not in caplog.text
    assert token not in caplog.text
    assert wecom_emulator.calls.of("user/get")[0].query == {"userid": "zhangsan"}


def test_text_is_sent_unescaped(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    r"""JSON bodies carry UTF-8: WeCom refuses \uXXXX escapes (40033)."""
    tagid = client.tag.create("研发骨干")
    assert {"tagid": tagid, "tagname": "研发骨干"} in client.tag.list()


def test_proxies_never_apply_to_this_machine(monkeypatch: pytest.MonkeyPatch, client: QywxProxyClient) -> None:
    """A proxy in the environment does not stand between us and an emulator on the loopback."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert client.user.list(1)


class Proxy(BaseHTTPRequestHandler):
    """An HTTP proxy that answers by itself and remembers what it was asked for."""

    asked: ClassVar[list[tuple[str, dict[str, str]]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, dict(self.headers)))
        body = b'{"errcode": 0, "errmsg": "ok"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def test_a_proxy_gets_the_whole_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a proxy of the environment the query arrives too, and the header that carried it does not."""
    Proxy.asked.clear()
    with HTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        transport = Transport("http://wecom.invalid/cgi-bin/")
        transport.call(Call("gettoken", {"corpid": "x y", "corpsecret": "s&="}))
        transport.close()
        thread.join()
    [(path, headers)] = Proxy.asked
    assert path == "http://wecom.invalid/cgi-bin/gettoken?corpid=x%20y&corpsecret=s%26%3D"
    assert not any(name.lower().startswith("x-jit") for name in headers)


def test_a_password_of_the_address_is_told_to_nobody_else(fake_time: FakeTime) -> None:
    """It goes where a password belongs, and into no name of a host and no error."""
    Proxy.asked.clear()
    with HTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        where = f"127.0.0.1:{server.server_port}"
        transport = Transport(f"http://user:deep@{where}/cgi-bin", policy=RetryPolicy(timing=fake_time.timing))
        transport.call(Call("gettoken"))
        thread.join()
    [(_, headers)] = Proxy.asked
    assert (headers["Host"], headers["Authorization"]) == (where, f"Basic {b64encode(b'user:deep').decode()}")
    with pytest.raises(errors.ConnectionFailed) as caught:
        transport.call(Call("gettoken"))
    transport.close()
    assert f"http://{where}/cgi-bin/" in str(caught.value)
    assert "deep" not in str(caught.value)


@dataclass(frozen=True)
class Tunnel:
    """A server that speaks TLS as wecom.test, and a proxy that leads to it."""

    server: socket.socket
    proxy: socket.socket
    tls: ssl.SSLContext
    asked: list[bytes]

    def serve(self, calls: int) -> None:
        """One connection through the proxy, with so many calls on it."""
        through, _ = self.proxy.accept()
        with through:
            self.asked.append(through.recv(65_536))
            through.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            try:
                connection = self.tls.wrap_socket(through, server_side=True)
            except OSError:
                return
            with connection:
                for _ in range(calls):
                    self.asked.append(connection.recv(65_536))
                    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"errcode":0}')


@pytest.fixture
def tunnel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tunnel]:
    """The environment's proxy, with a password; whoever trusts ``ca.pem`` trusts the server."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wecom.test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("wecom.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM)
    (tmp_path / "ca.pem").write_bytes(pem)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "server.pem").write_bytes(secret + pem)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "server.pem")
    for variable in ("no_proxy", "NO_PROXY", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://somebody:hush@127.0.0.1:{proxy.getsockname()[1]}")
        yield Tunnel(server, proxy, tls, [])


def test_a_tunnel_is_made_once_and_hides_the_calls(tunnel: Tunnel) -> None:
    """Over TLS a proxy learns the server's name and its own password; the calls share one connection within."""
    thread = threading.Thread(target=tunnel.serve, args=(2,))
    thread.start()
    transport = Transport("https://wecom.test/cgi-bin/")
    for _ in range(2):
        assert transport.call(Call("gettoken", {"corpsecret": "deep"})) == {}
    transport.close()
    thread.join()
    connect, *calls = tunnel.asked
    assert connect.startswith(b"CONNECT wecom.test:443 HTTP/1.")
    assert b"Basic " + b64encode(b"somebody:hush") in connect
    assert len(calls) == 2
    for call in calls:
        assert call.startswith(b"GET /cgi-bin/gettoken?corpsecret=deep HTTP/1.1\r\nHost: wecom.test\r\n")
        assert b"Proxy" not in call


def test_a_certificate_that_nobody_vouches_for_is_refused(
    tunnel: Tunnel, monkeypatch: pytest.MonkeyPatch, fake_time: FakeTime
) -> None:
    """Without the bundle of the environment the server is a stranger, and gets no call."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    thread = threading.Thread(target=tunnel.serve, args=(1,))
    thread.start()
    transport = Transport("https://wecom.test/cgi-bin/", policy=RetryPolicy(timing=fake_time.timing))
    with pytest.raises(errors.ConnectionFailed, match=r"(?i)certificate verify failed"):
        transport.call(Call("gettoken", {"corpsecret": "deep"}, reads=False))
    transport.close()
    thread.join()
    assert len(tunnel.asked) == 1


def test_a_setting_that_leads_nowhere_fails_the_call(monkeypatch: pytest.MonkeyPatch, fake_time: FakeTime) -> None:
    """A bundle of certificates that is not there is told as a failed connection, when a call is made."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    transport = Transport("https://wecom.test/cgi-bin/", policy=RetryPolicy(timing=fake_time.timing))
    with pytest.raises(errors.ConnectionFailed):
        transport.call(Call("gettoken"))
    transport.close()


def test_a_path_cannot_add_to_the_request(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """Whatever a path holds stays a part of the path."""
    with pytest.raises(errors.QywxError):
        client.get("user/get HTTP/1.1\r\nX-Other: 1\r\n\r\nGET /名?a=b#c")
    [call] = [call for call in wecom_emulator.calls if call.path.startswith("user/get ")]
    assert call.path == "user/get HTTP/1.1\r\nX-Other: 1\r\n\r\nGET /名?a=b#c"


def test_the_official_address_is_the_default() -> None:
    """Without a setting calls go to WeCom itself, over TLS."""
    transport = Transport()
    transport.close()
    assert transport.base_url == OFFICIAL_BASE_URL == "https://qyapi.weixin.qq.com/cgi-bin/"


def test_closing_ends_calls_that_wait(wecom_emulator: Emulator) -> None:
    """For an answer that does not come, or for a quota's next minute: nobody waits for the end of either."""
    wecom_emulator.faults.add("hanging", hang=True)
    wecom_emulator.faults.add("refused", errcode=45009)
    transport = Transport(wecom_emulator.base_url)
    failed = []

    def call(path: str) -> None:
        try:
            transport.call(Call(path))
        except errors.QywxError as error:
            failed.append(type(error))

    threads = [threading.Thread(target=call, args=(path,)) for path in ("hanging", "refused")]
    for thread in threads:
        thread.start()
    while len(wecom_emulator.calls) < 1 or not any(
        fault.hits for fault in wecom_emulator.faults if fault.value is True
    ):
        threads[0].join(0.01)
    transport.close()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert len(failed) == 2
    assert set(failed) <= {errors.ConnectionFailed, errors.RateLimited}
