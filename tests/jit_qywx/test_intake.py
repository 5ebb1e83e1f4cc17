"""The intake: whose callback is it, is it meant for this endpoint, and is it worth keeping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jit_qywx.crypto import CallbackCipher
from jit_qywx.errors import CallbackExpired, PayloadInvalid, ReceiverMismatch, SignatureMismatch
from jit_qywx.intake import PLACEHOLDER, CallbackQuery, Intake
from jitcore.storage import DatabaseBusy, StorageClosed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from conftest import FakeTime

    from jit_qywx.journal import Entry
    from jit_qywx.suite import Suite

CORP, OTHER, PROVIDER = "wwcorpa0000000", "wwcorpb0000000", "wwprovider00000"


@pytest.fixture
def stored() -> list[Entry]:
    """What was stored."""
    return []


@pytest.fixture
def intake(make_suite: Callable[..., Suite], fake_time: FakeTime, stored: list[Entry]) -> Iterator[Intake]:
    """The receiving end of a suite whose provider is known."""
    suite = make_suite(corpId=PROVIDER)
    intake = Intake(suite.config, suite.journal, fake_time.now, stored.extend)
    yield intake
    intake.close()


class Sender:
    """Whoever knows a suite's token and key."""

    def __init__(self, intake: Intake, now: float) -> None:
        self.config = intake._config
        self.cipher = CallbackCipher(self.config.token, self.config.encodingAESKey)
        self.now = int(now)

    def __call__(self, message: str, receiver: str, *, late: int = 0) -> tuple[CallbackQuery, bytes]:
        sealed = self.cipher.seal(message.encode(), receiver, timestamp=str(self.now - late), nonce="n")
        query = CallbackQuery(sealed.msg_signature, sealed.timestamp, sealed.nonce, sealed.encrypt)
        return query, f"<xml><Encrypt>{sealed.encrypt}</Encrypt></xml>".encode()

    def template(self, receiver: str | None = None, suiteId: str | None = None) -> tuple[CallbackQuery, bytes]:
        suite = f"<SuiteId>{suiteId or self.config.suiteId}</SuiteId>"
        message = f"<xml>{suite}<InfoType>change_auth</InfoType><TimeStamp>1</TimeStamp></xml>"
        return self(message, receiver or self.config.suiteId)

    def app(self, receiver: str = CORP, kind: str = "event", to: str = "") -> tuple[CallbackQuery, bytes]:
        return self(
            f"<xml><ToUserName>{to}</ToUserName><MsgType>{kind}</MsgType><Event>change_contact</Event>"
            f"<CreateTime>1</CreateTime><UserID>{kind}</UserID></xml>",
            receiver,
        )


@pytest.fixture
def send(intake: Intake, fake_time: FakeTime) -> Sender:
    """Makes callbacks."""
    return Sender(intake, fake_time.now())


@pytest.mark.parametrize("receiver", [None, PROVIDER])
def test_a_template_event_is_for_the_suite_or_its_provider(
    intake: Intake, send: Sender, stored: list[Entry], receiver: str | None
) -> None:
    """Both were seen as the receiver of a creation."""
    assert intake.receive(*send.template(receiver)) == "success"
    assert [entry.event.info_type for entry in stored] == ["change_auth"]


@pytest.mark.parametrize("receiver", [CORP, "dkother", ""])
def test_a_template_event_for_somebody_else_is_refused(intake: Intake, send: Sender, receiver: str) -> None:
    """Whatever else it names, it is not for this URL."""
    query, body = send("<xml><InfoType>change_auth</InfoType><TimeStamp>1</TimeStamp></xml>", receiver)
    with pytest.raises(ReceiverMismatch):
        intake.receive(query, body)


def test_a_ticket_of_another_suite_with_the_same_keys_is_refused(
    intake: Intake, send: Sender, stored: list[Entry]
) -> None:
    """Suites of one provider may share token and key; their tickets must not mix."""
    with pytest.raises(ReceiverMismatch, match="dkother"):
        intake.receive(*send.template(PROVIDER, suiteId="dkother"))
    assert stored == []


