"""What jit-acme contributes."""

from pathlib import Path

import click

from jitcore import CommandSpec, TypeSpec, hookimpl


@hookimpl
def jit_element_trees():
    return [Path(__file__).parent]


@hookimpl
def jit_types():
    return {"things.FolderlessType": TypeSpec("jit_acme.folderless:Loader", "things.Meta", "Without a folder")}


@hookimpl
def jit_schemas():
    return {"things.AcmeType": Path(__file__).parent / "acme.schema.json"}


@hookimpl
def jit_commands():
    return [CommandSpec("acme", "jit_acme.plugin:acme", "Say what Acme says.")]


@click.command()
@click.pass_obj
def acme(open_app):
    """Say what Acme says."""
    click.echo(open_app().getElement("things.Rocket").greet("command line"))
