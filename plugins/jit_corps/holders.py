"""Names the process that holds a corp's claim, for people, and so that it can be told whether it still lives.

Without this an operator would wait for the claim of a killed run to end by itself. A wrong answer costs work and not
data, because whoever lost its claim cannot publish; it is given only where it is sure: on Linux, on the same machine
since the same start, and in the same process namespace (two containers may share everything else).
"""

from __future__ import annotations

import os
import re
import socket
from hashlib import sha256
from pathlib import Path

__all__ = ["is_gone", "shown", "this_process"]

#: ``process 4242 on host [1f2e3d4c.8812345]``: the machine since its start, and when the process began.
_HOLDER = re.compile(r"process ([0-9]+) on .* \[([0-9a-f]+)\.([0-9]+)\]")
_PROC = Path("/proc")
#: Fields of ``/proc/PID/stat`` after the name, which may hold anything (proc_pid_stat(5)).
_STATE, _STARTED = 0, 19


def this_process() -> str:
    """The holder's text for this process."""
    told = f"process {os.getpid()} on {socket.gethostname()}"
    machine, stat = _machine(), _stat(os.getpid())
    return f"{told} [{machine}.{stat[_STARTED]}]" if machine and stat else told


def shown(holder: str) -> str:
    """A holder as people read it."""
    return holder.partition(" [")[0]


def is_gone(holder: str) -> bool:
    """Whether the process surely does not run any more; False for whatever cannot be known from here."""
    named = _HOLDER.fullmatch(holder)
    if named is None or named[2] != _machine():
        return False
    pid = int(named[1])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        # It runs as somebody else.
        return False
    stat = _stat(pid)
    # Another process may have the number by now; and a killed one keeps it until its parent looks.
    return stat is not None and (stat[_STARTED] != named[3] or stat[_STATE] in "ZX")


def _machine() -> str:
    """Tells this machine, this start of it and this process namespace from others; empty where that cannot be told."""
    try:
        start = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
        namespace = (_PROC / "self/ns/pid").readlink()
    except OSError:
        return ""
    return sha256(f"{start} {namespace}".encode()).hexdigest()[:12]


def _stat(pid: int) -> list[str] | None:
    try:
        return (_PROC / str(pid) / "stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
