"""The routes: what is answered with what, and what of it is said in the log."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from jit_qywx.callback import MAX_BYTES
from jit_qywx.serving import asgi_app
from jitcore.storage import DatabaseBusy
from tests.serving.driving import CORP, Client, files_of_app

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from jitcore import App
    from jitcore.testing import WriteApp
    from tests.serving.driving import Sender, Sent


@pytest.fixture
def client(app: App) -> Iterator[Client]:
    """The server, started."""
    with Client(asgi_app(app, reconcile=None)) as client:
        yield client


def send(client: Client, sent: Sent, **changes: Any) -> Any:
    return client.request(
        changes.pop("method", sent.method),
        changes.pop("url", sent.url),
        content=changes.pop("content", sent.body),
        headers=changes.pop("headers", dict(sent.headers)),
    )


def refusals(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "jit_qywx.serving.reception"]


def test_a_ticket_is_stored_and_acknowledged(client: Client, app: App, wecom: Sender) -> None:
    """The answer is exactly what WeCom wants, and the journal has the event."""
    answer = send(client, wecom.ticket("T"))
    assert (answer.status, answer.text) == (200, "success")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    [record] = app.getElement("auths.Wecom").callbacks()
    assert (record.info_type, record.state) == ("suite_ticket", "done")


def test_an_apps_event_is_stored_for_the_enterprise_of_its_url(client: Client, app: App, wecom: Sender) -> None:
    """The URL says whose event it is."""
    assert send(client, wecom.event("user1")).text == "success"
    [record] = app.getElement("auths.Wecom").callbacks()
    assert (record.info_type, record.corpId, record.channel) == ("change_contact", CORP, "app")


@pytest.mark.parametrize("corpId", [None, CORP, "$CORPID$"])
def test_a_url_check_is_answered_with_its_plaintext(client: Client, wecom: Sender, corpId: str | None) -> None:
    """Exactly, without quotes or a line break."""
    answer = send(client, wecom.echo(corpId))
    assert (answer.status, answer.body) == (200, b"1616140317555161061")


def test_suites_in_one_process_do_not_mix(client: Client, app: App, wecom: Sender, second: Sender) -> None:
    """Even with the same token and key, an event of one suite is refused at the other's URL."""
    assert send(client, wecom.ticket("mine")).status == 200
    assert send(client, second.ticket("theirs")).status == 200
    stray = wecom.ticket("stray")
    assert send(client, stray, url=stray.url.replace("auths.Wecom", "auths.Second")).status == 403
    for name, ticket in (("auths.Wecom", "mine"), ("auths.Second", "theirs")):
        suite, worker = app.getElement(name)._use()
        worker.settle()
        assert suite.tickets.current() == ticket


def test_an_inactive_element_takes_tickets_and_nothing_else(client: Client, app: App, asleep: Sender) -> None:
    """A ticket that is turned away does not come back; a contact event is made up for by a full reading."""
    assert send(client, asleep.ticket("T")).status == 200
    assert send(client, asleep.event("user1")).status == 404
    assert send(client, asleep.echo(CORP)).status == 404
    assert [record.info_type for record in app.getElement("auths.Asleep").callbacks()] == ["suite_ticket"]


