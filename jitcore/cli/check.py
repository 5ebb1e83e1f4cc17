"""The command ``check``: all problems of an app, for people, programs and code hosts."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from jitcore.app import App
    from jitcore.checking import Findings
    from jitcore.cli.root import AppOpener
    from jitcore.watching.filewatch import Scope

__all__ = ["check"]


class Checked(NamedTuple):
    """One check.

    :param status: what the command would exit with.
    :param text: what it prints.
    """

    status: int
    text: str


@click.command("check")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    help="text for people, json for programs, github for annotations in a workflow, sarif for code hosts and editors.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--strict", is_flag=True, help="Exit 1 for warnings too.")
@click.option("--watch", is_flag=True, help="Check again as soon as a file changes, until Ctrl-C.")
@click.pass_obj
def check(open_app: AppOpener, form: str, as_json: bool, strict: bool, watch: bool) -> int:
    """Find every problem of the app, with place and remedy.

    Exits 0 when there is none, 1 when there are. jit problem CODE explains a code, such as key-unknown.
    """
    form = "json" if as_json else form
    if not watch:
        checked = _check(open_app(strict=False), form, strict)
        if checked.text:
            click.echo(checked.text)
        return checked.status
    from jitcore.cli.rechecking import recheck

    def once(follow: Callable[[Scope], bool]) -> Checked:
        return _check_anew(open_app, form, strict, follow)

    root = os.path.realpath(open_app.path)
    status = 0
    try:
        for checked, is_new in recheck(root, once):
            # Whoever sees it may press Ctrl-C at once.
            status = checked.status
            if is_new:
                _show(checked.text)
    except KeyboardInterrupt:
        click.echo()
    return status


def _check_anew(opener: AppOpener, form: str, strict: bool, follow: Callable[[Scope], bool]) -> Checked:
    """Open the app, check it, close it: nothing of the last look is left. A folder may become an app."""
    from jitcore.app import App
    from jitcore.errors import JitError
    from jitcore.watching.filewatch import Scope, scope_of

    while True:
        try:
            with App(opener.path, strict=False, plugins=opener.plugins, overrides=opener.overrides) as app:
                # What changed in a folder before it was watched is seen by opening the app once more.
                if not follow(scope_of(app)):
                    return _check(app, form, strict)
        except JitError as error:
            follow(Scope((os.path.realpath(opener.path),)))
            return Checked(error.exit_code, f"error[{error.code}]: {error}")


def _check(app: App, form: str, strict: bool) -> Checked:
    from jitcore.checking import examine

    findings = examine(app)
    status = int(any(strict or problem.severity == "error" for problem in findings.problems))
    return Checked(status, _rendered(findings, form, app))


def _rendered(findings: Findings, form: str, app: App) -> str:
    from jitcore import rendering

    problems = findings.problems
    if form == "json":
        return rendering.render_json(problems, findings.silenced)
    if form == "text":
        return rendering.render_text(problems, color=sys.stdout.isatty(), silenced=findings.silenced)
    problems = rendering.seen_from(problems, _folder(app))
    if form == "github":
        return rendering.render_github(problems)
    from jitcore.sarif import render_sarif

    return render_sarif(problems)


def _folder(app: App) -> str:
    """The app's folder as seen from the current one, where a workflow stands at the root of the repository."""
    try:
        folder = os.path.relpath(app.path)
    except ValueError:  # another drive
        return ""
    return "" if folder == os.curdir or folder.startswith(os.pardir) else folder


def _show(text: str) -> None:
    click.echo(f"{text}\n" if text else "", nl=bool(text))
