"""What an interrupted reading of one corp had read so far, so that the next one need not read it again.

A reading is made of *pages*: what one call told, a department's members for example. They are written after twenty
seconds, every ten seconds from then on, and when the reading fails; one that is over sooner writes nothing. One that
goes so fast that writing would hold it up writes less often, every two minutes at least: most such readings are over
before that. A page is used for half an hour, under the same visible range, and never once a run that read everything
was published after it: whatever is newer wins. A reading that uses pages of another is as old as the oldest of them,
and says so.

A reading that has to wait, because a quota is used up, finds its pages when it goes on, half an hour after the wait at
the latest: as long as it was ready to be interrupted before it. They may be two hours old by then. Half an hour is not
what makes a page right: whatever an event, a second look or another full reading has found since counts more than a
page, however old. It keeps what nobody told of from being published late.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

import base64
import datetime as dt
import json
import logging
import zlib
from collections.abc import Sized
from typing import TYPE_CHECKING, Any, TypeAlias

from jit_corps.models import SyncCheckpoint, SyncRun
from jit_corps.observations import FULL
from jit_corps.runs import PUBLISHED
from jitcore.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jitcore.storage import Storage

__all__ = ["KEPT_SECONDS", "Checkpoint", "drop_checkpoints"]

log = logging.getLogger(__name__)

#: How old a page may be.
KEPT_SECONDS = 1_800.0
#: How long upstream may have a reading wait for its pages to be kept: WeCom's longest window but a day's is an hour.
LONGEST_WAIT = 3_700.0
#: Seconds of reading that may be lost to a process that is killed: at the beginning, from then on, and where writing
#: would hold up reading.
_FIRST, _EVERY, _SELDOM = 20.0, 10.0, 120.0
#: Seconds of writing for each record that waits. An upstream that answers at once tells of one in about that time;
#: WeCom, within its quotas, tells of some thousand in a second.
_WRITING = 25e-6
#: Reading should take so many times as long as writing what it read.
_SHARE = 10
#: So many records make a row: writing and reading it holds them in memory several times over.
_ROW = 20_000
#: Pages that are worth keeping when a reading fails sooner than that.
_WORTH = 20

#: Its name, when it was read, and what it told.
_Page: TypeAlias = "tuple[str, float, Any]"


class Checkpoint:
    """The pages of one reading.

    Used by one thread.

    :param corpFullName: the corp element.
    :param corpId: its enterprise.
    :param clock: seconds since the epoch.
    :param pack: makes JSON of what a page told, without what must not be stored; ``unpack`` makes that again of it.
    """

    def __init__(
        self,
        storage: Storage,
        corpFullName: str,
        corpId: str,
        clock: Callable[[], float],
        *,
        pack: Callable[[str, Any], Any],
        unpack: Callable[[str, Any], Any],
    ) -> None:
        self._storage = storage
        self._corpFullName = corpFullName
        self._corpId = corpId
        #: Seconds since the epoch.
        self.clock = clock
        self._pack = pack
        self._unpack = unpack
        self._scope = ""
        self._began = clock()
        #: When was written last, and how many seconds later is the earliest to write again.
        self._wrote, self._pause = self._began, _FIRST
        self._first: float | None = None
        self._waiting: list[_Page] = []
        #: How many records these have.
        self._records = 0
        #: The next row's number.
        self._number = 0
        #: Pages of an earlier reading that this one used, and when the oldest of them was read.
        self.used = 0
        self.oldest: float | None = None
        #: Pages that are in the database.
        self.stored = 0

    def resume(self, scope: str) -> Iterator[tuple[str, Any]]:
        """Hand out the pages that an earlier reading left and that may be used, each with its name.

        :param scope: digest of the visible range under which this reading reads.
        """
        self._scope = scope
        model = self._model
        query = model.select(model.number, model.scope, model.oldest, model.newest, model.keptUntil).where(self._mine)
        rows = sorted(self._storage.select_tuples(query))
        now = self.clock()
        # What all pages of a row have to be newer than.
        bounds = {number: 0.0 if until and until > now else now - KEPT_SECONDS for number, *_, until in rows}
        good = [number for number, told, _, newest, _ in rows if told == scope and newest > bounds[number]]
        if rows and (not good or self._is_overtaken(min(oldest for _, _, oldest, *_ in rows))):
            self.done()
            return
        self._number = max(good, default=-1) + 1
        for number in good:
            [(content,)] = self._storage.select_tuples(
                model.select(model.pages).where(self._mine, model.number == number)
            )
            for name, at, told in json.loads(zlib.decompress(base64.b64decode(content))):
                if at > bounds[number]:
                    self.used += 1
                    self.stored += 1
                    self.oldest = at if self.oldest is None else min(self.oldest, at)
                    yield name, self._unpack(name, told)

    def keep(self, name: str, told: Any) -> None:
        """Note a page; written now and then.

        :param told: its records, or anything else that is about as large as one. They may wait for two minutes, so of
            many records this should be where they lie, and not they.
        """
        now = self.clock()
        self._first = now if self._first is None else self._first
        self._waiting.append((name, now, told))
        self._records += _size(told)
        pause = min(max(self._pause, _SHARE * _WRITING * self._records), _SELDOM)
        if now - self._wrote >= pause:
            self._write(now)

    def interrupted(self, waits_until: float | None = None) -> float | None:
        """Keep what there is, because the reading ends here.

        :param waits_until: when the next reading may begin at the earliest; ``None`` for at once.
        :returns: until when it may be used; None when it is not worth keeping.
        """
        now = self.clock()
        if self._waiting and (self.stored or now - self._began >= _EVERY or len(self._waiting) >= _WORTH):
            self._write(now)
        since = [at for at in (self.oldest, self._first) if at is not None]
        if not self.stored:
            return None
        until = min(since) + KEPT_SECONDS
        if waits_until is not None and now < waits_until <= now + LONGEST_WAIT and self._keep_until(waits_until, now):
            return waits_until + KEPT_SECONDS
        return until

    def done(self) -> None:
        """Forget all pages: everything was read, or they are of no use."""
        self._waiting.clear()
        self._records = self.used = self.stored = 0
        self.oldest = None
        try:
            with self._storage.transaction():
                self._model.delete().where(self._mine).execute()
        except StorageError as error:
            # What is published now is newer than they are, so nobody is going to use them.
            log.warning("the checkpoint of %s could not be deleted: %s", self._corpFullName, error)

    def close(self) -> None:
        """Let go of what waits: the reading is over, and whoever read it may be freed long after."""
        self._waiting.clear()

    def _keep_until(self, waits_until: float, now: float) -> bool:
        """Keep the rows in which nothing is too old by now, and which were not kept any longer before."""
        model = self._model
        young = self._mine & (model.oldest > now - KEPT_SECONDS) & model.keptUntil.is_null()
        try:
            with self._storage.transaction():
                return bool(model.update(keptUntil=waits_until + KEPT_SECONDS).where(young).execute())
        except StorageError as error:
            log.warning("the checkpoint of %s is not kept any longer: %s", self._corpFullName, error)
            return False

    def _write(self, now: float) -> None:
        """Write what waits, in as many rows as it takes; what cannot be written waits on."""
        self._wrote, self._pause = now, _EVERY
        while self._waiting:
            row = _row_of(self._waiting)
            if not self._write_row(row, now):
                return
            del self._waiting[: len(row)]
        self._records = 0

    def _write_row(self, waiting: list[_Page], now: float) -> bool:
        pages = [(name, at, self._pack(name, told)) for name, at, told in waiting]
        text = json.dumps(pages, ensure_ascii=False, separators=(",", ":")).encode()
        row = {
            "corpFullName": self._corpFullName,
            "number": self._number,
            "corpId": self._corpId,
            "scope": self._scope,
            "oldest": pages[0][1],
            "newest": pages[-1][1],
            "pages": base64.b64encode(zlib.compress(text, 1)).decode(),
        }
        model = self._model
        try:
            with self._storage.transaction():
                # Also those of corps that nobody has read since.
                is_waited_for = model.keptUntil.is_null(False) & (model.keptUntil >= now)
                model.delete().where((model.newest < now - KEPT_SECONDS) & ~is_waited_for).execute()
                # A run that was overtaken may still be writing; the newer one's pages stand.
                model.delete().where(self._mine, model.number == self._number).execute()
                model.insert(row).execute()
        except StorageError as error:
            log.warning("no checkpoint of %s could be written: %s", self._corpFullName, error)
            return False
        self.stored += len(pages)
        self._number += 1
        return True

    def _is_overtaken(self, oldest: float) -> bool:
        """Whether everything was read and published since, by a run that knew nothing of these pages."""
        run = self._storage.models[SyncRun]
        since = dt.datetime.fromtimestamp(oldest, dt.UTC).replace(tzinfo=None)
        full = run.action.in_(FULL) & run.status.in_(PUBLISHED) & (run.finishedAt >= since)
        mine = (run.corpFullName == self._corpFullName) & full
        return bool(self._storage.select_tuples(run.select(run.runId).where(mine).limit(1)))

    @property
    def _mine(self) -> Any:
        return self._model.corpFullName == self._corpFullName

    @property
    def _model(self) -> Any:
        return self._storage.models[SyncCheckpoint]


def drop_checkpoints(storage: Storage, corpId: str) -> None:
    """Forget what was read of an enterprise by readings that did not end."""
    model = storage.models[SyncCheckpoint]
    with storage.transaction():
        model.delete().where(model.corpId == corpId).execute()


def _row_of(waiting: list[_Page]) -> list[_Page]:
    """The first of the pages, as many as belong into one row."""
    records = 0
    for count, (_, _, told) in enumerate(waiting, 1):
        records += _size(told)
        if records >= _ROW:
            return waiting[:count]
    return waiting[:]


def _size(told: Any) -> int:
    """How many records a page holds; an empty one, or one that is not made of records, counts as one."""
    return max(1, len(told)) if isinstance(told, Sized) else 1
