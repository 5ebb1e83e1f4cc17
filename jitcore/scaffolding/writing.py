"""Writing new files: all of them or none, and never over one that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jitcore.scaffolding.errors import NotMade

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["refuse_existing", "write_new"]


def write_new(root: Path, files: Mapping[str, str]) -> list[Path]:
    """Write files below a folder, which is made when missing.

    :param files: texts by path below ``root``.
    :returns: the paths written, in the order given.
    :raises NotMade: if one of them is there already; then none is written.
    """
    paths = {root / place: text for place, text in files.items()}
    refuse_existing(*paths)
    for path, text in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        # "x": whoever came in between is not overwritten either.
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    return list(paths)


def refuse_existing(*paths: Path) -> None:
    """Refuse to write where something is.

    :raises NotMade: naming what is there.
    """
    there = [path for path in paths if path.exists() or path.is_symlink()]
    if there:
        verb = "is" if len(there) == 1 else "are"
        raise NotMade(
            f"{', '.join(map(str, there))} {verb} already there, and nothing is overwritten.",
            hint="Choose another name, or move it away.",
        )
