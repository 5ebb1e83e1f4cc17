"""docs/problems: a page for each code, whose broken example has the problem and whose cure takes it away."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jitcore.pages import page_path
from jitcore.problems import CODES
from tests.fixtures.checking import ROOT, UPDATES

PAGES = ROOT / "docs" / "problems"
FENCE = re.compile(r"^```\w+ title=\"(?P<title>[^\"]+)\"\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
OUTPUT = re.compile(r"(?<=^`jit check` says:\n\n```text\n)(?P<output>.*?)(?=^```$)", re.MULTILINE | re.DOTALL)
NO_EXAMPLE = re.compile(r"^example: none — \S.+$", re.MULTILINE)
GONE = re.compile(r"^cured without: (\S+)$", re.MULTILINE)
EXAMPLES = sorted(code for code in CODES if not NO_EXAMPLE.search((PAGES / f"{code}.md").read_text("utf-8")))


@dataclass
class Example:
    """A page's files: those of the broken app, and what the cure writes and removes."""

    broken: dict[str, str]
    cured: dict[str, str]
    gone: list[str] = field(default_factory=list)


def example(code: str) -> Example:
    page = (PAGES / f"{code}.md").read_text("utf-8")
    before, _, after = page.partition("\n## Cure\n")
    broken, cured = ({found["title"]: found["body"] for found in FENCE.finditer(part)} for part in (before, after))
    return Example(broken, cured, GONE.findall(page))


def write(files: dict[str, str], folder: Path) -> None:
    for name, content in files.items():
        path = folder / "app" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")


def test_every_code_has_a_page_and_every_page_a_code():
    """No code without a page, no page of a code that is gone."""
    assert {path.stem for path in PAGES.glob("*.md")} - {"index"} == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_page_is_found_where_it_is_installed_from(code):
    """The page that `jit problem` prints is the page in docs/."""
    assert page_path(code).read_text("utf-8") == (PAGES / f"{code}.md").read_text("utf-8")


@pytest.mark.parametrize("code", CODES)
def test_a_page_says_what_the_code_says(code):
    """The heading is the code, the first sentence the one of the registry, and there is a cure."""
    page = (PAGES / f"{code}.md").read_text("utf-8")
    assert f"# {code}\n\n{CODES[code]}\n\n" in page
    assert "\n## Cure\n" in page


def test_the_index_lists_all_pages_with_a_line_each():
    """docs/problems/index.md is complete and says the same."""
    index = (PAGES / "index.md").read_text("utf-8")
    rows = re.findall(r"^\| \[(\S+)\]\((\S+)\.md\) \| (.+?\.)(?: \(.+\))? \|$", index, re.MULTILINE)
    assert rows == [(code, code, CODES[code]) for code in CODES]


def test_few_pages_have_no_example():
    """Only what no file of an app can show."""
    assert len(CODES) - len(EXAMPLES) <= 10


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_example_has_the_problem_and_nothing_else(code, checker, tmp_path):
    """A reader who tries the example sees this problem alone, in the words of the page."""
    write(example(code).broken, tmp_path)
    check = checker()
    assert {problem.code for problem in check.findings().problems} == {code}
    path = PAGES / f"{code}.md"
    page = path.read_text("utf-8")
    if UPDATES:
        path.write_text(OUTPUT.sub(lambda _: check.text(), page, count=1), "utf-8")
    else:
        found = OUTPUT.search(page)
        assert found is not None
        assert found["output"] == check.text()


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_cure_takes_every_problem_away(code, checker, tmp_path):
    """The cured app checks clean."""
    files = example(code)
    write({**files.broken, **files.cured}, tmp_path)
    for name in files.gone:
        (tmp_path / "app" / name).unlink()
    assert checker().findings().problems == []
