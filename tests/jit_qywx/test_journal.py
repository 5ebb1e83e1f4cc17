"""The journal and the claims on it: stored once, worked on once at a time, free when the process is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import jit_qywx
from jit_corps.holders import this_process
from jit_qywx.callback import parse_app_event, parse_template_event
from jit_qywx.errors import CallbackUnknown, SecretUnreadable
from jit_qywx.journal import Journal
from jit_qywx.models import APP, MODELS, TEMPLATE, QywxCallback
from jitcore.storage import ModelSet, Storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import FakeTime

    from jit_qywx.claims import Claim
    from jit_qywx.encryption import SecretBox
    from jit_qywx.journal import Entry
    from tests.fixtures.databases import OpenDatabase

MIGRATIONS = Path(jit_qywx.__file__).parent / "migrations"
CORP, OTHER = "wwcorpa0000000", "wwcorpb0000000"


@pytest.fixture
def storage(open_database: OpenDatabase) -> Iterator[Storage]:
    """This plugin's tables, on SQLite and on PostgreSQL."""
    model_set = ModelSet("qywx", MODELS, MIGRATIONS)
    storage = Storage(open_database(model_set), [model_set])
    yield storage
    storage.close()


@pytest.fixture
def journal(storage: Storage, box: SecretBox, fake_time: FakeTime) -> Journal:
    """An empty journal."""
    return Journal(storage, box, "dksuite", fake_time.now)


def template(journal: Journal, kind: str, stamp: int = 1, corpId: str = "", **fields: str) -> Entry:
    if corpId:
        fields["AuthCorpId"] = corpId
    texts = "".join(f"<{name}>{text}</{name}>" for name, text in fields.items())
    message = f"<xml><InfoType>{kind}</InfoType><TimeStamp>{stamp}</TimeStamp>{texts}</xml>".encode()
    return journal.entry(TEMPLATE, parse_template_event(message), message)


def contact(journal: Journal, user: str, corpId: str = CORP) -> Entry:
    message = (
        "<xml><MsgType>event</MsgType><Event>change_contact</Event><CreateTime>1</CreateTime>"
        f"<ChangeType>update_user</ChangeType><UserID>{user}</UserID></xml>"
    ).encode()
    return journal.entry(APP, parse_app_event(message, corpId), message)


def states(journal: Journal) -> list[str]:
    return [record.state for record in reversed(journal.recent(None, 100))]


def users(journal: Journal, claims: list[Claim]) -> list[str]:
    return [journal.event(claim).fields["UserID"] for claim in claims]


@pytest.mark.every_database
def test_each_content_is_stored_once(journal: Journal) -> None:
    """Repeats in one commit and in later ones are told apart from what is new, and counted."""
    one, two = template(journal, "change_auth", 1), template(journal, "change_auth", 2)
    assert journal.write([one, two, one]) == [False, False, True]
    assert journal.write([two]) == [True]
    assert [record.repeats for record in journal.recent(None, 9)] == [1, 1]


def test_a_commit_costs_few_statements(journal: Journal, storage: Storage) -> None:
    """Two hundred events cost as many statements as one."""
    journal.write([template(journal, "change_auth", 0)])
    with storage.counting() as count:
        journal.write([template(journal, "change_auth", number) for number in range(1, 201)])
    assert count.total <= 6


def test_the_same_words_of_two_enterprises_are_two_events(journal: Journal) -> None:
    """Without the enterprise in the text, its URL tells them apart."""
    assert journal.write([contact(journal, "a"), contact(journal, "a", OTHER)]) == [False, False]


@pytest.mark.every_database
def test_a_repeat_reopens_a_contact_event_only(journal: Journal) -> None:
    """The same second may hold the same change twice; an auth code is good once."""
    entries = [template(journal, "change_auth", corpId=CORP), contact(journal, "a")]
    journal.write(entries)
    journal.claims.done(journal.claims.template())
    journal.claims.done(journal.claims.contacts(CORP))
    assert states(journal) == ["done", "done"]
    assert journal.write(entries) == [True, True]
    assert states(journal) == ["done", "received"]


