"""Finding elements: which folders below a root hold an ``e.json``, and under which full name.

Only names are read here; files are opened when an element is first needed. The order is the sorted order of names,
whatever the file system returns.
"""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["IGNORED", "Folder", "Tree", "is_element_name", "look", "scan"]

#: One segment of a full name: a letter, then letters, digits and underscores.
_SEGMENT = re.compile(r"[^\W\d_]\w*\Z")
#: Folders that hold no elements wherever they stand (JAAP: run-time data and build output).
IGNORED = frozenset({"appData", "dist", "node_modules"})
#: Folders at the top of an app that hold plain code and tests, not elements (JAAP).
_IGNORED_AT_TOP = frozenset({"commons", "test", "tests"})

#: Files that decide how a folder is treated, as bits, so that loading needs no second look at the folder.
HAS_PACKAGE, HAS_LOADER, HAS_LIFECYCLE, HAS_SCHEMA, HAS_BUSINESS_FILE = 1, 2, 4, 8, 16
_MARKS = {
    "__init__.py": HAS_PACKAGE,
    "loader.py": HAS_LOADER,
    "lifecycle.py": HAS_LIFECYCLE,
    "schema.json": HAS_SCHEMA,
}


class Folder(NamedTuple):
    """One element's folder in one tree.

    :param path: absolute path of the folder.
    :param marks: which of the files jitcore knows by name lie in it.
    """

    path: str
    marks: int = 0


@dataclass(slots=True)
class Tree:
    """What one root holds.

    :param folders: each full name and its folder.
    :param misnamed: folders with an ``e.json`` whose name cannot be part of a full name.
    :param duplicates: full name, first folder, second folder, where two spellings of one name are the same text after
        Unicode normalisation; the first counts.
    :param unreadable: folders that could not be listed, with the system's reason.
    """

    folders: dict[str, Folder] = field(default_factory=dict)
    misnamed: list[str] = field(default_factory=list)
    duplicates: list[tuple[str, str, str]] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)

    def collisions(self) -> list[tuple[str, str]]:
        """Pairs of full names that differ only in case, so that some file systems cannot tell them apart."""
        seen: dict[str, str] = {}
        pairs = []
        for name in self.folders:
            first = seen.setdefault(name.casefold(), name)
            if first is not name:
                pairs.append((first, name))
        return pairs


def scan(root: str, name: str = "") -> Tree:
    """Index the elements below ``root``.

    A folder that cannot be listed is noted in ``unreadable`` and the rest goes on.

    :param root: absolute path of an app, of a plugin's element tree, or of one element.
    :param name: full name of ``root`` when it is an element's folder.
    """
    tree = Tree()
    # An own stack instead of recursion: how deep a tree is, is the user's business.
    stack: list[tuple[str, str]] = [(name, root)]
    while stack:
        name, path = stack.pop()
        try:
            with os.scandir(path) as entries:
                subfolders, marks = _split(entries, f"{path.rpartition(os.sep)[2]}.json")
        except OSError as error:
            tree.unreadable.append((path, error.strerror or str(error)))
            continue
        if name:
            if marks is not None and not _add(tree, name, Folder(path, marks)):
                continue
        else:
            subfolders = [entry for entry in subfolders if entry[0] not in _IGNORED_AT_TOP]
        for child, child_path, is_link in reversed(subfolders):
            if not (is_link and _leads_up(child_path, root)):
                stack.append((f"{name}.{child}" if name else child, child_path))
    return tree


def look(path: str) -> Folder | None:
    """The element in one folder; None when it holds none or cannot be one."""
    try:
        with os.scandir(path) as entries:
            _, marks = _split(entries, f"{path.rpartition(os.sep)[2]}.json")
    except OSError:
        return None
    found = Tree()
    name = path.rpartition(os.sep)[2]
    return Folder(path, marks) if marks is not None and _add(found, name, Folder(path, marks)) else None


def is_element_name(segment: str) -> bool:
    """Whether ``segment`` may be one part of a full name."""
    return _SEGMENT.match(segment) is not None


def _add(tree: Tree, name: str, folder: Folder) -> bool:
    last = folder.path.rpartition(os.sep)[2]
    if not name.isascii():
        name, last = unicodedata.normalize("NFC", name), unicodedata.normalize("NFC", last)
    # Nearly all names are plain: the pattern is asked about the others.
    if not (last.isascii() and last.isidentifier()) and not is_element_name(last):
        tree.misnamed.append(folder.path)
        return False
    if name in tree.folders:
        tree.duplicates.append((name, tree.folders[name].path, folder.path))
        return False
    tree.folders[name] = folder
    return True


def _split(entries: Iterable[os.DirEntry[str]], business_file: str) -> tuple[list[tuple[str, str, bool]], int | None]:
    """Split a listing into subfolders (name, path, is a link) and the element's marks (None without ``e.json``)."""
    folders = []
    marks = 0
    is_element = False
    for entry in entries:
        name = entry.name
        if name == "e.json":
            is_element = True
        elif name == business_file:
            marks |= HAS_BUSINESS_FILE
        elif name in _MARKS:
            marks |= _MARKS[name]
        elif name[0] not in "._" and name not in IGNORED and _is_folder(entry):
            folders.append((name, entry.path, entry.is_symlink()))
    if len(folders) > 1:
        folders.sort()
    return folders, marks if is_element else None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle, or to a place that may not be looked at
        return False


def _leads_up(link: str, root: str) -> bool:
    """Whether following a linked folder leads back to a folder on the way to it, so that it would never end.

    The way may have gone through other links: two folders that link to each other have no end either.
    """
    target = os.path.join(os.path.realpath(link), "")
    folder = os.path.dirname(link)
    while not os.path.join(os.path.realpath(folder), "").startswith(target):
        if len(folder) <= len(root):
            return False
        folder = os.path.dirname(folder)
    return True
