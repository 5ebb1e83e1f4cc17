"""Whatever becomes of WeCom's callbacks on their way, the organisation here ends as a full sync would make it.

An enterprise is edited at the emulator; the real, encrypted callback of every edit is dropped, tripled, delayed and
shuffled as Hypothesis likes, opened, and worked off through ``sync_targets``. The yardstick is an App of its own, with
a database of its own, that has seen nothing but one full sync of the enterprise as it is in the end.
"""

from __future__ import annotations

import contextlib
import copy
import random
import shutil
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jit_corps import guard
from jit_corps.errors import SyncFailed, SyncLocked
from jit_corps.models import CorpDept, CorpDeptMember, CorpMember, CorpRole, CorpRoleMember
from jit_qywx.callback import parse_app_event, parse_envelope
from jit_qywx.contact_events import work_of
from jit_qywx.crypto import CallbackCipher
from jit_qywx.emulator import Org
from jit_qywx.emulator.product import EditError
from jitcore import App

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from jit_qywx.callback import Event
    from jit_qywx.emulator import Emulator
    from jit_qywx.emulator.changes import Change
    from jit_qywx.emulator.delivery import Callback

SUITE = "suite456"
PEOPLE = [f"user{number}" for number in range(12)]
EVERYTHING = tuple(
    f"contact:sensitive:{name}"
    for name in ("user_name", "department_name", "position", "mobile", "email", "telephone", "gender", "avatar")
)

Edit = tuple[str, int, int, int]
#: What an administrator may do, and what is done with the callbacks so far.
EDITS = [
    "add_member", "add_member", "update_member", "move_member", "move_member", "rename_member", "quit_member",
    "rejoin_member", "remove_member", "add_department", "add_department", "update_department", "move_department",
    "remove_department", "add_tag", "tag", "tag", "untag", "full_sync",
]  # fmt: skip
UNANNOUNCED = ["rename_tag", "remove_tag"]


def scripts(*more: str) -> st.SearchStrategy[list[Edit]]:
    numbers = st.integers(0, 11)
    return st.lists(st.tuples(st.sampled_from([*EDITS, *more]), numbers, numbers, numbers), min_size=1, max_size=14)


