"""Checking again whenever a file changes: the loop of ``jit check --watch``."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Checked", "Contents", "recheck"]

_SUFFIXES = (".json", ".py")
_IGNORED = frozenset({"appData", "dist", "node_modules", "__pycache__"})


class Checked(NamedTuple):
    """One check.

    :param status: what the command would exit with.
    :param text: what it prints.
    :param roots: the folders of the apps that took part.
    """

    status: int
    text: str
    roots: tuple[str, ...]


class Contents:
    """The content of the files that a check looks at, as digests; a file is read when its times or size change."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[int, int, int], bytes]] = {}

    def read(self, roots: Iterable[str]) -> dict[str, bytes]:
        """Digests by path."""
        now = {}
        for path in _files(roots):
            try:
                stat = os.stat(path)
                stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
                known = self._known.get(path)
                if known is None or known[0] != stamp:
                    with open(path, "rb") as file:
                        known = (stamp, hashlib.blake2b(file.read(), digest_size=16).digest())
                now[path] = known
            except OSError:
                continue  # gone meanwhile, or nothing that can be read
        self._known = now
        return {path: digest for path, (_, digest) in now.items()}


def recheck(
    root: str, check: Callable[[], Checked], show: Callable[[str], object], pause: Callable[[], bool]
) -> Iterator[int]:
    """Check, show what is new, wait for a change, and so on.

    :param root: the app's folder, as the checks name it.
    :param check: does one check.
    :param show: is given the text of a check when it differs from the one before.
    :param pause: waits a while; False ends the loop.
    :returns: yields the status of each check.
    """
    contents = Contents()
    shown = None
    roots: tuple[str, ...] = (root,)
    while True:
        # Read before the check: what changes during it is then seen after it.
        before = contents.read(roots)
        checked = check()
        if checked.text != shown:
            shown = checked.text
            show(checked.text)
        yield checked.status
        if checked.roots != roots:
            roots = checked.roots
            before = contents.read(roots)
        while contents.read(roots) == before:
            if not pause():
                return


def _files(roots: Iterable[str]) -> Iterator[str]:
    for root in roots:
        for folder, subfolders, names in os.walk(root):
            subfolders[:] = [name for name in subfolders if name[0] not in "._" and name not in _IGNORED]
            yield from (f"{folder}{os.sep}{name}" for name in names if name.endswith(_SUFFIXES) or name == ".env")
