"""One call as a route sees it: who asks, for what, and the complaints WeCom has about parameters."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jit_qywx.emulator.answers import ApiError

if TYPE_CHECKING:
    from jit_qywx.emulator.corps import Corp, CorpApp
    from jit_qywx.emulator.visibility import View
    from jit_qywx.emulator.wecom import Platform

ESCAPE = re.compile(rb"\\u[0-9a-fA-F]{4}")
WRONG_JSON = "Warning: wrong json format. "


@dataclass(slots=True)
class Asked:
    """A call whose token has been checked.

    Attributes:
        platform: the state to answer from.
        query: the query parameters.
        data: the JSON object of the body; {} without one.
        base_url: where the emulator listens, without the path.
        ip: the caller's address.
        app: the calling app, where the call takes an app token.
        suite_id: the calling suite, where it takes a suite token.
    """

    platform: Platform
    query: dict[str, str]
    data: dict[str, Any]
    base_url: str
    ip: str
    app: CorpApp = field(init=False)
    suite_id: str = field(init=False, default="")

    @property
    def corp(self) -> Corp:
        """The corp of the calling app."""
        return self.platform.corps[self.app.corpid]

    @property
    def view(self) -> View:
        """What the calling app sees of its corp."""
        return self.platform.view(self.app)

    def number(self, name: str, *, missing: int | None = None, invalid: int = 40035) -> int | None:
        """A query parameter that is a number; None when absent and `missing` is None."""
        text = self.query.get(name, "").strip()
        if not text:
            if missing is not None:
                raise ApiError(missing)
            return None
        if not (text.isascii() and text.lstrip("-").isdigit()):
            raise ApiError(invalid)
        return int(text)

    def text(self, name: str, missing: int) -> str:
        """A query parameter that must be there."""
        text = self.query.get(name, "")
        if not text:
            raise ApiError(missing)
        return text

    def field(self, name: str, missing: int) -> str:
        """A string of the body that must be there."""
        value = self.data.get(name)
        if value is None or value == "":
            raise ApiError(missing)
        if not isinstance(value, str):
            raise ApiError(40058)
        return value

    def integer(self, name: str, missing: int) -> int:
        """A number of the body that must be there; WeCom takes "1" for 1."""
        value = self.data.get(name)
        if value is None or value == "":
            raise ApiError(missing)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ApiError(40035)
        return value

    def items(self, name: str, most: int, invalid: int = 40035) -> list[Any]:
        """A list of the body; [] when absent.

        Raises:
            ApiError: not a list, or longer than `most` (`invalid`).
        """
        value = self.data.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > most:
            raise ApiError(invalid)
        return value


def read_body(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; {} without a body.

    Raises:
        ApiError: 40033 when the body writes characters as \\uXXXX, 40058 when it is no JSON object.
    """
    if not body:
        return {}
    if ESCAPE.search(body):
        raise ApiError(40033)
    try:
        data = json.loads(body)
    except ValueError:
        raise ApiError(40058, WRONG_JSON) from None
    if not isinstance(data, dict):
        raise ApiError(40058, WRONG_JSON)
    return data
