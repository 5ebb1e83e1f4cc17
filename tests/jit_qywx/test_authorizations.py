"""The life of a grant, and permanent codes at rest."""

from __future__ import annotations

import base64
import logging
import re
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import peewee
import pytest

import jit_corps
import jit_qywx
from jit_qywx import errors
from jit_qywx.authorizations import Authorizations
from jit_qywx.encryption import KEY_VARIABLE, SecretBox, open_box
from jit_qywx.models import MODELS, QywxAuthorization
from jit_qywx.states import CANCELLED, GONE, STATES, SUSPENDED, TRANSITIONS
from jitcore.storage import ModelSet, Storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import FakeTime

    from jit_qywx.client import QywxProxyClient
    from jit_qywx.emulator import Emulator
    from jit_qywx.suite import Suite
    from tests.fixtures.databases import OpenDatabase

CORP = "wwcorpa0000000"
PAGE = Path(__file__).parents[2] / "docs" / "authorizations.md"
EDGES = {(before, row.after, cause) for cause, row in TRANSITIONS.items() for before in row.before}


@pytest.fixture
def storage(open_database: OpenDatabase) -> Iterator[Storage]:
    """The plugin's tables and the organisation's, on each kind of database."""
    qywx, corps = (Path(package.__file__).parent / "migrations" for package in (jit_qywx, jit_corps))
    sets = [ModelSet("corps", "jit_corps.models:MODELS", corps), ModelSet("qywx", MODELS, qywx)]
    storage = Storage(open_database(*sets), sets)
    yield storage
    storage.close()


@pytest.fixture
def authorizations(storage: Storage, box: SecretBox, fake_time: FakeTime) -> Authorizations:
    """The authorizations of a suite that nobody has authorised."""
    return Authorizations(storage, box, "dksuite", fake_time.now)


def put(authorizations: Authorizations, storage: Storage, state: str) -> None:
    """Have an enterprise in a state, without any transition."""
    authorizations.grant(CORP, "code", None, 0)
    if state == GONE:
        authorizations.erase(CORP)
    else:
        model = storage.models[QywxAuthorization]
        with storage.transaction():
            model.update(state=state, cause=None, stateAt=1.0).execute()


@pytest.mark.no_cover
@pytest.mark.parametrize("cause", [cause for cause in TRANSITIONS if cause != "erased"])
@pytest.mark.parametrize("before", [GONE, *STATES])
def test_only_the_table_decides(
    authorizations: Authorizations,
    storage: Storage,
    fake_time: FakeTime,
    caplog: pytest.LogCaptureFixture,
    before: str,
    cause: str,
) -> None:
    """What the table has happens, with its cause and moment; what it has not is ignored and logged."""
    put(authorizations, storage, before)
    caplog.set_level(logging.INFO, "jit_qywx")
    caplog.clear()
    row = TRANSITIONS[cause]
    allowed = before in row.before
    if cause == "authorised":
        authorizations.grant(CORP, "another code", None, 0)
    else:
        assert authorizations.change(CORP, cause, "told") is allowed
    found = authorizations.find(CORP)
    if not allowed:
        assert (GONE if found is None else found.state) == before
        assert f"Ignored for an authorization that is {before}: {cause}" in caplog.text
        return
    assert found is not None
    assert (found.state, found.cause) == (row.after, cause)
    assert found.since == (1.0 if before == row.after else fake_time.now())
    assert "Ignored" not in caplog.text
    assert (f"now {row.after}" in caplog.text) is (before != row.after)


def test_the_page_has_the_table() -> None:
    """The page tells every transition: from where, to where, and what tells us."""
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    told = {cause: (tuple(before.split(", ")), after, told_by) for cause, before, after, told_by in rows}
    assert told == {cause: (row.before, row.after, row.told_by) for cause, row in TRANSITIONS.items()}


def test_the_page_draws_the_table() -> None:
    """The drawing has an arrow for every transition that changes the state, and no other."""
    drawn = re.findall(r"^ +(\S+) --> (\S+)(?:: (.+))?$", PAGE.read_text("utf-8"), re.MULTILINE)
    arrows = {
        (GONE if a == "[*]" else a, GONE if b == "[*]" else b, cause) for a, b, cs in drawn for cause in cs.split(", ")
    }
    assert arrows == {edge for edge in EDGES if edge[0] != edge[1]}


def test_states_from_exchange_to_active(suite: Suite, wecom_emulator: Emulator) -> None:
    """An exchanged code is created; it is active once WeCom told what it opens."""
    wecom_emulator.add_corp(CORP, "示例企业")
    suite.exchange(wecom_emulator.authorize(CORP, state="customer42"))
    created = suite.authorizations.get(CORP)
    assert (created.state, created.agentId, created.linkState) == ("created", None, "customer42")
    active = suite.refresh(CORP)
    assert (active.state, active.cause, active.linkState) == ("active", "confirmed", "customer42")
    assert suite.states() == {"created": 0, "active": 1, "suspended": 0, "cancelled": 0, "parked": 0}


@pytest.mark.parametrize(
    ("errcode", "cause"), [(50003, "closed"), (48006, "withdrawn"), (48004, "refused"), (301007, "refused")]
)
def test_a_refused_call_suspends_until_one_is_answered(
    client: QywxProxyClient, suite: Suite, wecom_emulator: Emulator, errcode: int, cause: str
) -> None:
    """What WeCom says to an ordinary call is enough to know; so is that it answers again."""
    fault = wecom_emulator.faults.add("department/list", errcode=errcode)
    with pytest.raises(errors.AuthorizationLost):
        client.department.list()
    found = suite.authorizations.get(CORP)
    assert (found.state, found.cause) == ("suspended", cause)
    assert str(errcode) in str(found.reason)
    assert suite.stopped(CORP) is None
    wecom_emulator.faults.remove(fault)
    suite.client(CORP).department.list()
    found = suite.authorizations.get(CORP)
    assert (found.state, found.cause, found.reason) == ("active", "answered", None)