class Enterprise:
    """An enterprise at the emulator, its organisation here, and the callbacks that are on their way.

    :param corp: the element.
    :param chance: how the callbacks fare.
    :param drops: the share of callbacks that never arrive.
    :param roots: departments that stay where they are, because the visible range names them.
    """

    def __init__(
        self, wecom: Emulator, corp: Any, chance: random.Random, drops: float = 0.0, roots: Sequence[int] = (1,)
    ) -> None:
        self.wecom = wecom
        self.corp = corp
        self.chance = chance
        self.drops = drops
        self.roots = roots
        self.mailbox: list[Callback] = []
        self.wants_reconcile = False
        suite = wecom.suite_of(SUITE)
        self.cipher = CallbackCipher(suite.token, suite.aes_key)
        self.org = wecom.org(corp.corpId)
        self.org.listeners.append(self.post)

    def post(self, change: Change) -> None:
        """WeCom sends the callback of an edit: once, three times, or in vain."""
        if change.announced and self.chance.random() >= self.drops:
            sent = self.wecom.callbacks.change(self.wecom.app(self.corp.corpId, SUITE), change)
            self.mailbox += [sent] * self.chance.choice((1, 1, 3))

    def deliver(self, most: int) -> None:
        """Some of the callbacks arrive, in any order, and are worked off together."""
        self.chance.shuffle(self.mailbox)
        arrived, self.mailbox = self.mailbox[:most], self.mailbox[most:]
        self.work_off(arrived)

    @property
    def most_left(self) -> bool:
        """Whether so many of the first six left that most of the others may not be found."""
        return sum(one not in self.org.members or self.org.members[one].gone for one in PEOPLE[:6]) >= 3

    def work_off(self, arrived: Sequence[Callback]) -> None:
        """Do what callbacks ask for."""
        work = work_of([self.opened(each) for each in arrived])
        self.wants_reconcile |= work.reconcile is not None
        if work.targets:
            self.wants_reconcile |= self.corp.sync_targets(work.targets).status != "ok"

    def opened(self, callback: Callback) -> Event:
        """What is in a callback, by way of our own cipher and parser."""
        encrypted, receivers = parse_envelope(callback.body), {self.corp.corpId}
        told = self.cipher.open(callback.signature, callback.timestamp, callback.nonce, encrypted, receivers=receivers)
        return parse_app_event(told.message, self.corp.corpId)

    def drain(self) -> None:
        """Everything that is still on its way arrives."""
        while self.mailbox:
            self.deliver(self.chance.randint(1, 5))

    def edit(self, what: str, one: int, two: int, three: int) -> None:
        """Do an edit, if it is possible; a part of them is worked off before the next."""
        with contextlib.suppress(EditError, LookupError):
            getattr(self, f"_{what}")(one, two, three)
        if self.chance.random() < 0.3:
            self.deliver(self.chance.randint(1, 4))

    def _add_member(self, one: int, two: int, three: int) -> None:
        self.org.add_member(PEOPLE[one], f"成员{two}", departments=self._places(two, three))

    def _update_member(self, one: int, two: int, three: int) -> None:
        values: dict[str, Any] = {
            "name": f"名{three}",
            "position": "" if three % 2 else "工程师",
            "status": 1 + three % 2,
        }
        name = list(values)[two % 3]
        self.org.update_member(self._userid(one), **{name: values[name]})

    def _move_member(self, one: int, two: int, three: int) -> None:
        self.org.move_member(self._userid(one), self._places(two, three))

    def _rename_member(self, one: int, two: int, _: int) -> None:
        self.org.rename_member(self._userid(one), PEOPLE[two])

    def _quit_member(self, one: int, *_: int) -> None:
        self.org.quit_member(self._userid(one))

    def _rejoin_member(self, one: int, *_: int) -> None:
        gone = [member.userid for member in self.org.members.values() if member.gone]
        self.org.rejoin_member(gone[one % len(gone)] if gone else "")

    def _remove_member(self, one: int, *_: int) -> None:
        self.org.remove_member(self._userid(one))

    def _add_department(self, one: int, two: int, _: int) -> None:
        self.org.add_department(f"部门{one}", self._dept(two))

    def _update_department(self, one: int, two: int, three: int) -> None:
        self.org.update_department(self._dept(one), name=f"部{two}", order=three)

    def _move_department(self, one: int, two: int, _: int) -> None:
        if self._dept(one) not in (1, *self.roots):
            self.org.move_department(self._dept(one), self._dept(two))

    def _remove_department(self, one: int, *_: int) -> None:
        if self._dept(one) not in (1, *self.roots):
            self.org.remove_department(self._dept(one))

    def _add_tag(self, one: int, two: int, three: int) -> None:
        made = self.org.add_tag(f"标签{one}")
        self.org.tag(made.number, add_users=[self._userid(two)], add_departments=[self._dept(three)] * (three % 2))

    def _tag(self, one: int, two: int, three: int) -> None:
        added: dict[str, Any] = (
            {"add_departments": [self._dept(two)]} if three % 2 else {"add_users": [self._userid(two)]}
        )
        self.org.tag(self._number(self.org.tags, one), **added)

    def _untag(self, one: int, two: int, three: int) -> None:
        tag = self.org.tags[self._number(self.org.tags, one)]
        users, departments = list(tag.users), list(tag.departments)
        self.org.tag(
            tag.id,
            remove_users=[users[two % len(users)]] if users and three % 2 else [],
            remove_departments=[departments[two % len(departments)]] if departments and not three % 2 else [],
        )

    def _rename_tag(self, one: int, two: int, _: int) -> None:
        self.org.rename_tag(self._number(self.org.tags, one), f"签{two}")

    def _remove_tag(self, one: int, *_: int) -> None:
        self.org.remove_tag(self._number(self.org.tags, one))

    def _full_sync(self, *_: int) -> None:
        # The worker may be reading everything just now.
        with contextlib.suppress(SyncLocked):
            self.corp.syncCorp()

    def _places(self, one: int, two: int) -> list[tuple[int, int, bool]]:
        departments = dict.fromkeys([self._dept(one), self._dept(two)])
        return [(number, two, one % 3 == 0) for number in departments]

    def _userid(self, one: int) -> str:
        here = [member.userid for member in self.org.members.values() if not member.gone]
        return here[one % len(here)] if here else ""

    def _dept(self, one: int) -> int:
        return self._number(self.org.departments, one)

    @staticmethod
    def _number(things: Any, one: int) -> int:
        return list(things)[one % len(things)] if things else 0


