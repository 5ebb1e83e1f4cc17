"""``jit dev``: the app as it is edited, what each save did, and what is wrong now.

On a terminal it is one view that is kept up to date; elsewhere a line for each thing that happens.
"""

from __future__ import annotations

import queue
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import click

from jitcore.errors import JitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jitcore.app import App
    from jitcore.cli.root import AppOpener
    from jitcore.watching import Reload

__all__ = ["dev", "lines_of"]

#: Saves that the view on a terminal remembers, and elements it lists before it only counts them.
_SAVES, _LISTED = 12, 30


@click.command("dev")
@click.option("--plain", is_flag=True, help="Print lines also on a terminal.")
@click.pass_obj
def dev(open_app: AppOpener, plain: bool) -> None:
    """Watch the app until Ctrl-C: load every element, show what each save did and what is wrong.

    A program of yours that opened the app with App(path, watch=True) takes over the same saves by itself.
    """
    app = open_app(strict=False, watch=True)
    assert app.watcher is not None
    rounds: queue.SimpleQueue[Reload] = queue.SimpleQueue()
    app.watcher.subscribe(rounds.put)
    _load_all(app)
    try:
        if sys.stdout.isatty() and not plain:
            _show_view(app, rounds)
        else:
            _print_lines(app, rounds)
    except KeyboardInterrupt:
        click.echo("Stopped.")


def lines_of(reload: Reload, app: App) -> Iterator[str]:
    """What one round did, a line for each thing."""
    took = f"{reload.seconds * 1000:.0f} ms"
    yield f"saved      {', '.join(reload.files)} ({took})"
    for verb, names in (
        ("created", reload.created),
        ("deleted", reload.deleted),
        ("reloaded", reload.reloaded),
        ("recovered", reload.recovered),
    ):
        for name in names:
            yield f"{verb:<10} {name}"
    for name, error in reload.stale.items():
        serving = "serves as it was" if app.elements[name].state == "stale" else "cannot be loaded"
        yield f"stale      {name} {serving}"
        yield from _problem_lines(error)
    if reload.error is not None:
        yield "stale      app.json or .env was not taken over"
        yield from _problem_lines(reload.error)


def _problem_lines(error: JitError) -> Iterator[str]:
    from jitcore.rendering import render_text

    problems = getattr(error, "problems", ())
    text = render_text(problems) if problems else str(error)
    yield from (f"  {line}".rstrip() for line in text.splitlines())


def _load_all(app: App) -> None:
    for handle in app.elements.values():
        if handle.kind == "instance":
            try:
                handle.load()
            except JitError:
                # What is wrong with it is shown with its state.
                continue


def _headline(app: App) -> str:
    assert app.watcher is not None
    states = [handle.state for handle in app.elements.values()]
    counts = ", ".join(
        f"{states.count(state)} {state}" for state in ("loaded", "stale", "invalid", "failed") if state in states
    )
    how = "looking every second" if app.watcher.is_polling else "watching"
    return f"{how} {app.path}: {len(states)} elements, {counts or 'none loaded'}"


def _print_lines(app: App, rounds: queue.SimpleQueue[Reload]) -> None:
    click.echo(_headline(app))
    for name, handle in app.elements.items():
        if handle.error is not None:
            click.echo(f"{handle.state:<10} {name}")
            for line in _problem_lines(handle.error):
                click.echo(line)
    while True:
        reload = rounds.get()
        now = time.strftime("%H:%M:%S")
        for line in lines_of(reload, app):
            click.echo(f"{now} {line}")
        sys.stdout.flush()


def _show_view(app: App, rounds: queue.SimpleQueue[Reload]) -> None:
    from rich.live import Live

    saves: deque[str] = deque(maxlen=_SAVES)
    with Live(_view(app, saves), auto_refresh=False, screen=False) as live:
        while True:
            reload = rounds.get()
            now = time.strftime("%H:%M:%S")
            saves.extend(f"{now} {line}" for line in lines_of(reload, app) if not line.startswith("  "))
            live.update(_view(app, saves), refresh=True)


def _view(app: App, saves: deque[str]) -> Any:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    handles = list(app.elements.values())
    wrong = [handle for handle in handles if handle.error is not None]
    shown = [handle for handle in handles if handle.kind == "instance"] if len(handles) <= _LISTED else wrong
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("element", "type", "state", "since"):
        table.add_column(head)
    colours = {"loaded": "green", "stale": "yellow", "invalid": "red", "failed": "red"}
    for handle in shown:
        state = handle.state
        since = time.strftime("%H:%M:%S", time.localtime(handle.stale.since)) if handle.stale else ""
        table.add_row(handle.fullName, handle.type, Text(state, style=colours.get(state, "")), since)
    parts: list[Any] = [Text(_headline(app), style="bold"), table]
    for handle in wrong:
        assert handle.error is not None
        parts.append(Text("\n".join([f"\n{handle.fullName}", *_problem_lines(handle.error)])))
    if saves:
        parts.append(Text("\n" + "\n".join(saves), style="dim"))
    return Group(*parts)
