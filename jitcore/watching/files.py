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
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

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


class _Folder(NamedTuple):
    """One folder as it was last seen: its relevant files, and the folders in it that are looked into."""

    files: dict[str, _State]
    subfolders: frozenset[str]


_NOTHING = _Folder({}, frozenset())


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
        self._folders: dict[str, _Folder] = {}
        for root in self.roots:
            self._folders.update(self._read_tree(root, {}))

    def look(self, folders: Iterable[str]) -> set[str]:
        """Look at some folders, and at what is new below them.

        :param folders: absolute paths; one that is not there any more counts as emptied, with all below it.
        :returns: absolute paths of the files whose content is new, changed or gone.
        """
        changed: set[str] = set()
        for folder in folders:
            if self._covers(folder):
                changed |= self._compare(folder) if os.path.isdir(folder) else self._drop(folder)
        return changed

    def forget(self, files: Iterable[str]) -> None:
        """Count some files as not seen yet, so that the next look reports them again."""
        for file in files:
            folder, _, name = file.rpartition(os.sep)
            seen = self._folders.get(folder, _NOTHING).files
            if name in seen:
                seen[name] = seen[name]._replace(modified=-1, digest=b"")

    def look_everywhere(self) -> set[str]:
        """Look at all folders; finds what no event told of."""
        changed: set[str] = set()
        for root in self.roots:
            now = self._read_tree(root, self._folders)
            before = self._tree(root)
            for folder, seen in now.items():
                changed |= _differences(folder, self._folders.get(folder, _NOTHING).files, seen.files)
            for folder in before - now.keys():
                changed |= {os.path.join(folder, name) for name in self._folders.pop(folder).files}
            self._folders.update(now)
        return changed

    def families(self) -> Iterator[str]:
        """The folders directly below the roots that are looked into."""
        for root in self.roots:
            yield from sorted(self._folders.get(root, _NOTHING).subfolders)

    def _covers(self, folder: str) -> bool:
        for root in self.roots:
            if folder == root:
                return True
            if folder.startswith(root + os.sep):
                parts = folder[len(root) + 1 :].split(os.sep)
                if os.path.join(root, parts[0]) in self._passed_over:
                    return False
                return not any(_is_passed_over(part) for part in parts)
        return False

    def _compare(self, folder: str) -> set[str]:
        before = self._folders.get(folder, _NOTHING)
        # Content is read whatever the times say: an editor, a checkout or a test may set them as it likes.
        now = self._folders[folder] = self._read(folder, {})
        changed = _differences(folder, before.files, now.files)
        # A folder that appears brings everything below it; events for that may have come before we listened.
        for appeared in now.subfolders - before.subfolders:
            if appeared not in self._folders:
                tree = self._read_tree(appeared, {})
                self._folders.update(tree)
                changed |= {os.path.join(place, name) for place, seen in tree.items() for name in seen.files}
        for vanished in before.subfolders - now.subfolders:
            changed |= self._drop(vanished)
        return changed

    def _drop(self, folder: str) -> set[str]:
        return {os.path.join(place, name) for place in self._tree(folder) for name in self._folders.pop(place).files}

    def _tree(self, folder: str) -> set[str]:
        """A known folder and all known folders below it."""
        found: set[str] = set()
        stack = [folder]
        while stack:
            place = stack.pop()
            if place in self._folders:
                found.add(place)
                stack += self._folders[place].subfolders
        return found

    def _read_tree(self, root: str, known: Mapping[str, _Folder]) -> dict[str, _Folder]:
        tree: dict[str, _Folder] = {}
        stack = [root]
        while stack:
            folder = stack.pop()
            tree[folder] = self._read(folder, known.get(folder, _NOTHING).files)
            stack += tree[folder].subfolders
        return tree

    def _read(self, folder: str, known: Mapping[str, _State]) -> _Folder:
        """One folder as it is now; a file whose known state still fits is not read again."""
        files: dict[str, _State] = {}
        subfolders: set[str] = set()
        is_root = folder in self.roots
        try:
            with os.scandir(folder) as listing:
                entries = list(listing)
        except OSError:
            return _NOTHING
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
                subfolders.add(entry.path)
        return _Folder(files, frozenset(subfolders))


def _differences(folder: str, before: Mapping[str, _State], now: Mapping[str, _State]) -> set[str]:
    if now == before:
        return set()
    names = {name for name in now.keys() | before.keys() if _digest(now, name) != _digest(before, name)}
    return {os.path.join(folder, name) for name in names}


def _is_passed_over(folder: str) -> bool:
    return folder[0] == "." or folder in IGNORED or folder == "__pycache__"


def _digest(files: Mapping[str, _State], name: str) -> bytes | None:
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
