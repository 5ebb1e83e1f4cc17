"""What the Types were told of their instances, remembered in ``appData`` and shared by all processes that open the app.

Several programs and workers may see the same edit. One of them has the ledger at a time: it looks what was not told
yet, tells it, and writes that down. Whoever comes next finds nothing left to tell. A process that dies while it tells
has written nothing: the next one tells it again.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from jitcore.errors import AppError
from jitcore.filelock import FileLock
from jitcore.lifecycle import Changes, announce

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jitcore.app import App

__all__ = ["tell", "tell_everything"]

log = logging.getLogger(__name__)

#: Seconds between two tries to get the ledger, and after which the log says who has it.
_PAUSE, _TOLD_AFTER = 0.02, 1.0


def tell_everything(app: App) -> Changes:
    """Tell the Types of all that changed since somebody was last told; what was told.

    :raises AppError: if the ledger cannot be kept.
    """
    from jitcore.checking import fingerprints

    with _Ledger(app) as ledger, ledger.turn() as is_ours:
        if not is_ours:
            return Changes.of()
        before = dict(ledger.instances)
        now = fingerprints(app, before)
        changes = Changes(before, now)
        announce(app, changes, {name: entry[0] for name, entry in {**before, **now}.items()})
        if changes:
            ledger.write(now, changes.deleted)
        return changes


def tell(app: App, changes: Changes, types: Mapping[str, str], give_up: Callable[[], bool]) -> None:
    """Tell the Types of changes that a reload found, as far as nobody told them yet.

    :param types: the Type of each changed instance.
    :param give_up: whether to wait no longer for another process that tells.
    """
    try:
        ledger = _Ledger(app)
    except AppError as error:
        # What cannot be remembered is told all the same: a Type would rather hear of an instance twice than never.
        log.debug("nothing is remembered of what Types are told: %s", error)
        announce(app, changes, dict(types))
        return
    with ledger, ledger.turn(give_up) as is_ours:
        if is_ours:
            untold, now = _untold(app, changes, ledger)
            announce(app, untold, dict(types))
            if untold:
                kept = {name: one for name, one in ledger.instances.items() if name not in untold.deleted}
                ledger.write({**kept, **now}, untold.deleted)


def _untold(app: App, changes: Changes, ledger: _Ledger) -> tuple[Changes, dict[str, tuple[str, str]]]:
    """The changes that the ledger does not know of, and what the instances look like now."""
    from jitcore.checking import fingerprints

    known = ledger.instances
    now = fingerprints(app, known, only={*changes.created, *changes.updated})
    # What cannot be read just now was right when it was seen.
    fresh = [name for name in (*changes.created, *changes.updated) if name not in now or now[name] != known.get(name)]
    # Another process told of an instance as it appeared, and it was edited since.
    created = [name for name in fresh if name in changes.created and name not in known]
    return (
        Changes.of(
            created=created,
            updated=[name for name in fresh if name not in created],
            deleted=[name for name in changes.deleted if name not in ledger.gone],
        ),
        now,
    )


class _Ledger:
    """The file of what was told: each instance's Type and a digest of its files, nothing of their content.

    :raises AppError: if it cannot be kept in ``appData``.
    """

    def __init__(self, app: App) -> None:
        self._name = app.name
        self._path = app.app_data / "elements.json"
        with self._kept():
            self._lock = FileLock(self._path.with_suffix(".lock"))
        #: Type and digest of each instance as it was last told of; empty on the first day.
        self.instances: dict[str, tuple[str, str]] = {}
        #: Instances whose end was told.
        self.gone: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    @contextmanager
    def turn(self, give_up: Callable[[], bool] = lambda: False) -> Iterator[bool]:
        """Have the ledger to oneself for a block, which is given False when that cannot be.

        That is when a Type asks for what changed while it is being told, and when ``give_up`` says so.
        """
        is_ours = self._wait(give_up)
        if is_ours:
            self._read()
        yield is_ours

    def write(self, instances: Mapping[str, tuple[str, str]], deleted: list[str]) -> None:
        """Replace the whole ledger; who reads at the same moment sees the old one or the new one."""
        gone = dict.fromkeys(sorted({*self.gone, *deleted} - instances.keys()), ("", ""))
        partial = self._path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.partial")
        with self._kept():
            partial.write_text(json.dumps({**instances, **gone}, indent=1, sort_keys=True), "utf-8")
            os.replace(partial, self._path)

    def _wait(self, give_up: Callable[[], bool]) -> bool:
        waiting_since = time.monotonic()
        is_said = False
        try:
            while not self._lock.take():
                if self._lock.is_ours or give_up():
                    return False
                if not is_said and time.monotonic() - waiting_since > _TOLD_AFTER:
                    is_said = True
                    process, _ = self._lock.holder or ("?", 0)
                    log.info("process %s is telling the Types of %s what changed: waiting for it", process, self._name)
                time.sleep(_PAUSE)
        except OSError as error:
            # Better told twice than never.
            log.debug("no locks between processes in %s: %s", self._path.parent, error)
        return True

    def _read(self) -> None:
        if not self._path.exists():
            return
        try:
            with self._kept():
                content = json.loads(self._path.read_text("utf-8"))
            told = {name: (str(kind), str(digest)) for name, (kind, digest) in content.items()}
        except (ValueError, TypeError, AttributeError):
            # Not what we wrote: as if nobody had been told yet.
            return
        self.instances = {name: entry for name, entry in told.items() if entry[1]}
        self.gone = told.keys() - self.instances.keys()

    @contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise AppError(
                f"{self._name} cannot remember what its Types were told: {error.filename} cannot be used "
                f"({error.strerror}).",
                hint="Let this account read and write there.",
            ) from error
