"""docs/command-line.md: every command of `jit`, each with an example."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from jitcore.cli.root import root
from tests.fixtures.pages import ROOT, snippets

PAGE = ROOT / "docs" / "command-line.md"


def commands(group: click.Group, words: tuple[str, ...] = ("jit",)) -> Iterator[str]:
    """All commands below a group, without the groups, as they are typed."""
    with click.Context(group, info_name=words[-1]) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if isinstance(command, click.Group):
                yield from commands(command, (*words, name))
            else:
                yield " ".join((*words, name))


def test_every_command_has_a_heading() -> None:
    """The page has a heading for each command there is, and for none that is gone."""
    headings = re.findall(r"^### (.+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert sorted(", ".join(headings).split(", ")) == sorted(commands(root))


def test_every_command_has_an_example() -> None:
    """Each is run on the page."""
    lines = [
        re.sub(r" --app \w+| --no-\w+", "", line)
        for snippet in snippets(PAGE)
        if snippet.language == "console"
        for line in snippet.body.splitlines()
        if line.startswith("$ ")
    ]
    assert [name for name in commands(root) if not any(f" {name} " in f"{line} " for line in lines)] == []
