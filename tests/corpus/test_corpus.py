"""Broken apps and what `jit check` says about each, kept as files.

A case is a folder: ``app`` (and what lies beside it), ``files.json`` for files that git or an editor would mend, and
``expected.txt``. After a change of words, run with ``JIT_UPDATE_CORPUS=1`` and read the difference as a user would, who
sees the text at two in the morning.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from jitcore.problems import CODES
from tests.fixtures.checking import UPDATES

CORPUS = Path(__file__).parent
CASES = sorted(path.name for path in CORPUS.iterdir() if path.is_dir() and path.name[0] not in "._")
#: What no file of an app can bring about; tests/jitcore has tests of these.
ELSEWHERE = {"element-failed", "element-not-found", "plugin-failed", "variable-invalid"}
#: The corpus's stand-in for a secret. No output may hold it.
CANARY = "CANARY"


def make(path: Path, recipe: dict[str, Any]) -> None:
    """Make a file as ``files.json`` describes it: a text in an encoding, repeated, a link, or a folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if "link" in recipe:
        path.symlink_to(recipe["link"])
    elif "folder" in recipe:
        path.mkdir()
    else:
        path.write_bytes((recipe["text"] * recipe.get("times", 1)).encode(recipe.get("encoding", "utf-8")))


@pytest.fixture
def broken(tmp_path: Path):
    """Writes a case below the test's folder."""

    def write(name: str) -> None:
        case = CORPUS / name
        shutil.copytree(case, tmp_path, dirs_exist_ok=True)
        (tmp_path / "app").mkdir(exist_ok=True)
        recipes = case / "files.json"
        if recipes.is_file():
            for file, recipe in json.loads(recipes.read_text("utf-8")).items():
                make(tmp_path / "app" / file, recipe)

    return write


@pytest.mark.parametrize("name", CASES)
def test_a_broken_app_is_told_in_these_words(name, broken, checker):
    """The whole output, to the character."""
    broken(name)
    text = checker().text()
    expected = CORPUS / name / "expected.txt"
    if UPDATES:
        expected.write_text(text, "utf-8")
    assert text == expected.read_text("utf-8")
    assert CANARY not in text


def test_every_code_is_in_the_corpus():
    """A new code comes with a broken app that has it."""
    told = "".join(path.read_text("utf-8") for path in CORPUS.glob("*/expected.txt"))
    assert set(CODES) - set(re.findall(r"(?:error|warning)\[([a-z0-9-]+)\]", told)) == ELSEWHERE


def test_the_corpus_is_large():
    """Enough broken apps to speak of a corpus."""
    assert len(CASES) >= 60
