"""``python -m jitcore.cli`` is ``jit``."""

from jitcore.cli import main

main()
