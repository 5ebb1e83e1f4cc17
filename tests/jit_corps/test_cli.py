"""``jit sync``, ``jit org``, ``jit pin-member`` and ``jit runs``, for people and for programs."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
import pytest
from click.testing import CliRunner

from jit_corps.cli import org, pin_member, runs, sync, unpin_member
from jitcore.errors import ArgumentError, ElementNotFound
from tests.jit_corps.conftest import APP_FILES
from tests.jit_corps.scripted import CORP_ID, crowd, depts, member, snapshot

TOLD = snapshot(
    [member("ann", "2", "1"), member("bo", "2", active=False), member("cy", name=None)],
    departments=depts(d1=None, d2="1", d3="9"),
    tags={"tag:1": ["ann"]},
    calls=4,
)


@pytest.fixture
def app(open_app):
    """Two organisations, of which the second cannot be read."""
    files = {
        **APP_FILES,
        "corps/Other/e.json": {"type": "corps.ScriptedType", "title": "Other"},
        "corps/Other/Other.json": {"corpId": "wwother", "authFullName": "auths.OtherAuth"},
    }
    app = open_app(files)
    app.getElement("corps.Shop").upstream = TOLD
    app.getElement("corps.Other").upstream = RuntimeError("no network")
    return app


def jit(app: Any, command: Any, *words: str) -> Any:
    """Run a command on the app, as the root group does."""
    return CliRunner().invoke(command, words, obj=lambda: app, standalone_mode=False)


def test_sync_takes_all_organisations_and_goes_on_after_a_failure(app):
    """The others are synced, and the exit code says that one was not."""
    done = jit(app, sync)
    assert done.return_value == 1
    assert "corps.Shop: ok, departments +3" in done.stdout
    assert "error[sync-failed]" in done.stderr
    assert "corps.Other was not synced" in done.stderr
    assert len(app.getElement("corps.Shop").getMembers()) == 3


def test_sync_takes_the_named_ones(app):
    """Only these, and exit 0 when they went well."""
    done = jit(app, sync, "corps.Shop")
    assert done.return_value == 0
    assert "Other" not in done.output


def test_sync_prints_json_for_a_program(app):
    """One entry for each organisation, failed ones too."""
    done = jit(app, sync, "--json")
    other, shop = json.loads(done.stdout)
    assert (other["corpFullName"], other["status"], other["code"]) == ("corps.Other", "failed", "sync-failed")
    assert (shop["corpFullName"], shop["status"], shop["calls"]) == ("corps.Shop", "ok", 4)
    assert done.return_value == 1


def test_sync_plans_without_changing_anything(app):
    """--plan shows the changes; as JSON every record's."""
    done = jit(app, sync, "corps.Shop", "--plan")
    assert done.stdout.startswith("corps.Shop: departments +3")
    (plan,) = json.loads(jit(app, sync, "corps.Shop", "--plan", "--json").stdout)
    assert {change["action"] for change in plan["changes"]} == {"add"}
    assert app.getElement("corps.Shop").getMembers() == []


def test_sync_approves(app):
    """--approve N lets so many go."""
    shop = app.getElement("corps.Shop")
    shop.upstream = snapshot(crowd(20))
    jit(app, sync, "corps.Shop")
    shop.upstream = snapshot(crowd(10))
    assert "withheld members: 10 of 20" in jit(app, sync, "corps.Shop").stdout
    assert "withheld" not in jit(app, sync, "corps.Shop", "--approve", "10").stdout


def test_sync_of_an_unknown_name_fails_like_any_other(app):
    """The rest is synced."""
    done = jit(app, sync, "corps.Shopp", "corps.Shop")
    assert done.return_value == 1
    assert "error[element-not-found]" in done.stderr
    assert "corps.Shop: ok" in done.stdout


def test_sync_of_something_else_is_refused(app):
    """A Type is no organisation."""
    assert "corps.ScriptedType is no organisation" in jit(app, sync, "corps.ScriptedType").stderr


def test_sync_does_not_pass_over_a_broken_organisation(open_app):
    """An element that cannot be read is a failure, not an absence; Types are no organisations."""
    files = {**APP_FILES, "corps/Broken/e.json": "{", "corps/Shop/Shop.json": "{"}
    done = jit(open_app(files, name="broken"), sync, "--json")
    assert {entry["corpFullName"]: entry["code"] for entry in json.loads(done.stdout)} == {
        "corps.Broken": "element-invalid",
        "corps.Shop": "element-invalid",
    }
    assert done.return_value == 1


