"""Running the command line, and what it made, as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from jitcore.cli import main


@pytest.fixture
def jit(capsys, monkeypatch):
    """Run a command line in this process; returns (exit code, stdout, stderr)."""
    for name in ("JIT_APP", "JIT_NO_PLUGINS", "JIT_NO_OVERRIDES"):
        monkeypatch.delenv(name, raising=False)

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return run


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def shop(here, jit, monkeypatch):
    """The app that `jit new app shop` makes; commands work in it."""
    assert jit("new", "app", "shop")[0] == 0
    monkeypatch.chdir(here / "shop")
    return here / "shop"


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """Python of a virtual environment that sees this environment's packages."""
    root = tmp_path_factory.mktemp("environment")
    venv.create(root, with_pip=False, symlinks=True)
    python = root / "bin" / "python"
    site = run_python(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()
    outer = [path for path in sys.path if path and Path(path).is_dir() and "site-packages" in path]
    (Path(site) / "outer.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in outer))
    return python


def run_python(python, *words, cwd=None):
    """Run Python on words; pytest gets no plugin that nobody names."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("JIT_", "PYTEST_"))}
    environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    return subprocess.run(
        [str(python), *map(str, words)], cwd=cwd, env=environ, capture_output=True, text=True, check=False
    )


@pytest.fixture
def run_tests():
    """Run the tests of a folder by pytest in a process of its own; returns its last line."""

    def run(folder, *words, python=sys.executable):
        done = run_python(python, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", *words, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()[-1]

    return run


@pytest.fixture
def python_in():
    """Run Python on words in a folder: ``python_in(python, *words, cwd=...)``."""
    return run_python
