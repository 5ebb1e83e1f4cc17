"""Trees of template files: their names and texts hold ``$placeholders`` (:class:`string.Template`)."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TEMPLATES", "render"]

#: The templates that jitcore ships.
TEMPLATES = Path(__file__).parent / "templates"

#: Keeps formatters, type checkers and git from taking a template for what it will become.
_SUFFIX = ".tmpl"


def render(tree: Path, values: Mapping[str, str]) -> dict[str, str]:
    """Fill in every template below a folder.

    :param tree: the folder.
    :param values: what stands for each placeholder, in texts and in the names of files and folders.
    :returns: texts by path relative to the folder, in the order of the paths.
    :raises KeyError: if a template asks for a value that is not given.
    """
    return {
        Template(path.relative_to(tree).as_posix().removesuffix(_SUFFIX)).substitute(values): _text(path, values)
        for path in sorted(tree.rglob(f"*{_SUFFIX}"))
    }


def _text(path: Path, values: Mapping[str, str]) -> str:
    text = Template(path.read_text("utf-8")).substitute(values).rstrip("\n")
    # A placeholder at the end may stand for nothing.
    return f"{text}\n" if text else ""
