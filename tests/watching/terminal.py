"""`jit dev` in a pseudo-terminal, as a developer sees it: read all the time, so that it never waits for us."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time

#: Longest a test waits for something that must be shown, in seconds.
PATIENCE = 60.0

#: What separates two states of a view that is drawn in place: erasing the lines of the one before.
_REDRAWN = re.compile(r"(?:\r?\x1b\[2K(?:\x1b\[1A)?)+")
_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A running ``jit dev`` and all that it has shown.

    :param path: the app's folder.
    :param options: further words of the command.
    :param size: rows and columns.
    """

    def __init__(self, path, *options, size=(50, 140)):
        self._reader, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        words = [sys.executable, "-m", "jitcore.cli", "--app", str(path), "dev", *options]
        # What a shell says of its own terminal would be believed before this one's size.
        environment = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        environment["TERM"] = "xterm-256color"
        self._process = subprocess.Popen(
            words, stdin=slave, stdout=slave, stderr=slave, close_fds=True, env=environment
        )
        os.close(slave)
        self._shown = ""
        self._more = threading.Condition()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    @property
    def lines(self):
        """The lines that were shown, without the one that is being written."""
        return _STYLE.sub("", self._shown).replace("\r", "").split("\n")[:-1]

    @property
    def view(self):
        """What the view shows now."""
        return _STYLE.sub("", _REDRAWN.split(self._shown)[-1]).replace("\r", "")

    def wait(self, found, what):
        """Wait until ``found()`` is something; that."""
        deadline = time.monotonic() + PATIENCE
        with self._more:
            while not (result := found()):
                left = deadline - time.monotonic()
                assert left > 0, f"{what}, in:\n{self._shown[-4000:]}"
                assert self._thread.is_alive(), f"it ended before {what}, with:\n{self._shown[-4000:]}"
                self._more.wait(min(left, 1.0))
        return result

    def wait_for_view(self, pattern):
        """Wait until the view shows something."""
        return self.wait(lambda: re.search(pattern, self.view), f"the view never showed {pattern!r}")

    def stop(self):
        """Ctrl-C; the exit code."""
        self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            self._thread.join()
            os.close(self._reader)

    def _read(self):
        while True:
            try:
                more = os.read(self._reader, 65536)
            except OSError:
                # What a terminal answers when nobody writes to it any more.
                more = b""
            with self._more:
                self._shown += more.decode("utf-8", "replace")
                self._more.notify_all()
            if not more:
                return
