"""Where an App's rows live: models bound to one App, migrations, transactions, bulk writes and one error boundary.

Importing this package imports no Peewee, so that a plugin's hooks can name their :class:`ModelSet` for free; the
classes that need it arrive on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from jitcore.storage.errors import (
    ConstraintViolated,
    DatabaseBusy,
    DatabaseFull,
    DatabaseReadOnly,
    DatabaseUnavailable,
    DatabaseUnsupported,
    MigrationFailed,
    StatementFailed,
    StorageClosed,
    StorageNewer,
    TransactionAborted,
)
from jitcore.storage.model_set import ModelSet

if TYPE_CHECKING:
    from jitcore.storage.bound_models import BoundModels
    from jitcore.storage.observed import observe
    from jitcore.storage.statements import Statement, StatementCount
    from jitcore.storage.store import Storage

__all__ = [
    "BoundModels",
    "ConstraintViolated",
    "DatabaseBusy",
    "DatabaseFull",
    "DatabaseReadOnly",
    "DatabaseUnavailable",
    "DatabaseUnsupported",
    "MigrationFailed",
    "ModelSet",
    "Statement",
    "StatementCount",
    "StatementFailed",
    "Storage",
    "StorageClosed",
    "StorageNewer",
    "TransactionAborted",
    "observe",
]

_NEEDS_PEEWEE = {
    "BoundModels": "jitcore.storage.bound_models",
    "Statement": "jitcore.storage.statements",
    "StatementCount": "jitcore.storage.statements",
    "Storage": "jitcore.storage.store",
    "observe": "jitcore.storage.observed",
}


def __getattr__(name: str) -> Any:
    if name not in _NEEDS_PEEWEE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_NEEDS_PEEWEE[name]), name)
