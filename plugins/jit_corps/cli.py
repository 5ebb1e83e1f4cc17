"""The commands that work on organisations: ``jit sync``, ``jit org``, ``jit runs``.

Each prints a view for people, or JSON with ``--json`` for a program. Errors of jitcore are shown by the root group.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from jitcore.errors import ArgumentError, JitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_corps.corp import Corp
    from jitcore.app import App

__all__ = ["org", "runs", "sync"]


@click.command("sync")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--plan", "plan_only", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--approve", type=click.IntRange(min=0), help="Let up to N removals of each kind through.", metavar="N")
@click.option("--all", "everything", is_flag=True, help="All of the app, many at a time, none delaying the others.")
@click.option("--concurrency", type=click.IntRange(min=1), help="With --all: N at a time [8].", metavar="N")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    help="With --all: stop one that takes longer than this [3600].",
    metavar="SECONDS",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.pass_obj
def sync(
    open_app: Callable[[], App],
    names: tuple[str, ...],
    plan_only: bool,
    approve: int | None,
    everything: bool,
    concurrency: int | None,
    timeout: float | None,
    as_json: bool,
) -> int:
    """Bring organisations up to date: those named, or all of the app.

    One that fails does not stop the others; the command then exits 1. With --all it also exits 1 when one needs
    looking after: removals were withheld, not everything could be read, or it is parked or suspended.
    """
    if everything:
        return _sync_all(open_app, names, plan_only, approve, concurrency or 8, timeout or 3_600.0, as_json)
    if concurrency is not None or timeout is not None:
        raise click.UsageError("--concurrency and --timeout go with --all.")
    from jit_corps.fleet import corp_names

    app = open_app()
    results: list[dict[str, Any]] = []
    failed = 0
    for name in names or corp_names(app):
        try:
            corp = _corp(app, name)
            done: Any = corp.plan(approve) if plan_only else corp.syncCorp(approve)
        except JitError as error:
            failed += 1
            results.append({"corpFullName": name, "status": "failed", "code": error.code, "error": str(error)})
            if not as_json:
                click.echo(f"{click.style(f'error[{error.code}]', fg='red', bold=True)}: {error}", err=True)
            continue
        results.append(done.as_dict())
        if not as_json:
            click.echo(str(done))
    if as_json:
        click.echo(json.dumps(results, ensure_ascii=False, indent=2))
    elif not results:
        click.echo("The app has no organisation.")
    return 1 if failed else 0


@click.command("org")
@click.argument("name")
@click.option("--at", "run", type=click.IntRange(min=1), help="Show it as of the end of this run.", metavar="RUN")
@click.option("--generation", type=click.IntRange(min=0), help="Show it as of this published version.", metavar="N")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.pass_obj
def org(
    open_app: Callable[[], App],
    name: str,
    run: int | None = None,
    generation: int | None = None,
    as_json: bool = False,
) -> None:
    """Show the organisation NAME: its departments as a tree, with members and their roles.

    That of now, or of an earlier moment: `jit runs NAME` lists the runs, and which generation each of them published.
    """
    from jit_corps.org_view import arranged, draw, outline, view_of

    corp = _corp(open_app(), name)
    is_earlier = run is not None or generation is not None
    view = arranged(corp.at(run, generation=generation)) if is_earlier else view_of(corp)
    if as_json:
        click.echo(json.dumps(view.as_dict(), ensure_ascii=False, indent=2))
        return
    if is_earlier:
        click.echo(view.moment)
    if sys.stdout.isatty():
        draw(view)
    else:
        for line in outline(view):
            click.echo(line)


@click.command("runs")
@click.argument("name")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.pass_obj
def runs(open_app: Callable[[], App], name: str, limit: int, as_json: bool) -> None:
    """Show the newest runs of the organisation NAME: how each ended, what it changed, what it cost."""
    from jit_corps.run_list import lines, newest

    app = open_app()
    found = newest(app.storage, _corp(app, name).corpFullName, limit)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for line in lines(found):
        click.echo(line)


def _sync_all(
    open_app: Callable[[], App],
    names: tuple[str, ...],
    plan_only: bool,
    approve: int | None,
    concurrency: int,
    timeout: float,
    as_json: bool,
) -> int:
    from jit_corps.fleet_view import sync_and_show

    if names:
        raise click.UsageError("--all takes no names: it takes all organisations of the app.")
    if plan_only or approve is not None:
        raise click.UsageError(
            "--plan and --approve are about organisations that somebody looks at, so they do not go with --all. "
            "Name the organisation: jit sync NAME --plan, then jit sync NAME --approve N."
        )
    return sync_and_show(open_app(), concurrency=concurrency, timeout=timeout, as_json=as_json)


def _corp(app: App, name: str) -> Corp:
    element = app.getElement(name)
    if not hasattr(element, "syncCorp"):
        raise ArgumentError(f"{name} is no organisation.", hint="Name an instance of a Type of the family corps.")
    corp: Corp = element
    return corp
