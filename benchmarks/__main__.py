"""`python -m benchmarks [--quick] [FAMILY …]`: measure the families of figures and print each result as it comes.

At the sizes that the goals are set for, each family's results are kept (benchmarks/results/) and the page of them
(benchmarks/RESULTS.md) is written anew, so that one family can be measured again without the others. Several families
run in a process each: one that fails, or is killed for its memory, costs nothing but its own results.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import importlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import report
from benchmarks.harness import QUICK, Result, Scale
from benchmarks.keeping import Kept, keep, kept
from benchmarks.page import write

FAMILIES = (
    "loading",
    "calling",
    "starting",
    "reloading",
    "syncing",
    "growing",
    "memory",
    "waiting",
    "together",
    "receiving",
)


def main() -> int:
    """Run what the command line asks for; the exit code tells whether every family came to its end."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=str(__doc__).partition("\n")[0])
    parser.add_argument("family", nargs="*", metavar="FAMILY", help=f"only these, of: {', '.join(FAMILIES)}")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that all of it runs, not how fast")
    parser.add_argument("--members", type=int, metavar="N", help="another size of the enterprise; nothing is kept")
    parser.add_argument("--rounds", type=int, metavar="N", help="another number of rounds of a sync; nothing is kept")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page of what is kept anew")
    arguments = parser.parse_args()
    if unknown := set(arguments.family) - set(FAMILIES):
        parser.error(f"no such family: {', '.join(sorted(unknown))}")
    if arguments.page:
        _write_page()
        return 0
    families = arguments.family or FAMILIES
    # Whoever ends it early ends what it started too: servers, other processes, files.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if len(families) > 1:
        return max(_apart(family, sys.argv[1:], families) for family in families)
    scale = QUICK if arguments.quick else Scale()
    if arguments.members:
        scale = dataclasses.replace(
            scale, members=arguments.members, growth=(arguments.members // 10, arguments.members)
        )
    if arguments.rounds:
        scale = dataclasses.replace(scale, sync_rounds=arguments.rounds)
    measured = _measure(families[0], scale)
    if scale == Scale():
        keep(measured)
        _write_page()
    return 0


def _write_page() -> None:
    write([found for family in FAMILIES if (found := kept(family))])


def _apart(family: str, arguments: list[str], families: Sequence[str]) -> int:
    """Measure one of several families in a process of its own."""
    options = [word for word in arguments if word not in families]
    with subprocess.Popen([sys.executable, "-m", "benchmarks", *options, family]) as process:
        try:
            code = process.wait()
        except BaseException:
            # It has servers and files to clear away, for which it has to be asked, and not killed.
            process.terminate()
            raise
    if code:
        print(f"{family} FAILED with {code}; its earlier results stand.\n", flush=True)
    return int(code != 0)


def _measure(family: str, scale: Scale) -> Kept:
    machine = tuple(report.machine())
    print("\n".join(machine))
    module = importlib.import_module(f"benchmarks.{family}")
    title = str(module.__doc__).splitlines()[0]
    print(f"\n{family}: {title}", flush=True)
    if scale is QUICK:
        # Sweeping all that was imported, before each of hundreds of measurements, takes longer than tiny sizes do.
        gc.freeze()
    found: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="jitcore-bench-") as folder:
        for result in module.results(scale, Path(folder)):
            found.append(result)
            print(report.line(result, judged=scale is not QUICK), flush=True)
    return Kept(family, title, datetime.now(UTC).date().isoformat(), machine, tuple(found))


if __name__ == "__main__":
    sys.exit(main())
