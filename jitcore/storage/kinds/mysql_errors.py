"""What the error numbers of MariaDB and MySQL mean.

https://mariadb.com/kb/en/mariadb-error-code-reference/ and
https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html; numbers from 2000 on are the client's.

Unlike other databases, this one repeats values of rows, and whole pieces of a statement, in many of its messages. So
its own words are shown only where they are known to hold none.
"""

from __future__ import annotations

import re

from jitcore.storage import errors
from jitcore.storage.kinds.kind import BrokenRule

__all__ = [
    "ALREADY_DONE",
    "ENDED",
    "GONE",
    "LOCK_TIMEOUT",
    "TOO_LARGE",
    "broken_rule",
    "classify",
    "number",
    "words",
]

LOCK_TIMEOUT = 1205
#: The transaction, or its statement that waited, was given up: deadlock, lock wait, "changed since last read".
ENDED = frozenset({1213, LOCK_TIMEOUT, 1020})
#: The connection is gone, or the server has said that it ends it.
GONE = frozenset({0, 1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1927, 2006, 2013, 2014, 2055, 4031})
#: What a statement that changes a table says when just that was done before.
ALREADY_DONE = frozenset({1050, 1051, 1054, 1060, 1061, 1091, 1146})

_UNAVAILABLE = GONE | {1040, 1042, 1043, 1044, 1045, 1049, 1129, 1130, 1203, 1226, 1698, 2002, 2003, 2005, 2026, 3159}
_BUSY = ENDED | {1206, 1614, 1689, 3572, 3058}
_READ_ONLY = frozenset({1036, 1290, 1792, 1836, 3989})
_FULL = frozenset({1021, 1041, 1114, 3675})
_RULES = {
    **dict.fromkeys((1062, 1169, 1557, 1586, 1859, 1022), "unique"),
    **dict.fromkeys((1048, 1364, 1263, 1566), "not-null"),
    **dict.fromkeys((1216, 1217, 1451, 1452, 1761, 1762), "foreign-key"),
    **dict.fromkeys((4025, 3819), "check"),
}
_DO_NOT_FIT = frozenset({1264, 1265, 1292, 1366, 1367, 1406, 1411, 1441, 1525, 3140, 3156, 3903})
TOO_LARGE = 1153
#: Their words hold names only: of databases, accounts, tables, columns, keys, settings.
_HARMLESS = frozenset(
    {
        *(1005, 1007, 1008, 1044, 1045, 1046, 1049, 1050, 1051, 1054, 1060, 1061, 1068, 1069, 1071, 1072, 1075, 1091),
        *(1103, 1113, 1118, 1142, 1143, 1146, 1170, 1176, 1227, 1235, 1267, 1290, 1305, 1665, 1698, 1792, 1836),
        *_FULL,
        *_UNAVAILABLE,
        *_BUSY,
    }
)


def number(error: BaseException) -> int:
    """The error's number, of the driver's error or of Peewee's around it; -1 when it has none."""
    inner = getattr(error, "orig", None) or error
    first = inner.args[0] if inner.args else -1
    return first if isinstance(first, int) else -1


def classify(driver: BaseException) -> type[errors.StorageError]:
    """Say which of our errors it is."""
    code = number(driver)
    if code in _RULES:
        return errors.ConstraintViolated
    for codes, kind in (
        (_UNAVAILABLE, errors.DatabaseUnavailable),
        (_BUSY, errors.DatabaseBusy),
        (_READ_ONLY, errors.DatabaseReadOnly),
        (_FULL, errors.DatabaseFull),
    ):
        if code in codes:
            return kind
    return errors.StatementFailed


def broken_rule(driver: BaseException) -> BrokenRule:
    """Say which rule it was. Of a unique key only its name is told: ``PRIMARY``, or MySQL's ``person.PRIMARY``."""
    code, text = number(driver), _text(driver)
    kind = _RULES.get(code, "other")
    if kind == "unique":
        # Duplicate entry 'a value' for key 'person.PRIMARY'
        named = re.search(r" for key '([^']*)'\s*$", text)
        table, _, key = (named[1] if named else "").rpartition(".")
        return BrokenRule(kind, table or None, (), key or None)
    if kind == "not-null":
        # Column 'name' cannot be null; Field 'name' doesn't have a default value
        named = re.match(r"(?:Column|Field) '([^']*)'", text)
        return BrokenRule(kind, None, (named[1],) if named else ())
    if kind == "foreign-key":
        # … a foreign key constraint fails (`shop`.`owner`, CONSTRAINT `owner_ibfk_1` FOREIGN KEY (`badge`) REFERENCES …
        named = re.search(r"`\.`([^`]+)`, CONSTRAINT `([^`]+)` FOREIGN KEY \(([^)]*)\)", text)
        if named:
            return BrokenRule(kind, named[1], tuple(named[3].replace("`", "").split(", ")), named[2])
        return BrokenRule(kind)
    # CONSTRAINT `badge.level` failed for `shop`.`badge`; Check constraint 'badge_chk_1' is violated.
    named = re.search(r"(?:CONSTRAINT `|constraint ')([^`']+)[`'](?: failed for `[^`]*`\.`([^`]+)`)?", text)
    return BrokenRule(kind, named[2], (), named[1]) if named else BrokenRule(kind)


def words(driver: BaseException) -> str:
    """What the server said, without values of rows."""
    code, text = number(driver), _text(driver)
    if code in _DO_NOT_FIT:
        named = re.search(r"for column (?:`[^`]*`\.)*[`']([^`']+)[`'] at row \d+$", text)
        column = f" {named[1]}" if named else ""
        return f"a value does not fit its column{column} (error {code})"
    if code == TOO_LARGE:
        return f"a row is larger than the server takes (max_allowed_packet, error {code})"
    if code in _HARMLESS or not isinstance(driver.args[0] if driver.args else None, int):
        return text
    return f"the server refused it (error {code})"


def _text(driver: BaseException) -> str:
    return str(driver.args[1]) if len(driver.args) > 1 else str(driver)