def test_a_repeat_that_comes_during_the_work_is_worked_on(journal: Journal) -> None:
    """What was read may have been the state before the second change."""
    journal.write([contact(journal, "a"), contact(journal, "b")])
    claims = journal.claims.contacts(CORP)
    journal.write([contact(journal, "b")])
    journal.claims.done(claims)
    assert states(journal) == ["done", "received"]
    assert users(journal, journal.claims.contacts(CORP)) == ["b"]


@pytest.mark.every_database
def test_template_events_go_one_after_another(journal: Journal) -> None:
    """While one is worked on, nobody gets the next one; tickets do not wait for it and come together."""
    journal.write([template(journal, "create_auth", 1, AuthCode="c"), template(journal, "change_auth", 2, CORP)])
    [first] = journal.claims.template()
    assert (first.info_type, journal.claims.template()) == ("create_auth", [])
    journal.write([template(journal, "suite_ticket", number, SuiteTicket="t") for number in (3, 4)])
    tickets = journal.claims.template()
    assert [claim.info_type for claim in tickets] == ["suite_ticket", "suite_ticket"]
    journal.claims.done([first])
    assert [claim.info_type for claim in journal.claims.template()] == ["change_auth"]


def test_an_event_that_waits_holds_back_its_own_enterprise(journal: Journal, fake_time: FakeTime) -> None:
    """Order matters within an enterprise; others need not wait for it."""
    journal.write(
        [
            template(journal, "change_auth", 1, CORP),
            template(journal, "cancel_auth", 2, CORP),
            template(journal, "change_auth", 3, OTHER),
        ]
    )
    journal.claims.put_off(journal.claims.template(), "WeCom is away", 60)
    [other] = journal.claims.template()
    assert other.corpId == OTHER
    journal.claims.done([other])
    assert journal.claims.template() == []
    fake_time.passed += 61
    [again] = journal.claims.template()
    assert (again.corpId, again.info_type, again.attempt) == (CORP, "change_auth", 2)


def test_contact_events_are_taken_by_enterprise(journal: Journal) -> None:
    """All that wait for one enterprise come together, and nobody gets them twice."""
    journal.write([contact(journal, "a"), contact(journal, "b", OTHER), contact(journal, "c")])
    assert journal.claims.enterprises() == [CORP, OTHER]
    assert users(journal, journal.claims.contacts(CORP)) == ["a", "c"]
    assert journal.claims.contacts(CORP) == []
    assert journal.claims.enterprises() == [OTHER]


def test_events_that_failed_twice_are_tried_alone(journal: Journal) -> None:
    """One bad event must not take its neighbours along."""
    journal.write([contact(journal, user) for user in "abc"])
    for _ in range(2):
        journal.claims.put_off(journal.claims.contacts(CORP), "bad", 0)
    alone = journal.claims.contacts(CORP)
    assert users(journal, alone) == ["a"]
    journal.claims.park(alone, "bad")
    assert users(journal, journal.claims.contacts(CORP)) == ["b"]


def test_a_try_that_was_none_does_not_count(journal: Journal) -> None:
    """Waiting for a ticket, or for a quota, brings nobody nearer to being given up."""
    journal.write([contact(journal, "a")])
    for _ in range(7):
        [claim] = journal.claims.contacts(CORP)
        assert claim.attempt == 1
        journal.claims.put_off([claim], "no ticket", 0, counted=False)


@pytest.mark.every_database
def test_what_a_killed_process_held_is_free_at_once(journal: Journal, storage: Storage) -> None:
    """A claim names its process; when that is gone, the next look frees it."""
    journal.write([template(journal, "change_auth", 1, CORP)])
    [claim] = journal.claims.template()
    journal.claims.free_abandoned()
    assert journal.claims.template() == []
    code = "from jit_corps.holders import this_process; print(this_process())"
    gone = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    storage.update_rows(QywxCallback, ("id",), ("holder",), [(claim.id, gone)])
    journal.claims.free_abandoned()
    assert [one.id for one in journal.claims.template()] == [claim.id]


