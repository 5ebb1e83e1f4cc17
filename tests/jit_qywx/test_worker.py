"""The worker: events become readings, bursts become few, poison is parked, and nobody costs more than their turn."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from jit_qywx.emulator import Org
from jit_qywx.errors import NetworkRefused
from jit_qywx.models import QywxCallback, QywxReconcile

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import FakeTime

    from jit_qywx.auths.loginTypes.QywxProxyType import QywxProxyAuth
    from jit_qywx.emulator import Emulator
    from jit_qywx.worker import Worker
    from jitcore import App

CORP, OTHER = "wwcorpa0000000", "wwcorpb0000000"


class House:
    """An App with two enterprises that authorised its suite, behind a worker that does everything."""

    def __init__(self, app: App, wecom: Emulator, time: FakeTime) -> None:
        self.app = app
        self.wecom = wecom
        self.time = time
        self.auth: QywxProxyAuth = app.getElement("auths.Wecom")
        self.auth.timing = time.timing
        self.corps = {CORP: app.getElement("corps.A"), OTHER: app.getElement("corps.B")}
        wecom.push_ticket(self.auth.notify)

    @property
    def worker(self) -> Worker:
        return self.auth.worker

    def authorise(self, corpId: str, *, sync: bool = True) -> None:
        self.auth.authorize(self.wecom.authorize(corpId))
        if sync:
            self.corps[corpId].syncCorp()

    def tell(self, corpId: str, event: str = "change_contact", **fields: object) -> None:
        """An event of an enterprise's app arrives."""
        fields.setdefault("ChangeType", "update_user")
        app = self.wecom.app(corpId, self.auth.suiteId)
        callback = self.wecom.callbacks.app_event(app, event, **fields)
        reply = callback.deliver(lambda *args, **kwargs: self.auth.notify(*args, **kwargs, corpId=corpId))
        assert reply.reply == "success"

    def update(self, corpId: str, userid: str, **fields: object) -> None:
        """Somebody is edited, and WeCom tells."""
        self.wecom.corp(corpId).org.update_member(userid, **fields)
        self.tell(corpId, UserID=userid)

    def names(self, corpId: str) -> dict[str, str | None]:
        return {member.memberId: member.name for member in self.corps[corpId].getMembers()}

    def records(self, state: str) -> list[Any]:
        return [one for one in self.auth.callbacks(state, 500) if one.channel == "app"]

    def wishes(self) -> dict[str, str]:
        model = self.app.storage.models[QywxReconcile]
        return dict(self.app.storage.select_tuples(model.select(model.corpId, model.reason)))

    def pass_time(self, seconds: float) -> None:
        self.time.passed += seconds
        self.worker.wake()


@pytest.fixture
def house(open_app: Callable[..., App], wecom_emulator: Emulator, fake_time: FakeTime) -> House:
    """Two enterprises; the first has authorised the suite and was read."""
    suite = wecom_emulator.suite
    secrets = {
        "suiteId": suite.id,
        "suiteSecret": suite.secret,
        "token": suite.token,
        "encodingAESKey": suite.aes_key,
    }
    files: dict[str, Any] = {
        "auths/Wecom/e.json": {"type": "auths.loginTypes.QywxProxyType", "title": "WeCom"},
        "auths/Wecom/Wecom.json": {
            "authConfig": secrets,
            "corpId": wecom_emulator.provider_corpid,
            "apiBaseUrl": wecom_emulator.base_url,
        },
    }
    for name, corpId in (("A", CORP), ("B", OTHER)):
        files[f"corps/{name}/e.json"] = {"type": "corps.QywxProxyType", "title": name}
        files[f"corps/{name}/{name}.json"] = {"corpId": corpId, "authFullName": "auths.Wecom"}
        members = [{"userid": f"user{number}", "name": f"Name {number}", "department": [1]} for number in range(60)]
        wecom_emulator.add_corp(corpId, name, members=members)
    house = House(open_app(files), wecom_emulator, fake_time)
    house.authorise(CORP)
    return house


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for what another thread does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_an_event_changes_what_it_names(house: House) -> None:
    """Seconds after an edit the member has the new name, and nothing else was read."""
    house.wecom.calls.clear()
    house.update(CORP, "user1", name="Renamed")
    assert house.worker.drain()
    assert house.names(CORP)["user1"] == "Renamed"
    assert house.wecom.calls.by_path["user/get"] == 1
    assert house.wecom.calls.by_path["user/list"] == 0
    assert {record.state for record in house.records("done")} == {"done"}


