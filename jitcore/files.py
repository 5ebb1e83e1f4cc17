"""Reading a small text file: whole, as UTF-8, from inside its folder, or not at all.

The names of these files come from an app's JSON, and what lies under them may be anything: a link to somebody's keys,
a pipe, a directory, a gigabyte. Each ends as a problem, never as another error.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from jitcore.errors import JitError
from jitcore.lines import Lines
from jitcore.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LARGEST", "SourceInvalid", "read_text"]

#: The largest file that is read, in bytes: what people write by hand is far smaller.
LARGEST = 1 << 20

_TOO_LARGE = "Move the data into a file that the Type reads itself, or into the database."
_CHUNK = 1 << 14
# A pipe is not waited for, and a link is looked at before it is followed. Windows knows neither flag.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
#: What the systems say when O_NOFOLLOW meets a link (FreeBSD: EMLINK, NetBSD: EFTYPE).
_MEETS_LINK = {errno.ELOOP, errno.EMLINK, getattr(errno, "EFTYPE", errno.ELOOP)}


class SourceInvalid(JitError):
    """A file cannot be read as what it should be; ``problems`` says why and where.

    Who loads or checks an element turns it into an error or a finding of their own; it does not reach a user.
    """

    code = "source-invalid"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class _Refused(Exception):
    """Leads out of the reading; carries code, message and hint of a problem."""


def read_text(path: str, *, inside: str | None, shown: str, element: str | None) -> str:
    """Read a UTF-8 file of at most :data:`LARGEST` bytes. A byte order mark stays in the text.

    :param path: the file.
    :param inside: the folder that neither the path nor a link may lead out of; None when they may.
    :param shown: the file as messages name it.
    :param element: full name of the element it belongs to.
    :raises SourceInvalid: if it cannot be read.
    """
    try:
        return _read(path, inside).decode()
    except (FileNotFoundError, NotADirectoryError):
        refused = _Refused("file-missing", "There is no such file.", None)
    except UnicodeDecodeError as error:
        raise SourceInvalid([_misencoded(error, shown, element)]) from None
    except IsADirectoryError:
        refused = _Refused("file-unreadable", "This is a folder, and a file must stand here.", None)
    except OSError as error:
        refused = _Refused("file-unreadable", f"The file cannot be read: {error.strerror}.", None)
    except ValueError:  # a NUL character in the name, or one that the file system cannot spell
        refused = _Refused("file-missing", "No file can have such a name.", None)
    except _Refused as error:
        refused = error
    code, message, hint = refused.args
    raise SourceInvalid([Problem(code, message, element=element, file=shown, hint=hint)])


def _read(path: str, inside: str | None) -> bytes:
    if inside is None:
        return _read_whole(path, _FLAGS)
    # Resolving every path would cost more than reading the file: only a link or a path with folders in it needs that.
    if _NO_LINK and path.rpartition(os.sep)[0] == inside:
        try:
            return _read_whole(path, _FLAGS | _NO_LINK)
        except OSError as error:
            if error.errno not in _MEETS_LINK:
                raise
    real = os.path.realpath(path)
    if not real.startswith(os.path.join(os.path.realpath(inside), "")):
        raise _Refused(
            "file-outside",
            "The file lies outside the folder it belongs to.",
            "Put the file itself into the folder, not a link or a path to another place.",
        )
    return _read_whole(real, _FLAGS | _NO_LINK)


def _read_whole(path: str, flags: int) -> bytes:
    descriptor = os.open(path, flags)
    try:
        raw = chunk = os.read(descriptor, _CHUNK)
        # A short read is the end of a file; asking again would cost a fifth of the whole.
        while len(chunk) == _CHUNK:
            chunk = os.read(descriptor, _CHUNK)
            raw += chunk
            if len(raw) > LARGEST:
                raise _Refused("file-too-large", f"The file is larger than {LARGEST >> 20} MiB.", _TOO_LARGE)
    finally:
        os.close(descriptor)
    return raw


def _misencoded(error: UnicodeDecodeError, shown: str, element: str | None) -> Problem:
    before = error.object[: error.start].decode()  # proper UTF-8, or the error would stand earlier
    line, column = Lines(before).place(len(before))
    is_utf16 = error.object[:2] in (b"\xff\xfe", b"\xfe\xff")
    what = "The file is UTF-16" if is_utf16 else f"The byte 0x{error.object[error.start]:02x} is not UTF-8"
    return Problem(
        "file-encoding",
        f"{what}.",
        element=element,
        file=shown,
        line=line,
        column=column,
        hint="Save the file as UTF-8.",
    )