def _organisation() -> Org:
    """Five departments, six members, two tags, one of them on departments; nothing that WeCom would refuse."""
    org = Org(root="总部", strict=True)
    for number, parent in ((2, 1), (3, 2), (4, 1), (5, 4)):
        org.add_department(f"部门{number}", parent, department_id=number)
    for number in range(6):
        org.add_member(PEOPLE[number], f"成员{number}", departments=[(1 + number % 5, number, number == 1)])
    org.add_tag("骨干", tag_id=1, users=PEOPLE[:2])
    org.add_tag("片区", tag_id=2, users=PEOPLE[2:3], departments=(2, 5))
    return org


DOMAIN: dict[Any, tuple[str, ...]] = {
    CorpDept: (
        *("deptId", "name", "parentId", "upstreamParentId", "order"),
        *("leaderIds", "origin", "placement", "presence"),
    ),
    CorpMember: (
        *("memberId", "name", "aliasName", "position", "gender", "avatar", "openUserId", "mainDeptId"),
        *("status", "reason", "upstreamReason", "manualOffline", "presence"),
    ),
    CorpDeptMember: ("deptId", "memberId", "order", "isLeader"),
    CorpRole: ("roleId", "name", "origin", "deptIds"),
    CorpRoleMember: ("roleId", "memberId", "origin"),
}


def rows(corp: Any, without: Sequence[str] = ()) -> dict[str, set[str]]:
    """Everything that is kept of the organisation, but for members whom a newcomer to it has never seen.

    These left, or nobody can say whether they did; the latter keep their places and roles.

    :param without: fields that are not looked at.
    """
    told: dict[str, set[str]] = {}
    unseen: set[str] = set()
    for model, fields in DOMAIN.items():
        bound = corp.app.storage.models[model]
        found = list(bound.select().where(bound.corpFullName == corp.fullName))
        unseen |= {row.memberId for row in found if getattr(row, "presence", None) in ("absent", "unconfirmed")}
        kept = (row for row in found if getattr(row, "memberId", None) not in unseen)
        seen = [name for name in fields if name not in without]
        told[model.__name__] = {repr([(name, getattr(row, name)) for name in seen]) for row in kept}
    return told


