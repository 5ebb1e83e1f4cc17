"""The commands of the README: what they do on a machine that cannot run the project, and what they do twice."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

# A python3 that answers as an interpreter would whose version is the first word and that lacks the modules after it.
STUB = """#!/bin/sh
case "$2" in
    *version_info*) echo "{version}" ;;
    *{missing}*) exit 1 ;;
esac
"""


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    """A folder with just what `make` reads before it installs anything."""
    for name in ("Makefile", "pyproject.toml", ".ci/check-python", ".ci/run"):
        target = tmp_path / "checkout" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, target)
    return tmp_path / "checkout"


def stub_python(folder: Path, version: str, missing: str = "nothing-is-missing") -> Path:
    path = folder / "stub-python3"
    path.write_text(STUB.format(version=version, missing=missing))
    path.chmod(0o755)
    return path


def environment(**more: str) -> dict[str, str]:
    """Ours, without what a make around these tests says to the makes inside them."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))} | more


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=folder, env=environment(), capture_output=True, text=True)


@pytest.mark.parametrize("target", ["demo", "test", "bench", "docs", "lint", "format"])
def test_an_old_python_is_refused_by_every_command(checkout: Path, tmp_path: Path, target: str) -> None:
    """A Python older than 3.11 gets one line that names it and the way out, and nothing is made."""
    python = stub_python(tmp_path, "3.8")
    run = make(checkout, target, f"PYTHON={python}")
    assert run.returncode != 0
    assert run.stdout == ""
    assert run.stderr.count("\n") == 1
    assert f"needs Python 3.11 or newer and '{python}' is Python 3.8" in run.stderr
    assert "make PYTHON=" in run.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.10"])
def test_versions_are_compared_as_numbers(checkout: Path, tmp_path: Path, version: str) -> None:
    """Python 3.10 is older than 3.11, and so is every 2.x."""
    run = make(checkout, "demo", f"PYTHON={stub_python(tmp_path, version)}")
    assert f"is Python {version};" in run.stderr


@pytest.mark.parametrize("version", ["3.11", "3.13", "3.100", "4.0"])
def test_newer_versions_pass(checkout: Path, tmp_path: Path, version: str) -> None:
    """Whatever is 3.11 or newer is taken at its word."""
    check = subprocess.run(
        ["sh", ".ci/check-python", stub_python(tmp_path, version)], cwd=checkout, capture_output=True, text=True
    )
    assert (check.returncode, check.stdout, check.stderr) == (0, "ok\n", "")


def test_a_python_without_venv_is_refused(checkout: Path, tmp_path: Path) -> None:
    """Debian's Python without its venv package gets one line that names the package."""
    run = make(checkout, "test", f"PYTHON={stub_python(tmp_path, '3.12', missing='ensurepip')}")
    assert run.returncode != 0
    assert run.stderr.count("\n") == 1
    assert "without its venv module" in run.stderr
    assert "apt install python3.12-venv" in run.stderr


def test_no_python_at_all_is_refused(checkout: Path) -> None:
    """A name that is no command gets one line that says so."""
    run = make(checkout, "demo", "PYTHON=no-such-python")
    assert run.returncode != 0
    assert run.stderr.count("\n") == 1
    assert "there is no 'no-such-python' here" in run.stderr


def test_something_that_is_no_python_is_refused(checkout: Path) -> None:
    """A command that answers nothing is not taken for a Python."""
    run = make(checkout, "demo", "PYTHON=true")
    assert run.returncode != 0
    assert "'true' does not start as a Python" in run.stderr


def test_the_check_cannot_go_missing_unnoticed(checkout: Path, tmp_path: Path) -> None:
    """Without the script that checks, nothing is made either."""
    (checkout / ".ci/check-python").unlink()
    run = make(checkout, "demo", f"PYTHON={stub_python(tmp_path, '3.12')}")
    assert run.returncode != 0
    assert "check-python did not run" in run.stderr


def test_a_second_call_installs_nothing(checkout: Path) -> None:
    """What is installed stays installed until pyproject.toml changes."""
    (checkout / ".venv/bin").mkdir(parents=True)
    for name in ("bin/pip", "installed", "installed-dev"):
        (checkout / ".venv" / name).touch()
    assert make(checkout, "--question", ".venv/installed", ".venv/installed-dev").returncode == 0
    later = (checkout / ".venv/installed").stat().st_mtime + 10
    os.utime(checkout / "pyproject.toml", (later, later))
    assert make(checkout, "--question", ".venv/installed").returncode == 1
    assert make(checkout, "--question", ".venv/installed-dev").returncode == 1


def test_ci_runs_what_a_person_runs(checkout: Path, tmp_path: Path) -> None:
    """From wherever it is called, .ci/run is `make test` in the project's folder, with CI handed on."""
    stub = tmp_path / "bin" / "make"
    stub.parent.mkdir()
    stub.write_text('#!/bin/sh\necho "$PWD: make $*, CI=$CI"\nexit 7\n')
    stub.chmod(0o755)
    run = subprocess.run(
        ["bash", checkout / ".ci/run"],
        cwd=tmp_path,
        env=environment(PATH=f"{stub.parent}:{os.environ['PATH']}", CI="true"),
        capture_output=True,
        text=True,
    )
    assert run.stdout == f"{checkout}: make test, CI=true\n"
    assert run.returncode == 7


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_commands_we_write_about_exist(root: Path, page: str) -> None:
    """Each `make …` that a page names is a command of the Makefile, and the two commands of the README are there."""
    named = set(re.findall(r"\bmake ([a-z]+)\b(?=[`\s]*(?:$|[`#&|]))", (root / page).read_text(), re.MULTILINE))
    known = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE))
    assert named <= known
    assert named >= {"demo", "test"}