def test_an_app_without_organisations_says_so(open_app):
    """Nothing to do is no error."""
    app = open_app({"app.json": {"name": "empty"}}, name="empty")
    done = jit(app, sync)
    assert (done.return_value, done.stdout) == (0, "The app has no organisation.\n")


def test_org_shows_the_tree_with_members_and_roles(app):
    """Plain text when it is not a terminal."""
    jit(app, sync, "corps.Shop")
    assert jit(app, org, "corps.Shop").stdout.splitlines() == [
        "The Shop (corps.Shop): 3 departments, 2 active, 1 offline",
        "Dept 1 (1)/",
        "  Ann (ann) [roles: Role tag:1]",
        "  Dept 2 (2)/",
        "    Ann (ann) [roles: Role tag:1]",
        "    Bo (bo) [offline: disabled]",
        "  Dept 3 (3) [its parent is not in sight]/",
        "(in no department)/",
        "  cy",
    ]


def test_org_prints_json_for_a_program(app):
    """Departments top-down with their members."""
    jit(app, sync, "corps.Shop")
    shown = json.loads(jit(app, org, "corps.Shop", "--json").stdout)
    assert (shown["title"], shown["active"], shown["offline"]) == ("The Shop", 2, 1)
    assert [(one["deptId"], one["parentId"], one["depth"]) for one in shown["departments"]] == [
        ("1", None, 0),
        ("2", "1", 1),
        ("3", "1", 1),
        (None, None, 0),
    ]
    assert shown["departments"][1]["members"][0]["roles"] == ["Role tag:1"]


def test_org_draws_on_a_terminal(app, capsys, monkeypatch):
    """The same, drawn with guides."""
    jit(app, sync, "corps.Shop")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert org.callback is not None
    with click.Context(org, obj=lambda: app):
        org.callback("corps.Shop", as_json=False)
    drawn = capsys.readouterr().out
    assert "├── \x1b[36mDept 1 (1)" in drawn
    assert "Bo (bo) [offline: disabled]" in drawn


def test_org_marks_what_is_out_of_sight(app):
    """Invisible departments and members, and unconfirmed ones."""
    shop = app.getElement("corps.Shop")
    shop.upstream = snapshot([member("ann", "2"), member("bo", "1")], departments=depts(d1=None, d2="1"), scope="wide")
    jit(app, sync, "corps.Shop")
    shop.upstream = snapshot([member("bo", "1")], departments=depts(d1=None), scope="narrow")
    jit(app, sync, "corps.Shop")
    shown = jit(app, org, "corps.Shop").stdout
    assert "Dept 2 (2) [invisible]/" in shown
    assert "Ann (ann) [invisible]" in shown


def test_org_draws_a_very_deep_tree(app):
    """Deeper than Python recurses."""
    shop = app.getElement("corps.Shop")
    chain = {f"d{number}": str(number - 1) if number > 1 else None for number in range(1, 1500)}
    shop.upstream = snapshot(departments=depts(**chain))
    jit(app, sync, "corps.Shop")
    assert len(jit(app, org, "corps.Shop").stdout.splitlines()) == 1500
    assert len(json.loads(jit(app, org, "corps.Shop", "--json").stdout)["departments"]) == 1499


def test_org_of_an_unknown_name_raises_for_the_root_group(app):
    """Which shows it without a traceback."""
    assert isinstance(jit(app, org, "corps.Nope").exception, ElementNotFound)
    assert isinstance(jit(app, org, "corps.Meta").exception, ArgumentError)


def test_runs_lists_the_newest_first(app):
    """How each ended, what it changed, what it cost."""
    jit(app, sync, "corps.Shop")
    jit(app, sync, "corps.Shop")
    head, newest, first = jit(app, runs, "corps.Shop").stdout.splitlines()
    assert head.split()[:5] == ["run", "started", "(UTC)", "action", "status"]
    assert head.split()[5:] == ["changes", "calls", "seconds", "generation", "remarks"]
    assert newest.split()[0] == "2"
    assert first.split()[2:6] == ["sync", "ok", "11", "4"]


