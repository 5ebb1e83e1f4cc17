"""The commands that look at elements without running them: ``list`` and ``explain``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from jitcore.bulletin import served_stale
from jitcore.conditions import conditions
from jitcore.printing import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jitcore.app import App
    from jitcore.cli.root import AppOpener
    from jitcore.problems import Problem

__all__ = ["explain", "list_elements"]


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.pass_obj
def list_elements(open_app: AppOpener, as_json: bool) -> None:
    """List the app's elements with type, state and layer.

    Broken elements are listed as invalid; as stale, with since when, the process and why, while a program that watches
    the app, or jit dev, serves them as they were. An element that shadows another layer's says so. In parentheses
    stands what a plugin says about it, such as that an enterprise is suspended.
    """
    app = open_app(strict=False)
    rows = _rows(app)
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    heads = ("element", "type", "state", "layer", "shadows")
    lines = [heads, *(tuple(_cell(row, head) for head in heads) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for number, line in enumerate(lines):
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        click.echo(click.style(text, bold=True) if number == 0 else text)
        for told in _told(rows[number - 1]["stale"]) if number else ():
            click.echo(f"  {told}")


@click.command("explain")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.pass_obj
def explain(open_app: AppOpener, name: str, as_json: bool) -> None:
    """Show where the element NAME comes from: every layer that defines it, the winner, and why."""
    explanation = open_app(strict=False).explain(name)
    click.echo(json.dumps(explanation.as_dict(), indent=2, ensure_ascii=False) if as_json else str(explanation))


def _rows(app: App) -> list[dict[str, Any]]:
    broken = _broken(app.check())
    served = served_stale(app)
    told = conditions(app)
    rows: list[dict[str, Any]] = []
    for name, handle in app.elements.items():
        layers = [layer for layer, _ in app.registry.definitions(name)]
        rows.append(
            {
                "element": name,
                "kind": handle.kind,
                "type": handle.type,
                "state": "stale" if name in served else "invalid" if name in broken else handle.state,
                "condition": told.get(name, ""),
                "layer": layers[0].name,
                "shadows": ", ".join(layer.name for layer in layers[1:]),
                "stale": [
                    {"process": one.process, "since": _time(one.since).isoformat("T", "seconds"), "why": one.why}
                    for one in served.get(name, ())
                ],
            }
        )
    return rows


def _cell(row: dict[str, Any], head: str) -> str:
    return f"{row['state']} ({row['condition']})" if head == "state" and row["condition"] else str(row[head])


def _told(stale: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each thing that is wrong, with those who serve what was right, oldest first."""
    by_why: dict[str, list[dict[str, Any]]] = {}
    for one in stale:
        by_why.setdefault(one["why"], []).append(one)
    today = datetime.now().astimezone().date()
    for why, several in by_why.items():
        since = datetime.fromisoformat(several[0]["since"])
        when = f"{since:%H:%M:%S}" if since.date() == today else f"{since:%Y-%m-%d %H:%M:%S}"
        processes = ", ".join(str(one["process"]) for one in several)
        yield visible(f"stale since {when} (process{'es' if len(several) > 1 else ''} {processes}): {why}")


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).astimezone()


def _broken(problems: list[Problem]) -> set[str | None]:
    return {problem.element for problem in problems if problem.severity == "error"}
