"""The commands that write: ``jit new …`` and ``jit override``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jitcore.app import App
    from jitcore.cli.root import AppOpener

__all__ = ["new", "override"]


@click.group("new")
def new() -> None:
    """Make an app, an element, a Type or a plugin, each with a test that passes.

    Nothing is ever overwritten.
    """


@new.command("app")
@click.argument("name")
def new_app(name: str) -> None:
    """Make the app NAME, a folder here with one WeCom enterprise in it."""
    from jitcore.scaffolding.apps import new_app as make

    folder = Path(name).absolute()
    _tell(make(folder))
    click.echo(f"Try it: cd {name} && pytest")


@new.command("instance")
@click.argument("name")
@click.option("--type", "type_name", metavar="TYPE", help="Full name of its Type; needed if the family has several.")
@click.pass_obj
def new_instance(open_app: AppOpener, name: str, type_name: str | None) -> None:
    """Make the instance NAME, such as corps.CorpC, with the keys that its Type requires."""
    from jitcore.scaffolding.instances import new_instance as make

    app = open_app(strict=False)
    made = make(app, name, type_name)
    _tell(made.files)
    if made.declared:
        click.echo(f"Declared in {_shown(app.path / 'app.json')}; give them values there or in .env:")
    for variable in made.declared:
        click.echo(f"  {variable.name}  {variable.title}{' (secret: in .env only)' if variable.secret else ''}")
    _tell_of_plugins(app, made.type)
    if not made.complete:
        click.echo(f"Its business file is not complete: jit check says what a {made.type} needs besides.")


@new.command("type")
@click.argument("name")
@click.pass_obj
def new_type(open_app: AppOpener, name: str) -> None:
    """Make the Type NAME, such as corps.AcmeType, in the app."""
    from jitcore.scaffolding.types import new_type as make

    _tell(make(open_app(strict=False), name))
    click.echo(f"Use it: jit new instance {name.partition('.')[0]}.MyElement --type {name}")


@new.command("plugin")
@click.argument("name")
def new_plugin(name: str) -> None:
    """Make the plugin NAME, such as jit-acme: a distribution that brings a Type."""
    from jitcore.scaffolding.distributions import new_plugin as make

    _tell(make(Path(name).absolute()))
    click.echo(f"Try it: cd {name} && pip install -e '.[dev]' && pytest")


@click.command("override")
@click.argument("name")
@click.option("--diff", "what", flag_value="diff", help="Show what changed below it since.")
@click.option("--accept", "what", flag_value="accept", help="Record that the override takes account of it.")
@click.pass_obj
def override(open_app: AppOpener, name: str, what: str | None) -> None:
    """Put a version of the app's own in place of the Type or instance NAME.

    Writes the least that does it, with a test, and remembers what it was made from.
    """
    from jitcore.scaffolding import overriding

    app = open_app(strict=False)
    if what == "diff":
        click.echo(overriding.upstream_diff(app, name) or "Nothing changed.\n", nl=False)
    elif what == "accept":
        for path in overriding.accept_upstream(app, name):
            click.echo(f"changed {_shown(path)}")
    else:
        _tell(overriding.override(app, name))
        _tell_of_plugins(app, name)
        # Only Types are code that might be to blame: the switch leaves instances alone.
        trial = ", or try with jit --no-overrides" if app.elements[name].kind == "type" else ""
        click.echo(f"Back to the one below: remove the folder{trial}. See: jit explain {name}")


def _tell(written: Iterable[Path]) -> None:
    for path in written:
        click.echo(f"made {_shown(path)}")


def _tell_of_plugins(app: App, fullName: str) -> None:
    """The tests of what was made load the plugin they need; those of the whole app need it from now on."""
    from jitcore.scaffolding.fixtures import need_plugins

    settings = app.path / "pytest.ini"
    if need_plugins(app, fullName) and not (settings.is_file() and "jit_plugins" in settings.read_text("utf-8")):
        click.echo("For tests that look at the whole app, set jit_plugins = true in pytest.ini.")


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