def test_a_burst_is_few_readings(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty events that come at once are one or a few readings, each member asked for once or so."""
    readings = []
    real = type(house.corps[CORP]).sync_targets

    def counted(corp: Any, targets: Any) -> Any:
        readings.append(targets)
        return real(corp, targets)

    monkeypatch.setattr(type(house.corps[CORP]), "sync_targets", counted)
    for number in range(50):
        house.update(CORP, f"user{number}", name=f"Renamed {number}")
    assert house.worker.drain()
    assert [house.names(CORP)[f"user{number}"] for number in range(50)] == [f"Renamed {number}" for number in range(50)]
    assert len(readings) < 25
    assert house.records("received") == []


def test_a_new_enterprise_is_read_by_itself(house: House) -> None:
    """create_auth is followed by the first full reading."""
    house.wecom.push_event(house.auth.notify, "create_auth", OTHER)
    assert house.worker.drain()
    until(lambda: len(house.names(OTHER)) == 60)
    assert house.wishes() == {}


def test_a_burst_of_changed_rights_is_one_reading(house: House) -> None:
    """An administrator who edits the visible range makes many change_auth; one reading follows the last."""
    house.worker.serve(None)
    for _ in range(5):
        house.wecom.push_event(house.auth.notify, "change_auth", CORP)
    house.worker.settle()
    house.wecom.calls.clear()
    assert list(house.wishes()) == [CORP]
    house.pass_time(3)
    until(lambda: not house.wishes())
    assert house.wecom.calls.by_path["department/simplelist"] + house.wecom.calls.by_path["department/list"] <= 2


def test_a_suspended_enterprise_costs_nothing(house: House) -> None:
    """Once its secret is refused, its events are settled without a call, and it is read in full when it is back."""
    house.wecom.faults.add("gettoken", errcode=40001)
    house.wecom.expire_tokens(CORP)
    house.update(CORP, "user1", name="Renamed")
    assert house.worker.drain()
    assert house.auth.getAuthorization(CORP).state == "suspended"
    house.wecom.calls.clear()
    for number in range(5):
        house.tell(CORP, UserID=f"user{number}")
    assert house.worker.drain()
    assert sum(house.wecom.calls.by_path.values()) == 0
    assert house.records("received") == house.records("parked") == []
    house.wecom.faults.clear()
    house.wecom.push_event(house.auth.notify, "change_auth", CORP)
    house.worker.settle()
    house.pass_time(3)
    until(lambda: not house.wishes())
    assert house.names(CORP)["user1"] == "Renamed"


def test_one_enterprises_trouble_is_not_anothers(house: House) -> None:
    """While WeCom keeps one waiting, the events of another are worked on."""
    house.authorise(OTHER)
    fault = house.wecom.faults.add("user/get", corpid=CORP, hang=True)
    house.tell(CORP, UserID="user1")
    house.update(OTHER, "user1", name="Renamed")
    until(lambda: house.names(OTHER)["user1"] == "Renamed")
    until(lambda: [record.corpId for record in house.records("working")] == [CORP])
    fault.release()
    house.wecom.faults.clear()
    assert house.worker.drain()


def test_poison_is_parked_and_healed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that cannot be worked on is tried five times, ever later, then parked with its reason; what it told of
    is read with everything else. Its neighbours are not kept waiting for it."""
    real = type(house.corps[CORP]).sync_targets

    def poisoned(corp: Any, targets: Any) -> Any:
        if "user1" in targets.members:
            raise ZeroDivisionError
        return real(corp, targets)

    monkeypatch.setattr(type(house.corps[CORP]), "sync_targets", poisoned)
    house.update(CORP, "user1", name="Poisoned")
    house.update(CORP, "user2", name="Neighbour")
    waits = []
    for _ in range(12):
        assert house.worker.drain()
        waiting = house.records("received")
        if not waiting:
            break
        waits.append(len(waiting))
        house.pass_time(700)
    [parked] = house.records("parked")
    assert (parked.attempts, parked.reason) == (5, "ZeroDivisionError, see the log")
    until(lambda: house.names(CORP) | {"user1": "Poisoned", "user2": "Neighbour"} == house.names(CORP))
    assert waits


def test_a_used_up_quota_parks_the_enterprise(house: House) -> None:
    """45009: it is left alone for an hour, its events keep their tries, and then go through."""
    house.wecom.faults.add("user/get", errcode=45009)
    house.update(CORP, "user1", name="Renamed")
    assert house.worker.drain()
    [record] = house.records("received")
    assert (record.attempts, str(record.reason).partition(":")[0]) == (0, "qywx-rate-limited")
    assert house.corps[CORP].resting.word == "parked"
    calls = sum(house.wecom.calls.by_path.values())
    house.tell(CORP, UserID="user2")
    house.worker.wake()
    time.sleep(0.1)
    assert sum(house.wecom.calls.by_path.values()) == calls
    house.wecom.faults.clear()
    house.pass_time(3_000)
    assert house.worker.drain()
    assert sum(house.wecom.calls.by_path.values()) == calls
    house.pass_time(601)
    until(lambda: house.names(CORP)["user1"] == "Renamed")
    assert house.corps[CORP].resting is None


def test_an_enterprise_without_an_element_is_no_error(house: House) -> None:
    """Events of an enterprise that nobody configured are settled, saying so."""
    house.wecom.add_corp("wwcorpc0000000", "C", Org())
    house.auth.authorize(house.wecom.authorize("wwcorpc0000000"))
    house.tell("wwcorpc0000000", UserID="user1")
    assert house.worker.drain()
    assert [record.reason for record in house.records("done")] == ["no element is this enterprise"]


def test_a_stranger_is_settled(house: House) -> None:
    """Events of an enterprise that has not authorised the suite need no work: it is read in full when it does."""
    house.wecom.install(OTHER)
    house.tell(OTHER, UserID="user1")
    assert house.worker.drain()
    assert "has not authorised" in str(house.records("done")[0].reason)


def test_the_life_of_the_app_is_noted(house: House) -> None:
    """An app that WeCom closed for being unused is suspended, and is back when WeCom says so."""
    house.tell(CORP, "close_inactive_agent")
    assert house.worker.drain()
    assert house.auth.getAuthorization(CORP).state == "suspended"
    house.tell(CORP, "reopen_inactive_agent")
    assert house.worker.drain()
    assert house.auth.getAuthorization(CORP).state == "active"
    assert CORP in house.wishes()


def test_a_retry_by_hand_says_how_it_went(house: House) -> None:
    """retryCallBack works on a contact event now; what goes wrong is raised and kept."""
    house.update(CORP, "user1", name="Renamed")
    assert house.worker.drain()
    [record] = house.records("done")
    assert house.auth.retryCallBack(record.id).state == "done"
    fault = house.wecom.faults.add("user/get", errcode=60020)
    with pytest.raises(Exception) as caught:
        house.auth.retryCallBack(record.id)
    assert isinstance(caught.value.__cause__, NetworkRefused)
    assert house.records("parked")[0].reason.startswith("qywx-network-refused")
    house.wecom.faults.remove(fault)
    assert house.auth.retryCallBack(record.id).state == "done"


def test_the_schedule_reads_what_events_left_out(house: House) -> None:
    """An edit whose callback was lost is there after the next turn on the schedule; a turn comes once."""
    house.wecom.corp(CORP).org.update_member("user1", name="Unannounced")
    house.worker.serve(86_400.0)
    assert house.worker.drain()
    assert house.names(CORP)["user1"] == "Name 1"
    house.pass_time(86_400)
    until(lambda: house.names(CORP)["user1"] == "Unannounced")
    until(lambda: not house.wishes())


def test_a_cancelled_enterprise_is_not_read(house: House) -> None:
    """After cancel_auth there is no wish, no schedule and no call; the organisation stays as it was."""
    house.worker.serve(86_400.0)
    house.wecom.push_event(house.auth.notify, "cancel_auth", CORP)
    house.worker.settle()
    house.wecom.calls.clear()
    house.pass_time(2 * 86_400)
    house.tell(CORP, UserID="user1")
    assert house.worker.drain()
    assert sum(house.wecom.calls.by_path.values()) == 0
    assert house.wishes() == {}
    assert len(house.names(CORP)) == 60


def test_closing_ends_a_reading_and_keeps_its_wish(house: House) -> None:
    """A process that is told to end does not wait for an hour's reading; the next one takes it up."""
    house.worker.reconciles.want(CORP, "by hand")
    fault = house.wecom.faults.add("user/list", hang=True)
    house.worker.serve(None)
    until(lambda: house.wecom.calls.by_path["user/list"])
    threading.Timer(0.2, fault.release).start()
    begun = time.monotonic()
    house.worker.close()
    assert time.monotonic() - begun < 8
    assert list(house.wishes()) == [CORP]


def test_a_database_that_was_away_ends_no_thread(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker that meets an error of the database, or a mistake of its own, goes on."""
    from jitcore.storage import DatabaseBusy

    claims = house.worker._claims
    real, errors = claims.enterprises, [DatabaseBusy("It is locked."), ZeroDivisionError()]

    def sometimes() -> list[str]:
        if errors:
            raise errors.pop(0)
        return real()

    monkeypatch.setattr(claims, "enterprises", sometimes)
    monkeypatch.setattr(house.worker._pulse, "pause", lambda seconds=0.0: None)
    house.update(CORP, "user1", name="Renamed")
    house.worker.wake()
    until(lambda: not errors)
    house.worker.wake()
    until(lambda: house.names(CORP)["user1"] == "Renamed")
    assert "storage-busy" in caplog.text or "cannot be worked on" in caplog.text


def test_an_unreadable_event_is_parked_alone(house: House) -> None:
    """What was encrypted with a lost key takes none of its neighbours along."""
    house.wecom.faults.add("user/get", hang=True, times=1)
    house.tell(CORP, UserID="user1")
    until(lambda: house.records("working"))
    house.update(CORP, "user2", name="Renamed")
    house.tell(CORP, UserID="user3")
    newest = house.records("received")[0]
    house.app.storage.update_rows(QywxCallback, ("id",), ("bodySealed",), [(newest.id, "v1.gone.AAAA")])
    house.wecom.faults.clear()
    assert house.worker.drain()
    [parked] = house.records("parked")
    assert (parked.id, parked.reason.partition(":")[0]) == (newest.id, "qywx-secret-unreadable")
    assert house.names(CORP)["user2"] == "Renamed"


def test_events_that_fit_in_partly_ask_for_everything(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reading that asks for a full one gets it, not at once: it may be the same for hours."""
    real = type(house.corps[CORP]).sync_targets

    def partly(corp: Any, targets: Any) -> Any:
        return dataclasses.replace(real(corp, targets), status="guarded", reconcile="half of it was missing")

    monkeypatch.setattr(type(house.corps[CORP]), "sync_targets", partly)
    house.tell(CORP, UserID="user1")
    assert house.worker.drain()
    assert list(house.wishes()) == [CORP]
    house.wecom.calls.clear()
    house.pass_time(301)
    until(lambda: not house.wishes())
    assert house.wecom.calls.by_path["user/list"] >= 1


def test_a_reading_by_somebody_else_is_waited_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """When another process reads the same organisation, the wish waits for a minute and counts no failure."""
    from jit_corps.errors import SyncLocked

    def locked(corp: Any, *_: Any, **__: Any) -> Any:
        raise SyncLocked(corp.fullName, holder="another", until=0.0, runId=1)

    with monkeypatch.context() as patch:
        patch.setattr(type(house.corps[CORP]), "syncCorp", locked)
        house.worker.reconciles.want(CORP, "by hand")
        assert house.worker.drain()
        until(lambda: "(" in house.wishes().get(CORP, ""))
    house.pass_time(61)
    until(lambda: not house.wishes())


def test_a_failing_reading_comes_back_ever_later(house: House) -> None:
    """It is never given up, and costs less the longer it fails."""
    house.wecom.faults.add("department/*", errcode=60020)
    house.worker.reconciles.want(CORP, "by hand")
    waits = []
    for _ in range(3):
        assert house.worker.drain()
        until(lambda: (house.worker.reconciles.next_due() or 0) > house.time.now())
        waits.append(round((house.worker.reconciles.next_due() or 0) - house.time.now()))
        house.pass_time(waits[-1] + 1)
    assert waits == sorted(waits)
    assert waits[-1] > waits[0]
    assert "qywx-network-refused" in house.wishes()[CORP]
    house.wecom.faults.clear()
    house.pass_time(30_000)
    until(lambda: not house.wishes())


def test_a_quota_makes_a_reading_wait(house: House) -> None:
    """45009 in a full reading parks the enterprise as well."""
    house.wecom.faults.add("department/*", errcode=45009)
    house.worker.reconciles.want(CORP, "by hand")
    assert house.worker.drain()
    until(lambda: "qywx-rate-limited" in house.wishes()[CORP])
    house.wecom.faults.clear()
    house.pass_time(3_601)
    until(lambda: not house.wishes())


def test_a_reading_that_waited_goes_on_where_it_stopped(house: House) -> None:
    """By itself, when the hour of the quota is over: what it had read is not read again."""
    corp, org = house.corps[CORP], house.wecom.org(CORP)
    corp.clock = house.auth.timing.now
    house.pass_time(60)
    for number in range(2, 42):
        org.add_department(f"部门{number}", 1, department_id=number)
        org.add_member(f"new{number}", departments=(number,))
    house.wecom.faults.add("user/list", errcode=45009, at_call=31)
    house.worker.reconciles.want(CORP, "by hand")
    assert house.worker.drain()
    until(lambda: "qywx-rate-limited" in house.wishes()[CORP])
    house.wecom.faults.clear()
    house.wecom.calls.clear()
    house.pass_time(3_601)
    until(lambda: not house.wishes())
    # Of the 30 answers, those that came together with the refusal may have been lost with it.
    assert 11 <= house.wecom.calls.by_path["user/list"] < 30
    assert len(corp.getMembers()) == 100
