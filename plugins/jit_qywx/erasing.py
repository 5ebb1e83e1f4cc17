"""Erasing an enterprise: everything that is kept of it goes in one transaction, and one row remains that says so.

WeCom's rules ask a provider to delete the data of an enterprise that cancelled. That never happens by itself here: a
cancellation may be a slip of an administrator's finger, and the history of an organisation cannot be fetched again.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

import json
import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jit_qywx.errors import ErasureRefused
from jit_qywx.models import MODELS, QywxAuthorization, QywxErasure, QywxToken
from jit_qywx.states import CANCELLED, GONE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jit_corps.corp import Corp
    from jit_qywx.suite import Suite
    from jitcore.storage import Storage

__all__ = ["Erasure", "erase", "erasures"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased of one enterprise.

    :param id: number of the record.
    :param suiteId: the suite it had authorised.
    :param corpId: the enterprise.
    :param authFullName: the auth element that was asked to erase it.
    :param corps: full names of its corp elements.
    :param state: state of its authorization before; ``-`` when there was none.
    :param counts: rows that were deleted, by table; tables that had none are left out.
    :param erased_at: seconds since the epoch.
    """

    id: int
    suiteId: str
    corpId: str
    authFullName: str
    corps: tuple[str, ...]
    state: str
    counts: Mapping[str, int]
    erased_at: float


def erase(suite: Suite, corpId: str, *, corps: Sequence[Corp], authFullName: str, force: bool) -> Erasure:
    """Delete all rows about an enterprise and write down what that was; all of it or nothing.

    :param corps: its corp elements.
    :param force: erase a grant that is not cancelled as well, with its permanent code.
    :raises ErasureRefused: the grant is not cancelled.
    :raises CorpUnknown: nothing here is about that enterprise.
    """
    storage = suite.storage
    with storage.transaction():
        known = suite.authorizations.find(corpId)
        state = GONE if known is None else known.state
        if known is None and not corps:
            raise suite.authorizations.unknown(corpId)
        if state not in {GONE, CANCELLED} and not force:
            raise ErasureRefused(
                f"Enterprise {corpId} is {state}: its data are in use.",
                corpId=corpId,
                hint="Wait for its cancellation (cancel_auth), or use --force: that throws the permanent code away as "
                "well, and only the enterprise can give another one.",
            )
        counts: Counter[str] = Counter()
        for corp in corps:
            counts.update(corp.erase())
        counts.update(_own_rows(storage, suite.config.suiteId, corpId))
        counts.update(suite.erase(corpId))
        row = storage.models[QywxErasure].create(
            suiteId=suite.config.suiteId,
            corpId=corpId,
            authFullName=authFullName,
            corps=json.dumps([corp.fullName for corp in corps]),
            state=state,
            counts=json.dumps({table: count for table, count in sorted(counts.items()) if count}),
            erasedAt=suite.now(),
        )
    logger.warning("Erased an enterprise that was %s", state, extra={"suiteId": suite.config.suiteId, "corpId": corpId})
    return _told(row)


def erasures(storage: Storage, suiteId: str) -> list[Erasure]:
    """Every record of a suite, oldest first."""
    model = storage.models[QywxErasure]
    with storage.boundary():
        return [_told(row) for row in model.select().where(model.suiteId == suiteId).order_by(model.id)]


def _own_rows(storage: Storage, suiteId: str, corpId: str) -> Mapping[str, int]:
    """Delete what this plugin's other tables hold: all of them that say whom a row is about."""
    counts = {}
    for model in MODELS:
        bound: Any = storage.models[model]
        columns: Mapping[str, Any] = bound._meta.fields  # noqa: SLF001 - Peewee's documented place for them
        if model in {QywxErasure, QywxAuthorization, QywxToken} or "corpId" not in columns:
            continue
        mine = bound.corpId == corpId
        if "suiteId" in columns:
            mine &= bound.suiteId == suiteId
        counts[bound._meta.table_name] = int(bound.delete().where(mine).execute())  # noqa: SLF001 - see above
    return counts


def _told(row: Any) -> Erasure:
    return Erasure(
        row.id,
        row.suiteId,
        row.corpId,
        row.authFullName,
        tuple(json.loads(row.corps)),
        row.state,
        json.loads(row.counts),
        row.erasedAt,
    )
