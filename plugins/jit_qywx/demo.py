"""``jit demo``: the main job from end to end, with nothing but this machine.

An emulator stands in for WeCom. The app is copied to a temporary folder and gets a database there, so that neither
the organisation nor the authorisations of the real app are touched.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jit_qywx.cli import EMULATED_SUITE, emulated_corps
from jitcore import App
from jitcore.errors import NotAnApp

if TYPE_CHECKING:
    from jit_corps.corp import Corp
    from jit_qywx.emulator import Emulator

__all__ = ["run_demo"]

AUTH = "auths.QywxProxyAuth"
CORPS = {"corps.CorpA": "示例甲科技有限公司", "corps.CorpB": "示例乙商贸有限公司"}
_DATABASE = "databases.Demo"
_LEFT_OUT = shutil.ignore_patterns("appData", "dist", "node_modules", "__pycache__", ".*")


def run_demo(path: str, *, members: int, departments: int, seed: str) -> int:
    """Sync two enterprises of the app at ``path`` from an emulator, show them, and sync them again.

    :param path: an app with the elements of the sample app.
    :param members: members of each enterprise.
    :param departments: departments of each.
    :param seed: decides names and shapes.
    :returns: exit code: 0, or 1 when the second run found something to change.
    """
    from jit_qywx.emulator import Emulator, Org

    for name in (AUTH, *CORPS):
        # Before anything is copied: the current folder may be anything.
        if not Path(path, *name.split("."), "e.json").is_file():
            raise NotAnApp(
                f"The demo needs the sample app, and {path} has no {name}.", hint="Run: jit --app sample_app demo"
            )
    with tempfile.TemporaryDirectory(prefix="jit-demo-") as folder, Emulator(seed=seed) as emulator:
        emulator.platform.suites.clear()
        emulator.suite = emulator.add_suite(*EMULATED_SUITE)
        for number, (corpid, title) in enumerate(zip(emulated_corps(2), CORPS.values(), strict=True)):
            # The second enterprise is half as big, so that the two can be told apart.
            share = number + 1
            org = Org.generate(f"{seed} {number}", members // share, max(1, departments // share), 3, root=title)
            emulator.add_corp(corpid, title, org)
        click.echo(f"WeCom emulator at {emulator.base_url} with two enterprises")
        with App(_copy(Path(path), Path(folder)), variables=_variables(emulator)) as app:
            _authorise(app, emulator)
            reports = [_sync_and_show(app.getElement(name)) for name in CORPS]
            click.echo(_heading("Once more, with nothing changed upstream"))
            again = [app.getElement(name).syncCorp() for name in CORPS]
            for report in again:
                click.echo(str(report))
    return 0 if all(each.status == "ok" for each in reports) and not any(each.changes for each in again) else 1


def _copy(source: Path, folder: Path) -> Path:
    """The app without its data, on a database of its own."""
    copy = Path(shutil.copytree(source, folder / "app", ignore=_LEFT_OUT))
    manifest_path = copy / "app.json"
    manifest: dict[str, Any] = json.loads(manifest_path.read_text("utf-8")) if manifest_path.exists() else {}
    manifest.setdefault("settings", {}).setdefault("defaultElement", {})["defaultDatabase"] = _DATABASE
    manifest_path.write_text(json.dumps(manifest, ensure_ascii=False), "utf-8")
    element = copy.joinpath(*_DATABASE.split("."))
    element.mkdir(parents=True)
    (element / "e.json").write_text(json.dumps({"type": "databases.SqliteType", "title": "Demo"}), "utf-8")
    (element / "Demo.json").write_text(json.dumps({"database": "appData/demo.db"}), "utf-8")
    return copy


def _variables(emulator: Emulator) -> dict[str, str]:
    """What the sample app's ``{{variables}}`` have to be to reach the emulator."""
    corp_a, corp_b = emulated_corps(2)
    return {
        "wecomApiBaseUrl": emulator.base_url,
        "suiteId": emulator.suite.id,
        "suiteSecret": emulator.suite.secret,
        "suiteToken": emulator.suite.token,
        "suiteEncodingAESKey": emulator.suite.aes_key,
        "qywxProxyCorpId": corp_a,
        "corpAId": corp_a,
        "corpBId": corp_b,
    }


def _authorise(app: App, emulator: Emulator) -> None:
    """Do what happens in real life when two enterprises install the app: WeCom calls back."""
    auth = app.getElement(AUTH)
    answer = emulator.push_ticket(auth.notify).reply
    click.echo(f"Callback suite_ticket: {answer}")
    for corpid, title in zip(emulated_corps(2), CORPS.values(), strict=True):
        answer = emulator.push_event(auth.notify, "create_auth", corpid).reply
        agentId = auth.getAuthorization(corpid).agentId
        click.echo(f"Callback create_auth: {answer}; {title} is authorised, AgentId {agentId}")


def _sync_and_show(corp: Corp) -> Any:
    from jit_corps.org_view import draw, outline, view_of

    click.echo(_heading(f"{corp.title} ({corp.corpFullName})"))
    report = corp.syncCorp()
    click.echo(str(report))
    view = view_of(corp)
    if sys.stdout.isatty():
        draw(view)
    else:
        for line in outline(view):
            click.echo(line)
    click.echo(f"{corp.corpFullName} has {len(corp.getMembers())} members, {len(corp.getMembers('active'))} active.")
    return report


def _heading(text: str) -> str:
    return "\n" + click.style(text, bold=True)
