"""Deletes what is kept of one corp, for an enterprise that ended its contract and wants its data gone."""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jit_corps.models import MODELS, CorpMember, SyncLease, User

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitcore.storage import Storage

__all__ = ["erase"]


def erase(storage: Storage, corpFullName: str) -> Mapping[str, int]:
    """Delete all rows of a corp, and the accounts that no other corp uses, in one transaction.

    A run under way loses its claim and publishes nothing. What stays is a number that counted the corp's claims.

    :returns: how many rows of each table were deleted, by the table's name.
    """
    counts: dict[str, int] = {}
    user, member = storage.models[User], storage.models[CorpMember]
    with storage.transaction():
        mine = member.select(member.userId).where(member.corpFullName == corpFullName)
        others = member.select(member.userId).where(member.corpFullName != corpFullName)
        alone = user.userId.in_(mine) & user.userId.not_in(others)
        counts[_table(user)] = user.delete().where(alone).execute()
        # The claim's number goes on growing: a run that began before must not publish into what comes after.
        lease = storage.models[SyncLease]
        token = lease.update(token=lease.token + 1, holder=None, until=0.0)
        token.where(lease.corpFullName == corpFullName).execute()
        for model in MODELS:
            bound: Any = storage.models[model]
            if bound not in (user, lease):
                counts[_table(bound)] = bound.delete().where(bound.corpFullName == corpFullName).execute()
    return counts


def _table(model: Any) -> str:
    return str(model._meta.table_name)  # noqa: SLF001 - Peewee's documented place for a model's options
