"""Bringing a database up to the code, once, however many threads and processes open it at the same moment.

Each :class:`~jitcore.storage.ModelSet` has a folder of ``playhouse.migrations`` files and a history table. All pending
migrations of all sets run in one transaction under one lock, so that a failing one leaves the database as it was; on
MariaDB and MySQL, whose tables know no transactions, the next opening goes on where it was cut off.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave many of its methods untyped.

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from jitcore.storage.error_boundary import explain, place
from jitcore.storage.errors import MigrationFailed, StorageNewer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jitcore.storage.model_set import ModelSet
    from jitcore.storage.observed import ObservedDatabase

__all__ = ["migrate"]

log = logging.getLogger(__name__)

#: How long to wait for somebody else's migrations.
_LOCK_SECONDS = 60


def migrate(database: ObservedDatabase, model_sets: Sequence[ModelSet]) -> list[str]:
    """Apply what the database lacks and return the ``"set/migration"`` names that were applied.

    An up-to-date database costs two statements, without a lock.

    :raises StorageNewer: the database knows migrations that the code does not.
    :raises MigrationFailed: a migration raised; nothing was changed, or on MariaDB and MySQL it will be gone on with.
    """
    files = {model_set.name: _files(model_set) for model_set in model_sets}
    if not _pending(database, model_sets, files):
        return []
    with database.observed.kind.migrating(database, _LOCK_SECONDS):
        # Somebody else may have done it while this one waited for the lock.
        pending = _pending(database, model_sets, files)
        for model_set, name in pending:
            _apply(database, model_set, name)
    return [f"{model_set.name}/{name}" for model_set, name in pending]


def _files(model_set: ModelSet) -> list[str]:
    if not model_set.migrations.is_dir():
        raise MigrationFailed(
            f"Model set {model_set.name!r} has no migrations folder at {model_set.migrations}.",
            migration=model_set.name,
            hint="Reinstall the package that ships it.",
        )
    return sorted(path.stem for path in model_set.migrations.glob("[0-9]*.py"))


def _pending(
    database: ObservedDatabase, model_sets: Sequence[ModelSet], files: Mapping[str, Sequence[str]]
) -> list[tuple[ModelSet, str]]:
    history, begun = _history(database, model_sets)
    found = begun.union(f"{name}/{applied}" for name, names in history.items() for applied in names)
    known = {f"{name}/{file}" for name, names in files.items() for file in names}
    newer = sorted(name for name in found if name.partition("/")[0] in files and name not in known)
    if newer:
        raise StorageNewer(
            f"Newer code has migrated {place(database)}: this code does not know {', '.join(newer)}.",
            migrations=newer,
            hint="Update jitcore and its plugins to the version that last used it, or restore a backup.",
        )
    return [
        (model_set, name)
        for model_set in model_sets
        for name in files[model_set.name]
        if name not in history[model_set.name]
    ]


def _history(database: ObservedDatabase, model_sets: Sequence[ModelSet]) -> tuple[dict[str, set[str]], set[str]]:
    """What was applied, by set, and the full names of what was begun and did not end."""
    history: dict[str, set[str]] = {model_set.name: set() for model_set in model_sets}
    existing = set(database.get_tables())
    selects = [
        # Names of sets are checked by ModelSet: letters, digits and underscores.
        f"SELECT '{model_set.name}', name FROM {model_set.history_table}"  # noqa: S608
        for model_set in model_sets
        if model_set.history_table in existing
    ]
    begun: set[str] = set()
    steps_table = database.observed.kind.steps_table
    if steps_table in existing:
        selects.append(f"SELECT NULL, migration FROM {steps_table}")  # noqa: S608 - a name of ours
    if selects:
        for set_name, migration in database.execute_sql(" UNION ALL ".join(selects)).fetchall():
            (begun if set_name is None else history[set_name]).add(migration)
    return history, begun


def _apply(database: ObservedDatabase, model_set: ModelSet, name: str) -> None:
    from playhouse.migrations import Runner  # an up-to-date database needs no runner

    kind, full_name = database.observed.kind, f"{model_set.name}/{name}"
    try:
        runner = Runner(database, str(model_set.migrations), model_set.history_table)
        runner.migrator = kind.migrator(database) or runner.migrator
        with kind.one_migration(database, full_name):
            runner.up(name)
    except Exception as error:
        raise MigrationFailed(
            f"Migration {full_name} failed and {kind.after_failed_migration} in {place(database)}: "
            f"{explain(error, database)}.",
            migration=full_name,
            hint="Report it to the author of the migration; the database still works with the previous version.",
        ) from error
    log.info("migration applied set=%s migration=%s", model_set.name, name)
