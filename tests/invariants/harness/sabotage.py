"""``make sabotage``: switches off one protection after another and demands that tests turn red.

A test that was never seen failing proves nothing. The report goes into docs/safety.md.
"""

from __future__ import annotations

import re
import subprocess
import sys

from tests.invariants.harness.chapters import ROOT
from tests.invariants.harness.page import write
from tests.invariants.harness.protections import PROTECTIONS

PAGE = ROOT / "docs" / "safety.md"
RED = re.compile(r"^FAILED (\S+)", re.MULTILINE)


def run(*arguments: str) -> tuple[int, list[str]]:
    """Run tests; how that ended and which failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-rf", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    # A parametrized test is named once.
    return done.returncode, list(dict.fromkeys(one.partition("[")[0] for one in RED.findall(done.stdout)))


def main() -> int:
    """Run them all; 1 when a protection can be missing without anybody noticing."""
    every = list(dict.fromkeys(test for one in PROTECTIONS.values() for test in one.tests))
    ended, red = run(*every)
    if ended:
        print(f"Not green to begin with: {', '.join(red) or 'see pytest'}")
        return 1
    rows = ["| Switched off | What it keeps | Turns red |", "|---|---|---|"]
    unnoticed = []
    for name, protection in PROTECTIONS.items():
        ended, red = run("--without", name, *protection.tests)
        is_noticed = ended == 1 and bool(red)
        if not is_noticed:
            unnoticed.append(name)
        shown = ", ".join(f"`{one.rpartition('/')[2]}`" for one in red) or "**nothing**"
        print(f"{'red' if is_noticed else 'UNNOTICED':10} {name}: {', '.join(red) or f'pytest ended with {ended}'}")
        rows.append(f"| {name} | {protection.what} | {shown} |")
    rows += ["", f"{len(PROTECTIONS) - len(unnoticed)} of {len(PROTECTIONS)} are noticed."]
    if not unnoticed:
        write(PAGE, "sabotage", "\n".join(rows))
    return bool(unnoticed)


if __name__ == "__main__":
    sys.exit(main())
