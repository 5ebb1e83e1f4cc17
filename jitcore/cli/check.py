"""The command ``check``: all problems of an app, for people, programs and code hosts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from jitcore.checking import Findings
    from jitcore.cli.root import AppOpener

__all__ = ["check"]


@click.command("check")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    help="text for people, json for programs, github for annotations in a workflow.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--strict", is_flag=True, help="Exit 1 for warnings too.")
@click.pass_obj
def check(open_app: AppOpener, form: str, as_json: bool, strict: bool) -> int:
    """Find every problem of the app, with place and remedy.

    Exits 0 when there is none, 1 when there are. jit problem CODE explains a code, such as key-unknown.
    """
    from jitcore.checking import examine

    findings = examine(open_app(strict=False))
    text = _rendered(findings, "json" if as_json else form)
    if text:
        click.echo(text)
    return int(any(strict or problem.severity == "error" for problem in findings.problems))


def _rendered(findings: Findings, form: str) -> str:
    from jitcore import rendering

    if form == "json":
        return rendering.render_json(findings.problems, findings.silenced)
    if form == "github":
        return rendering.render_github(findings.problems)
    return rendering.render_text(findings.problems, color=sys.stdout.isatty(), silenced=findings.silenced)
