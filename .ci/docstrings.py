"""Turns our docstrings into what the API reference is written in: they are reStructuredText, the site is Markdown.

Only three things differ in what we write: roles, literal blocks that a double colon announces (it may stand on a line
of its own, and Markdown shows the marks of code inside), and the docstring of the emulator, which is one table from top
to bottom.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

_ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):`~?([^`]+)`")
_LITERAL = re.compile(r"^::\n|(?<=[^\n]:):$", re.MULTILINE)
_IN_LITERAL = re.compile(r"^    .*``.*$", re.MULTILINE)
_AS_IT_STANDS = frozenset({"jit_qywx.emulator"})


class Markdown(Extension):
    """Rewrites each docstring when it is read."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Called once for every module, class, function and attribute."""
        if obj.docstring is None:
            return
        text = obj.docstring.value
        if obj.path in _AS_IT_STANDS:
            obj.docstring.value = f"```text\n{text}\n```"
        else:
            text = _LITERAL.sub("", _ROLE.sub(r"`\1`", text))
            obj.docstring.value = _IN_LITERAL.sub(lambda line: line.group().replace("``", ""), text)
