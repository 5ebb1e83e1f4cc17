"""The commands that work on organisations: ``jit sync``, ``jit org``, ``jit explain-member``, ``jit pin-member`` …

Each prints a view for people, or JSON with ``--json`` for a program. Errors of jitcore are shown by the root group.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jitcore.errors import ArgumentError, JitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_corps.corp import Corp
    from jitcore.app import App

__all__ = ["explain_member", "org", "pin_member", "runs", "sync", "unpin_member"]

FILE = click.Path(dir_okay=False, path_type=Path)
#: More differences than that nobody reads in a terminal.
SHOWN = 20


@click.command("sync")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--plan", "plan_only", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--approve", type=click.IntRange(min=0), help="Let up to N removals of each kind through.", metavar="N")
@click.option("--save", type=FILE, help="Like --plan, and write the plan to FILE.", metavar="FILE")
@click.option("--apply", type=FILE, help="Do exactly what a saved plan says, or nothing.", metavar="FILE")
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
    save: Path | None,
    apply: Path | None,
    as_json: bool,
) -> int:
    """Bring organisations up to date: those named, or all of the app.

    One that fails does not stop the others; the command then exits 1. With --all it also exits 1 when one needs
    looking after: removals were withheld, not everything could be read, or it is parked or suspended.
    """
    _check_files(names, save, apply, others=plan_only or approve is not None)
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
            done: Any
            if apply is not None:
                done = corp.apply_plan(apply)
            elif save is not None:
                done = corp.save_plan(save, approve)
            else:
                done = corp.plan(approve) if plan_only else corp.syncCorp(approve)
        except JitError as error:
            failed += 1
            differences = list(getattr(error, "differences", ()))
            results.append({"corpFullName": name, "status": "failed", "code": error.code, "error": str(error)})
            if differences:
                results[-1]["differences"] = differences
            if not as_json:
                click.echo(f"{click.style(f'error[{error.code}]', fg='red', bold=True)}: {error}", err=True)
                for line in differences[:SHOWN]:
                    click.echo(f"  {line}", err=True)
            continue
        results.append(done.as_dict())
        if not as_json:
            click.echo(str(done))
            if plan_only or save is not None:
                from jit_corps.plan_view import diff

                for line in diff(done):
                    click.echo(line)
            if save is not None:
                click.echo(f"saved; to do exactly this: jit sync {name} --apply {shlex.quote(str(save))}")
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


@click.command("explain-member")
@click.argument("name")
@click.argument("member", metavar="MEMBERID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.pass_obj
def explain_member(open_app: Callable[[], App], name: str, member: str, as_json: bool) -> None:
    """Say why a member of the organisation NAME is as they are.

    Which rule, and which run or person, made the status, each membership and each role; what is withheld or doubted
    now; and what happened to the member so far.
    """
    told = _corp(open_app(), name).explain_member(member)
    click.echo(json.dumps(told.as_dict(), ensure_ascii=False, indent=2) if as_json else str(told))


@click.command("pin-member")
@click.argument("name")
@click.argument("member", metavar="MEMBERID")
@click.argument("fields", metavar="FIELD=VALUE...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.pass_obj
def pin_member(open_app: Callable[[], App], name: str, member: str, fields: tuple[str, ...], as_json: bool) -> None:
    """Keep fields of a member of the organisation NAME as they are given here, whatever upstream says.

    FIELD is name, aliasName, position, gender or avatar. With status=active no sync takes the member offline: for
    whoever must always be able to act.
    """
    corp = _corp(open_app(), name)
    values: dict[str, str] = {}
    for field in fields:
        key, sign, value = field.partition("=")
        if not sign:
            raise click.UsageError(f"{field!r} is no FIELD=VALUE, such as status=active.")
        if key in values:
            raise click.UsageError(f"{key} is given twice.")
        values[key] = value
    corp.pinMember(member, **values)
    _show_pins(corp, member, as_json)


@click.command("unpin-member")
@click.argument("name")
@click.argument("member", metavar="MEMBERID")
@click.argument("fields", metavar="[FIELD]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.pass_obj
def unpin_member(open_app: Callable[[], App], name: str, member: str, fields: tuple[str, ...], as_json: bool) -> None:
    """Have fields of a member of the organisation NAME follow upstream again: those named, or all."""
    corp = _corp(open_app(), name)
    corp.unpinMember(member, fields or None)
    _show_pins(corp, member, as_json)


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


def _show_pins(corp: Corp, memberId: str, as_json: bool) -> None:
    """What is pinned of a member now, and what upstream says of it."""
    member = corp.getMember(memberId)
    kept = {field: "active" if field == "status" else getattr(member, field) for field in member.pins}
    if as_json:
        pins = {field: {"kept": value, "upstream": member.pins[field]} for field, value in kept.items()}
        click.echo(json.dumps({"corpFullName": corp.fullName, "memberId": memberId, "pins": pins}, ensure_ascii=False))
        return
    told = ", ".join(
        f"{field}={value}" + ("" if field == "status" else f" (upstream: {member.pins[field] or 'nothing'})")
        for field, value in kept.items()
    )
    click.echo(f"{memberId} of {corp.fullName}: {f'kept here {told}' if told else 'nothing is kept here'}")


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


def _check_files(names: tuple[str, ...], save: Path | None, apply: Path | None, *, others: bool) -> None:
    """A file holds the plan of one organisation, with its approval."""
    if save is None and apply is None:
        return
    if len(names) != 1:
        raise click.UsageError("--save and --apply take the name of one organisation.")
    if apply is not None and (others or save is not None):
        raise click.UsageError("--apply does what the file says, approval included: it goes with no other option.")


def _corp(app: App, name: str) -> Corp:
    element = app.getElement(name)
    if not hasattr(element, "syncCorp"):
        raise ArgumentError(f"{name} is no organisation.", hint="Name an instance of a Type of the family corps.")
    corp: Corp = element
    return corp
