"""WeCom's quotas, shared by all processes that share a database: what was used of them, and who is left alone.

A row holds the ledger of one enterprise or one address. Whoever wants calls writes the ledger that it knows with its
own lease added, and reads it again only if somebody else has written meanwhile: mostly a lease is one statement. An
enterprise whose quota WeCom says is used up is *parked*: nothing of it is read until the window has passed.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jit_qywx.client.budget import Alone
from jit_qywx.client.ledger import Ledger, Quota
from jit_qywx.errors import QuotaSpent, RateLimited
from jit_qywx.models import QywxQuota
from jitcore.errors import StorageError
from jitcore.storage import DatabaseBusy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jit_qywx.client.ledger import Lease
    from jit_qywx.client.timing import Timing
    from jitcore.storage import Storage

__all__ = ["Parked", "QuotaSettings", "Quotas", "Shared", "spent_until"]

logger = logging.getLogger(__name__)

#: Seconds for which WeCom does not answer after it refused twice: an hour's window (document 90454). That it was no
#: minute's is clear by then, because the call was repeated after one.
_BLOCK = 3_600.0
#: Calls of one API that WeCom answers in a minute and an hour: for one enterprise, and to one address (document 90454).
#: A provider's own addresses may have twice as much; whether that holds for a proxied app is not documented.
_CORP, _ADDRESS = Quota(10_000, 150_000), Quota(20_000, 600_000)
#: Of each quota, what a process may use when the database cannot be asked what the others use.
_ALONE = 0.05
#: Seconds after which a database that could not be used is tried again.
_AWAY = 30.0
#: Times that somebody else may be quicker to lease, one after another.
_RACES = 50


def spent_until(error: RateLimited, now: float) -> float:
    """When a quota that was found used up may be there again."""
    return error.until if isinstance(error, QuotaSpent) else now + _BLOCK


@dataclass(frozen=True, slots=True)
class QuotaSettings:
    """What the business file says about quotas.

    :param corp: of one enterprise.
    :param address: of one address.
    :param addressName: processes with the same name are counted as one address.
    """

    corp: Quota = _CORP
    address: Quota = _ADDRESS
    addressName: str = "default"

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> QuotaSettings:
        """Take the settings from a validated business file."""
        corp, address = _CORP, _ADDRESS
        return cls(
            # Numbers may come from {{variables}}, which are text.
            Quota(int(told.get("perMinute", corp.per_minute)), int(told.get("perHour", corp.per_hour))),
            Quota(
                int(told.get("addressPerMinute", address.per_minute)), int(told.get("addressPerHour", address.per_hour))
            ),
            str(told.get("address", cls().addressName)),
        )


@dataclass(frozen=True, slots=True)
class Parked:
    """An enterprise that is left alone.

    :param until: seconds since the epoch.
    """

    until: float
    reason: str


class Quotas:
    """The rows.

    :param storage: the App's storage.
    :param timing: the time.
    """

    def __init__(self, storage: Storage, timing: Timing) -> None:
        self.timing = timing
        self._storage = storage

    @contextmanager
    def connection(self) -> Iterator[None]:
        """Close this thread's connection at the end unless it was open before.

        Most leases are asked for by threads that only make calls, of which there are many.
        """
        database = self._storage.database
        was_closed = database.is_closed()
        try:
            yield
        finally:
            if was_closed:
                database.close()

    def read(self, corpId: str, address: str) -> tuple[Ledger, int] | None:
        """A ledger and its version; None when there is none yet."""
        model = self._model
        query = model.select(model.used, model.version).where(*self._is_row(corpId, address))
        found = self._storage.select_tuples(query)
        return (Ledger(found[0][0]), found[0][1]) if found else None

    def write(self, corpId: str, address: str, ledger: Ledger, version: int | None) -> bool:
        """Write a ledger that was read with this version, None for the first one; False when somebody was quicker."""
        model, values = self._model, {"used": ledger.dumps(), "version": (version or 0) + 1}
        with self._storage.boundary():
            if version is None:
                insert = model.insert(corpId=corpId, address=address, **values).on_conflict_ignore()
                return bool(insert.as_rowcount().execute())
            mine = (*self._is_row(corpId, address), model.version == version)
            return bool(model.update(**values).where(*mine).execute())

    def park(self, corpId: str, error: RateLimited) -> Parked:
        """Leave an enterprise alone, after a quota was found used up."""
        now = self.timing.now()
        until = spent_until(error, now)
        # WeCom's own words are in the error of the run.
        spent = f"WeCom's quota for {error.path} is used up (45009)."
        parked = Parked(until, error.message if isinstance(error, QuotaSpent) else spent)
        model, values = self._model, {"parkedUntil": until, "parkedAt": now, "reason": parked.reason}
        with self._storage.transaction():
            blank = {"corpId": corpId, "address": "", "used": "", "version": 1}
            model.insert(**blank).on_conflict_ignore().execute()
            model.update(**values).where(*self._is_row(corpId, "")).execute()
        logger.warning("parked corpId=%s until=%s: %s", corpId, _clock(until), parked.reason)
        return parked

    def parked(self, corpId: str | None = None) -> dict[str, Parked]:
        """The enterprises that are left alone now; with ``corpId`` only that one."""
        model = self._model
        wanted = model.parkedUntil > self.timing.now()
        if corpId is not None:
            wanted &= (model.corpId == corpId) & (model.address == "")
        query = model.select(model.corpId, model.parkedUntil, model.reason).where(wanted)
        found = self._storage.select_tuples(query)
        return {one: Parked(until, f"{reason} Nothing is asked until {_clock(until)}.") for one, until, reason in found}

    def check(self, corpId: str) -> None:
        """Make sure that an enterprise is not left alone.

        :raises QuotaSpent: it is.
        """
        parked = self.parked(corpId).get(corpId)
        if parked is not None:
            raise QuotaSpent(
                f"Enterprise {corpId} is parked. {parked.reason}",
                corpId=corpId,
                until=parked.until,
                hint="It goes on by itself then; jit qywx resume tries at once.",
            )

    def release(self, corpId: str) -> bool:
        """Leave an enterprise alone no longer; whether it was."""
        model = self._model
        with self._storage.transaction():
            released = model.update(parkedUntil=None, parkedAt=None, reason=None).where(
                *self._is_row(corpId, ""), model.parkedUntil.is_null(False)
            )
            return bool(released.execute())

    def _is_row(self, corpId: str, address: str) -> list[Any]:
        return [self._model.corpId == corpId, self._model.address == address]

    @property
    def _model(self) -> Any:
        return self._storage.models[QywxQuota]


class Shared:
    """Leases of one enterprise, or one address, among all processes; see :class:`jit_qywx.client.budget.Leases`.

    :param corpId: the enterprise, or empty.
    :param address: the address, or empty.
    """

    def __init__(self, quotas: Quotas, quota: Quota, *, corpId: str = "", address: str = "") -> None:
        self.quota = quota
        self._quotas = quotas
        self._corpId = corpId
        self._address = address
        #: The ledger as it was written or read last, and its version; None before the first.
        self._known: tuple[Ledger, int] | None = None
        self._alone = Alone(quota.part(_ALONE), quotas.timing)
        self._away_until = float("-inf")

    def lease(self, api: str, want: int, least: int, share: float, back: Sequence[Lease]) -> Lease:
        """Lease from the database; when it cannot be used, from a small part that is surely this process's own."""
        now = self._quotas.timing.now()
        if now >= self._away_until:
            try:
                return self._lease(api, want, least, share, back)
            except StorageError as error:
                self._known = None
                self._away_until = now + _AWAY
                logger.warning("quotas are not shared, the database cannot be used: %s", error.code)
        return self._alone.lease(api, want, least, share, ())

    def _lease(self, api: str, want: int, least: int, share: float, back: Sequence[Lease]) -> Lease:
        known, isFresh = self._known, False
        with self._quotas.connection():
            for _ in range(_RACES):
                if known is None:
                    known, isFresh = self._quotas.read(self._corpId, self._address), True
                ledger, version = (known[0].copy(), known[1]) if known else (Ledger(), None)
                for one in back:
                    ledger.give_back(one)
                lease = ledger.lease(self._quotas.timing.now(), api, want, self.quota.part(share), least=least)
                if not lease.calls and not back and isFresh:
                    self._known = known
                    return lease
                # That nothing is left is only believed of what was read just now: others give back.
                isWorthIt = bool(lease.calls) or isFresh
                if isWorthIt and self._quotas.write(self._corpId, self._address, ledger, version):
                    self._known = ledger, (version or 0) + 1
                    return lease
                known = None
        raise DatabaseBusy(f"Others were quicker to lease calls {_RACES} times in a row.")


def _clock(until: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(until))
