"""What can be wrong with a database element before any database is asked.

::

    ElementError                  jitcore's: one element (``fullName``)
    ├── DatabaseConfigInvalid     its configuration names no database
    └── DriverMissing             its Python driver is not installed (``driver``, ``extra``)
"""

from __future__ import annotations

from jitcore.errors import ElementError

__all__ = ["DatabaseConfigInvalid", "DriverMissing"]


class DatabaseConfigInvalid(ElementError):
    """The element's configuration names no database that could be opened."""

    code = "database-config-invalid"


class DriverMissing(ElementError):
    """The Python driver for this kind of database is not installed.

    :param driver: the module that was looked for.
    :param extra: the extra of the distribution ``jitcore`` that brings it.
    """

    code = "driver-missing"

    def __init__(self, *, fullName: str, driver: str, extra: str) -> None:
        super().__init__(
            f"{fullName} needs the Python driver {driver}, which is not installed.",
            fullName=fullName,
            hint=f'Install it: pip install "jitcore[{extra}]".',
        )
        self.driver = driver
        self.extra = extra