@pytest.fixture
def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handful of members is always more than a tenth of them; what the guard does is not the question here."""
    monkeypatch.setattr(guard, "FLOOR", 10_000)
    monkeypatch.setattr(guard, "NEVER_EMPTY", frozenset())


@pytest.fixture
def settle(
    wecom_emulator: Emulator, authorised_app: Path, tmp_path: Path, unguarded: None
) -> Iterator[Callable[..., None]]:
    """Play a script through events and compare the end with a full sync."""
    shutil.copytree(authorised_app, tmp_path / "yardstick")
    number = count()
    with App(authorised_app) as app, App(tmp_path / "yardstick") as other:

        def settle(
            script: Sequence[Edit],
            seed: int,
            *,
            reconciles: bool,
            drops: float = 0.0,
            roots: Sequence[int] = (1,),
            without: Sequence[str] = (),
        ) -> None:
            corpid = f"wwconverges{next(number)}"
            wecom_emulator.add_corp(corpid, "企业", _organisation())
            rights: Any = {"permissions": EVERYTHING, "created_before_2022": True, "departments": roots}
            app.getElement("auths.QywxProxyAuth").authorize(wecom_emulator.authorize(corpid, SUITE, **rights))
            corp, yardstick = (_element(each, corpid) for each in (app, other))
            corp.erase()
            yardstick.erase()
            corp.syncCorp()
            enterprise = Enterprise(wecom_emulator, corp, random.Random(seed), drops, roots)
            for edit in script:
                enterprise.edit(*edit)
            enterprise.drain()
            if reconciles:
                corp.syncCorp()
            elif enterprise.wants_reconcile:
                # The others by whom an enterprise is told from another one are five at first.
                assert enterprise.most_left
                corp.syncCorp()
            yardstick.getClient = corp.getClient
            yardstick.syncCorp()
            assert rows(corp, without) == rows(yardstick, without)
            assert corp.syncCorp().changes == 0

        yield settle


def _element(app: App, corpid: str) -> Any:
    corp: Any = copy.copy(app.getElement("corps.CorpA"))
    corp.config = {**corp.config, "corpId": corpid}
    return corp


quickly = settings(
    max_examples=settings.default.max_examples // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@quickly
@given(script=scripts(), seed=st.integers(0, 2**16))
# Somebody else has the id before anybody looks.
@example(script=[("remove_member", 0, 0, 0), ("add_member", 0, 0, 0)], seed=0)
@example(script=[("rename_member", 0, 9, 0), ("add_member", 0, 0, 0)], seed=0)
# The old id is taken for gone before the rename is told.
@example(script=[("rename_member", 0, 6, 0), ("full_sync", 0, 0, 0)], seed=4)
# The last rename of a member is told before the first, or after the first has failed to find them.
@example(
    script=[
        ("rename_member", 0, 6, 0),
        ("quit_member", 0, 0, 0),
        ("add_member", 7, 0, 0),
        ("update_member", 0, 0, 0),
        ("rename_member", 4, 8, 0),
    ],
    seed=17,
)
@example(
    script=[
        ("rename_member", 0, 6, 0),
        ("remove_member", 0, 0, 0),
        ("add_member", 7, 0, 0),
        ("rename_member", 4, 9, 0),
    ],
    seed=7880,
)
# A department is read after somebody began to lead it, and he leaves before he is read.
@example(script=[("move_member", 1, 0, 0), ("move_member", 0, 0, 0), ("quit_member", 0, 0, 0)], seed=49)
# Most leave before anybody is told of the first.
@example(
    script=[
        ("remove_member", 0, 0, 0),
        ("quit_member", 0, 0, 0),
        *[("add_member", 0, 0, 0)] * 6,
        ("quit_member", 0, 0, 0),
        ("quit_member", 0, 0, 0),
    ],
    seed=0,
)
def test_events_alone_converge(settle: Callable[..., None], script: list[Edit], seed: int) -> None:
    """As long as every callback arrives at last, in whatever order and however often, nothing else is needed.

    Only where most members leave before anybody is told of the first, everything is read once more.
    """
    settle(script, seed, reconciles=False)


@quickly
@given(script=scripts(*UNANNOUNCED), seed=st.integers(0, 2**16), drops=st.sampled_from((0.1, 0.5, 1.0)))
def test_one_full_sync_heals_what_was_lost(
    settle: Callable[..., None], script: list[Edit], seed: int, drops: float
) -> None:
    """Callbacks that never arrive, and edits that WeCom announces with none, are made up for by one full sync."""
    settle(script, seed, reconciles=True, drops=drops)


@quickly
@given(script=scripts(), seed=st.integers(0, 2**16))
def test_a_part_of_an_enterprise_converges(settle: Callable[..., None], script: list[Edit], seed: int) -> None:
    """In a visible range without the root, events and one full sync come to the same end."""
    # A main department that went out of the range is not told any more, which never clears it.
    settle(script, seed, reconciles=True, roots=(2, 4), without=("mainDeptId",))


class Connected(Enterprise):
    """One whose callbacks are received, stored and worked off as on a server."""

    @property
    def most_left(self) -> bool:
        """Whether so many of the first six left that most of the others may not be found."""
        return sum(one not in self.org.members or self.org.members[one].gone for one in PEOPLE[:6]) >= 3

    def work_off(self, arrived: Sequence[Callback]) -> None:
        auth = self.corp.app.getElement(self.corp.authFullName)
        for callback in arrived:
            notify = partial(auth.notify, corpId=self.corp.corpId)
            assert callback.deliver(notify).reply == "success"


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(2))
def test_callbacks_through_the_journal_converge(
    authorised_app: Path, wecom_emulator: Emulator, tmp_path: Path, unguarded: None, seed: int
) -> None:
    """The same from the callback URL on: received, stored, taken up by the worker, fitted in."""
    chance = random.Random(seed)
    shutil.copytree(authorised_app, tmp_path / "yardstick")
    with App(authorised_app) as app, App(tmp_path / "yardstick") as other:
        corp, yardstick = app.getElement("corps.CorpA"), other.getElement("corps.CorpA")
        corp.syncCorp()
        enterprise = Connected(wecom_emulator, corp, chance)
        enterprise.org.strict = True
        worker = app.getElement(corp.authFullName).worker
        worker.serve(None)
        for _ in range(60):
            enterprise.edit(chance.choice(EDITS), *(chance.randint(0, 11) for _ in range(3)))
        enterprise.drain()
        assert worker.drain()
        yardstick.syncCorp()
        assert rows(corp) == rows(yardstick)


# Single stories


@pytest.fixture
def corp(authorised_app: Path, wecom_emulator: Emulator) -> Iterator[Any]:
    """The sample app's first organisation, synced; the record of calls is empty."""
    with App(authorised_app) as app:
        corp = app.getElement("corps.CorpA")
        corp.syncCorp()
        wecom_emulator.calls.clear()
        yield corp


