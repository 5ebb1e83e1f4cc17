"""The auth element: callbacks in, clients out, secrets nowhere."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from jit_qywx import errors
from jit_qywx.crypto import CallbackCipher
from jitcore.errors import ArgumentError, ElementInvalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import FakeTime

    from jit_qywx.auths.loginTypes.QywxProxyType import QywxProxyAuth
    from jit_qywx.emulator import Emulator
    from jitcore import App

CORP = "wwcorpa0000000"
OTHER = "wwcorpb0000000"


def files_of(wecom_emulator: Emulator, **changes: Any) -> dict[str, Any]:
    told = wecom_emulator.suite
    config = {
        "authConfig": {
            "suiteId": told.id,
            "suiteSecret": told.secret,
            "token": told.token,
            "encodingAESKey": told.aes_key,
        },
        "corpId": wecom_emulator.provider_corpid,
        "apiBaseUrl": wecom_emulator.base_url,
        **changes,
    }
    corp = {"corpId": CORP, "authFullName": "auths.Wecom"}
    return {
        "auths/Wecom/e.json": {"type": "auths.loginTypes.QywxProxyType", "title": "WeCom"},
        "auths/Wecom/Wecom.json": config,
        "corps/A/e.json": {"type": "corps.QywxProxyType", "title": "A"},
        "corps/A/A.json": corp,
    }


def ticket_of(wecom_emulator: Emulator) -> Any:
    """A suite_ticket that is not delivered yet."""
    return wecom_emulator.callbacks.ticket(wecom_emulator.suite)


def event_of(wecom_emulator: Emulator, info_type: str, corpId: str) -> Any:
    """An event that is not delivered yet."""
    corp = wecom_emulator.corp(corpId)
    app = corp.app_of(wecom_emulator.suite.id) or wecom_emulator.install(corpId)
    return wecom_emulator.callbacks.event(wecom_emulator.suite, info_type, app)


@pytest.fixture
def app(open_app: Callable[..., App], wecom_emulator: Emulator, fake_time: FakeTime) -> App:
    """An App with an auth element and a corp; two enterprises exist and none has authorised it."""
    wecom_emulator.add_corp(CORP, "示例企业")
    wecom_emulator.add_corp(OTHER, "另一企业")
    app = open_app(files_of(wecom_emulator))
    app.getElement("auths.Wecom").timing = fake_time.timing
    return app


@pytest.fixture
def auth(app: App) -> QywxProxyAuth:
    """The auth element."""
    auth: QywxProxyAuth = app.getElement("auths.Wecom")
    return auth


@pytest.fixture
def ready(auth: QywxProxyAuth, wecom_emulator: Emulator) -> QywxProxyAuth:
    """The auth element with a ticket and one authorised enterprise."""
    wecom_emulator.push_ticket(auth.notify)
    wecom_emulator.push_event(auth.notify, "create_auth", CORP)
    auth.callbacks()
    return auth


def test_url_check_is_answered_with_its_plaintext(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """The console's check names the provider as receiver and wants the plaintext, exactly."""
    delivery = wecom_emulator.push_echo(auth.notify)
    assert delivery.accepted
    assert delivery.reply == delivery.callback.plaintext