def test_an_app_event_is_for_the_enterprise_of_the_url(intake: Intake, send: Sender, stored: list[Entry]) -> None:
    """ToUserName may be empty, so the URL and the receiver say whose event it is."""
    assert intake.receive(*send.app(), corpId=CORP) == "success"
    assert [(entry.channel, entry.event.corpId) for entry in stored] == [("app", CORP)]
    for receiver in (OTHER, PROVIDER, send.config.suiteId, CORP.upper()):
        with pytest.raises(ReceiverMismatch):
            intake.receive(*send.app(receiver), corpId=CORP)


def test_a_message_to_the_app_is_not_kept(intake: Intake, send: Sender, stored: list[Entry]) -> None:
    """What a member writes to the app is acknowledged and nobody's business."""
    assert intake.receive(*send.app(kind="text"), corpId=CORP) == "success"
    assert stored == []


def test_the_channels_do_not_take_each_others_events(intake: Intake, send: Sender) -> None:
    """A URL that was entered at the wrong place is told so."""
    with pytest.raises(PayloadInvalid, match="数据回调"):
        intake.receive(*send.app(send.config.suiteId))
    query, body = send("<xml><InfoType>change_auth</InfoType><TimeStamp>1</TimeStamp></xml>", CORP)
    with pytest.raises(PayloadInvalid, match="指令回调"):
        intake.receive(query, body, CORP)


@pytest.mark.parametrize(
    ("corpId", "receiver"),
    [(None, PROVIDER), (None, "suite"), (CORP, CORP), (CORP, PROVIDER), (PLACEHOLDER, PROVIDER)],
)
def test_a_url_check_may_name_the_provider(intake: Intake, send: Sender, corpId: str | None, receiver: str) -> None:
    """The provider console checks every URL in the provider's name, also before there is an enterprise in it."""
    query, _ = send("12345", send.config.suiteId if receiver == "suite" else receiver)
    assert intake.check_url(query, corpId) == "12345"


@pytest.mark.parametrize(
    ("corpId", "receiver"), [(None, CORP), (CORP, OTHER), (CORP, "suite"), (PLACEHOLDER, PLACEHOLDER)]
)
def test_a_url_check_for_somebody_else_is_refused(
    intake: Intake, send: Sender, corpId: str | None, receiver: str
) -> None:
    """Its plaintext is nobody else's."""
    query, _ = send("12345", send.config.suiteId if receiver == "suite" else receiver)
    with pytest.raises(ReceiverMismatch):
        intake.check_url(query, corpId)


@pytest.mark.parametrize("late", [601, -601, 10**12])
def test_a_request_of_another_time_is_refused(intake: Intake, send: Sender, late: int) -> None:
    """What somebody overheard an hour ago is not WeCom's any more."""
    message = "<xml><InfoType>change_auth</InfoType><TimeStamp>1</TimeStamp></xml>"
    query, body = send(message, send.config.suiteId, late=late)
    with pytest.raises((CallbackExpired, PayloadInvalid)):
        intake.read(query, body, max_skew=600)
    with pytest.raises((CallbackExpired, PayloadInvalid)):
        intake.check_url(query, max_skew=600)
    query, body = send(message, send.config.suiteId, late=599)
    assert intake.read(query, body, max_skew=600) is not None


def test_the_signature_counts_before_anything_else(intake: Intake, send: Sender) -> None:
    """Who does not know the token learns nothing, not even that the time is off."""
    query, body = send.template()
    forged = CallbackQuery("0" * 40, "1", query.nonce)
    with pytest.raises(SignatureMismatch):
        intake.read(forged, body, max_skew=600)


def test_who_cannot_be_stored_is_not_acknowledged(
    intake: Intake, send: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that is stuck, or gone, raises: the framework then answers something else than 200."""

    def stuck(entries: Sequence[Any]) -> list[bool]:
        raise DatabaseBusy("It is locked.")

    monkeypatch.setattr(intake._commits, "_write", stuck)
    with pytest.raises(DatabaseBusy):
        intake.receive(*send.template())
    intake.close()
    with pytest.raises(StorageClosed):
        intake.receive(*send.template())


def test_nobody_waits_longer_than_wecom(intake: Intake, send: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """WeCom hangs up after five seconds; an answer after that is for nobody."""
    import threading

    gate = threading.Event()
    monkeypatch.setattr("jit_qywx.intake.STORE_SECONDS", 0.05)
    monkeypatch.setattr(intake._commits, "_write", lambda entries: [not gate.wait(60) for _ in entries])
    with pytest.raises(DatabaseBusy, match="not stored"):
        intake.receive(*send.template())
    gate.set()
