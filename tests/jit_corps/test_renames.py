"""A member with another id is the same person: account, roles by hand and decisions go along."""

from __future__ import annotations

import pytest

from jit_corps.edits import set_offline, set_roles
from jit_corps.history import replay
from jit_corps.plan import make_plan
from jit_corps.rows import GrantRow, LocalState, user_id
from jit_corps.snapshot import MEMBERS
from tests.jit_corps.applying import applied
from tests.jit_corps.scripted import CORP, crowd, member, named, only, snapshot
from tests.jit_corps.test_publish import table_rows

TAGS = {"tag:1": ["ann"]}


def renamed(bench, told, targets=None, tags=None):
    return bench.events(snapshot(told, tags=tags or {"tag:1": ["anna"]}), targets or named(ann="anna", roles=["tag:1"]))


def people(*others):
    return [*crowd(5), *others]


def test_a_renamed_member_keeps_everything(bench):
    """Account, memberships, tags, roles by hand and the decision to be offline."""
    bench.sync(snapshot(people(member("ann", "1")), tags=TAGS))
    set_roles(bench.storage, CORP, "ann", ["admin"], strict=False)
    set_offline(bench.storage, CORP, ["ann"], offline=True)
    old = bench.state.members["ann"]
    report = renamed(bench, people(member("anna", "1")))
    state = bench.state
    assert "ann" not in state.members
    assert state.members["anna"] == old._replace(memberId="anna", name="Anna")
    assert state.members["anna"].userId == user_id(CORP, "ann")
    assert state.grants == {GrantRow("admin", "anna", "manual"), GrantRow("tag:1", "anna", "tag")}
    assert {key for key in state.memberships if key[1] in ("ann", "anna")} == {("1", "anna")}
    assert report.conflicts == ()
    assert bench.storage.models.User.get_by_id(old.userId).name == "Anna"


def test_the_history_follows_the_rename(bench):
    """Replayed, it gives the same rows."""
    bench.sync(snapshot(people(member("ann", "1")), tags=TAGS))
    renamed(bench, people(member("anna", "1")))
    replayed = replay(bench.storage, CORP)
    for kind, rows in table_rows(bench.state).items():
        assert replayed[kind].keys() == rows.keys()


def test_a_rename_is_no_departure(bench):
    """The guard counts nobody, however many are renamed."""
    bench.sync(snapshot(crowd(20)))
    pairs = {f"m{number:03}": f"n{number:03}" for number in range(20)}
    told = snapshot([member(new, "1") for new in pairs.values()])
    report = bench.events(told, named(**pairs))
    assert (report.status, len(bench.state.members)) == ("ok", 20)
    assert {row.status for row in bench.state.members.values()} == {1}


@pytest.mark.parametrize("again", [named(ann="anna"), named("ann"), named("anna")])
def test_a_rename_told_again_changes_nothing(bench, again):
    """Whichever id is named."""
    bench.sync(snapshot(people(member("ann", "1")), tags=TAGS))
    renamed(bench, people(member("anna", "1")))
    assert renamed(bench, people(member("anna", "1")), again).changes == 0


def test_somebody_known_under_the_new_id_takes_over_the_account(bench):
    """The member's own event came first; the account that it made is let go."""
    bench.sync(snapshot(people(member("ann", "1"))))
    set_roles(bench.storage, CORP, "ann", ["admin"], strict=False)
    bench.events(snapshot(people(member("anna", "1"))), named("anna"))
    assert bench.state.members["anna"].userId == user_id(CORP, "anna")
    renamed(bench, people(member("anna", "1")), named(ann="anna"))
    assert bench.state.members["anna"].userId == user_id(CORP, "ann")
    assert GrantRow("admin", "anna", "manual") in bench.state.grants
    assert "ann" not in bench.state.members
    user = bench.storage.models.User
    assert user.get_or_none(user.userId == user_id(CORP, "anna")) is None


def test_two_about_whom_people_decided_both_stay(bench, caplog):
    """Nobody can say which decision goes on, so the report names the two."""
    bench.sync(snapshot(people(member("ann", "1"))))
    bench.events(snapshot(people(member("anna", "1"))), named("anna"))
    set_offline(bench.storage, CORP, ["anna"], offline=True)
    report = renamed(bench, people(member("anna", "1")), named(ann="anna"))
    assert report.conflicts == ("'ann' is 'anna' now, but people here have decided about both",)
    assert "conflict: 'ann'" in str(report)
    assert report.as_dict()["conflicts"]
    assert "conflict in corp=corps.Shop" in caplog.text
    assert bench.state.members["anna"].userId == user_id(CORP, "anna")
    assert bench.state.members["ann"].presence == "absent"


