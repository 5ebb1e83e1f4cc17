"""What all invariants are tested with: a share of the cases, an enterprise at the emulator, crashes, and the page."""
