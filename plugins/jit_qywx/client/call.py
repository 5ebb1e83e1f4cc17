"""One call to WeCom as plain data, before any token, and the token it needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Call", "Token", "TokenSource"]


@dataclass(frozen=True, slots=True)
class Token:
    """An access token.

    :param value: what WeCom gave; never shown.
    :param renew_at: when to fetch the next one, some time before this one ends; seconds since the epoch.
    :param version: counts the tokens of one key, so that "the token that was refused" stays clear even when WeCom
        answers with the same value again (it does while a token is valid, document 91039).
    """

    value: str = field(repr=False)
    renew_at: float
    version: int = 1


class TokenSource(Protocol):
    """Hands out the token a call needs."""

    def current(self) -> Token:
        """The token to use now."""
        ...

    def renew(self, refused: Token) -> Token:
        """Another token, after WeCom refused this one."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    :param path: WeCom's path, for example ``user/list``.
    :param query: arguments of the query; None values are left out.
    :param body: the JSON body; None makes it a GET.
    :param credential: the query argument that carries the token.
    :param corpId: the enterprise it is for, for messages.
    :param told: harmless arguments to name in messages, for example ``department_id``.
    :param reads: whether it may be repeated after the network failed.
    :param errcode_optional: whether a good answer may lack ``errcode`` (documents 96237, 97162, 90603).
    :param waits_for_rate: whether it is worth waiting for a window of 45009.
    :param secrets: values in it that must not show anywhere.
    :param news: is shown the text of an answer and gives back what of it is to be read: an answer that tells less, or
        ``b""`` for nothing at all, which makes an empty answer.
    """

    path: str
    query: Mapping[str, Any] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    credential: str = "access_token"  # the name of an argument, not a secret
    corpId: str | None = None
    told: tuple[str, ...] = ()
    reads: bool = True
    errcode_optional: bool = False
    waits_for_rate: bool = True
    secrets: tuple[str, ...] = field(default=(), repr=False)
    news: Callable[[bytes], bytes] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        values = {**self.query, **(self.body or {})}
        return " ".join([self.path, *(f"{name}={values[name]}" for name in self.told if values.get(name) is not None)])
