"""The files of the project: what stands at its root, and what may stand in none of them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

# Written so that no pattern finds itself.
MACHINE_PATHS = re.compile(r"(?<![\w.])[/](?:work|root|farm|home/\w+|tmp/bash_jobs|tmp/jit)[/]")
REGISTRY_HOSTS = re.compile(
    r"pypi[.]org|pythonhosted[.]org|npmjs[.](?:org|com)|deb[.]debian[.]org|crates[.]io|proxy[.]golang[.]org",
    re.IGNORECASE,
)


def test_the_root_holds_the_rooms_of_the_house(project_files: list[Path]) -> None:
    """A reader of the root sees these names and no others: a new one is a decision, made here."""
    assert {path.parts[0] for path in project_files} == {
        ".ci",
        ".gitattributes",
        ".gitignore",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "benchmarks",
        "docs",
        "jitcore",
        "mkdocs.yml",
        "plugins",
        "pyproject.toml",
        "sample_app",
        "schemas",
        "tests",
    }


def test_no_file_names_the_machine_it_was_written_on(root: Path, project_files: list[Path]) -> None:
    """No path of one machine and no package registry's host: both are the business of whoever runs the project."""
    found = [
        f"{path}:{number}: {match.group()}"
        for path in project_files
        for number, line in enumerate((root / path).read_text(errors="replace").splitlines(), start=1)
        for match in (MACHINE_PATHS.search(line) or REGISTRY_HOSTS.search(line),)
        if match
    ]
    assert found == []


def test_the_changelog_tells_of_this_version(root: Path) -> None:
    """The version that pyproject.toml names has a section."""
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    assert re.search(rf"^## \[{re.escape(version)}\]", (root / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_every_module_says_why_it_exists(root: Path, project_files: list[Path]) -> None:
    """Each Python file of the packages and the benchmarks opens with a docstring."""
    silent = [
        str(path)
        for path in project_files
        if path.suffix == ".py"
        and path.parts[0] in {"jitcore", "plugins", "benchmarks"}
        and not re.match(r'(#.*\n)*r?"""\S+ \S', (root / path).read_text())
    ]
    assert silent == []