def test_a_role_by_hand_is_a_decision_too(bench):
    """As being offline is."""
    bench.sync(snapshot(people(member("ann", "1"), member("anna", "1"))))
    set_roles(bench.storage, CORP, "anna", ["admin"], strict=False)
    assert renamed(bench, people(member("anna", "1")), named(ann="anna")).conflicts


def test_who_is_still_listed_was_not_renamed(bench):
    """Upstream's word now counts more than an event's."""
    bench.sync(snapshot(people(member("ann", "1"))))
    report = renamed(bench, people(member("ann", "1"), member("anna", "1")), named(ann="anna"))
    assert report.counts[MEMBERS] == {"added": 1, "updated": 0, "removed": 0}
    assert bench.state.members["anna"].userId != bench.state.members["ann"].userId


def test_a_member_renamed_twice_is_found_under_the_newest_id(bench):
    """Both events are read at once; a ring ends."""
    bench.sync(snapshot(people(member("ann", "1"))))
    renamed(bench, people(member("cy", "1")), named(ann="bo", bo="cy"))
    assert bench.state.members["cy"].userId == user_id(CORP, "ann")
    renamed(bench, people(), named(cy="bo", bo="cy"))
    assert bench.state.members["cy"].presence == "absent"


def test_a_rename_and_a_departure_at_once(bench):
    """Who is renamed and disabled is offline under the new id."""
    bench.sync(snapshot(people(member("ann", "1"))))
    renamed(bench, people(member("anna", "1", active=False, reason="quit")), named(ann="anna"))
    row = bench.state.members["anna"]
    assert (row.userId, row.reason) == (user_id(CORP, "ann"), "quit")


def test_a_rename_read_before_something_newer_is_left_alone(bench, open_bench):
    """The newer reading has decided."""
    bench.sync(snapshot(people(member("ann", "1"))))
    other = open_bench()

    def slow(targets, *, progress):
        bench.clock.pass_(1)
        other.events(snapshot(people(member("ann", "1"))), named("ann"))
        return only(snapshot(people(member("anna", "1"))), targets)

    bench.events(slow, named(ann="anna"))
    assert bench.state.members["ann"].status == 1


# In a full sync, by the provider's own id of the person


def after(told, state=LocalState(CORP, "Shop")):  # noqa: B008 - frozen
    return applied(make_plan(told, state), state)


ANN = member("ann", "1", openUserId="open-1")
ANNA = member("anna", "1", openUserId="open-1")


def test_a_full_sync_knows_the_person_by_the_providers_own_id():
    """The event was lost; the person is the same."""
    state = after(snapshot(people(ANN)))
    plan = make_plan(snapshot(people(ANNA)), state)
    assert applied(plan, state).members["anna"].userId == state.members["ann"].userId
    assert plan.kinds[MEMBERS].own_removals == 0
    assert make_plan(snapshot(people(ANNA)), applied(plan, state)).empty


def test_a_full_sync_joins_two_accounts_of_one_person():
    """The old id was taken for gone and the new one for somebody else, until the full sync."""
    state = after(snapshot(people(ANN)))
    both = after(snapshot(people(ANNA._replace(openUserId=None))), state)
    joined = after(snapshot(people(ANNA)), both)
    assert "ann" not in joined.members
    assert joined.members["anna"].userId == user_id(CORP, "ann")


@pytest.mark.parametrize(
    "told",
    [
        people(ANNA, ANNA._replace(memberId="other")),
        people(ANNA._replace(openUserId=None)),
        people(ANN, ANNA),
        people(),
    ],
    ids=["two new ones", "not told", "still listed", "nobody"],
)
def test_a_doubtful_identity_is_none(told):
    """Accounts are not handed over on a guess."""
    state = after(snapshot(people(ANN)))
    row = after(snapshot(told), state).members.get("anna")
    assert row is None or row.userId == user_id(CORP, "anna")


def test_two_old_members_with_one_identity_tell_nothing():
    """Neither is taken for the new one."""
    state = after(snapshot(people(ANN, ANN._replace(memberId="bo"))))
    assert after(snapshot(people(ANNA)), state).members["anna"].userId == user_id(CORP, "anna")
