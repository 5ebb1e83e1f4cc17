"""What every family measured last, kept as files beside the page, so that one can be measured again by itself."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness import Amount, Count, Figure, Point, Ratio, Result

__all__ = ["FOLDER", "Kept", "keep", "kept"]

FOLDER = Path(__file__).parent / "results"
_KINDS: dict[str, type[Result]] = {kind.__name__: kind for kind in (Figure, Amount, Count, Point)}
#: Digits of a number that mean anything.
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Kept:
    """One family's results.

    :param title: what it measures, in a sentence.
    :param day: when, as in 2026-01-31.
    :param machine: on what, one fact each.
    """

    family: str
    title: str
    day: str
    machine: tuple[str, ...]
    results: tuple[Result, ...]


def keep(kept: Kept, folder: Path = FOLDER) -> None:
    """Keep a family's results instead of its earlier ones."""
    folder.mkdir(exist_ok=True)
    told = dataclasses.asdict(kept)
    told["results"] = [{"kind": type(result).__name__, **dataclasses.asdict(result)} for result in kept.results]
    text = json.dumps(_rounded(told), indent=1, ensure_ascii=False)
    (folder / f"{kept.family}.json").write_text(f"{text}\n", encoding="utf-8")


def kept(family: str, folder: Path = FOLDER) -> Kept | None:
    """A family's results; None when it was never measured."""
    file = folder / f"{family}.json"
    if not file.exists():
        return None
    told = json.loads(file.read_text(encoding="utf-8"))
    results = tuple(_result(**each) for each in told.pop("results"))
    return Kept(**{**told, "machine": tuple(told["machine"])}, results=results)


def _result(kind: str, **values: Any) -> Result:
    if "ratio" in values:
        values["ratio"] = Ratio(**values["ratio"])
    return _KINDS[kind](**values)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return value
