"""A token that follows another one in a reading is proven before anything is read with it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from jit_qywx.client.call import Token
from jit_qywx.client.proven_tokens import ProvenTokens
from jit_qywx.errors import ForeignAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence


class Source:
    """Tokens with these values, one after another; the last one again and again."""

    def __init__(self, values: Sequence[str]) -> None:
        self._tokens = [Token(value, 0.0, number) for number, value in enumerate(values)]

    def current(self) -> Token:
        return self._tokens[0]

    def renew(self, refused: Token) -> Token:
        newer = [token for token in self._tokens if token.version > refused.version]
        self._tokens = newer or self._tokens
        return self._tokens[0]


class Proof:
    """Takes tokens that begin with ``own``, and counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, token: Token) -> None:
        self.asked.append(token.value)
        if not token.value.startswith("own"):
            raise ForeignAnswer("somebody else's", corpId="ww1", hint="")


def test_the_first_token_is_taken_as_it_is() -> None:
    """There is nothing to compare it with."""
    proof = Proof()
    tokens = ProvenTokens(Source(["any"]), proof)
    assert tokens.current().value == "any"
    assert proof.asked == []


def test_many_threads_prove_a_token_once() -> None:
    """Sixteen that were refused together come back with the same token, of which one asked."""
    proof = Proof()
    tokens = ProvenTokens(Source(["first", "own2"]), proof)
    refused = tokens.current()
    with ThreadPoolExecutor(16) as pool:
        got = list(pool.map(lambda _: tokens.renew(refused).value, range(16)))
    assert (set(got), proof.asked) == ({"own2"}, ["own2"])


def test_wecom_is_asked_once_more() -> None:
    """A mistake of WeCom's that is over costs one more token."""
    tokens = ProvenTokens(Source(["first", "foreign", "own3"]), Proof())
    assert tokens.renew(tokens.current()).value == "own3"


def test_a_mistake_that_stays_is_raised() -> None:
    """Whoever asks for the token, and whenever."""
    tokens = ProvenTokens(Source(["first", "foreign"]), Proof())
    refused = tokens.current()
    for get in (lambda: tokens.renew(refused), tokens.current):
        with pytest.raises(ForeignAnswer):
            get()


def test_the_same_token_again_needs_no_proof() -> None:
    """WeCom answers with the same one while it is valid (document 91039)."""
    proof = Proof()
    tokens = ProvenTokens(Source(["same", "same"]), proof)
    tokens.renew(tokens.current())
    assert proof.asked == []
