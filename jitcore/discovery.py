"""Finding elements: which folders below a root hold an ``e.json``, and under which full name.

Only names are read here; files are opened when an element is first needed. The order is the sorted order of names,
whatever the file system returns.
"""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Folder", "Tree", "is_element_name", "scan"]

#: One segment of a full name: a letter, then letters, digits and underscores.
_SEGMENT = re.compile(r"[^\W\d_]\w*\Z")
#: Folders that hold no elements wherever they stand (JAAP: run-time data and build output).
_IGNORED = frozenset({"appData", "dist", "node_modules"})
#: Folders at the top of an app that hold plain code and tests, not elements (JAAP).
_IGNORED_AT_TOP = frozenset({"commons", "test", "tests"})

#: Files that decide how a folder is treated, as bits, so that loading needs no second look at the folder.
HAS_PACKAGE, HAS_LOADER, HAS_LIFECYCLE, HAS_SCHEMA = 1, 2, 4, 8
_MARKS = {
    "__init__.py": HAS_PACKAGE,
    "loader.py": HAS_LOADER,
    "lifecycle.py": HAS_LIFECYCLE,
    "schema.json": HAS_SCHEMA,
}


@dataclass(frozen=True, slots=True)
class Folder:
    """One element's folder in one tree.

    :param path: absolute path of the folder.
    :param marks: which of the files jitcore knows by name lie in it.
    """

    path: str
    marks: int = 0


@dataclass(slots=True)
class Tree:
    """What one root holds.

    ``folders`` maps each full name to its folder; ``misnamed`` lists folders with an ``e.json`` whose name cannot be
    part of a full name; ``collisions`` lists pairs of full names that a case-insensitive or normalising file system,
    or a reader, cannot tell apart.
    """

    folders: dict[str, Folder] = field(default_factory=dict)
    misnamed: list[str] = field(default_factory=list)
    duplicates: list[tuple[str, str, str]] = field(default_factory=list)

    def collisions(self) -> list[tuple[str, str]]:
        """Pairs of full names that differ only in case."""
        seen: dict[str, str] = {}
        pairs = []
        for name in self.folders:
            folded = name.casefold()
            if folded in seen:
                pairs.append((seen[folded], name))
            else:
                seen[folded] = name
        return pairs


def scan(root: str) -> Tree:
    """Index the elements below ``root``.

    :param root: absolute path of an app, or of a plugin's element tree.
    :raises OSError: if the root itself cannot be listed; an unreadable folder below it is skipped by the system's
        own error.
    """
    tree = Tree()
    for name, path, is_link in _subfolders(os.scandir(root))[0]:
        if name not in _IGNORED_AT_TOP:
            _descend(tree, path, name, (os.path.realpath(root),) if is_link else ())
    return tree


def is_element_name(segment: str) -> bool:
    """Whether ``segment`` may be one part of a full name."""
    return _SEGMENT.match(segment) is not None


def _descend(tree: Tree, path: str, name: str, parents: tuple[str, ...]) -> None:
    # An own stack instead of recursion: how deep a tree is, is the user's business.
    stack = [(path, name, parents)]
    while stack:
        path, name, parents = stack.pop()
        subfolders, marks = _subfolders(os.scandir(path))
        last = name.rpartition(".")[2]
        if not (last.isascii() and last.isidentifier()) and not is_element_name(last):
            if marks is not None:
                tree.misnamed.append(path)
            continue
        if marks is not None:
            _add(tree, name, Folder(path, marks))
        for child, child_path, is_link in reversed(subfolders):
            child_parents = parents
            if is_link:
                # A link may point back up: following it again would never end.
                real = os.path.realpath(child_path)
                if real in parents or os.path.realpath(path).startswith(real):
                    continue
                child_parents = (*parents, real)
            stack.append((child_path, f"{name}.{child}", child_parents))


def _add(tree: Tree, name: str, folder: Folder) -> None:
    if not name.isascii():
        name = unicodedata.normalize("NFC", name)
    if name in tree.folders:
        tree.duplicates.append((name, tree.folders[name].path, folder.path))
    else:
        tree.folders[name] = folder


def _subfolders(entries: Iterable[os.DirEntry[str]]) -> tuple[list[tuple[str, str, bool]], int | None]:
    """Split a listing into subfolders and the marks of the element here (None where there is no ``e.json``)."""
    folders = []
    marks = 0
    element = False
    for entry in entries:
        name = entry.name
        if name == "e.json":
            element = True
        elif name in _MARKS:
            marks |= _MARKS[name]
        elif name[0] not in "._" and name not in _IGNORED and "." not in name and entry.is_dir():
            folders.append((name, entry.path, entry.is_symlink()))
    if len(folders) > 1:
        folders.sort()
    return folders, marks if element else None
