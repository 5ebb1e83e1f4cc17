"""``jit dev``: the app as it is edited, what each save did, and what is wrong now.

On a terminal it is one view that is kept up to date; elsewhere a line for each thing that happens.
"""

from __future__ import annotations

import logging
import queue
import re
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import click

from jitcore.errors import JitError
from jitcore.handle import ElementHandle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console
    from rich.text import Text

    from jitcore.app import App
    from jitcore.cli.root import AppOpener
    from jitcore.watching import Reload

__all__ = ["dev", "lines_of"]

#: Saves that the view on a terminal remembers, and elements it lists before it only counts them.
_SAVES, _LISTED = 12, 30
#: Saves for which there is room however much is wrong.
_SAVES_AT_LEAST = 4
#: Elements that a line names before it only counts them: a Type may have ten thousand instances.
_NAMED = 10
#: A line of a problem, below what it concerns.
_TOLD = re.compile(r"[0-9:]{8} ( |$)")


@click.command("dev")
@click.option("--plain", is_flag=True, help="Print lines also on a terminal.")
@click.pass_obj
def dev(open_app: AppOpener, plain: bool) -> None:
    """Watch the app until Ctrl-C: load every element, show what each save did and what is wrong.

    A program of yours that opened the app with App(path, watch=True) takes over the same saves by itself, and tells
    the Types of new instances; this command only looks on.
    """
    # What is stale or recovered is shown here; the log would say it once more, in the middle of the view.
    rounds_log = logging.getLogger("jitcore.watching.refresh")
    rounds_log.addHandler(logging.NullHandler())
    rounds_log.propagate = False
    app = open_app(strict=False, watch=True)
    assert app.watcher is not None
    # What a Type does about a new instance, such as syncing an organisation, is the program's to do, and once.
    app.watcher.announces = False
    rounds: queue.SimpleQueue[Reload] = queue.SimpleQueue()
    app.watcher.subscribe(rounds.put)
    _load_all(app, app.elements)
    try:
        if sys.stdout.isatty() and not plain:
            _show_view(app, rounds)
        else:
            _print_lines(app, rounds)
    except KeyboardInterrupt:
        click.echo("Stopped.")


def lines_of(reload: Reload, app: App) -> Iterator[str]:
    """What one round did, a line for each thing; what is wrong is told once, below all that it concerns."""
    took = f"{reload.seconds * 1000:.0f} ms"
    yield f"saved      {_some(reload.files)} ({took})"
    for verb, names in (
        ("created", reload.created),
        ("deleted", reload.deleted),
        ("reloaded", reload.reloaded),
        ("recovered", reload.recovered),
    ):
        yield from _each(verb, names)
    # A broken Type is what is wrong with all its instances: the same error.
    by_error: dict[int, list[str]] = {}
    for name, error in reload.stale.items():
        by_error.setdefault(id(error), []).append(name)
    for group in by_error.values():
        for name in group[:_NAMED]:
            yield f"stale      {name} {'serves as it was' if _serves(app, name) else 'cannot be loaded'}"
        if len(group) > _NAMED:
            yield f"stale      and {len(group) - _NAMED} more"
        yield from _problem_lines(reload.stale[group[0]])
    if reload.error is not None:
        yield "stale      app.json or .env was not taken over"
        yield from _problem_lines(reload.error)
    elif reload.mended:
        yield "recovered  app.json and .env"


def _each(verb: str, names: Sequence[str]) -> Iterator[str]:
    yield from (f"{verb:<10} {name}" for name in names[:_NAMED])
    if len(names) > _NAMED:
        yield f"{verb:<10} and {len(names) - _NAMED} more"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _serves(app: App, name: str) -> bool:
    """Whether an older version of an element is in use; a Type is in use when it was resolved."""
    return app.element_states.is_loaded(name) or name in app.dispatch.resolved


def _problem_lines(error: JitError) -> Iterator[str]:
    from jitcore.rendering import render_text

    problems = getattr(error, "problems", ())
    text = render_text(problems) if problems else str(error)
    yield from (f"  {line}".rstrip() for line in text.splitlines())


def _load_all(app: App, names: Iterable[str]) -> None:
    """Load instances: what is loaded shows what an edit of its Type does to it."""
    for name in names:
        handle = ElementHandle(app, name)
        if handle.kind == "instance":
            try:
                handle.load()
            except JitError:
                # What is wrong with it is shown with its state.
                continue