def test_many_refusals_are_written_once(client: QywxProxyClient, storage: Storage, wecom_emulator: Emulator) -> None:
    """A reading whose calls are all refused does not write each of them down."""
    wecom_emulator.faults.add("department/*", errcode=50003)
    with pytest.raises(errors.AuthorizationLost):
        client.department.list()
    with storage.counting() as count:
        for _ in range(3):
            with pytest.raises(errors.AuthorizationLost):
                client.department.list()
    assert count.writes == 0


def test_agent_get_tells_that_the_app_is_closed(
    client: QywxProxyClient, suite: Suite, wecom_emulator: Emulator
) -> None:
    """A closed app is noticed when its settings are read; answers that still come do not open it."""
    wecom_emulator.set_app(CORP, closed=True)
    client.agent.get()
    found = suite.authorizations.get(CORP)
    assert (found.state, found.cause) == ("suspended", "closed")
    wecom_emulator.set_app(CORP, closed=False)
    client.department.list()
    assert suite.authorizations.get(CORP).state == "suspended"
    client.agent.get()
    client.department.list()
    assert suite.authorizations.get(CORP).state == "active"


def test_inactive_app_is_suspended_and_resumed(client: QywxProxyClient, suite: Suite) -> None:
    """close_inactive_agent suspends, reopen_inactive_agent brings back; each says why."""
    assert suite.suspend(CORP, "the app was not used for long")
    found = suite.authorizations.get(CORP)
    assert (found.state, found.cause, found.reason) == ("suspended", "withdrawn", "the app was not used for long")
    assert suite.resume(CORP).state == "active"


def test_resuming_a_closed_app_leaves_it_suspended(
    client: QywxProxyClient, suite: Suite, wecom_emulator: Emulator
) -> None:
    """The authorisation of a closed app can be read all the same; that does not make it active."""
    wecom_emulator.set_app(CORP, closed=True)
    with pytest.raises(errors.AuthorizationLost):
        client.department.list()
    resumed = suite.resume(CORP)
    assert (resumed.state, resumed.cause) == ("suspended", "closed")


def test_a_cancelled_grant_is_not_touched_by_late_news(
    client: QywxProxyClient, suite: Suite, wecom_emulator: Emulator
) -> None:
    """Neither a refusal nor a withdrawal brings a cancelled grant back to suspended; it stops the sync, with why."""
    suite.cancel(CORP, 2**31)
    assert not suite.suspend(CORP, "late")
    assert suite.authorizations.find(CORP).state == CANCELLED  # type: ignore[union-attr]  # it is there
    assert suite.stopped(CORP) == "the enterprise cancelled it"
    assert suite.stopped("wwnobody") == "the enterprise has not authorised the suite"


def test_a_cancellation_older_than_the_grant_is_ignored(authorizations: Authorizations) -> None:
    """Events arrive out of order: the moment WeCom gave them decides."""
    authorizations.grant(CORP, "code", None, 100)
    assert not authorizations.cancel(CORP, 99)
    assert authorizations.cancel(CORP, 100)


@pytest.mark.every_database
def test_lost_becomes_suspended(tmp_path: Path, open_database: OpenDatabase) -> None:
    """A database of before gets the new states: what was lost is suspended, what was never read is created."""
    migrations = Path(jit_qywx.__file__).parent / "migrations"
    old = tmp_path / "old"
    old.mkdir()
    for path in migrations.glob("0001*.py"):
        shutil.copy(path, old)
    before = Storage(open_database(), [ModelSet("qywx", (), old)])
    rows = [("wwa", "3", "active"), ("wwb", "3", "lost"), ("wwc", "3", "cancelled"), ("wwd", None, "active")]
    names = ("suiteId", "corpId", "agentId", "state", "eventAt", "createdAt", "updatedAt")
    table: Any = peewee.Table("jit_qywx_authorization", names).bind(before.database)
    for corpId, agentId, state in rows:
        table.insert(dict(zip(names, ("dk", corpId, agentId, state, 0, 1, 2), strict=True))).execute()
    before.close()
    after = Storage(open_database(), [ModelSet("qywx", MODELS, migrations)])
    model: Any = after.models[QywxAuthorization]
    found = {row.corpId: (row.state, row.cause, row.stateAt) for row in model.select()}
    after.close()
    assert found == {
        "wwa": ("active", "confirmed", 2.0),
        "wwb": (SUSPENDED, "refused", 2.0),
        "wwc": ("cancelled", "cancelled", 2.0),
        "wwd": ("created", "authorised", 2.0),
    }


def test_a_former_key_can_be_given_up(storage: Storage, tmp_path: Path) -> None:
    """A code that is used while both keys are there is sealed with the new one from then on."""
    old, new = (base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2))

    def with_keys(keys: str) -> Authorizations:
        box: SecretBox = open_box(tmp_path, {KEY_VARIABLE: keys})
        return Authorizations(storage, box, "dksuite", lambda: 1.0)

    for corpId in ("wwused", "wwidle"):
        with_keys(old).grant(corpId, f"code of {corpId}", None, 0)
    assert with_keys(f"{new},{old}").permanent_code("wwused") == "code of wwused"
    assert with_keys(new).permanent_code("wwused") == "code of wwused"
    with pytest.raises(errors.SecretUnreadable):
        with_keys(new).permanent_code("wwidle")
