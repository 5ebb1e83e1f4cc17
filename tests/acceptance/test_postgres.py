"""Two enterprises on PostgreSQL, as a provider runs them."""

from __future__ import annotations

import json

import pytest

from jitcore import App
from jitcore.errors import ArgumentError
from tests.fixtures.postgres import postgres_database, postgres_server  # noqa: F401 - fixtures


@pytest.fixture
def app(authorised_app, wecom_emulator, postgres_database, monkeypatch):  # noqa: F811 - the fixture
    """The sample app on a PostgreSQL of its own, its enterprises authorised there."""
    element = authorised_app / "databases" / "Default"
    element.mkdir(parents=True)
    (element / "e.json").write_text(json.dumps({"type": "databases.PgSqlType", "title": "Postgres"}))
    (element / "Default.json").write_text(json.dumps(postgres_database))
    with App(authorised_app) as opened:
        auth = opened.getElement("auths.QywxProxyAuth")
        wecom_emulator.push_ticket(auth.notify, "suite456")
        for corpid in ("corp123", "corp789"):
            wecom_emulator.push_event(auth.notify, "create_auth", corpid, suite_id="suite456")
        yield opened


def test_two_enterprises_share_the_tables_and_nothing_else(app):
    """Same ids in both, two organisations, and an unchanged run changes nothing."""
    corps = [app.getElement(name) for name in ("corps.CorpA", "corps.CorpB")]
    assert [corp.initCorp().status for corp in corps] == ["ok", "ok"]
    corps[0].offlineMember(["user1"])
    corps[0].setUserRole("user2", ["admin", "admin"])
    assert [corp.syncCorp().changes for corp in corps] == [0, 0]
    assert [corp.getMember("user1").status for corp in corps] == [2, 1]
    assert corps[0].getMember("user1").userId != corps[1].getMember("user1").userId
    assert [len(corp.getDepts()) for corp in corps] == [4, 4]


def test_characters_that_postgresql_refuses_stop_no_sync(app, wecom_emulator):
    """One spoilt name must not cost an enterprise its sync."""
    org = wecom_emulator.org("corp123")
    org.update_member("user1", name="坏\0名")
    org.update_department(2, name="研\0发部")
    org.rename_tag(next(iter(org.tags)), "管\0理员")
    corp = app.getElement("corps.CorpA")
    assert corp.syncCorp().status == "ok"
    assert (corp.getMember("user1").name, corp.getDept("2").name) == ("坏名", "研发部")


@pytest.mark.parametrize("odd", ["a\0b", "a\ud800b"])
def test_ids_that_postgresql_refuses_are_wrong_arguments(app, odd):
    """The caller's mistake is named as that, whatever the database."""
    corp = app.getElement("corps.CorpA")
    corp.syncCorp()
    for call in (corp.getMember, corp.getDept, lambda one: corp.setUserRole("user1", [one])):
        with pytest.raises(ArgumentError, match="NUL"):
            call(odd)