def happen(corp: Any, wecom: Emulator, *changes: Change) -> Any:
    """The callbacks of edits arrive together and are worked off."""
    app = wecom.app(corp.corpId, SUITE)
    events = [parse_app_event(wecom.callbacks.change(app, each).plaintext.encode(), corp.corpId) for each in changes]
    return corp.sync_targets(work_of(events).targets)


def test_an_event_costs_five_calls(corp: Any, wecom_emulator: Emulator) -> None:
    """A change of a member, a department or a tag is fitted in with five calls, and says so.

    That somebody left takes two more: others have to be there all the same.
    """
    org = wecom_emulator.org(corp.corpId)
    for change in (
        org.update_member("user1", name="新名"),
        org.add_member("new", departments=(4,)),
        org.remove_member("user2"),
        org.update_department(4, name="销售部"),
        org.update_department(3, name="平台部"),
        org.tag(1, add_users=("user1",)),
    ):
        report = happen(corp, wecom_emulator, change)
        assert (report.status, report.calls) == ("ok", 7 if change.type == "delete_user" else 5), change.type
        assert report.changes > 0


def test_an_event_about_nothing_new_writes_nothing(corp: Any, wecom_emulator: Emulator) -> None:
    """A callback that comes again, or after a full sync, finds everything as it is."""
    change = wecom_emulator.org(corp.corpId).update_member("user1", name="新名")
    happen(corp, wecom_emulator, change)
    generation = corp.syncCorp().generation
    report = happen(corp, wecom_emulator, change)
    assert (report.changes, report.generation) == (0, generation)


def test_a_rename_keeps_the_person(corp: Any, wecom_emulator: Emulator) -> None:
    """The account and what a person here decided go with the member, whatever else happens on the way."""
    org = wecom_emulator.org(corp.corpId)
    corp.setUserRole("manager001", ["admin"])
    account = corp.getMember("manager001").userId
    renamed = org.rename_member("manager001", "manager.one")
    again = org.rename_member("manager.one", "manager.two")
    report = happen(corp, wecom_emulator, again, renamed, org.update_member("manager.two", name="经理"))
    assert report.status == "ok"
    member = corp.getMember("manager.two")
    assert (member.userId, member.name, member.status) == (account, "经理", 1)
    grants = corp.getLocalCorpData()["roleMemberSet"]
    assert {each["roleId"] for each in grants if each["memberId"] == "manager.two"} == {"admin", "tag:1", "tag:2"}
    assert [each.memberId for each in corp.getMembers() if each.userId == account] == ["manager.two"]


