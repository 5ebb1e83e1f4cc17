"""``jit new app``: a folder that is an app at once, with one WeCom enterprise in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jitcore.scaffolding.errors import NotMade
from jitcore.scaffolding.naming import words_of
from jitcore.scaffolding.templates import TEMPLATES, render
from jitcore.scaffolding.writing import refuse_existing, write_new

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["new_app"]

_NAME = re.compile(r"[^\W\d_][\w-]*\Z")


def new_app(folder: Path) -> list[Path]:
    """Write an app.

    :param folder: where; its last part is the app's name. It may be there if it is empty.
    :returns: the files written.
    :raises NotMade: if the name cannot be used, or the folder holds something.
    """
    name = folder.name
    if not _NAME.match(name):
        raise NotMade(
            f"{name!r} cannot be the name of an app.",
            hint="A name starts with a letter and goes on with letters, digits, underscores and hyphens.",
        )
    if not folder.is_dir() or any(folder.iterdir()):
        refuse_existing(folder)
    module = re.sub(r"\W", "_", name).lower()
    return write_new(folder, render(TEMPLATES / "app", {"name": name, "title": words_of(name), "module": module}))
