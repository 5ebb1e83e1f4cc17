"""Where a database is: the three ways to write it in a business file, read into one value.

A plain URL (``{"url": "postgresql://user:password@host/name"}``), the peer's nested form (``{"dbConfig": {...}}``), and
its flat form (the same keys at the top).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Address", "read_address"]


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of a database's address; what is not told is ``None``.

    :param database: name of the database, or path of the SQLite file.
    :param options: further parameters for the driver, such as ``sslmode``.
    """

    database: str | None = None
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, Any]:
        """What is told, apart from the database itself, by the names that drivers use."""
        told = {"host": self.host, "port": self.port, "user": self.user, "password": self.password}
        return {**{key: value for key, value in told.items() if value is not None}, **self.options}


def read_address(config: Mapping[str, Any], schemes: tuple[str, ...]) -> Address:
    """Read the address from a business file that its schema has accepted.

    :param config: the business file.
    :param schemes: what a URL may begin with, for example ``("postgresql", "postgres")``.
    :raises ValueError: the URL is none, or is for another kind of database; the message does not repeat it.
    """
    if "url" in config:
        return _read_url(config["url"], schemes)
    parts = config.get("dbConfig", config)
    port = parts.get("port")
    return Address(
        database=parts.get("database") or parts.get("dbname"),
        host=parts.get("host"),
        port=None if port is None else int(port),
        user=parts.get("user"),
        password=parts.get("password"),
        options=parts.get("options", {}),
    )


def _read_url(url: str, schemes: tuple[str, ...]) -> Address:
    expected = f"{schemes[0]}://…"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # The original message may repeat a part of the password.
        raise ValueError(f"its url is not of the form {expected}") from None
    if parts.scheme not in schemes:
        raise ValueError(f"its url begins with {parts.scheme + '://' if parts.scheme else 'no scheme'}, not {expected}")
    options: dict[str, Any] = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Address(
        database=unquote(parts.path[1:]) or None,
        host=options.pop("host", None) or (unquote(parts.hostname) if parts.hostname else None),
        port=port,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        options={key: int(value) if value.isdecimal() else value for key, value in options.items()},
    )
