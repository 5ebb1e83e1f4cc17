"""Which plugins are installed: the entry points of the group ``jitcore``.

Reads the files that :func:`importlib.metadata.entry_points` reads. Importing that module, with the mail parser that it
brings, would be a fifth of the time of a process that opens an app and loads one element; it is only asked where plain
files are not enough (packages in a zip archive, distributions without a version in their name).
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from jitcore.hookspecs import ENTRY_POINT_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["EntryPoint", "installed_plugins"]

_METADATA = (".dist-info", ".egg-info")


class EntryPoint(NamedTuple):
    """One entry point.

    :param name: what it is called, the plugin's name.
    :param module: the module it names.
    :param distribution: normalised name of the distribution that declares it.
    :param version: version of that distribution.
    """

    name: str
    module: str
    distribution: str
    version: str


def installed_plugins() -> Iterator[EntryPoint]:
    """Yield the entry points of all installed distributions; of two with one name the first on ``sys.path`` counts."""
    if any(os.path.isfile(folder) for folder in sys.path):
        yield from _ask_importlib()
        return
    seen: set[str] = set()
    for folder in sys.path:
        try:
            names = sorted(os.listdir(folder or os.curdir))
        except OSError:
            continue
        for name in names:
            if not name.endswith(_METADATA):
                continue
            distribution, _, version = name.rpartition(".")[0].partition("-")
            distribution = _normalised(distribution)
            if distribution in seen:
                continue
            seen.add(distribution)
            for plugin, module in _declared(os.path.join(folder, name, "entry_points.txt")):
                yield EntryPoint(plugin, module, distribution, version or _ask_version(distribution))


def _declared(file: str) -> Iterator[tuple[str, str]]:
    """Names and modules of one distribution's entry points in our group."""
    try:
        with open(file, encoding="utf-8") as stream:
            text = stream.read()
    except (OSError, UnicodeDecodeError):
        return
    if f"[{ENTRY_POINT_GROUP}]" not in text:
        return
    is_ours = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            is_ours = line == f"[{ENTRY_POINT_GROUP}]"
        elif is_ours and "=" in line and line[0] not in "#;":
            name, _, target = line.partition("=")
            yield name.strip(), target.partition(":")[0].partition("[")[0].strip()


def _ask_importlib() -> Iterator[EntryPoint]:
    import importlib.metadata

    seen: set[tuple[str, str]] = set()
    for found in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        distribution = _normalised(found.dist.name) if found.dist else "unknown"
        if (distribution, found.name) not in seen:
            seen.add((distribution, found.name))
            yield EntryPoint(found.name, found.module, distribution, found.dist.version if found.dist else "unknown")


def _ask_version(distribution: str) -> str:
    import importlib.metadata

    try:
        metadata = importlib.metadata.distribution(distribution).metadata
        # Asking metadata without a version for it gives None, since Python 3.12 with a warning.
        return metadata["Version"] if "Version" in metadata else "unknown"  # noqa: SIM401 - typeshed knows no get()
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
