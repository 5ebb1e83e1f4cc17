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

__all__ = ["FileStates", "age", "is_relevant"]

_SUFFIXES = (".json", ".py")
_AT_ROOT = frozenset({".env", "app.json"})
#: A file that makes no sense and is younger than this many seconds may be in the middle of being written. A JSON file
#: without any content never makes sense, and hardly does a module that had some: its writer may have been kept from
#: writing for longer.
_YOUNG, _YOUNG_EMPTY = 0.06, 0.5


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


def age(file: str) -> float:
    """Seconds since a file last changed; of one that is gone, since something last happened in its folder.

    What an editor or a checkout sets as the time of its text says nothing about that: the system's own time counts.
    """
    now = time.time()
    while file:
        try:
            return abs(now - os.stat(file).st_ctime)
        except OSError:
            file = file.rpartition(os.sep)[0]
    return 0.0


class _Folder(NamedTuple):
    """One folder as it was last seen: its relevant files, and the folders in it that are looked into."""

    files: dict[str, _State]
    subfolders: frozenset[str]


_NOTHING = _Folder({}, frozenset())

#: Files whose content is another now, with the digest of what it was; None for new ones.
_Changes = dict[str, bytes | None]


class FileStates:
    """The files of some app folders as they were last seen.

    Of the folders directly below a root only families and ``commons`` are looked into, and those that appear later: a
    virtual environment or a front end's sources beside them are none of our business.

    :param roots: absolute paths of the app folders, which need not be there yet.
    :param families: first parts of the elements' full names.
    :param before: states of other folders; what they know of the same ones counts as last seen.
    """

    def __init__(self, roots: Sequence[str], families: Collection[str], before: FileStates | None = None) -> None:
        self.roots = tuple(roots)
        self._passed_over: set[str] = set()
        self._folders: dict[str, _Folder] = {}
        self._before: _Changes = {}
        for root in self.roots:
            if before is None or root not in before.roots:
                self._begin(root, families)
            else:
                self._go_on(root, families, before)

    def passes_over(self, families: Collection[str]) -> bool:
        """Whether a folder of one of these names is not looked into."""
        return any(os.path.join(root, name) in self._passed_over for root in self.roots for name in families)

    def look(self, folders: Iterable[str]) -> set[str]:
        """Look at some folders, and at what is new below them.

        :param folders: absolute paths; one that is not there any more counts as emptied, with all below it.
        :returns: absolute paths of the files whose content is new, changed or gone.
        """
        changed: _Changes = {}
        for folder in folders:
            if self._covers(folder):
                changed |= self._compare(folder) if os.path.isdir(folder) else self._drop(folder)
        self._before = changed
        return set(changed)

    def forget(self, files: Iterable[str]) -> None:
        """Count what the last look found of some files as not seen, so that the next look compares them again."""
        for file in files:
            folder, _, name = file.rpartition(os.sep)
            if folder not in self._folders:
                continue
            before = self._before.get(file)
            if before is None:
                self._folders[folder].files.pop(name, None)
            else:
                self._folders[folder].files[name] = _State(-1, -1, -1, -1, before)

    def is_unfinished(self, file: str) -> bool:
        """Whether a file is not yet what it is going to be.

        It is another than when it was looked at, or it makes no sense and is so young that its writer may be in the
        middle of it.
        """
        folder, _, name = file.rpartition(os.sep)
        try:
            content = Path(file).read_bytes()
            if _digest(self._folders.get(folder, _NOTHING).files, name) != _digest_of(content):
                return True
            is_emptied = not content and (name.endswith(".json") or self._before.get(file) is not None)
            if age(file) >= (_YOUNG_EMPTY if is_emptied else _YOUNG):
                return False
            if name.endswith(".py"):
                # An empty module is a right one, except for the moment after it was emptied to be written.
                ast.parse(content)
                return not content
            if name.endswith(".json"):
                json.loads(content)
        except OSError:
            return False
        except (ValueError, SyntaxError, RecursionError):
            return True
        return False

    def look_everywhere(self) -> set[str]:
        """Look at all folders; finds what no event told of."""
        changed: _Changes = {}
        for root in self.roots:
            now = self._read_tree(root, self._folders)
            before = self._tree(root)
            for folder, seen in now.items():
                changed |= _differences(folder, self._folders.get(folder, _NOTHING).files, seen.files)
            for folder in before - now.keys():
                changed |= self._drop_one(folder)
            self._folders.update(now)
        self._before = changed
        return set(changed)

    def families(self) -> Iterator[str]:
        """The folders directly below the roots that are looked into."""
        for root in self.roots:
            yield from sorted(self._folders.get(root, _NOTHING).subfolders)

    def _begin(self, root: str, families: Collection[str]) -> None:
        """Look at a root for the first time."""
        for path, name in _folders_in(root):
            if name not in families and name != COMMONS and not _is_empty(path):
                self._passed_over.add(path)
        self._folders.update(self._read_tree(root, {}))

    def _go_on(self, root: str, families: Collection[str], before: FileStates) -> None:
        """Take over what is known of a root, and begin to look into the folders that turned out to be families."""
        start = os.path.join(root, "")
        passed_over = {path for path in before._passed_over if path.startswith(start)}
        admitted = {path for path in passed_over if path[len(start) :] in families}
        self._passed_over |= passed_over - admitted
        self._folders.update((folder, before._folders[folder]) for folder in before._tree(root))
        for path in admitted:
            self._folders.update(self._read_tree(path, {}))
        known = before._folders.get(root, _NOTHING)
        self._folders[root] = _Folder(known.files, known.subfolders | admitted)

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

    def _compare(self, folder: str) -> _Changes:
        before = self._folders.get(folder, _NOTHING)
        # Content is read whatever the times say: an editor, a checkout or a test may set them as it likes.
        now = self._folders[folder] = self._read(folder, {})
        changed = _differences(folder, before.files, now.files)
        # A folder that appears brings everything below it; events for that may have come before we listened.
        for appeared in now.subfolders - before.subfolders:
            if appeared not in self._folders:
                tree = self._read_tree(appeared, {})
                self._folders.update(tree)
                changed |= {os.path.join(place, name): None for place, seen in tree.items() for name in seen.files}
        for vanished in before.subfolders - now.subfolders:
            changed |= self._drop(vanished)
        return changed

    def _drop(self, folder: str) -> _Changes:
        return {file: before for place in self._tree(folder) for file, before in self._drop_one(place).items()}

    def _drop_one(self, folder: str) -> _Changes:
        return {os.path.join(folder, name): seen.digest for name, seen in self._folders.pop(folder).files.items()}

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


def _differences(folder: str, before: Mapping[str, _State], now: Mapping[str, _State]) -> _Changes:
    if now == before:
        return {}
    names = {name for name in now.keys() | before.keys() if _digest(now, name) != _digest(before, name)}
    return {os.path.join(folder, name): _digest(before, name) for name in names}


def _folders_in(root: str) -> Iterator[tuple[str, str]]:
    try:
        with os.scandir(root) as entries:
            yield from ((entry.path, entry.name) for entry in entries if entry.is_dir())
    except OSError:
        return


def _is_empty(folder: str) -> bool:
    """Whether there is nothing in it yet, so that nobody can know that it will not be a family."""
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError:
        return False


def _is_passed_over(folder: str) -> bool:
    return folder[0] == "." or folder in IGNORED or folder == "__pycache__"


def _digest(files: Mapping[str, _State], name: str) -> bytes | None:
    state = files.get(name)
    return None if state is None else state.digest


def _digest_of(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def _content(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        digest = hashlib.blake2b(digest_size=16)
        while chunk := os.read(descriptor, 1 << 16):
            digest.update(chunk)
        return digest.digest()
    finally:
        os.close(descriptor)
