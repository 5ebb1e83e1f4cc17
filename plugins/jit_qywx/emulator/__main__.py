"""`python -m jit_qywx.emulator`: run the emulator and print one line of JSON with its address and credentials."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from jit_qywx.emulator.control import describe
from jit_qywx.emulator.serving import DEFAULT_PORT, REDIRECT_DOMAIN, TICKET_EVERY, serve

if TYPE_CHECKING:
    from jit_qywx.emulator.emulator import Emulator


def announce(emulator: Emulator) -> None:
    """Tell whoever started the process where the emulator listens and what opens it."""
    sys.stdout.write(json.dumps(describe(emulator), ensure_ascii=False) + "\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m jit_qywx.emulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free one")
    parser.add_argument("--seed", default="0")
    parser.add_argument("--corps", type=int, default=2)
    parser.add_argument("--members", type=int, default=120)
    parser.add_argument("--departments", type=int, default=12)
    parser.add_argument("--tags", type=int, default=5)
    parser.add_argument("--callback", default="", metavar="URL", help="the suite's callback URL")
    parser.add_argument("--app-callback", default="", metavar="URL", help="of the app channel, with $CORPID$ in it")
    parser.add_argument("--ticket-every", type=float, default=TICKET_EVERY, metavar="SECONDS")
    parser.add_argument("--redirect-domain", default=REDIRECT_DOMAIN, metavar="HOST", help="that apps trust at a login")
    serve(**vars(parser.parse_args(arguments)), on_ready=announce)


if __name__ == "__main__":
    main()
