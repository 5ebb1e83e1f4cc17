"""`python -m benchmarks [--quick] [FAMILY …]`: run the families of figures and print each result as it comes."""

from __future__ import annotations

import argparse
import importlib
import tempfile
from pathlib import Path

from benchmarks import report
from benchmarks.harness import QUICK, Scale

FAMILIES = ("loading", "calling", "starting", "reloading", "publishing", "syncing", "together", "receiving")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("family", nargs="*", metavar="FAMILY", help=f"only these, of: {', '.join(FAMILIES)}")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that all of it runs, not how fast")
    arguments = parser.parse_args()
    if unknown := set(arguments.family) - set(FAMILIES):
        parser.error(f"no such family: {', '.join(sorted(unknown))}")
    scale = QUICK if arguments.quick else Scale()
    for fact in report.machine():
        print(fact)
    for family in arguments.family or FAMILIES:
        module = importlib.import_module(f"benchmarks.{family}")
        print(f"\n{family}: {str(module.__doc__).splitlines()[0]}", flush=True)
        with tempfile.TemporaryDirectory(prefix="jitcore-bench-") as folder:
            for result in module.results(scale, Path(folder)):
                print(report.line(result, judged=not arguments.quick), flush=True)


if __name__ == "__main__":
    main()
