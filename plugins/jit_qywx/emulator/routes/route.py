"""What a call of the API is: its method and path, the token it takes, the function that answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_qywx.emulator.asking import Asked
    from jit_qywx.emulator.tokens import Kind


@dataclass(frozen=True, slots=True)
class Route:
    """One call.

    Attributes:
        method: "GET" also answers POST, as the real host does; "POST" answers 40058 to GET.
        path: below `/cgi-bin/`.
        kind: the token it takes; None = none.
        answer: makes the body of a success, or raises ApiError.
        when_closed: whether a disabled app may call it.
        details: whether it tells more than ids: since 2022-08-15 the contact-sync assistant gets 48009 (96255).
    """

    method: Literal["GET", "POST"]
    path: str
    kind: Kind | None
    answer: Callable[[Asked], bytes]
    when_closed: bool = False
    details: bool = False
