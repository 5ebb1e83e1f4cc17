"""What people install: the wheel, in an empty environment, away from the checkout. CI only: it takes a minute."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fixtures.pages import Session

pytestmark = pytest.mark.skipif(not os.environ.get("CI"), reason="builds and installs the wheel: set CI to run it")


@dataclass(frozen=True)
class Installation:
    """A virtual environment that holds the wheel, and a folder beside it that holds a copy of the sample app."""

    python: Path
    folder: Path

    def run(self, *command: str | Path) -> str:
        """Run a command of the environment in the folder; what it printed, once it has succeeded."""
        done = subprocess.run(
            [self.python.with_name(str(command[0])), *command[1:]],
            cwd=self.folder,
            env=clean_environment(),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command} exited {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout


def clean_environment() -> dict[str, str]:
    """Ours, without what would lead Python or jitcore back to the checkout."""
    ours = ("PYTHON", "COVERAGE", "COV_", "JIT_", "VIRTUAL_ENV")
    return {key: value for key, value in os.environ.items() if not key.startswith(ours)}


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout as a release would be."""
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", target, root]
    subprocess.run(command, check=True, env=clean_environment(), stdout=subprocess.DEVNULL)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installation(root: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The wheel installed with what it requires and nothing else, and the sample app as a newcomer copies it."""
    folder = tmp_path_factory.mktemp("installation")
    # The pip of this environment installs into that one as well; making it one of its own takes longer than the wheel.
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True, env=clean_environment()
    )
    python = folder / "venv" / "bin" / "python"
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--disable-pip-version-check",
        wheel,
    ]
    subprocess.run(install, check=True, env=clean_environment())
    shutil.copytree(root / "sample_app", folder / "sample_app", ignore=shutil.ignore_patterns("appData", ".env"))
    yield Installation(python, folder)
    shutil.rmtree(folder / "venv")


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: Path, project_files: list[Path]) -> None:
    """Every file of the packages, schemas and pages about problems is in the wheel, and no test or sample."""
    expected = {str(path) for path in project_files if path.parts[0] == "jitcore"}
    expected |= {str(Path(*path.parts[1:])) for path in project_files if path.parts[0] == "plugins"}
    expected |= {f"jitcore/{path}" for path in project_files if path.parts[0] == "schemas"}
    pages = [path.name for path in project_files if path.parts[:2] == ("docs", "problems")]
    expected |= {f"jitcore/problem_pages/{name}" for name in pages}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == expected


@pytest.mark.parametrize("package", ["jitcore", "jit_databases", "jit_corps", "jit_qywx"])
def test_every_package_says_that_it_is_typed(wheel: Path, package: str) -> None:
    """A type checker believes our annotations only where it finds py.typed."""
    with zipfile.ZipFile(wheel) as archive:
        assert f"{package}/py.typed" in archive.namelist()


def test_nothing_comes_from_the_checkout(installation: Installation, root: Path) -> None:
    """The installed packages are those of the environment."""
    for package in ("jitcore", "jit_databases", "jit_corps", "jit_qywx"):
        where = installation.run("python", "-c", f"import {package}; print({package}.__file__)")
        assert str(installation.folder / "venv") in where
        assert str(root) not in where


def test_the_installed_command_lists_the_sample_app(installation: Installation) -> None:
    """Its own elements and those that the wheel ships are found."""
    listing = installation.run("jit", "--app", "sample_app", "list", "--json")
    for name in ("corps.QywxProxyType", "auths.loginTypes.QywxProxyType", "databases.Default", "corps.Meta"):
        assert name in listing
    assert "corps.MyQywxProxyCorp" in listing or "corps.CorpA" in listing


def test_the_installed_command_checks_the_sample_app(installation: Installation) -> None:
    """The schemas are found: a mistake in a business file is a problem, and without it there is none."""
    installation.run("jit", "--app", "sample_app", "check")
    broken = shutil.copytree(installation.folder / "sample_app", installation.folder / "broken_app")
    for business_file in (broken / "corps").glob("*/*.json"):
        if business_file.name != "e.json":
            business_file.write_text('{"corpIdd": 1}')
    check = subprocess.run(
        [installation.python.with_name("jit"), "--app", "broken_app", "check"],
        cwd=installation.folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
    )
    assert check.returncode == 1
    assert "corpIdd" in check.stdout + check.stderr


def test_the_installed_command_runs_the_demo(installation: Installation) -> None:
    """The whole way, from the emulator to the organisation on the screen, works as installed."""
    shown = installation.run("jit", "--app", "sample_app", "demo")
    assert "corps.CorpA: ok, 0 changes" in shown
    assert "corps.CorpB: ok, 0 changes" in shown


def test_a_plugin_is_made_installed_used_and_overridden(root: Path, tmp_path: Path) -> None:
    """From an empty folder to an override of a plugin's Type in a new environment, by what a page prints."""
    (tmp_path / "jitcore").symlink_to(root)
    # What a developer has: an environment with jitcore and hatchling. Wheels are built with the latter, not a download.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    quiet = {"PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    Session(tmp_path, {**clean_environment(), **quiet, "PATH": path}).follow(root / "docs" / "making.md")
    shutil.rmtree(tmp_path / "fresh")


def test_only_that_page_needs_an_environment_of_its_own(root: Path) -> None:
    """What other pages print runs in the tests of the pages."""
    pages = [path.name for path in (root / "docs").rglob("*.md") if "```shell-session" in path.read_text("utf-8")]
    assert pages == ["making.md"]
