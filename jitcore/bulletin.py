"""What a process that watches an app tells the others: which elements it serves in an older version, and why.

Each such process keeps a small file in ``appData/watching/`` for as long as there is something to tell, and holds a
lock beside it: a file whose lock nobody holds was left behind by a process that was killed, and tells nothing. The
texts are those of the log, so they hold no secret.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jitcore.errors import AppError
from jitcore.filelock import FileLock, is_held

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jitcore.app import App
    from jitcore.elements import Stale

__all__ = ["Bulletin", "Served", "served_stale"]

log = logging.getLogger(__name__)

_FOLDER = "watching"


class Served(NamedTuple):
    """An element as another process serves it: in an older version than its files say.

    :param process: id of the process.
    :param since: seconds since the epoch.
    :param why: what is wrong, in one line.
    """

    process: int
    since: float
    why: str


class Bulletin:
    """The file of this process for one App.

    :param app: the App.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._told: dict[str, dict[str, object]] = {}
        self._lock: FileLock | None = None
        self._file = Path()
        self._is_possible = True

    def tell(self, stale: Mapping[str, Stale]) -> None:
        """Tell which elements are stale now; writes only when that is another than before."""
        told = {name: {"since": one.since, "why": _line(one)} for name, one in sorted(stale.items())}
        if told == self._told or not self._is_possible:
            return
        self._told = told
        try:
            if told:
                self._write(told)
            else:
                self._withdraw()
        except (OSError, AppError) as error:
            # Once: whoever cannot write there cannot tell, and need not.
            log.debug("other processes are not told what is stale: %s", error)
            self._is_possible = False
            self.close()

    def close(self) -> None:
        """Tell nothing any more."""
        try:
            self._withdraw()
        except OSError as error:
            log.debug("%s is left behind: %s", self._file, error)

    def _write(self, told: Mapping[str, object]) -> None:
        if self._lock is None:
            self._begin()
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps({"process": os.getpid(), "stale": told}, ensure_ascii=False, indent=1), "utf-8")
        os.replace(partial, self._file)

    def _begin(self) -> None:
        folder = self._app.app_data / _FOLDER
        folder.mkdir(exist_ok=True)
        for dead in [file for file in _files(folder) if not _is_alive(file)]:
            dead.unlink(missing_ok=True)
            dead.with_suffix(".lock").unlink(missing_ok=True)
        # A name of its own: nobody else ever takes this lock, or looks at it before the file is there.
        self._file = folder / f"{os.getpid()}-{os.urandom(4).hex()}.json"
        self._lock = FileLock(self._file.with_suffix(".lock"))
        self._lock.take()

    def _withdraw(self) -> None:
        if self._lock is None:
            return
        lock, self._lock = self._lock, None
        try:
            self._file.unlink(missing_ok=True)
        finally:
            lock.release()
        self._file.with_suffix(".lock").unlink(missing_ok=True)


def served_stale(app: App) -> dict[str, list[Served]]:
    """What running processes tell about the elements of an app, by full name; oldest first."""
    found: dict[str, list[Served]] = {}
    for file in _files(app.path / "appData" / _FOLDER):
        if _is_alive(file):
            for name, served in _read(file):
                found.setdefault(name, []).append(served)
    return {name: sorted(several, key=lambda one: one.since) for name, several in found.items()}


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))


def _is_alive(file: Path) -> bool:
    try:
        return is_held(file.with_suffix(".lock"))
    except OSError:
        return False


def _read(file: Path) -> Iterator[tuple[str, Served]]:
    try:
        content = json.loads(file.read_text("utf-8"))
        for name, one in content["stale"].items():
            yield name, Served(int(content["process"]), float(one["since"]), str(one["why"]))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        # Withdrawn meanwhile, or not what we wrote.
        return


def _line(stale: Stale) -> str:
    """What is wrong in one line: the first problem, and how many more there are."""
    problems = getattr(stale.error, "problems", ())
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return " ".join(str(problems[0] if problems else stale.error).split()) + more
