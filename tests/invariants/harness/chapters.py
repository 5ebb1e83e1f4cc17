"""What the modules ``test_i01_*.py`` … ``test_i15_*.py`` say of themselves, read without importing them.

Each opens with its promise and names, as plain constants, what it INJECTED, which tests elsewhere prove it ALSO, and
what is still OPEN.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1]
ROOT = FOLDER.parents[1]


@dataclass(frozen=True)
class Chapter:
    """One invariant.

    :param number: 1 to 15.
    :param promise: one sentence.
    :param injected: what is done to the sync.
    :param also: node ids of tests elsewhere that prove it too.
    :param left_open: what no test shows yet.
    """

    number: int
    module: str
    title: str
    promise: str
    injected: str
    also: tuple[str, ...]
    left_open: tuple[str, ...]


def chapters() -> list[Chapter]:
    """All of them, in order."""
    return [_read(path) for path in sorted(FOLDER.glob("test_i[0-9][0-9]_*.py"))]


def _read(path: Path) -> Chapter:
    tree = ast.parse(path.read_text("utf-8"))
    told = ast.get_docstring(tree) or ""
    constants = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in {"INJECTED", "ALSO", "OPEN"}
    }
    _, number, title = path.stem.split("_", 2)
    return Chapter(
        number=int(number[1:]),
        module=path.relative_to(ROOT).as_posix(),
        title=title.replace("_", " "),
        promise=re.sub(r"\s+", " ", told.partition("\n\n")[0]),
        injected=constants["INJECTED"],
        also=tuple(constants["ALSO"]),
        left_open=tuple(constants["OPEN"]),
    )
