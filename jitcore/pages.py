"""Where the page of each problem lies: cause, example, cure.

The pages are written in ``docs/problems``. In a wheel they lie beside this module, so that whoever has jitcore
installed has the pages that belong to it.
"""

from __future__ import annotations

import re
from pathlib import Path

from jitcore.problems import CODES

__all__ = ["page_path", "page_text"]

#: What a page says to the tests, and not to a reader.
_FRONT_MATTER = re.compile(r"---\n.*?\n---\n+", re.DOTALL)


def page_path(code: str) -> Path:
    """Find the page of a problem.

    :param code: one of :data:`jitcore.problems.CODES`.
    :raises FileNotFoundError: if there is none.
    """
    here = Path(__file__).parent
    if code in CODES:
        for folder in (here / "problem_pages", here.parent / "docs" / "problems"):
            path = folder / f"{code}.md"
            if path.is_file():
                return path
    raise FileNotFoundError(f"There is no page about {code!r}.")


def page_text(code: str) -> str:
    """Read the page of a problem, as Markdown.

    :param code: as for :func:`page_path`.
    :raises FileNotFoundError: if there is none.
    """
    text = page_path(code).read_text("utf-8")
    front = _FRONT_MATTER.match(text)
    return (text[front.end() :] if front else text).rstrip()
