"""Tokens of which each is used only once it is proven to be the same enterprise's as those before it.

WeCom's answers do not say whose they are. Whoever puts many of them together has to know that none was read with
another enterprise's token.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from jit_qywx.errors import ForeignAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_qywx.client.call import Token, TokenSource

__all__ = ["OneToken", "ProvenTokens"]


class ProvenTokens:
    """Hands out another source's tokens, the first one as it is; safe to share between threads.

    :param tokens: where they come from.
    :param prove: raises :class:`~jit_qywx.errors.ForeignAnswer` when a token is another enterprise's.
    """

    def __init__(self, tokens: TokenSource, prove: Callable[[Token], None]) -> None:
        self._tokens = tokens
        self._prove = prove
        self._lock = threading.Lock()
        #: By value: WeCom answers with the same token again while it is valid (document 91039).
        self._good: set[str] = set()

    def current(self) -> Token:
        """The token to use now."""
        return self._proven(self._tokens.current())

    def renew(self, refused: Token) -> Token:
        """Another token, after WeCom refused this one."""
        return self._proven(self._tokens.renew(refused))

    def _proven(self, token: Token) -> Token:
        if token.value not in self._good:
            with self._lock:
                if self._good and token.value not in self._good:
                    token = self._own(token)
                self._good.add(token.value)
        return token

    def _own(self, token: Token) -> Token:
        """The token, or the one that WeCom gives when it is asked once more: a mistake may be over by then."""
        try:
            self._prove(token)
        except ForeignAnswer:
            token = self._tokens.renew(token)
            if token.value not in self._good:
                self._prove(token)
        return token


class OneToken:
    """A source of one token, which is never replaced.

    :param token: the token.
    """

    def __init__(self, token: Token) -> None:
        self._token = token

    def current(self) -> Token:
        """The token."""
        return self._token

    def renew(self, refused: Token) -> Token:
        """The same token: there is no other."""
        return self._token
