"""Locks that hold between processes.

A lock is a file; the system lets go of it when its holder ends, however it ends, so nothing is ever left to clean up
after. It also holds between the threads and the Apps of one process.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["FileLock", "is_held"]

_BINARY = getattr(os, "O_BINARY", 0)
#: Windows keeps everybody else from reading the bytes that are locked: this one lies behind any that are written.
_FAR = 1 << 30

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, *, shared: bool) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBRLCK if shared else msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in {errno.EACCES, errno.EDEADLK}:
                raise BlockingIOError(*error.args) from error
            raise

else:
    import fcntl

    def _lock(descriptor: int, *, shared: bool) -> None:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


class FileLock:
    """A file that one holder has at a time; held from :meth:`take` to the end of the ``with`` block.

    :param path: the file; made when it is not there, and never removed by the lock.
    :raises OSError: if it cannot be made.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _BINARY, 0o666)
        self._taken = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def take(self) -> bool:
        """Take the lock if nobody has it.

        :returns: whether it is taken now.
        :raises OSError: if the file system has no locks.
        """
        try:
            _lock(self._descriptor, shared=False)
        except BlockingIOError:
            return False
        self._taken = True
        self._write(_this_thread())
        return True

    @property
    def holder(self) -> tuple[int, int] | None:
        """Process and thread that have the lock, as they wrote it down; None when nobody did."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        words = os.read(self._descriptor, 64).split()
        return (int(words[0]), int(words[1])) if len(words) == 2 and all(word.isdigit() for word in words) else None

    @property
    def is_ours(self) -> bool:
        """Whether this very thread has it already, by another ``FileLock``: waiting for it would never end."""
        return self.holder == _this_thread()

    def release(self) -> None:
        """Let go of the lock, for good; a second call does nothing."""
        if self._descriptor < 0:
            return
        if self._taken:
            self._write(())
        # Closing releases, everywhere.
        os.close(self._descriptor)
        self._descriptor = -1

    def _write(self, words: tuple[int, ...]) -> None:
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, " ".join(map(str, words)).encode())


def is_held(path: str | os.PathLike[str]) -> bool:
    """Whether somebody has the lock of that file; those who ask do not disturb each other.

    :raises OSError: if the file is not there or cannot be asked.
    """
    descriptor = os.open(path, (os.O_RDWR if sys.platform == "win32" else os.O_RDONLY) | _BINARY)
    try:
        _lock(descriptor, shared=True)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _this_thread() -> tuple[int, int]:
    return os.getpid(), threading.get_ident()
