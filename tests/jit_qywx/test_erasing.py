"""Erasing an enterprise: nothing of it remains but the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jit_qywx import errors
from jitcore import App
from jitcore.errors import JitError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jit_qywx.auths.loginTypes.QywxProxyType import QywxProxyAuth
    from jit_qywx.emulator import Emulator

CORP, OTHER = "corp123", "corp789"


@pytest.fixture
def app(authorised_app: Path) -> Iterator[App]:
    """The sample app with two synced enterprises; two of its elements are the first one."""
    with App(authorised_app) as app:
        for name in ("corps.CorpA", "corps.CorpB"):
            app.getElement(name).syncCorp()
        yield app


@pytest.fixture
def auth(app: App) -> QywxProxyAuth:
    """Its auth element."""
    auth: QywxProxyAuth = app.getElement("auths.QywxProxyAuth")
    return auth


def cancel(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    wecom_emulator.push_event(auth.notify, "cancel_auth", CORP, suite_id=auth.suiteId)
    auth.callbacks()


def rows_about(app: App) -> dict[str, int]:
    """How many rows of each table hold the enterprise's id or one of its elements' names.

    Not counted are the records of erasures, and the numbers that keep a run of before from publishing.
    """
    found = {}
    for table in app.database.get_tables():
        names = [column.name for column in app.database.get_columns(table)]
        wanted = [name for name in names if name in {"corpId", "corp_id", "corp_full_name", "corpFullName"}]
        if wanted and table not in {"jit_qywx_erasure", "corp_sync_lease"}:
            where = " OR ".join(f'"{name}" IN (?, ?, ?)' for name in wanted)
            told = [CORP, "corps.CorpA", "corps.MyQywxProxyCorp"] * len(wanted)
            found[table] = app.database.execute_sql(f'SELECT COUNT(*) FROM "{table}" WHERE {where}', told).fetchone()[0]
    return {table: count for table, count in found.items() if count}


def test_a_cancelled_enterprise_keeps_its_history(app: App, auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """Cancelling stops the sync with a clear error; members and their history stay."""
    before = len(app.getElement("corps.CorpA").getMembers())
    cancel(auth, wecom_emulator)
    with pytest.raises(JitError, match="cancelled"):
        app.getElement("corps.CorpA").syncCorp()
    assert len(app.getElement("corps.CorpA").getMembers()) == before > 0
    assert rows_about(app)["corp_member"] == before


def test_nothing_remains_but_the_record(app: App, auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """Organisation, accounts, secrets and callbacks are gone; the other enterprise has all of its own."""
    others = app.getElement("corps.CorpB").getMembers()
    cancel(auth, wecom_emulator)
    about = rows_about(app)
    assert about["corp_member"]
    assert about["jit_qywx_callback"]
    record = auth.erase(CORP)
    assert rows_about(app) == {}
    assert app.getElement("corps.CorpB").getMembers() == others
    assert (record.corpId, record.state, set(record.corps)) == (
        CORP,
        "cancelled",
        {"corps.CorpA", "corps.MyQywxProxyCorp"},
    )
    assert {table: record.counts[table] for table in about} == about
    assert auth.erasures() == [record]
    with pytest.raises(errors.CorpUnknown):
        auth.getClient(CORP)


def test_an_active_enterprise_is_not_erased_by_accident(app: App, auth: QywxProxyAuth) -> None:
    """Its data are in use: that is refused, nothing is touched, and the error names the way."""
    before = rows_about(app)
    with pytest.raises(errors.ErasureRefused) as caught:
        auth.erase(CORP)
    assert "--force" in str(caught.value.hint)
    assert rows_about(app) == before
    assert auth.erasures() == []


def test_force_erases_an_active_enterprise(app: App, auth: QywxProxyAuth) -> None:
    """For an enterprise whose cancellation never comes; its permanent code goes as well."""
    assert auth.erase(CORP, force=True).state == "active"
    assert rows_about(app) == {}


def test_a_failure_erases_nothing(
    app: App, auth: QywxProxyAuth, wecom_emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it or nothing: rows that went before the failure are back, and there is no record."""
    cancel(auth, wecom_emulator)
    before = rows_about(app)
    monkeypatch.setattr("jit_qywx.suite.Suite.erase", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        auth.erase(CORP)
    assert rows_about(app) == before
    assert auth.erasures() == []


def test_a_second_erasure_finds_nothing(app: App, auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """It is recorded as well, with nothing in it; an id that nobody knows is an error."""
    cancel(auth, wecom_emulator)
    auth.erase(CORP)
    second = auth.erase(CORP)
    assert (second.state, second.counts) == ("-", {})
    with pytest.raises(errors.CorpUnknown, match="wwnobody"):
        auth.erase("wwnobody")


def test_an_erased_enterprise_can_come_back(app: App, auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """Authorising again starts from nothing."""
    auth.erase(CORP, force=True)
    wecom_emulator.push_event(auth.notify, "create_auth", CORP, suite_id=auth.suiteId)
    auth.callbacks()
    assert auth.getAuthorization(CORP).state == "active"
    app.getElement("corps.CorpA").syncCorp()
    assert app.getElement("corps.CorpA").getMembers()


def test_two_suites_of_one_enterprise_are_two(app: App, auth: QywxProxyAuth) -> None:
    """Erasing is about one suite's enterprise; the other enterprise's authorization is untouched."""
    auth.erase(CORP, force=True)
    assert [one.corpId for one in auth.authorizations()] == [OTHER]
