"""Shows how a run gets on: to whoever asked for it, else on a terminal, else to nobody."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Progress", "shown"]


class Progress(Protocol):
    """Called as a run gets on; may be called from several threads.

    :param phase: what is being done, for example ``"departments"``.
    :param done: how much of it is done.
    :param total: of how much; ``None`` when nobody knows yet.
    """

    def __call__(self, phase: str, done: int, total: int | None) -> None: ...


@contextmanager
def shown(title: str, progress: Progress | None) -> Iterator[Progress]:
    """Yield the Progress to report to: the caller's own, or one that draws on standard error if that is a terminal.

    :param title: what is being done, for the terminal.
    """
    if progress is not None:
        yield progress
    elif sys.stderr.isatty():
        with _drawn(title) as drawing:
            yield drawing
    else:
        yield _unseen


def _unseen(phase: str, done: int, total: int | None) -> None:
    """Nobody watches."""


@contextmanager
def _drawn(title: str) -> Iterator[Progress]:
    # Only a terminal needs it, and it takes longer to import than the rest of a small sync to run.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Drawing

    columns = (
        TextColumn(f"{title} [bold]{{task.description}}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Drawing(*columns, console=Console(stderr=True), transient=True) as drawing:
        tasks = {}

        def report(phase: str, done: int, total: int | None) -> None:
            if phase not in tasks:
                tasks[phase] = drawing.add_task(phase, total=total)
            drawing.update(tasks[phase], completed=done, total=total)

        yield report