def test_what_an_invisible_process_held_is_free_after_a_while(
    journal: Journal, storage: Storage, fake_time: FakeTime
) -> None:
    """Of another machine nobody can tell, so time has to."""
    journal.write([template(journal, "change_auth", 1, CORP)])
    [claim] = journal.claims.template()
    storage.update_rows(QywxCallback, ("id",), ("holder",), [(claim.id, "process 1 on elsewhere [00000000.1]")])
    journal.claims.free_abandoned()
    assert journal.claims.template() == []
    fake_time.passed += 301
    journal.claims.free_abandoned()
    [again] = journal.claims.template()
    journal.claims.done([claim])
    assert states(journal) == ["working"], "whoever was taken for dead settles nothing"
    journal.claims.done([again])
    assert states(journal) == ["done"]


def test_a_claim_names_this_process(journal: Journal, storage: Storage) -> None:
    """So that the next process can tell whether it lives."""
    journal.write([contact(journal, "a")])
    journal.claims.contacts(CORP)
    model = storage.models[QywxCallback]
    assert storage.select_tuples(model.select(model.holder)) == [(this_process(),)]
    assert str(os.getpid()) in this_process()


def test_one_record_by_hand(journal: Journal) -> None:
    """A settled record can be taken again, one that somebody works on cannot."""
    journal.write([contact(journal, "a")])
    [claim] = journal.claims.contacts(CORP)
    assert journal.claims.one(claim.id) is None
    journal.claims.done([claim], "nothing to do")
    assert journal.get(claim.id).reason == "nothing to do"
    again = journal.claims.one(claim.id)
    assert again is not None
    assert again.attempt == 2


def test_only_what_is_settled_and_old_is_dropped(journal: Journal, fake_time: FakeTime) -> None:
    """Tickets go after a day, contact events after a week; what waits and what the suite was told stays."""
    journal.write([template(journal, "suite_ticket", 1, SuiteTicket="t"), template(journal, "change_auth", 2, CORP)])
    journal.claims.done(journal.claims.template())
    journal.claims.done(journal.claims.template())
    journal.write([contact(journal, "a")])
    journal.claims.done(journal.claims.contacts(CORP))
    journal.write([contact(journal, "b", OTHER)])
    fake_time.passed += 2 * 86_400
    journal.prune()
    assert [record.info_type for record in journal.recent(None, 9)] == [
        "change_contact",
        "change_contact",
        "change_auth",
    ]
    fake_time.passed += 6 * 86_400
    journal.prune()
    assert [(record.info_type, record.corpId) for record in journal.recent(None, 9)] == [
        ("change_contact", OTHER),
        ("change_auth", CORP),
    ]


def test_what_is_stored_is_sealed(journal: Journal, storage: Storage, tmp_path: Path) -> None:
    """A stolen database shows no ticket and no auth code; another key reads nothing."""
    journal.write([template(journal, "create_auth", 1, AuthCode="the-auth-code")])
    assert "the-auth-code" not in str(storage.database.execute_sql("SELECT * FROM jit_qywx_callback").fetchall())
    assert journal.fields(1)["AuthCode"] == "the-auth-code"
    from jit_qywx.encryption import open_box

    (tmp_path / "other").mkdir()
    stranger = Journal(storage, open_box(tmp_path / "other", {}), "dksuite", journal._now)
    with pytest.raises(SecretUnreadable):
        stranger.fields(1)


def test_suites_share_nothing(journal: Journal, storage: Storage, box: SecretBox, fake_time: FakeTime) -> None:
    """Another suite sees none of the records, whatever it asks."""
    other = Journal(storage, box, "dkother", fake_time.now)
    journal.write([template(journal, "change_auth", 1, CORP), contact(journal, "a")])
    assert other.write([template(other, "change_auth", 1, CORP)]) == [False]
    [claim] = other.claims.template()
    other.claims.done([claim])
    assert other.claims.enterprises() == []
    assert other.recent("received", 9) == []
    assert states(journal) == ["received", "received"]
    with pytest.raises(CallbackUnknown):
        other.get(1)
