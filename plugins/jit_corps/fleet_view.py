"""Shows a sync of all organisations: one live table on a terminal, else a line for each as it ends, else JSON."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from jit_corps.fleet import sync_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table
    from rich.text import Text

    from jit_corps.fleet import CorpResult
    from jitcore.app import App

__all__ = ["line", "summary", "sync_and_show"]


def sync_and_show(app: App, *, concurrency: int, timeout: float, as_json: bool) -> int:
    """Sync all organisations of an app and show how that goes; returns the exit code.

    :returns: 0 when all are ok or have left for good, else 1.
    """
    watcher = _Lines() if not as_json else _Collected()
    began = time.monotonic()
    with contextlib.ExitStack() as shown:
        if not as_json and sys.stdout.isatty():
            watcher = shown.enter_context(_drawn())
        try:
            sync_all(app, concurrency=concurrency, timeout=timeout, watcher=watcher)
        finally:
            # Also of one that was interrupted: what ended, ended.
            shown.close()
            if as_json:
                told = [result.as_dict() for result in watcher.results]
                click.echo(json.dumps(told, ensure_ascii=False, indent=2))
            else:
                click.echo(summary(watcher.results, watcher.count, time.monotonic() - began))
    return 0 if all(result.is_ok for result in watcher.results) else 1


def line(result: CorpResult) -> str:
    """One result in words."""
    if result.error is not None:
        told = result.error.message
        return told if result.corpFullName in told else f"{result.corpFullName}: {told}"
    if result.rest is not None:
        return f"{result.corpFullName}: {result.rest.word}, {result.rest.reason}"
    return f"{result.corpFullName}: ok" if result.report is None else str(result.report)


def summary(results: Sequence[CorpResult], count: int, seconds: float) -> str:
    """All results in one sentence.

    :param count: how many organisations there are; fewer have results when it was interrupted.
    """
    if not count:
        return "The app has no organisation."
    statuses = Counter(result.status for result in results)
    calls = sum(result.report.calls for result in results if result.report is not None)
    parts = [f"{number} {status}" for status, number in statuses.most_common()]
    if count > len(results):
        parts.append(f"{count - len(results)} not begun or not ended")
    things = "organisation" if count == 1 else "organisations"
    return f"{count} {things}: {', '.join(parts)} ({calls} calls, {seconds:.1f} s)"


class _Collected:
    """Keeps the results."""

    def __init__(self) -> None:
        self.count = 0
        self.results: list[CorpResult] = []

    def planned(self, count: int) -> None:
        self.count = count

    def began(self, corpFullName: str, title: str) -> None:
        pass

    def progressed(self, corpFullName: str, phase: str, done: int, total: int | None) -> None:
        pass

    def ended(self, result: CorpResult) -> None:
        self.results.append(result)


class _Lines(_Collected):
    """A line for each as it ends; failures go to standard error."""

    def ended(self, result: CorpResult) -> None:
        super().ended(result)
        if result.error is not None:
            click.echo(f"{click.style(f'error[{result.error.code}]', fg='red', bold=True)}: {line(result)}", err=True)
        else:
            click.echo(line(result))


@dataclass(slots=True)
class _Row:
    """One that runs."""

    title: str
    began: float
    phase: str = "begins"
    done: int = 0
    total: int | None = None


class _Table(_Collected):
    """A table of those that run, with a line above it for each that has ended."""

    def __init__(self) -> None:
        super().__init__()
        self.live: Any = None
        self._rows: dict[str, _Row] = {}
        self._lock = threading.Lock()
        self._started = time.monotonic()

    def began(self, corpFullName: str, title: str) -> None:
        with self._lock:
            # A title may have come from upstream, and a terminal obeys control characters.
            printable = "".join(letter for letter in title if letter.isprintable())
            self._rows[corpFullName] = _Row(printable, time.monotonic())

    def progressed(self, corpFullName: str, phase: str, done: int, total: int | None) -> None:
        with self._lock:
            row = self._rows.get(corpFullName)
            if row is not None:
                row.phase, row.done, row.total = phase, done, total

    def ended(self, result: CorpResult) -> None:
        super().ended(result)
        with self._lock:
            self._rows.pop(result.corpFullName, None)
        self.live.console.print(_text(result))

    def drawing(self) -> Table:
        """What the terminal shows now."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        now = time.monotonic()
        with self._lock:
            rows = {name: (row.title, row.phase, row.done, row.total, row.began) for name, row in self._rows.items()}
        failed = sum(result.error is not None for result in self.results)
        waiting = self.count - len(self.results) - len(rows)
        table = Table(
            box=SIMPLE_HEAD,
            title=f"{len(self.results)} of {self.count} done, {failed} failed, {len(rows)} running, {waiting} waiting, "
            f"{now - self._started:.0f} s",
            title_justify="left",
        )
        for head in ("organisation", "title", "doing", "done", "of", "seconds"):
            table.add_column(head, justify="right" if head in {"done", "of", "seconds"} else "left", no_wrap=True)
        for name, (title, phase, done, total, began) in rows.items():
            cells = (name, title, phase, str(done), "" if total is None else str(total), f"{now - began:.0f}")
            table.add_row(*map(Text, cells))
        return table


@contextlib.contextmanager
def _drawn() -> Iterator[_Table]:
    # Only a terminal needs it, and it takes longer to import than a small sync to run.
    from rich.console import Console
    from rich.live import Live

    table = _Table()
    console = Console()
    with Live(console=console, get_renderable=table.drawing, refresh_per_second=4, transient=True) as table.live:
        yield table


def _text(result: CorpResult) -> Text:
    from rich.text import Text

    if result.error is not None:
        return Text.assemble((f"error[{result.error.code}]", "bold red"), f": {line(result)}")
    return Text(line(result), style="" if result.is_ok else "yellow")