def _next(app: App, rounds: queue.SimpleQueue[Reload]) -> Iterator[str]:
    """Wait for a round; what it did, and which of its new elements cannot be loaded, line by line with the time."""
    reload = rounds.get()
    news = [*reload.created, *reload.recovered]
    _load_all(app, news)
    now = time.strftime("%H:%M:%S")
    yield from (f"{now} {line}" for line in lines_of(reload, app))
    for name in news:
        error = ElementHandle(app, name).error
        if error is not None and name not in reload.stale:
            yield f"{now} failed     {name}"
            yield from (f"{now} {line}" for line in _problem_lines(error))


def _headline(app: App, where: object) -> str:
    assert app.watcher is not None
    states = [handle.state for handle in app.elements.values()]
    counts = ", ".join(
        f"{states.count(state)} {state}" for state in ("loaded", "stale", "invalid", "failed") if state in states
    )
    how = "looking every second" if app.watcher.is_polling else "watching"
    return f"{how} {where}: {len(states)} elements, {counts or 'none loaded'}"


def _print_lines(app: App, rounds: queue.SimpleQueue[Reload]) -> None:
    click.echo(_headline(app, app.path))
    for name, handle in app.elements.items():
        if handle.error is not None:
            click.echo(f"{handle.state:<10} {name}")
            for line in _problem_lines(handle.error):
                click.echo(line)
    while True:
        for line in _next(app, rounds):
            click.echo(line)
        sys.stdout.flush()


def _show_view(app: App, rounds: queue.SimpleQueue[Reload]) -> None:
    from rich.live import Live

    saves: deque[str] = deque(maxlen=_SAVES)
    with Live(auto_refresh=False, screen=False) as live:
        live.update(_view(app, saves, live.console), refresh=True)
        while True:
            # What is wrong stands above the saves for as long as it is.
            saves.extend(line for line in _next(app, rounds) if not _TOLD.match(line))
            live.update(_view(app, saves, live.console), refresh=True)


def _view(app: App, saves: Sequence[str], console: Console) -> Any:
    """The whole view, no taller than the terminal: the newest saves always fit."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    handles = list(app.elements.values())
    wrong = [handle for handle in handles if handle.error is not None]
    listed = [handle for handle in handles if handle.kind == "instance"] if len(handles) <= _LISTED else wrong
    shown = listed[: max(1, console.height // 3)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("element", "type", "state", "since"):
        table.add_column(head)
    colours = {"loaded": "green", "stale": "yellow", "invalid": "red", "failed": "red"}
    for handle in shown:
        state = handle.state
        since = time.strftime("%H:%M:%S", time.localtime(handle.stale.since)) if handle.stale else ""
        table.add_row(handle.fullName, handle.type, Text(state, style=colours.get(state, "")), since)
    if len(shown) < len(listed):
        table.add_row(f"… and {len(listed) - len(shown)} more")
    # A whole path may be longer than a line, and what follows it is news.
    headline = Text(_headline(app, app.path.name), style="bold", no_wrap=True, overflow="ellipsis")
    told = list(_wrong_lines(app, wrong))
    newest = list(saves)
    # One line stays free for the cursor, one stands above the saves.
    room = console.height - len(console.render_lines(Group(headline, table))) - 2
    problems = _wrapped(told, room - min(len(newest), _SAVES_AT_LEAST), console)
    newest = newest[-max(room - len(problems), 1) :]
    parts: list[Any] = [headline, table, *problems]
    if newest:
        parts += ["", *(Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in newest)]
    return Group(*parts)


def _wrong_lines(app: App, wrong: Sequence[ElementHandle]) -> Iterator[str]:
    """What is wrong now, each error once, below all that it concerns."""
    by_error: dict[int, list[ElementHandle]] = {}
    for handle in wrong:
        by_error.setdefault(id(handle.error), []).append(handle)
    for handles in by_error.values():
        error = handles[0].error
        if error is not None:
            yield from ("", _some([handle.fullName for handle in handles]), *_problem_lines(error))
    assert app.watcher is not None
    if app.watcher.error is not None:
        yield from ("", "app.json or .env was not taken over", *_problem_lines(app.watcher.error))


def _wrapped(lines: Iterable[str], room: int, console: Console) -> list[Text]:
    """Lines as wide as the terminal; where they are more than there is room for, the last says so."""
    from rich.text import Text

    wrapped = [part for line in lines for part in (Text(line).wrap(console, console.width) if line else [Text()])]
    if len(wrapped) <= max(room, 1):
        return wrapped
    return [*wrapped[: max(room, 1) - 1], Text("… more: jit check", style="dim")]
