"""``jit new plugin``: a distribution that brings a Type to every app of the environment it is installed in."""

from __future__ import annotations

import keyword
import re
from importlib.metadata import version
from typing import TYPE_CHECKING

from jitcore.scaffolding.errors import NotMade
from jitcore.scaffolding.naming import words_of
from jitcore.scaffolding.templates import TEMPLATES, render
from jitcore.scaffolding.writing import refuse_existing, write_new

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["new_plugin"]

_NAME = re.compile(r"[A-Za-z](-?[A-Za-z0-9])*\Z")


def new_plugin(folder: Path) -> list[Path]:
    """Write a plugin: ``jit-acme`` has the package ``jit_acme``, the family ``acme`` and the Type ``acme.AcmeType``.

    :param folder: where; its last part is the distribution's name. It may be there if it is empty.
    :returns: the files written.
    :raises NotMade: if the name cannot be used, or the folder holds something.
    """
    name = folder.name
    package = name.replace("-", "_").lower()
    plugin = package.removeprefix("jit_")
    if not _NAME.match(name) or keyword.iskeyword(plugin) or not plugin[0].isalpha():
        raise NotMade(
            f"{name!r} cannot be the name of a plugin.",
            hint="A name has letters, digits and hyphens, and starts with a letter: jit-acme.",
        )
    if not folder.is_dir() or any(folder.iterdir()):
        refuse_existing(folder)
    values = {
        "name": name,
        "package": package,
        "plugin": plugin,
        "family": plugin,
        "Stem": "".join(part[:1].upper() + part[1:] for part in plugin.split("_")),
        "title": words_of(plugin),
        "jitcore": version("jitcore"),
    }
    return write_new(folder, render(TEMPLATES / "plugin", values))