def test_url_check_that_is_no_text_is_refused(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """An echostr whose plaintext is no text cannot be answered."""
    told = wecom_emulator.suite
    cipher = CallbackCipher(told.token, told.aes_key)
    sealed = cipher.seal(b"\xff\xfe", wecom_emulator.provider_corpid, timestamp="1", nonce="2")
    with pytest.raises(errors.PayloadInvalid):
        auth.notify("2", sealed.msg_signature, "1", echostr=sealed.encrypt)


def test_work_that_breaks_unexpectedly_keeps_the_record(
    ready: QywxProxyAuth, wecom_emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug in the background is logged, and the event can be retried by hand."""
    suite, _ = ready._use()
    suite.refresh = lambda corpId: 1 / 0  # type: ignore[assignment, method-assign]  # a bug
    wecom_emulator.push_event(ready.notify, "change_auth", CORP)
    record = ready.callbacks()[0]
    assert (record.state, record.reason) == ("parked", "ZeroDivisionError, see the log")
    assert "a callback is parked" in caplog.text


def test_url_check_of_an_unknown_provider_is_refused(open_app: Callable[..., App], wecom_emulator: Emulator) -> None:
    """Without the provider's corpid in the settings, the refusal says which setting is missing."""
    files = files_of(wecom_emulator)
    del files["auths/Wecom/Wecom.json"]["corpId"]
    auth = open_app(files).getElement("auths.Wecom")
    with pytest.raises(errors.ReceiverMismatch, match='"corpId"'):
        wecom_emulator.push_echo(auth.notify)


def test_authorisation_by_callback(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """A ticket and a create_auth are all it takes; both are answered with success."""
    assert wecom_emulator.push_ticket(auth.notify).reply == "success"
    assert wecom_emulator.push_event(auth.notify, "create_auth", CORP).reply == "success"
    client = auth.getClient(CORP)
    assert client.department.list()[0]["name"] == "示例企业"
    [authorization] = auth.authorizations()
    assert (authorization.corpId, authorization.corpName, authorization.state) == (CORP, "示例企业", "active")
    assert authorization.agentId == str(wecom_emulator.app(CORP).agentid)
    assert authorization.privilege["allow_party"] == [1]


def test_authorisation_by_hand(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """authorize exchanges an auth code and returns what was authorised."""
    wecom_emulator.push_ticket(auth.notify)
    authorization = auth.authorize(wecom_emulator.authorize(CORP))
    assert (authorization.corpId, authorization.state) == (CORP, "active")
    with pytest.raises(errors.AuthorizationLost, match="40078"):
        auth.authorize("used before")


def test_ticket_by_hand(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """Without a callback, a ticket that a person brings does as well."""
    with pytest.raises(errors.SuiteTicketMissing, match="指令回调"):
        auth.authorize(wecom_emulator.authorize(CORP))
    auth.setSuiteTicket(wecom_emulator.new_ticket())
    assert auth.authorize(wecom_emulator.authorize(CORP)).state == "active"


def test_callback_is_answered_before_the_exchange(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """WeCom wants an answer within a second, so the exchange does not hold it up; getClient waits for it."""
    wecom_emulator.push_ticket(auth.notify)
    fault = wecom_emulator.faults.add("service/v2/get_permanent_code", hang=True, times=1)
    assert wecom_emulator.push_event(auth.notify, "create_auth", CORP).reply == "success"
    threading.Timer(0.1, fault.release).start()
    assert auth.getClient(CORP).corpName == "示例企业"


def test_newest_ticket_wins(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """A ticket that was pushed earlier and arrives later does not replace a newer one."""
    old = ticket_of(wecom_emulator)
    wecom_emulator.clock.advance(600)
    wecom_emulator.push_ticket(auth.notify)
    assert old.deliver(auth.notify).reply == "success"
    wecom_emulator.clock.advance(1300)
    assert auth.authorize(wecom_emulator.authorize(CORP)).state == "active"


def test_authorisation_before_the_first_ticket_waits_for_it(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """A create_auth that comes before any ticket is worked on as soon as one arrives."""
    wecom_emulator.push_event(auth.notify, "create_auth", CORP)
    [record] = auth.callbacks()
    assert (record.state, str(record.reason).partition(":")[0]) == ("received", "qywx-suite-ticket-missing")
    wecom_emulator.push_ticket(auth.notify)
    assert auth.getAuthorization(CORP).state == "active"
    assert {each.state for each in auth.callbacks()} == {"done"}


def test_an_event_is_worked_on_once(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """WeCom delivers up to three times; the auth code is exchanged once and every delivery is acknowledged."""
    wecom_emulator.push_ticket(auth.notify)
    event = event_of(wecom_emulator, "create_auth", CORP)
    assert [event.deliver(auth.notify).reply for _ in range(3)] == ["success"] * 3
    assert len(auth.callbacks()) == 2
    assert wecom_emulator.calls.by_path["service/v2/get_permanent_code"] == 1


def test_deliveries_at_once_are_worked_on_once(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """Eight deliveries of one event on eight threads make one record and one exchange."""
    wecom_emulator.push_ticket(auth.notify)
    event = event_of(wecom_emulator, "create_auth", CORP)
    threads = [threading.Thread(target=event.deliver, args=[auth.notify]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(auth.callbacks()) == 2
    assert wecom_emulator.calls.by_path["service/v2/get_permanent_code"] == 1


def test_change_is_read_again(ready: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """change_auth brings the new privilege."""
    wecom_emulator.set_visible_range(CORP, departments=(), users=("zhangsan",))
    wecom_emulator.push_event(ready.notify, "change_auth", CORP)
    assert ready.getAuthorization(CORP).privilege["allow_party"] == []


def test_cancellation_forgets_the_secrets(ready: QywxProxyAuth, wecom_emulator: Emulator, app: App) -> None:
    """After cancel_auth there is no permanent code, no token, and no client; the corp says what to do."""
    client = ready.getClient(CORP)
    client.department.list()
    wecom_emulator.push_event(ready.notify, "cancel_auth", CORP)
    with pytest.raises(errors.AuthorizationLost, match="cancelled"):
        ready.getClient(CORP)
    with pytest.raises(errors.AuthorizationLost, match="cancelled"):
        client.department.list()
    with pytest.raises(errors.AuthorizationLost, match="scan"):
        app.getElement("corps.A").getClient()
    [authorization] = ready.authorizations()
    assert authorization.state == "cancelled"
    tables = app.database.execute_sql("SELECT permanentCodeSealed FROM jit_qywx_authorization").fetchall()
    assert tables == [(None,)]
    kinds = app.database.execute_sql("SELECT kind FROM jit_qywx_token").fetchall()
    assert kinds == [("suite",)]


def test_authorising_again_after_a_cancellation(ready: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """An enterprise that comes back works again, and a late repeat of the old cancellation changes nothing."""
    cancelled = event_of(wecom_emulator, "cancel_auth", CORP)
    cancelled.deliver(ready.notify)
    ready.callbacks()
    wecom_emulator.clock.advance(60)
    wecom_emulator.push_event(ready.notify, "create_auth", CORP)
    assert ready.getClient(CORP).department.list()
    record = next(each for each in ready.callbacks() if each.info_type == "cancel_auth")
    ready.retryCallBack(record.id)
    assert ready.getAuthorization(CORP).state == "active"


def test_cancellation_of_an_unknown_enterprise_is_harmless(ready: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """A cancellation for an enterprise that is not known here is recorded and done."""
    wecom_emulator.install(OTHER)
    wecom_emulator.push_event(ready.notify, "cancel_auth", OTHER)
    assert ready.callbacks()[0].state == "done"
    with pytest.raises(errors.CorpUnknown):
        ready.getClient(OTHER)


def test_reset_of_the_permanent_code(ready: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """reset_permanent_code names no enterprise; the exchange does, and the new code is used from then on."""
    client = ready.getClient(CORP)
    client.department.list()
    wecom_emulator.push_event(ready.notify, "reset_permanent_code", CORP)
    wecom_emulator.expire_tokens(CORP)
    ready.callbacks()
    assert client.department.list()
    record = ready.callbacks()[0]
    assert (record.info_type, record.corpId, record.state) == ("reset_permanent_code", CORP, "done")


def test_unknown_events_are_recorded_and_acknowledged(ready: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """WeCom adds events over time; one we do not know is stored and harmless."""
    assert wecom_emulator.push_event(ready.notify, "share_agent_change", CORP).reply == "success"
    assert (ready.callbacks()[0].info_type, ready.callbacks()[0].state) == ("share_agent_change", "done")


def test_failed_callback_can_be_retried(ready: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """An event whose work failed shows why; retryCallBack does it again and raises if it fails again."""
    fault = wecom_emulator.faults.add("service/*get_auth_info", errcode=60020)
    wecom_emulator.push_event(ready.notify, "change_auth", CORP)
    [record] = ready.callbacks("parked")
    assert str(record.reason).startswith("qywx-network-refused")
    with pytest.raises(errors.NetworkRefused):
        ready.retryCallBack(record.id)
    wecom_emulator.faults.remove(fault)
    assert ready.retryCallBack(record.id).state == "done"
    assert ready.retryCallBack(record.id).attempts == 4


def test_spent_auth_code_is_not_needed_twice(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """When the exchange went through and the rest failed, a retry goes on from there: the code is spent."""
    wecom_emulator.push_ticket(auth.notify)
    fault = wecom_emulator.faults.add("service/*get_auth_info", errcode=60020)
    wecom_emulator.push_event(auth.notify, "create_auth", CORP)
    [record] = auth.callbacks("parked")
    assert record.corpId == CORP
    wecom_emulator.faults.remove(fault)
    assert auth.retryCallBack(record.id).state == "done"
    assert auth.getAuthorization(CORP).agentId is not None
    assert wecom_emulator.calls.by_path["service/v2/get_permanent_code"] == 1


def test_passing_trouble_is_tried_again_with_the_next_ticket(ready: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """WeCom being away leaves an event waiting; after five tries it is parked."""
    fault = wecom_emulator.faults.add("service/*get_auth_info", errcode=-1)
    wecom_emulator.push_event(ready.notify, "change_auth", CORP)
    states = []
    for _ in range(6):
        record = next(each for each in ready.callbacks() if each.info_type == "change_auth")
        states.append(record.state)
        wecom_emulator.clock.advance(600)
        wecom_emulator.push_ticket(ready.notify)
    assert states == ["received"] * 4 + ["parked"] * 2
    wecom_emulator.faults.remove(fault)
    assert ready.retryCallBack(record.id).state == "done"


def test_lost_authorisation_comes_back_with_change_auth(ready: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """A refused code is tried again when WeCom itself announces a change of the enterprise."""
    fault = wecom_emulator.faults.add("gettoken", errcode=40001)
    with pytest.raises(errors.AuthorizationLost):
        ready.getClient(CORP).department.list()
    assert ready.getAuthorization(CORP).state == "suspended"
    wecom_emulator.faults.remove(fault)
    wecom_emulator.push_event(ready.notify, "change_auth", CORP)
    assert ready.getClient(CORP).department.list()
    assert ready.getAuthorization(CORP).state == "active"


def test_resume_by_hand(ready: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """resume tries a refused code once more, and says so when it is still refused."""
    wecom_emulator.faults.add("gettoken", errcode=40001, times=1)
    with pytest.raises(errors.AuthorizationLost):
        ready.getClient(CORP).department.list()
    assert ready.resume(CORP).state == "active"
    assert ready.getClient(CORP).department.list()
    wecom_emulator.cancel(CORP)
    with pytest.raises(errors.AuthorizationLost, match="40084"):
        ready.resume(CORP)
    assert ready.getAuthorization(CORP).state == "suspended"


def test_wrong_suite_secret_blames_no_enterprise(
    open_app: Callable[..., App], wecom_emulator: Emulator, ready: QywxProxyAuth
) -> None:
    """When the suite's own secret is refused, enterprises stay as they are."""
    wecom_emulator.faults.add("service/get_suite_token", errcode=40080)
    wecom_emulator.expire_tokens(kind="suite")
    wecom_emulator.push_event(ready.notify, "change_auth", CORP)
    assert ready.callbacks()[0].state == "parked"
    assert ready.getAuthorization(CORP).state == "active"


def test_unknown_enterprise_is_told_apart_from_a_typo(ready: QywxProxyAuth) -> None:
    """An id that was never authorised says which ones look like it and how enterprises authorise."""
    with pytest.raises(errors.CorpUnknown) as caught:
        ready.getClient(CORP + "x")
    assert caught.value.possibilities == (CORP,)
    assert "jit qywx authorize" in str(caught.value)


def test_inactive_element_still_receives(
    open_app: Callable[..., App], wecom_emulator: Emulator, fake_time: FakeTime
) -> None:
    """isActive false gives no client, but a ticket or an auth code is not turned away: it would not come again."""
    wecom_emulator.add_corp(CORP, "示例企业")
    auth = open_app(files_of(wecom_emulator, isActive=False)).getElement("auths.Wecom")
    wecom_emulator.push_ticket(auth.notify)
    wecom_emulator.push_event(auth.notify, "create_auth", CORP)
    assert [each.state for each in auth.authorizations()] == ["active"]
    for call in (lambda: auth.getClient(CORP), lambda: auth.authorize("code"), lambda: auth.resume(CORP)):
        with pytest.raises(errors.AuthInactive, match="isActive"):
            call()


def test_what_is_shown_is_masked(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """authConfig shows the suite's id and masks the rest; the type and the login settings hold no secret."""
    told = wecom_emulator.suite
    assert auth.authConfig == {"suiteId": told.id, "suiteSecret": "***", "token": "***", "encodingAESKey": "***"}
    assert auth.authType == "auths.loginTypes.QywxProxyType"
    assert auth.getLoginConfig() == {"suiteId": told.id}
    assert told.secret not in repr(auth)


@pytest.mark.parametrize(
    "change",
    [
        {"msg_signature": "0" * 40},
        {"timestamp": "1"},
        {"nonce": "other"},
        {"body": b"<xml><Encrypt>YWJj</Encrypt></xml>"},
    ],
)
def test_forged_callbacks_are_refused_and_not_stored(
    auth: QywxProxyAuth, wecom_emulator: Emulator, change: dict[str, Any]
) -> None:
    """A request that is not signed for us raises and leaves no trace."""
    ticket = ticket_of(wecom_emulator)
    query = {"nonce": ticket.nonce, "msg_signature": ticket.signature, "timestamp": ticket.timestamp}
    with pytest.raises(errors.CallbackError):
        auth.notify(**{**query, "body": ticket.body, **change})
    assert auth.callbacks() == []


def test_callback_of_another_suite_is_refused(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """An event of a suite with other keys does not get in."""
    other = wecom_emulator.add_suite("dkother")
    with pytest.raises(errors.SignatureMismatch):
        wecom_emulator.push_ticket(auth.notify, other.id)


def test_request_without_content_is_refused(auth: QywxProxyAuth) -> None:
    """A request with neither echostr nor body is refused."""
    with pytest.raises(errors.PayloadInvalid):
        auth.notify("n", "s", "t")


def test_body_may_be_text(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """A web framework that hands out text is served as well."""
    ticket = ticket_of(wecom_emulator)
    assert auth.notify(ticket.nonce, ticket.signature, ticket.timestamp, body=ticket.body.decode()) == "success"  # type: ignore[arg-type]  # the point


@pytest.mark.parametrize(
    "call",
    [
        lambda auth: auth.getClient(""),
        lambda auth: auth.getClient(None),
        lambda auth: auth.authorize(7),
        lambda auth: auth.notify(None, "s", "t", body=b"x"),
        lambda auth: auth.notify("n", "s", "t", body=7),
        lambda auth: auth.retryCallBack("1"),
        lambda auth: auth.retryCallBack(True),
        lambda auth: auth.setSuiteTicket(None),
    ],
)
def test_arguments_of_the_wrong_kind_are_named(auth: QywxProxyAuth, call: Callable[[Any], object]) -> None:
    """A call with the wrong kind of argument says which one."""
    with pytest.raises(ArgumentError):
        call(auth)


def test_unknown_record_is_an_error(auth: QywxProxyAuth) -> None:
    """retryCallBack of an id that is not recorded says where the ids are."""
    with pytest.raises(errors.CallbackUnknown, match="callbacks"):
        auth.retryCallBack(404)


def test_event_that_another_process_left_is_taken_up(
    open_app: Callable[..., App], wecom_emulator: Emulator, fake_time: FakeTime, ready: QywxProxyAuth, app: App
) -> None:
    """An event that a process acknowledged and did not finish is worked on when the App is used again."""
    event = event_of(wecom_emulator, "create_auth", OTHER)
    ready.worker.close()  # the process dies right after its answer
    event.deliver(ready.notify)
    app.close()
    again = open_app({}).getElement("auths.Wecom")
    again.timing = fake_time.timing
    assert again.getClient(OTHER).corpName == "另一企业"


def test_old_tickets_are_dropped_from_the_journal(
    ready: QywxProxyAuth, wecom_emulator: Emulator, fake_time: FakeTime
) -> None:
    """Tickets come every ten minutes for ever; only those of the last day stay, and everything else does."""
    fake_time.passed += 2 * 86_400
    wecom_emulator.clock.advance(2 * 86_400)
    wecom_emulator.push_ticket(ready.notify)
    assert [each.info_type for each in ready.callbacks()] == ["suite_ticket", "create_auth"]


def test_event_without_its_field_fails_alone(ready: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """An event that lacks what it should hold is recorded as failed and acknowledged."""
    assert wecom_emulator.push_event(ready.notify, "change_auth").reply == "success"
    assert str(ready.callbacks()[0].reason).startswith("qywx-callback-payload")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"apiBaseUrl": "qyapi.weixin.qq.com"}, "/apiBaseUrl"),
        ({"isActive": "yes"}, "/isActive"),
        ({"timeoutSeconds": 0}, "/timeoutSeconds"),
        ({"rateLimitWaitSeconds": "soon"}, "/rateLimitWaitSeconds"),
        ({"authConfig": {"suiteId": "dk"}}, "/authConfig"),
        ({"suiteSecret": "x"}, "/suiteSecret"),
    ],
)
def test_mistakes_in_the_business_file_are_located(
    open_app: Callable[..., App], wecom_emulator: Emulator, change: dict[str, Any], pointer: str
) -> None:
    """A wrong setting is a problem at its place, before any code runs."""
    app = open_app(files_of(wecom_emulator, **change))
    with pytest.raises(ElementInvalid) as caught:
        app.getElement("auths.Wecom")
    assert any(str(problem.pointer).startswith(pointer) for problem in caught.value.problems)


def test_numbers_may_come_from_variables(
    open_app: Callable[..., App], wecom_emulator: Emulator, fake_time: FakeTime
) -> None:
    """Variables are text, so text that is a number is taken for one."""
    wecom_emulator.add_corp(CORP, "示例企业")
    files = files_of(wecom_emulator, timeoutSeconds="{{seconds}}", rateLimitWaitSeconds="7.5")
    auth = open_app(files, variables={"seconds": "12"}).getElement("auths.Wecom")
    auth.timing = fake_time.timing
    wecom_emulator.push_ticket(auth.notify)
    wecom_emulator.push_event(auth.notify, "create_auth", CORP)
    client = auth.getClient(CORP)
    wecom_emulator.faults.add("user/list", errcode=45009, times=1)
    client.user.list(1)
    assert fake_time.waits == [7.5]
