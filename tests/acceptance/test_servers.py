"""What the page about corps.QywxProxyType promises, with the App's tables on a real server: PostgreSQL, or MariaDB."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import peewee
import pytest

from jitcore import App
from jitcore.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


#: The Type, what its business file calls the kind, the fixtures, the key of the database's name, and who connects.
POSTGRESQL = ("databases.PgSqlType", "PgSQL", "postgres", "dbname", "postgres")
MARIADB = ("databases.MySQLType", "MySQL", "mariadb", "database", "jit")
EACH = pytest.mark.parametrize("app", [POSTGRESQL, MARIADB], indirect=True, ids=["postgresql", "mariadb"])


@pytest.fixture
def app(request: pytest.FixtureRequest, authorised_app: Path, wecom_emulator: Any) -> Iterator[App]:
    """The sample app with a `databases/Default` of its own: a server, reached by address and password."""
    type_, kind, fixture, key, user = getattr(request, "param", POSTGRESQL)
    server, database = (request.getfixturevalue(f"{fixture}_{what}") for what in ("server", "database"))
    folder = authorised_app / "databases" / "Default"
    folder.mkdir(parents=True)
    (folder / "e.json").write_text(json.dumps({"type": type_, "title": "Server", "version": "1.0.0"}))
    config = {
        "host": "127.0.0.1",
        "port": str(server.port),
        "user": user,
        "password": "{{databasePassword}}",
        key: database["database"],
    }
    (folder / "Default.json").write_text(json.dumps({"dbType": kind, "dbAlias": "Server", "dbConfig": config}))
    with App(authorised_app, variables={"databasePassword": server.password}) as opened:
        # What the enterprises' authorisations left was kept in the database that the app had before.
        auth = opened.getElement("auths.QywxProxyAuth")
        wecom_emulator.push_ticket(auth.notify, "suite456")
        for corpid in ("corp123", "corp789"):
            wecom_emulator.push_event(auth.notify, "create_auth", corpid, suite_id="suite456")
        yield opened


@EACH
def test_the_page_runs_on_a_server(app: App) -> None:
    """The organisation is initialised, synced, read and edited, and a second sync finds nothing to do."""
    corp = app.getElement("corps.MyQywxProxyCorp")
    corp.initCorp()
    report = corp.syncCorp()

    assert isinstance(app.database, (peewee.PostgresqlDatabase, peewee.MySQLDatabase))
    assert report.changes == 0
    assert corp.getRootDept().name == "总部"
    assert [dept.name for dept in corp.getDepts()] == ["总部", "市场部", "研发部", "平台组"]
    assert corp.getDept("2").name == "研发部"
    assert corp.getMember("member123").name == "成员0"
    assert all(member.userId for member in corp.getMembers())


@EACH
def test_edits_survive_the_next_sync_on_a_server(app: App) -> None:
    """Roles are replaced, members set offline stay so, and the other enterprise is untouched."""
    corp, other = app.getElement("corps.MyQywxProxyCorp"), app.getElement("corps.CorpB")
    corp.initCorp()
    other.syncCorp()
    corp.setUserRole("user1", ["role1", "role2"])
    corp.setUserRole("user1", ["role3"])
    corp.offlineMember(["member1", "member2"])
    corp.syncCorp()

    roles = app.models.CorpRoleMember
    mine = roles.select().where(roles.corpFullName == corp.corpFullName, roles.memberId == "user1")
    assert "role3" in {row.roleId for row in mine}
    assert not {"role1", "role2"} & {row.roleId for row in mine}
    assert sorted(member.memberId for member in corp.getMembers(status="offline")) == ["member1", "member2"]
    assert len(corp.getMembers(status="active")) == 5
    assert len(other.getMembers(status="active")) == 7


def test_data_from_upstream_registers_on_postgresql(app: App) -> None:
    """getThirdCorpData and bulkRegister do together what initCorp does."""
    corp = app.getElement("corps.MyQywxProxyCorp")
    data = corp.getThirdCorpData()
    corp.bulkRegister(data)

    assert data["corpName"] == "示例甲公司"
    assert len(corp.getMembers(status="active")) == len(data["memberList"]) == 7


@EACH
def test_characters_that_postgresql_refuses_stop_no_sync(app: App, wecom_emulator: Any) -> None:
    """One spoilt name must not cost an enterprise its sync."""
    org = wecom_emulator.org("corp123")
    org.update_member("user1", name="坏\0名")
    org.update_department(2, name="研\0发部")
    org.rename_tag(next(iter(org.tags)), "管\0理员")
    corp = app.getElement("corps.CorpA")

    assert corp.syncCorp().status == "ok"
    assert (corp.getMember("user1").name, corp.getDept("2").name) == ("坏名", "研发部")


@pytest.mark.parametrize("odd", ["a\0b", "a\ud800b"])
def test_ids_that_postgresql_refuses_are_wrong_arguments(app: App, odd: str) -> None:
    """The caller's mistake is named as that, whatever the database."""
    corp = app.getElement("corps.CorpA")
    corp.syncCorp()
    for call in (corp.getMember, corp.getDept, lambda one: corp.setUserRole("user1", [one])):
        with pytest.raises(ArgumentError, match="NUL"):
            call(odd)
