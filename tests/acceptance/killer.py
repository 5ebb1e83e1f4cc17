"""Runs a sync that may be killed, in processes of its own.

``killer.py APP once`` syncs corps.CorpA and ends. ``killer.py APP statements`` forks a child for each SQL statement of
the sync; the nth child kills itself at the nth moment (before or after a statement), and another child then says what
readers see. The last child survives. ``killer.py APP statements 3`` takes every third moment. Printed is a JSON list of
fingerprints: the first before anything was tried, then one for each child.

Children are forked from a process that has no threads, has loaded the App with all that a sync imports, and has not
touched its database: each connects for itself, and costs milliseconds.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import signal
import sys
import traceback

from jitcore import App


def sync(app: App, stop_at: int) -> None:
    """Sync, and die at the given moment; 0 is never."""
    corp = app.getElement("corps.CorpA")
    corp.getDepts()
    moments = 0

    def count(*_: object) -> None:
        nonlocal moments
        moments += 1
        if moments == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)

    with app.storage.on_statement(count):
        corp.syncCorp()
    app.close()


def fingerprint(app: App) -> str:
    """What readers see; also ends the leases of a killed run, as expiry would: to write, and of quotas."""
    corp = app.getElement("corps.CorpA")
    data = corp.getLocalCorpData()
    seen = [
        [(member.memberId, member.name, member.status) for member in corp.getMembers()],
        [str(data[key]) for key in ("deptList", "deptMemberList", "roleList", "roleMemberSet")],
    ]
    app.models.SyncLease.update(holder=None, until=0.0).execute()
    app.models.QywxQuota.delete().execute()
    app.close()
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:12]


def loaded(app: App) -> str:
    """Read and plan without writing; the names of all that this imported."""
    app.getElement("corps.CorpA").plan()
    files = {name for name, module in sys.modules.items() if getattr(module, "__file__", None)}
    return json.dumps(sorted(name for name in files if name.partition(".")[0] != "jitapps"))


def in_child(work: object, *arguments: object) -> tuple[int, str]:
    """Run in a forked child; its exit status (negative: the signal that ended it) and what it returned."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(writer, str(work(*arguments)).encode())
            status = 0
        finally:
            # A child must not run on into its parent's loop, whatever happened; the traceback is printed by then.
            if status:
                traceback.print_exc()
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as told:
        result = told.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), result


def main(path: str, what: str, every: str = "1") -> int:
    with App(path) as app:
        if what == "once":
            sync(app, 0)
            return 0
        app.getElement("corps.CorpA")
        for name in json.loads(in_child(loaded, app)[1]):
            importlib.import_module(name)
        seen = [in_child(fingerprint, app)[1]]
        stop_at = 0
        while True:
            stop_at += int(every)
            status, _ = in_child(sync, app, stop_at)
            if status not in {0, -signal.SIGKILL}:
                return 1
            seen.append(in_child(fingerprint, app)[1])
            if status == 0:
                print(json.dumps(seen))
                return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
