"""A plugin of somebody else's, built, installed into an empty environment and used from an app."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "packages" / "jit_acme"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Python of a virtual environment that holds jit-acme and sees this environment's other packages."""
    root = tmp_path_factory.mktemp("environment")
    venv.create(root, with_pip=False, symlinks=True)
    python = root / "bin" / "python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*install, "--target", site, str(PACKAGE)], capture_output=True, check=True)
    # This environment's packages, jitcore among them, without installing them again.
    here = [path for path in sys.path if path and Path(path).is_dir()]
    pth = Path(site) / "outer.pth"
    pth.write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in here if "site-packages" in path))
    return python


@pytest.fixture
def run(environment, write_app, things):
    """Run code or a command line in that environment, in an app that uses the plugin's Types."""
    things["things/Rocket/e.json"] = {"type": "things.AcmeType", "title": "Rocket"}
    things["things/Rocket/Rocket.json"] = {"speed": 9}
    things["things/Ghost/e.json"] = {"type": "things.FolderlessType", "title": "Ghost"}
    path = write_app(things)

    def run_(*arguments, code=None):
        words = ["-c", code] if code else ["-m", "jitcore.cli", *arguments]
        done = subprocess.run([str(environment), *words], cwd=path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run_


def test_its_types_load_instances_of_an_app(run):
    """Types with and without a folder serve instances in the user's app."""
    out = run(
        code=(
            "from jitcore import App\n"
            "with App('.') as app:\n"
            "    print(app.getElement('things.Rocket').greet('you'))\n"
            "    print(app.getElement('things.Ghost').greet('you'))\n"
            "    from things.AcmeType import AcmeThing\n"
            "    print(AcmeThing.__module__)\n"
        )
    )
    assert out.splitlines() == ["Acme greets you at speed 9", "no folder, you", "jit_acme.things.AcmeType"]


def test_explain_names_its_distribution_and_version(run):
    """explain says which distribution, in which version, a Type comes from."""
    told = json.loads(run("explain", "things.AcmeType", "--json"))
    assert told["winner"]["layer"] == "acme"
    assert told["winner"]["distribution"] == "jit-acme"
    assert told["winner"]["version"] == "2.3.4"
    assert told["winner"]["element_version"] == "2.0.0"


def test_its_schema_guards_the_business_file(run):
    """A schema contributed through the hook is what instances are validated against."""
    out = run(
        code=(
            "import json, pathlib\n"
            "from jitcore import App\n"
            "pathlib.Path('things/Rocket/Rocket.json').write_text(json.dumps({'speed': 0}))\n"
            "with App('.') as app:\n"
            "    print([problem.code for problem in app.check()])\n"
        )
    )
    assert out.strip() == "['value-range']"


def test_it_comes_before_the_shipped_layers_and_after_the_app(run):
    """Layers are ordered app, generated elements, third-party plugin, shipped plugins."""
    out = run(
        code=("from jitcore import App\nwith App('.') as app:\n    print([layer.kind for layer in app.layers])\n")
    )
    kinds = json.loads(out.replace("'", '"'))
    assert kinds[0] == "app"
    assert kinds[: kinds.index("plugin")] == ["app", "generated"]
    assert kinds.index("shipped") > kinds.index("plugin")


def test_its_command_is_part_of_jit(run):
    """A command contributed through the hook is listed and runs in the app."""
    assert "Say what Acme says." in run("--help")
    assert run("acme").strip() == "Acme greets command line at speed 9"


def test_an_app_may_ask_for_it_by_name(run):
    """extends with a plugin's name opens when it is installed."""
    out = run(
        code=(
            "import json, pathlib\n"
            "from jitcore import App\n"
            "pathlib.Path('app.json').write_text(json.dumps({'name': 'x', 'extends': [{'plugin': 'acme'}]}))\n"
            "with App('.') as app:\n"
            "    print(app.getElement('things.Rocket').greet('you'))\n"
        )
    )
    assert out.strip() == "Acme greets you at speed 9"


def test_it_can_be_left_out(run):
    """--no-plugins shows neither its commands nor its Types, and an app that asks for it by name still opens."""
    run(
        code=(
            "import json, pathlib\n"
            "pathlib.Path('app.json').write_text(json.dumps({'name': 'x', 'extends': [{'plugin': 'acme'}]}))\n"
        )
    )
    assert "Say what Acme says." not in run("--no-plugins", "--help")
    assert "things.AcmeType" in run("list")
    layers = {row["layer"] for row in json.loads(run("--no-plugins", "list", "--json"))}
    assert "acme" not in layers