REFUSED = {
    "another method": ({"method": "PUT"}, 405),
    "a HEAD": ({"method": "HEAD"}, 405),
    "an OPTIONS": ({"method": "OPTIONS"}, 405),
    "a POST as a GET": ({"method": "GET"}, 400),
    "JSON": ({"headers": {"Content-Type": "application/json"}}, 415),
    "a form": ({"headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 415),
    "something packed": ({"headers": {"Content-Type": "text/xml", "Content-Encoding": "gzip"}}, 415),
    "no body": ({"content": b""}, 400),
    "no XML": ({"content": b"hello"}, 400),
    "a document type": ({"content": b"<!DOCTYPE x><xml><Encrypt>a</Encrypt></xml>"}, 400),
    "another body": ({"content": b"<xml><Encrypt>YWJj</Encrypt></xml>"}, 403),
    "a large body": ({"content": b"a" * (MAX_BYTES + 1)}, 413),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_callback_gets_a_status_and_one_line(
    client: Client, app: App, wecom: Sender, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A plain status, one line without any content, and nothing in the journal."""
    changes, status = REFUSED[kind]
    sent = wecom.ticket("the-ticket")
    answer = send(client, sent, **changes)
    assert answer.status == status
    assert (answer.headers.get("allow") == "GET, POST") == (status == 405)
    [line] = refusals(caplog)
    assert f"status={status}" in line
    assert sent.query["msg_signature"] not in line
    assert app.getElement("auths.Wecom").callbacks() == []


@pytest.mark.parametrize("name", ["msg_signature", "timestamp", "nonce"])
@pytest.mark.parametrize("how", ["missing", "empty", "twice", "no text"])
def test_each_parameter_comes_once(client: Client, wecom: Sender, name: str, how: str) -> None:
    """Two values for one parameter are a way to have the checker look at another one than the reader."""
    sent = wecom.ticket("T")
    value = sent.query[name]
    pair = f"{name}={value}"
    url = {
        "missing": sent.url.replace(pair, "x=1"),
        "empty": sent.url.replace(pair, f"{name}="),
        "twice": f"{sent.url}&{pair}",
        "no text": sent.url.replace(pair, f"{name}=%ff"),
    }[how]
    assert send(client, sent, url=url).status == 400


def test_an_echostr_is_for_a_get(client: Client, wecom: Sender) -> None:
    """A POST is never answered with a plaintext, and a GET without one is no URL check."""
    echo = wecom.echo()
    assert send(client, echo, method="POST", headers={"Content-Type": "text/xml"}).status == 400
    assert send(client, echo, url=echo.url.partition("&echostr")[0]).status == 400
    assert send(client, echo, url=f"{echo.url}&padding={'x' * 9000}").status == 400


@pytest.mark.parametrize(
    "path",
    [
        "/callbacks/auths.Nobody",
        "/callbacks/corps.A",
        "/callbacks/auths.Wecom/not%20an%20id",
        "/callbacks/auths.Wecom/a/b",
        "/callbacks/auths.Wecom/",
        "/callbacks/..%2Fetc",
        "/callbacks/",
        "/nothing",
    ],
)
def test_unknown_places_are_404(client: Client, wecom: Sender, path: str) -> None:
    """Names that nobody has, elements that are no auth elements, and paths that lead nowhere."""
    assert send(client, wecom.ticket("T"), url=path).status == 404


def test_asking_for_unknown_names_costs_no_search(client: Client, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of names that nobody has must not have the app searched each time."""
    looks = []
    from jit_qywx import enterprises

    monkeypatch.setattr(enterprises, "auth_elements", lambda app: looks.append(1) or [])
    for number in range(50):
        assert client.request("POST", f"/callbacks/auths.Nobody{number}").status == 404
    assert len(looks) <= 1


# To the second it is tested with a clock that stands still (tests/jit_qywx/test_intake.py): here a busy machine may
# take long from the stamp to the look at it.
@pytest.mark.parametrize(("seconds", "status"), [(540, 200), (-599, 200), (601, 403), (-660, 403), (10**9, 403)])
def test_a_request_of_another_time_is_refused(client: Client, wecom: Sender, seconds: int, status: int) -> None:
    """Ten minutes are enough for clocks that differ."""
    message = b"<xml><InfoType>change_auth</InfoType><TimeStamp>1</TimeStamp></xml>"
    stamp = str(int(time.time()) - seconds)
    sent = wecom.seal(message, wecom.suiteId, "/callbacks/auths.Wecom", stamp=stamp)
    assert send(client, sent).status == status


def test_a_repeat_is_acknowledged_and_not_stored_again(client: Client, app: App, wecom: Sender) -> None:
    """WeCom sends three times what it believes was lost."""
    sent = wecom.ticket("T")
    assert [send(client, sent).text for _ in range(3)] == ["success"] * 3
    [record] = app.getElement("auths.Wecom").callbacks()
    assert record.repeats == 2


def test_what_cannot_be_stored_is_not_acknowledged(
    client: Client, app: App, wecom: Sender, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without its database the server says so, and WeCom sends again."""
    intake = app.getElement("auths.Wecom").intake

    def stuck(entries: Sequence[Any]) -> list[bool]:
        raise DatabaseBusy("It is locked.")

    with monkeypatch.context() as patch:
        patch.setattr(intake._commits, "_write", stuck)
        answer = send(client, wecom.ticket("the-ticket"))
    assert (answer.status, answer.text, answer.headers["retry-after"]) == (503, "unavailable", "1")
    [line] = [line for line in refusals(caplog) if "not stored" in line]
    assert "storage-busy" in line or "database" in line
    assert "the-ticket" not in caplog.text
    assert send(client, wecom.ticket("the-ticket")).status == 200


def test_a_stuck_database_holds_nobody_up(
    client: Client, app: App, wecom: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has waited too long is told to come again, and what needs no database is answered meanwhile."""
    gate = threading.Event()
    intake = app.getElement("auths.Wecom").intake
    monkeypatch.setattr("jit_qywx.serving.reception.STORE_SECONDS", 0.2)
    with monkeypatch.context() as patch:
        patch.setattr(intake._commits, "_write", lambda entries: [not gate.wait(60) for _ in entries])
        answers: list[int] = []
        threads = [
            threading.Thread(target=lambda n=n: answers.append(send(client, wecom.ticket(f"T{n}")).status))
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        assert client.get("/healthz").text == "ok"
        for thread in threads:
            thread.join()
        gate.set()
    assert answers == [503] * 4


def test_a_locked_database_loses_nothing(
    client: Client, app: App, wecom: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While somebody holds SQLite's only lock, fifty callbacks are sent in vain; sent again they are there."""
    monkeypatch.setattr("jit_qywx.serving.reception.STORE_SECONDS", 0.3)
    sent = [wecom.event(f"user{number}") for number in range(50)]

    async def ask_all() -> list[int]:
        asked = [client.ask(one.method, one.url, one.body, one.headers) for one in sent]
        return [answer.status for answer in await asyncio.gather(*asked)]

    assert send(client, wecom.ticket("T")).status == 200
    app.getElement("auths.Wecom").worker.settle()
    locker = sqlite3.connect(app.database.database, isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    assert set(client.run(ask_all())) == {503}
    assert time.monotonic() - begun < 20
    locker.execute("ROLLBACK")
    locker.close()
    monkeypatch.setattr("jit_qywx.serving.reception.STORE_SECONDS", 30.0)
    assert set(client.run(ask_all())) == {200}
    found = [record for record in app.getElement("auths.Wecom").callbacks(limit=500) if record.channel == "app"]
    assert len(found) == 50


def test_a_mistake_is_answered_and_told(
    client: Client, app: App, wecom: Sender, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever breaks in here, WeCom is told to come again and we are told where it broke."""
    intake = app.getElement("auths.Wecom").intake
    monkeypatch.setattr(intake, "read", lambda *_, **__: 1 / 0)
    assert send(client, wecom.ticket("T")).status == 503
    assert "ZeroDivisionError" in caplog.text


def test_an_element_that_could_not_be_opened_is_tried_again(
    app: App, wecom: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that starts before its database is not ready, answers 503, and is right when the database is."""
    auth = type(app.getElement("auths.Wecom"))

    def away(self: Any) -> Any:
        raise DatabaseBusy("Not yet.")

    with monkeypatch.context() as patch:
        patch.setattr(auth, "_open", away)
        with Client(asgi_app(app, reconcile=None)) as client:
            assert client.get("/healthz").status == 200
            assert client.get("/readyz").status == 503
            assert send(client, wecom.ticket("T")).status == 503
            patch.undo()
            assert send(client, wecom.ticket("T")).status == 200
            assert client.get("/readyz").status == 200


def test_an_app_without_an_auth_element_is_not_ready(write_app: WriteApp) -> None:
    """There is nothing that could take a callback."""
    with Client(asgi_app(write_app({}), reconcile=None)) as client:
        answer = client.get("/readyz")
        assert (answer.status, answer.text) == (503, "no auth element")


def test_a_folder_is_opened_and_closed(write_app: WriteApp, wecom: Sender) -> None:
    """Given a path the server has an App of its own, from its start to its end."""
    from jitcore import open_apps

    before = open_apps()
    path: Path = write_app(files_of_app(), "receiving")
    with Client(asgi_app(path, reconcile=None)) as client:
        assert len(open_apps()) == len(before) + 1
        assert send(client, wecom.ticket("T")).status == 200
    assert open_apps() == before


def test_the_first_request_starts_what_nobody_started(app: App, wecom: Sender) -> None:
    """Frameworks do not run the lifespan of what is mounted in them."""
    with Client(asgi_app(app, reconcile=None), lifespan=False) as client:
        assert send(client, wecom.ticket("T")).status == 200


def test_the_figures_tell_what_happened(client: Client, wecom: Sender, app: App) -> None:
    """Received by channel and outcome, seconds, what waits and what is parked, work, and enterprises by state."""
    sent = wecom.ticket("T")
    for _ in range(2):
        send(client, sent)
    send(client, wecom.event("user1"))
    send(client, sent, content=b"<xml/>")
    app.getElement("auths.Wecom").worker.drain()
    figures = client.get("/metrics")
    assert figures.headers["content-type"].startswith("text/plain")
    lines = figures.text.splitlines()
    for line in (
        'jit_callbacks_received_total{channel="template",outcome="stored"} 1.0',
        'jit_callbacks_received_total{channel="template",outcome="repeated"} 1.0',
        'jit_callbacks_received_total{channel="template",outcome="payload"} 1.0',
        'jit_callbacks_received_total{channel="app",outcome="stored"} 1.0',
        "jit_callback_ack_seconds_count 4.0",
        'jit_callback_work_total{kind="template",outcome="done"} 1.0',
        'jit_callbacks_waiting{auth="auths.Wecom",channel="app"} 0.0',
        'jit_callbacks_parked{auth="auths.Wecom",channel="template"} 0.0',
        'jit_enterprises{auth="auths.Wecom",state="active"} 0.0',
    ):
        assert line in lines, figures.text
    assert "jit_reconciles_total" in figures.text


def test_nothing_of_a_callback_is_logged(
    client: Client, wecom: Sender, app: App, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither what is in a callback nor what opens it, at any level."""
    caplog.set_level(logging.DEBUG)
    ticket = wecom.ticket("canary-ticket")
    send(client, ticket)
    send(client, wecom.event("canary-user"))
    app.getElement("auths.Wecom").worker.drain()
    secrets = ("canary-ticket", "canary-user", wecom.config["token"], ticket.query["msg_signature"])
    assert [secret for secret in secrets if secret in caplog.text] == []


def test_a_body_without_a_length_is_cut_off(client: Client, wecom: Sender) -> None:
    """Whoever does not say how much comes gets no further than a megabyte."""
    parts = [b"a" * 300_000] * 5
    answer = client.run(
        client.call("POST", "/callbacks/auths.Wecom", urlencode(wecom.ticket("T").query).encode(), parts, {})
    )
    assert answer.status == 413


def test_who_sends_slowly_is_not_waited_for(client: Client, wecom: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that does not come is not worth a connection."""
    monkeypatch.setattr("jit_qywx.serving.application._BODY_SECONDS", 0.05)
    sent = wecom.ticket("T")

    async def ask() -> int:
        statuses = []

        async def receive() -> Any:
            await asyncio.sleep(30)

        async def send(message: Any) -> None:
            statuses.append(message.get("status"))

        headers = [(b"content-type", b"text/xml")]
        scope = {"type": "http", "method": "POST", "path": sent.path, "headers": headers, "root_path": ""}
        await client.app({**scope, "query_string": urlencode(sent.query).encode()}, receive, send)
        return int(statuses[0])

    assert client.run(ask()) == 408


def test_who_hangs_up_gets_no_answer(client: Client, app: App, wecom: Sender, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is stored of half a body, and nobody is there to be told."""
    sent = wecom.ticket("T")
    answer = client.run(
        client.call("POST", sent.path, urlencode(sent.query).encode(), [], {"content-type": "text/xml"})
    )
    assert answer.status == 0
    assert "hung up" in caplog.text
    assert app.getElement("auths.Wecom").callbacks() == []


def test_figures_without_a_database_are_those_of_this_process(
    client: Client, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has to be asked of the database is left out, and the rest is told."""
    suite, _ = app.getElement("auths.Wecom")._use()

    def away() -> Any:
        raise DatabaseBusy("It is locked.")

    monkeypatch.setattr(suite.journal, "counts", away)
    text = client.get("/metrics").text
    assert 'jit_callbacks_waiting{auth="auths.Wecom"' not in text
    assert 'jit_callbacks_waiting{auth="auths.Second"' in text
    assert "jit_callback_ack_seconds_count" in text
