"""Where the page of each problem lies: cause, example, cure.

The pages are written in ``docs/problems``. In a wheel they lie beside this module, so that whoever has jitcore
installed has the pages that belong to it.
"""

from __future__ import annotations

from pathlib import Path

from jitcore.problems import CODES

__all__ = ["page_path"]


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
