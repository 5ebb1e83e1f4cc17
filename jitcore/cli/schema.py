"""``jit schema``: JSON Schemas of the app's files, printed or put where an editor finds them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from jitcore.app import App
    from jitcore.cli.root import AppOpener

__all__ = ["schema"]


@click.command("schema")
@click.argument("name", required=False)
@click.option("--write", "what", flag_value="write", help="Write them into the app, with the mapping for VS Code.")
@click.option("--check", "what", flag_value="check", help="Exit 1 if what is written is out of date.")
@click.pass_obj
def schema(open_app: AppOpener, name: str | None, what: str | None) -> int:
    """Print the JSON Schema of NAME: app, e, a Type, or an instance; all of them without a NAME.

    The schemas are those of the installed layers. Run it with --write again when Types or elements come and go.
    """
    app = open_app(strict=False)
    if what is not None:
        if name is not None:
            raise click.UsageError(f"--{what} is about all files; it takes no NAME.")
        return _write(app) if what == "write" else _check(app)
    from jitcore.scaffolding.editor_schemas import live_schemas

    schemas = live_schemas(app)
    click.echo(
        json.dumps(schemas if name is None else schemas[_known(app, name, schemas)], indent=2, ensure_ascii=False)
    )
    return 0


def _known(app: App, name: str, schemas: Container[str]) -> str:
    from jitcore.scaffolding.errors import NotMade

    if name not in schemas:
        if name not in app.elements:
            raise app.registry.missing(name)
        name = app.elements[name].type if app.elements[name].kind == "instance" else name
    if name not in schemas:
        raise NotMade(f"{name} has no schema that can be used.", hint=f"See: jit explain {name}")
    return name


def _write(app: App) -> int:
    from jitcore.scaffolding.editor_schemas import editor_files, editor_settings, paste_text
    from jitcore.scaffolding.errors import NotMade

    changed = [path for path, text in editor_files(app).items() if _make(app, path, text)]
    try:
        path, text = editor_settings(app)
    except NotMade:
        click.echo(paste_text(app))
        raise
    if not _make(app, path, text) and not changed:
        click.echo("Everything is up to date.")
    return 0


def _check(app: App) -> int:
    from jitcore.scaffolding.editor_schemas import editor_files, editor_settings

    wanted = {**editor_files(app), **dict([editor_settings(app)])}
    stale = [path for path, text in wanted.items() if not _is_current(path, text)]
    for path in stale:
        click.echo(f"out of date: {path.relative_to(app.path)}")
    click.echo("Run jit schema --write." if stale else "Everything is up to date.")
    return int(bool(stale))


def _make(app: App, path: Path, text: str | None) -> bool:
    """Make a file hold a text, or go; returns whether there was something to do."""
    if _is_current(path, text):
        return False
    click.echo(f"{'removed' if text is None else 'wrote'} {path.relative_to(app.path)}")
    if text is None:
        path.unlink()
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    # Replaced in one step: the editor that watches the file never sees half of it.
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text, "utf-8")
    os.replace(draft, path)
    return True


def _is_current(path: Path, text: str | None) -> bool:
    return not path.exists() if text is None else path.is_file() and path.read_text("utf-8") == text
