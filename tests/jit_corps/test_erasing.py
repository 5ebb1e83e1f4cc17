"""Everything that is kept of an enterprise can be deleted, and nothing else is."""

from __future__ import annotations

import pytest

from jit_corps.checkpoints import Checkpoint
from jit_corps.edits import set_roles
from jit_corps.erasing import erase
from jit_corps.errors import SyncSuperseded
from jit_corps.fingerprints import Fingerprints, store
from jit_corps.models import MODELS, SyncLease, User
from jit_corps.rows import user_id
from tests.jit_corps.scripted import CORP, CORP_ID, crowd, named, snapshot


def test_no_row_of_the_corp_is_left(bench):
    """Domain, history, runs and observations; only the number of its claims stays, which is nobody's data."""
    bench.sync(snapshot(crowd(5), tags={"tag:1": ["m001"]}))
    bench.events(snapshot(crowd(4)), named("m004"))
    set_roles(bench.storage, CORP, "m001", ["admin"], strict=False)
    checkpoint = Checkpoint(bench.storage, CORP, CORP_ID, bench.clock, pack=lambda *it: it[1], unpack=lambda *it: it[1])
    for number in range(20):
        checkpoint.keep(str(number), [])
    checkpoint.interrupted()
    store(bench.storage, CORP, 1, Fingerprints("1", 0.0))
    counts = erase(bench.storage, CORP)
    assert counts["corp_member"] == counts["users"] == 5
    assert all(counts.values())
    assert set(counts) == {model._meta.table_name for model in MODELS} - {"corp_sync_lease"}
    for model in MODELS:
        if model is not SyncLease:
            assert bench.storage.models[model].select().count() == 0
    assert not any(erase(bench.storage, CORP).values())


def test_another_corp_and_shared_accounts_stay(bench, open_bench):
    """An account goes only when nobody else has it."""
    other = open_bench("corps.Other")
    for one in (bench, other):
        one.sync(snapshot(crowd(5)))
    before = other.state
    member = bench.storage.models.CorpMember
    shared = user_id("corps.Other", "m000")
    member.update(userId=shared).where((member.corpFullName == CORP) & (member.memberId == "m000")).execute()
    assert erase(bench.storage, CORP)["users"] == 4
    assert other.state == before
    user = bench.storage.models[User]
    assert user.get_by_id(shared).name == "M000"


def test_it_begins_again_from_nothing(bench):
    """The enterprise comes back one day."""
    bench.sync(snapshot(crowd(5)))
    erase(bench.storage, CORP)
    assert bench.sync(snapshot(crowd(5))).generation == 1


def test_a_run_under_way_publishes_nothing(bench):
    """Nor does it when another has begun since."""
    bench.sync(snapshot(crowd(5)))

    def fetch(known, *, confirm, progress):
        erase(bench.storage, CORP)
        bench.sync(snapshot(crowd(2)))
        return snapshot(crowd(5))

    with pytest.raises(SyncSuperseded):
        bench.sync(fetch)
    assert len(bench.state.members) == 2


def test_an_event_under_way_publishes_nothing(bench):
    """Nothing of the enterprise comes back by it."""
    bench.sync(snapshot(crowd(5)))

    def fetch(targets, *, progress):
        erase(bench.storage, CORP)
        return snapshot(crowd(5), targets=targets)

    bench.events(fetch, named("m001"))
    assert not bench.state.members


def test_the_element_erases_itself(shop):
    """The public method."""
    shop.upstream = snapshot(crowd(5))
    shop.syncCorp()
    assert shop.erase()["corp_member"] == 5
    assert shop.getMembers() == []