def test_a_rename_that_is_told_late_brings_everything_back(corp: Any, wecom_emulator: Emulator) -> None:
    """The old id was looked up before, and taken for gone: the rename gives back account and roles at once."""
    org = wecom_emulator.org(corp.corpId)
    account = corp.getMember("manager001").userId
    updated, renamed = org.update_member("manager001", name="经理"), org.rename_member("manager001", "manager.one")
    happen(corp, wecom_emulator, updated)
    assert corp.getMember("manager001").status == 2
    report = happen(corp, wecom_emulator, renamed)
    assert (report.status, corp.getMember("manager.one").userId) == ("ok", account)
    grants = corp.getLocalCorpData()["roleMemberSet"]
    assert {each["roleId"] for each in grants if each["memberId"] == "manager.one"} == {"tag:1", "tag:2"}


def test_a_late_rename_hands_over_nothing(corp: Any, wecom_emulator: Emulator) -> None:
    """The callback of a rename comes once more after somebody else got the old userid: each keeps the own account."""
    org = wecom_emulator.org(corp.corpId)
    renamed = org.rename_member("user1", "user.one")
    happen(corp, wecom_emulator, renamed)
    happen(corp, wecom_emulator, org.add_member("user1", "别人", departments=(4,)))
    accounts = {each.memberId: each.userId for each in corp.getMembers()}
    happen(corp, wecom_emulator, renamed)
    assert {each.memberId: each.userId for each in corp.getMembers()} == accounts


@pytest.mark.parametrize("errcode", [60011, 48002, 40003])
def test_a_delete_that_is_not_confirmed_removes_nobody(corp: Any, wecom_emulator: Emulator, errcode: int) -> None:
    """The event says that the member is gone, and WeCom will not say so: he stays, and everything is read again."""
    change = wecom_emulator.org(corp.corpId).remove_member("user1")
    wecom_emulator.faults.add("user/get", errcode=errcode)
    report = happen(corp, wecom_emulator, change)
    assert (report.status, corp.getMember("user1").status) == ("partial", 1)


def test_a_delete_event_about_somebody_who_is_there_removes_nobody(corp: Any, wecom_emulator: Emulator) -> None:
    """The member came back before anybody looked."""
    org = wecom_emulator.org(corp.corpId)
    change = org.quit_member("user1")
    org.rejoin_member("user1")
    assert happen(corp, wecom_emulator, change).status == "ok"
    assert corp.getMember("user1").status == 1


def test_nobody_goes_under_another_scope(corp: Any, wecom_emulator: Emulator) -> None:
    """When what the app may see has changed, additions go through and removals wait for a full reading."""
    org = wecom_emulator.org(corp.corpId)
    gone, new = org.remove_member("user1"), org.add_member("new", departments=(3,))
    wecom_emulator.set_visible_range(corp.corpId, (2, 4), suite_id=SUITE)
    report = happen(corp, wecom_emulator, gone, new)
    assert report.status == "partial"
    assert (corp.getMember("user1").status, corp.getMember("new").status) == (1, 1)


def test_a_failed_reading_changes_nothing(corp: Any, wecom_emulator: Emulator) -> None:
    """One call that fails fails them all, so that the callbacks are worked off again."""
    org = wecom_emulator.org(corp.corpId)
    changes = [org.remove_member("user1"), org.update_member("user2", name="新名")]
    wecom_emulator.faults.add("user/get", errcode=60020, at_call=2)
    before = rows(corp)
    with pytest.raises(SyncFailed):
        happen(corp, wecom_emulator, *changes)
    assert rows(corp) == before
