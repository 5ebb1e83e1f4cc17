"""Access tokens: three kinds that never stand in for each other.

Asking again while a token is valid returns the same token (documents 91039 and 90600), so a stampede costs calls and
never kills a token. A token may die early; then every caller has to fetch another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from jit_qywx.emulator.answers import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_qywx.emulator.credentials import Mint

Kind = Literal["provider", "suite", "app"]

LIFE = 7200.0
PARAMETERS: dict[Kind, str] = {
    "provider": "provider_access_token",
    "suite": "suite_access_token",
    "app": "access_token",
}
MISSING: dict[Kind, int] = {"provider": 41001, "suite": 41022, "app": 41001}
INVALID: dict[Kind, int] = {"provider": 40014, "suite": 40082, "app": 40014}
EXPIRED: dict[Kind, int] = {"provider": 42001, "suite": 42009, "app": 42001}


@dataclass(slots=True)
class Token:
    """One issued token.

    Attributes:
        value: what the caller sends.
        kind: what it is good for.
        corpid: the corp (of an app's token), or "".
        owner: suite id, or the agentid of the app; "" for the provider.
        expires: seconds since the epoch.
        errcode: what a caller is told once it is expired.
    """

    value: str
    kind: Kind
    corpid: str
    owner: str | int
    expires: float
    errcode: int


class TokenBook:
    """Every token ever issued.

    Args:
        mint: makes the strings.
        clock: seconds since the epoch.

    Attributes:
        life: seconds a new token is valid.
    """

    def __init__(self, mint: Mint, clock: Callable[[], float]) -> None:
        self.life = LIFE
        self._mint = mint
        self._clock = clock
        self._by_value: dict[str, Token] = {}
        self._current: dict[tuple[Kind, str, str | int], Token] = {}

    def issue(self, kind: Kind, corpid: str = "", owner: str | int = "") -> tuple[str, int]:
        """The valid token of this owner, made when there is none, and the seconds it has left."""
        now = self._clock()
        token = self._current.get((kind, corpid, owner))
        if token is None or token.expires <= now:
            value = self._mint.token(f"{kind} token")
            token = Token(value, kind, corpid, owner, now + self.life, EXPIRED[kind])
            self._by_value[token.value] = self._current[kind, corpid, owner] = token
        return token.value, max(1, int(token.expires - now))

    def check(self, kind: Kind, value: str | None) -> Token:
        """The token behind `value`.

        Raises:
            ApiError: missing (41001, 41022), unknown or of another kind (40014, 40082), expired (42001, 42009).
        """
        if not value:
            raise ApiError(MISSING[kind])
        token = self._by_value.get(value)
        if token is None:
            raise ApiError(INVALID[kind])
        if token.kind != kind:
            # A suite token where a provider token is due is reported as a bad suite token (error page, 40082).
            raise ApiError(40082 if token.kind == "suite" and kind == "provider" else INVALID[kind])
        if token.expires <= self._clock():
            raise ApiError(token.errcode)
        return token

    def peek(self, value: str | None) -> Token | None:
        """The token behind `value`, valid or not; None when it was never issued."""
        return self._by_value.get(value or "")

    def expire(
        self, kind: Kind | None = None, corpid: str | None = None, owner: str | int | None = None, errcode: int = 0
    ) -> int:
        """End the tokens that match; how many were valid until now.

        Args:
            kind: only this kind.
            corpid: only tokens of this corp.
            owner: only tokens of this suite id or agentid.
            errcode: what their users are told from now on; 0 = the documented code. WeCom is known to answer 40014
                for an expired app token too.
        """
        now = self._clock()
        ended = 0
        for token in self._current.values():
            if kind not in (None, token.kind) or corpid not in (None, token.corpid) or owner not in (None, token.owner):
                continue
            if token.expires > now:
                token.expires = now
                token.errcode = errcode or token.errcode
                ended += 1
        return ended

    def clear(self) -> None:
        """Forget every token."""
        self._by_value.clear()
        self._current.clear()
