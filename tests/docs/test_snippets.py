"""Every command and snippet of README and docs/ runs as printed, in a copy of the sample app, against the emulator."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The pages about problems show broken apps; test_problem_pages.py runs those.
PAGES = [
    ROOT / "README.md",
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "problems"),
]
FENCE = re.compile(
    r"^```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Snippet:
    """One fenced block: its language, the file it stands for, and its text."""

    language: str
    title: str | None
    body: str
    line: int


def snippets(page: Path) -> list[Snippet]:
    text = page.read_text("utf-8")
    return [
        Snippet(found["language"], found["title"], found["body"], text.count("\n", 0, found.start()) + 1)
        for found in FENCE.finditer(text)
    ]


@pytest.fixture
def workplace(tmp_path, monkeypatch, authorised_app):
    """A folder with a copy of the sample app, pointed at an emulator in which its enterprises have authorised it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_runs_as_printed(page, workplace):
    """Files are written, Python runs in one namespace per page, commands exit 0 and print what the page shows."""
    namespace: dict[str, object] = {"__name__": "__docs__"}
    for snippet in snippets(page):
        where = f"{page.name}:{snippet.line}"
        if snippet.title is not None:
            if snippet.title.startswith("sample_app/"):
                file = workplace / snippet.title
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(snippet.body, "utf-8")
        elif snippet.language == "python":
            exec(compile(snippet.body, where, "exec"), namespace)
        elif snippet.language == "console":
            run_console(snippet.body, workplace, where)


def run_console(body: str, folder: Path, where: str) -> None:
    """Run each `$ command`; the lines below it must appear in its output, `…` standing for anything."""
    for block in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        command, _, expected = block.partition("\n")
        if command.startswith("make "):
            assert re.search(rf"^{command.split()[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), where
            continue
        done = subprocess.run(shlex.split(command), cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{where}: {command}\n{done.stdout}{done.stderr}"
        pattern = re.escape(expected.strip("\n")).replace("…", ".*")
        assert re.search(pattern, done.stdout, re.DOTALL), f"{where}: {command} printed\n{done.stdout}"
