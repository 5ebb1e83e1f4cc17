"""Which files of an app changed, decided by their content.

Events say that something may have happened in a folder; times and sizes are compared to find where; content decides.
A ``touch``, a ``git checkout`` that restores what was there, or an editor that writes the same text again is no change.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jitcore.discovery import IGNORED
from jitcore.importing import COMMONS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

__all__ = ["FileStates", "is_relevant", "is_unfinished"]

_SUFFIXES = (".json", ".py")
_AT_ROOT = frozenset({".env", "app.json"})


class _State(NamedTuple):
    """What tells one version of a file from another without reading it, and a digest once it was read."""

    modified: int
    changed: int
    size: int
    inode: int
    digest: bytes


def is_relevant(name: str) -> bool:
    """Whether a file of that name, below the app's root, can concern an element."""
    return name.endswith(_SUFFIXES) and name[0] != "."


def is_unfinished(file: str, young: float) -> bool:
    """Whether a file makes no sense and is so young that its writer may be in the middle of it.

    :param young: seconds since its last change below which it counts as young.
    """
    try:
        if time.time() - os.stat(file).st_mtime >= young:
            return False
        content = Path(file).read_bytes()
        if file.endswith(".py"):
            # An empty module is a right one, except for the moment after it was emptied to be written.
            ast.parse(content)
            return not content
        if file.endswith(".json"):
            json.loads(content)
    except OSError:
        return False
    except (ValueError, SyntaxError, RecursionError):
        return True
    return False


class FileStates:
    """The files of some app folders as they were last seen.

    Of the folders directly below a root only families and ``commons`` are looked into, and those that appear later: a
    virtual environment or a front end's sources beside them are none of our business.

    :param roots: absolute paths of the app folders.
    :param families: first parts of the elements' full names.
    """

    def __init__(self, roots: Sequence[str], families: Collection[str]) -> None:
        self.roots = tuple(roots)
        self._passed_over = {
            entry.path
            for root in self.roots
            for entry in os.scandir(root)
            if entry.is_dir() and entry.name not in families and entry.name != COMMONS
        }
        self._folders: dict[str, dict[str, _State]] = {}
        for root in self.roots:
            self._folders.update(self._read_tree(root, {}))

    def look(self, folders: Iterable[str]) -> set[str]:
        """Look at some folders, and at what is new below them.

        :param folders: absolute paths; one that is not there any more counts as emptied, with all below it.
        :returns: absolute paths of the files whose content is new, changed or gone.
        """
        changed: set[str] = set()
        for folder in folders:
            if not self._covers(folder):
                continue
            if os.path.isdir(folder):
                changed |= self._compare(folder)
            else:
                changed |= self._drop(folder)
        return changed

    def forget(self, files: Iterable[str]) -> None:
        """Count some files as not seen yet, so that the next look reports them again."""
        for file in files:
            folder, _, name = file.rpartition(os.sep)
            state = self._folders.get(folder, {}).get(name)
            if state is not None:
                self._folders[folder][name] = state._replace(modified=-1, digest=b"")

    def look_everywhere(self) -> set[str]:
        """Look at all folders; finds what no event told of."""
        changed: set[str] = set()
        for root in self.roots:
            seen = self._read_tree(root, self._folders)
            for folder, files in seen.items():
                changed |= self._differences(folder, files)
            inside = os.path.join(root, "")
            for folder in [one for one in self._folders if one == root or one.startswith(inside)]:
                if folder not in seen:
                    changed |= {os.path.join(folder, name) for name in self._folders.pop(folder)}
            self._folders.update(seen)
        return changed

    def families(self) -> Iterator[str]:
        """The folders directly below the roots that hold something relevant."""
        tops = set()
        for root in self.roots:
            length = len(root) + 1
            for folder in self._folders:
                if len(folder) > len(root) and folder.startswith(root) and folder[len(root)] == os.sep:
                    tops.add(root + os.sep + folder[length:].partition(os.sep)[0])
        yield from sorted(tops)

    def _covers(self, folder: str) -> bool:
        for root in self.roots:
            if folder == root:
                return True
            if folder.startswith(root + os.sep):
                parts = folder[len(root) + 1 :].split(os.sep)
                return not any(_is_passed_over(part) for part in parts)
        return False

    def _compare(self, folder: str) -> set[str]:
        # Content is read whatever the times say: an editor, a checkout or a test may set them as it likes.
        files, subfolders = self._read(folder, {})
        changed = self._differences(folder, files)
        self._folders[folder] = files
        # A folder that appears brings everything below it; events for that may have come before we listened.
        for subfolder in subfolders:
            if subfolder not in self._folders and folder not in self.roots:
                changed |= self._adopt(subfolder)
        inside = folder + os.sep
        known = {inside + one[len(inside) :].partition(os.sep)[0] for one in self._folders if one.startswith(inside)}
        for gone in known - set(subfolders):
            changed |= self._drop(gone)
        return changed

    def _adopt(self, folder: str) -> set[str]:
        tree = self._read_tree(folder, {})
        self._folders.update(tree)
        return {os.path.join(place, name) for place, files in tree.items() for name in files}

    def _drop(self, folder: str) -> set[str]:
        inside = folder + os.sep
        gone = [one for one in self._folders if one == folder or one.startswith(inside)]
        return {os.path.join(one, name) for one in gone for name in self._folders.pop(one)}

    def _differences(self, folder: str, files: dict[str, _State]) -> set[str]:
        before = self._folders.get(folder, {})
        if files == before:
            return set()
        names = {name for name in files.keys() | before.keys() if _digest(files, name) != _digest(before, name)}
        return {os.path.join(folder, name) for name in names}

    def _read_tree(self, root: str, known: dict[str, dict[str, _State]]) -> dict[str, dict[str, _State]]:
        tree: dict[str, dict[str, _State]] = {}
        stack = [root]
        while stack:
            folder = stack.pop()
            tree[folder], subfolders = self._read(folder, known.get(folder, {}))
            stack += subfolders
        return tree

    def _read(self, folder: str, known: dict[str, _State]) -> tuple[dict[str, _State], list[str]]:
        """The relevant files of one folder, and its subfolders; a file whose state is known is not read again."""
        files: dict[str, _State] = {}
        subfolders: list[str] = []
        is_root = folder in self.roots
        try:
            entries = list(os.scandir(folder))
        except OSError:
            return files, subfolders
        for entry in entries:
            name = entry.name
            if name in _AT_ROOT if is_root else is_relevant(name):
                try:
                    stat = entry.stat()
                    before = known.get(name)
                    seen = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino)
                    files[name] = before if before and before[:4] == seen else _State(*seen, _content(entry.path))
                except OSError:
                    # It went away while we looked: the next look sees it gone.
                    continue
            elif not _is_passed_over(name) and entry.path not in self._passed_over and entry.is_dir():
                subfolders.append(entry.path)
        return files, subfolders


def _is_passed_over(folder: str) -> bool:
    return folder[0] == "." or folder in IGNORED or folder == "__pycache__"


def _digest(files: dict[str, _State], name: str) -> bytes | None:
    state = files.get(name)
    return None if state is None else state.digest


def _content(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        digest = hashlib.blake2b(digest_size=16)
        while chunk := os.read(descriptor, 1 << 16):
            digest.update(chunk)
        return digest.digest()
    finally:
        os.close(descriptor)
