"""Where the JSON Schemas that jitcore ships lie.

One file per kind of document: ``e`` and ``app`` for the files of the framework, and the full name of a Type for the
business file of its instances. In a wheel they lie beside this module, in a checkout beside the package.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jitcore.validation import Schema

__all__ = ["load_schema", "schema_path"]

_NAME = re.compile(r"\w+(\.\w+)*\Z")


def schema_path(name: str) -> Path:
    """Find a shipped schema's file.

    :param name: ``e``, ``app``, or the full name of a shipped Type.
    :raises FileNotFoundError: if jitcore ships no such schema.
    """
    here = Path(__file__).parent
    if _NAME.match(name):
        for folder in (here / "schemas", here.parent / "schemas"):
            path = folder / f"{name}.schema.json"
            if path.is_file():
                return path
    raise FileNotFoundError(f"jitcore ships no schema named {name!r}.")


def load_schema(name: str) -> Schema:
    """Read and compile a shipped schema; keep the result, it is the dear part.

    :param name: as for :func:`schema_path`.
    :raises FileNotFoundError: if jitcore ships no such schema.
    """
    from jitcore.source import read_json
    from jitcore.validation import compile_schema

    path = schema_path(name)
    return compile_schema(read_json(path, inside=path.parent, shown=path.name, element=None))