def test_runs_says_why_one_failed_and_what_was_withheld(app):
    """In the remarks."""
    jit(app, sync, "corps.Other")
    assert "failed" in jit(app, runs, "corps.Other").stdout
    assert "RuntimeError" in jit(app, runs, "corps.Other").stdout
    shop = app.getElement("corps.Shop")
    shop.upstream = snapshot(crowd(20))
    jit(app, sync, "corps.Shop")
    shop.upstream = snapshot(crowd(10), incomplete=("grants: errcode 48002",))
    jit(app, sync, "corps.Shop")
    assert "withheld 10 members, incomplete grants: errcode 48002" in jit(app, runs, "corps.Shop").stdout


def test_runs_prints_json_for_a_program(app):
    """Plain values, times in UTC."""
    jit(app, sync, "corps.Shop")
    (run,) = json.loads(jit(app, runs, "corps.Shop", "--json", "--limit", "1").stdout)
    assert (run["status"], run["calls"], run["counts"]["members"]["added"]) == ("ok", 4, 3)
    assert run["startedAt"].endswith("Z")


def test_runs_of_a_corp_that_never_ran(app):
    """Said in words, and as an empty list."""
    assert jit(app, runs, "corps.Shop").stdout == "No run yet.\n"
    assert json.loads(jit(app, runs, "corps.Shop", "--json").stdout) == []


def test_a_running_run_is_listed_with_what_is_known(app):
    """Dashes for what is not known yet."""
    seen = []

    def upstream(known, *, confirm, progress):
        seen.append(jit(app, runs, "corps.Shop").stdout)
        return TOLD

    app.getElement("corps.Shop").upstream = upstream
    jit(app, sync, "corps.Shop")
    assert seen[0].splitlines()[1].split()[2:] == ["sync", "running", "-", "-", "-", "-"]


def test_the_commands_are_part_of_jit(app):
    """Through the plugin's hook, imported only when they run."""
    from jitcore.cli.root import root

    done = CliRunner().invoke(root, ["--app", str(app.path), "runs", "corps.Shop"], standalone_mode=False)
    assert done.stdout == "No run yet.\n"
    assert CORP_ID not in done.stdout


def test_pins_at_a_prompt(app):
    """What is kept is said, with what upstream says of it, and stays through syncs until it is released."""
    shop = app.getElement("corps.Shop")
    shop.syncCorp()
    name = shop.getMember("ann").name
    done = jit(app, pin_member, "corps.Shop", "ann", "name=Anna=A", "status=active")
    assert done.stdout == f"ann of corps.Shop: kept here name=Anna=A (upstream: {name}), status=active\n"
    shop.upstream = snapshot(crowd(4), departments=depts(d1=None))
    shop.syncCorp(approve=10)
    assert (shop.getMember("ann").name, shop.getMember("ann").active) == ("Anna=A", True)
    told = json.loads(jit(app, unpin_member, "corps.Shop", "ann", "name", "--json").stdout)
    assert told == {
        "corpFullName": "corps.Shop",
        "memberId": "ann",
        "pins": {"status": {"kept": "active", "upstream": None}},
    }
    assert jit(app, unpin_member, "corps.Shop", "ann").stdout == "ann of corps.Shop: nothing is kept here\n"
    assert (shop.getMember("ann").name, shop.getMember("ann").active) == (name, False)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("ann", "name"), "'name' is no FIELD=VALUE"),
        (("ann", "name=a", "name=b"), "name is given twice"),
        (("ann", "nmae=a"), "Did you mean 'name'?"),
        (("ann", "memberId=bo"), "'memberId' of a member cannot be pinned"),
        (("ann", "status=offline"), "A pinned status is 'active'"),
        (("an", "name=a"), "ann"),
    ],
)
def test_a_pin_that_cannot_be(app, words, says):
    """The error says why, and nothing is changed."""
    app.getElement("corps.Shop").syncCorp()
    before = app.getElement("corps.Shop").getMember("ann").__data__
    done = jit(app, pin_member, "corps.Shop", *words)
    assert says in str(done.exception) + str(getattr(done.exception, "hint", ""))
    assert app.getElement("corps.Shop").getMember("ann").__data__ == before


def test_unpinning_what_is_no_field(app):
    """A field that cannot be pinned is an error, one that is not pinned is none."""
    app.getElement("corps.Shop").syncCorp()
    assert isinstance(jit(app, unpin_member, "corps.Shop", "ann", "salary").exception, ArgumentError)
    assert jit(app, unpin_member, "corps.Shop", "ann", "avatar").exception is None
