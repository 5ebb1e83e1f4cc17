"""`jit new`: what it makes works as it stands, and it harms nothing that is there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from jitcore import App


def define(path):
    return json.loads(path.read_text("utf-8"))


def test_an_app_is_sound_and_its_tests_pass(jit, shop, run_tests):
    """`jit new app`, `jit check` and pytest: no problem, and an organisation synced from the emulator."""
    assert jit("check") == (0, "No problems found.\n", "")
    assert "2 passed" in run_tests(shop)
    assert define(shop / "app.json")["title"] == "Shop"
    assert ".env" in (shop / ".gitignore").read_text().split()


def test_everything_made_in_an_app_passes_its_tests(jit, shop, run_tests):
    """Instances of shipped and own Types, a Type of a known family and one of a new family, side by side."""
    assert jit("new", "instance", "corps.CorpC")[0] == 0
    assert jit("new", "type", "corps.AcmeType")[0] == 0
    assert jit("new", "type", "things.NoteType")[0] == 0
    assert jit("new", "instance", "things.Mine")[0] == 0
    assert jit("check") == (0, "No problems found.\n", "")
    assert jit("new", "instance", "auths.Second")[0] == 0
    assert jit("new", "instance", "databases.Reports", "--type", "databases.PgSqlType")[0] == 0
    assert "10 passed" in run_tests(shop)


def test_an_instance_is_filled_in_as_far_as_it_can_be(jit, shop):
    """The only Type of the family, the auth element that its siblings use, a variable for what only the user knows."""
    jit("new", "instance", "auths.Aaa")
    code, out, _ = jit("new", "instance", "corps.CorpC")
    assert code == 0
    assert define(shop / "corps/CorpC/e.json") == {"type": "corps.QywxProxyType", "title": "Corp C"}
    assert define(shop / "corps/CorpC/CorpC.json") == {
        "corpId": "{{corpCCorpId}}",
        "authFullName": "auths.QywxProxyAuth",
    }
    declared = define(shop / "app.json")["variables"][-1]
    assert declared["name"] == "corpCCorpId"
    assert "corpCCorpId" in out


def test_declaring_a_variable_leaves_the_rest_of_the_manifest(jit, shop):
    """Lines that were there stay letter by letter; a secret gets no default."""
    before = (shop / "app.json").read_text("utf-8").splitlines()
    jit("new", "instance", "auths.Second")
    after = (shop / "app.json").read_text("utf-8").splitlines()
    assert after[: len(before) - 3] == before[:-3]
    secret = next(one for one in define(shop / "app.json")["variables"] if one["name"] == "secondSuiteSecret")
    assert secret == {"name": "secondSuiteSecret", "title": "The template's secret", "secret": True}


@pytest.mark.parametrize("manifest", [None, "{}\n", '{"name": "a"}', '{\n  "variables": []\n}\n'])
def test_variables_are_declared_in_any_manifest(jit, here, manifest):
    """An app.json that is missing, empty, on one line, or without variables gets them and stays JSON."""
    element = here / "app/auths/A"
    element.mkdir(parents=True)
    (element / "e.json").write_text('{"type": "auths.loginTypes.QywxProxyType", "title": "A"}')
    if manifest is not None:
        (here / "app/app.json").write_text(manifest)
    assert jit("--app", "app", "new", "instance", "corps.CorpA")[0] == 0
    assert [one["name"] for one in define(here / "app/app.json")["variables"]] == ["corpACorpId"]


def test_a_family_with_several_types_asks_which(jit, shop):
    """What cannot be inferred is an error that names the choice; nothing is written."""
    code, _, err = jit("new", "instance", "databases.Reports")
    assert code == 1
    assert "databases.MySQLType, databases.PgSqlType, databases.SqliteType" in err
    assert "--type" in err
    assert not (shop / "databases").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["instance", "corps.CorpA"], "already there"),
        (["instance", "corp.CorpD"], "corps"),
        (["instance", "CorpD"], "no full name"),
        (["instance", "corps.Corp-D"], "no full name"),
        (["instance", "corps.class"], "word of Python"),
        (["instance", "corps.CorpD", "--type", "corps.QwxProxyType"], "corps.QywxProxyType"),
        (["instance", "corps.CorpD", "--type", "corps.CorpA"], "instance itself"),
        (["instance", "corps.CorpD", "--type", "corps.Meta"], "corps.QywxProxyType"),
        (["type", "corps.QywxProxyType"], "jit override corps.QywxProxyType"),
        (["type", "AcmeType"], "no full name"),
        (["app", "1shop"], "name of an app"),
        (["plugin", "jit_acme!"], "name of a plugin"),
        (["plugin", "jit-class"], "name of a plugin"),
    ],
)
def test_what_cannot_be_made_is_said_and_nothing_is_written(jit, shop, words, told):
    """Each refusal names the reason; the folder is as it was."""
    before = sorted(shop.rglob("*"))
    code, out, err = jit("new", *words)
    assert (code, out) == (1, "")
    assert told in err
    assert "Traceback" not in err
    assert sorted(shop.rglob("*")) == before


def test_nothing_is_overwritten(jit, here):
    """A folder that holds something, a file in the way, a test of that name: all stay."""
    (here / "shop").mkdir()
    (here / "shop/mine.txt").write_text("mine")
    assert jit("new", "app", "shop")[0] == 1
    assert [path.name for path in (here / "shop").iterdir()] == ["mine.txt"]
    (here / "jit-acme").write_text("mine")
    assert jit("new", "plugin", "jit-acme")[0] == 1
    assert (here / "jit-acme").read_text() == "mine"
    (here / "empty").mkdir()
    assert jit("new", "app", "empty")[0] == 0
    (here / "empty/tests/test_corps_AcmeType.py").write_text("# mine\n")
    assert jit("--app", "empty", "new", "type", "corps.AcmeType")[0] == 1
    assert not (here / "empty/corps/AcmeType").exists()


def test_a_type_of_a_family_of_ones_own_keeps_the_contract(jit, write_app, things):
    """Methods that the Meta asks for are there and say, when called, that they are still to be written."""
    path = write_app(things)
    assert jit("--app", path, "new", "type", "things.QuietType")[0] == 0
    (path / "things/Quiet").mkdir()
    (path / "things/Quiet/e.json").write_text('{"type": "things.QuietType", "title": "Quiet"}')
    with App(path) as app:
        assert app.check() == []
        with pytest.raises(NotImplementedError, match=r"QuietElement\.greet is still to be written"):
            app.getElement("things.Quiet").greet("you")


def test_a_type_derives_from_the_class_of_its_meta(jit, write_app, things):
    """A Meta that exports a Loader says what its Types derive from; the import is by family name."""
    meta = things["things/Meta/__init__.py"] + (
        "\n\nfrom jitcore import Element\nfrom jitcore import Loader as BaseLoader\n\n\n"
        "class Thing(Element):\n    def greet(self, name):\n        return name\n\n\n"
        "class Loader(BaseLoader):\n    elementClass = Thing\n"
    )
    path = write_app({**things, "things/Meta/__init__.py": meta})
    assert jit("--app", path, "new", "type", "things.QuietType")[0] == 0
    text = (path / "things/QuietType/__init__.py").read_text()
    assert "from things.Meta import Thing\n" in text
    assert "class QuietThing(Thing):" in text
    assert jit("--app", path, "check")[0] == 0


def test_a_type_of_a_family_whose_meta_is_broken_is_refused(jit, write_app, things):
    """The Meta's own problem comes first."""
    path = write_app({**things, "things/Meta/__init__.py": "raise ValueError('no')\n"})
    code, _, err = jit("--app", path, "new", "type", "things.QuietType")
    assert code == 1
    assert "things.Meta cannot be used" in err


def test_a_plugin_is_installed_and_its_tests_pass(jit, here, environment, run_tests, python_in):
    """`jit new plugin`, `pip install -e`, pytest; and an app of that environment can use and override its Type."""
    code, out, _ = jit("new", "plugin", "jit-acme")
    assert code == 0
    assert "pip install -e" in out
    install = ["-m", "pip", "--python", environment, "install", "--quiet", "--no-deps", "--no-build-isolation"]
    done = python_in(sys.executable, *install, "-e", here / "jit-acme")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in run_tests(here / "jit-acme", python=environment)
    jit("new", "app", "shop")
    made = python_in(environment, "-m", "jitcore.cli", "new", "instance", "acme.Mine", cwd=here / "shop")
    assert made.returncode == 0, made.stderr
    assert "jit_plugins = true" in made.stdout
    (here / "shop/pytest.ini").write_text("[pytest]\njit_plugins = true\n")
    assert "1 passed" in run_tests(here / "shop", "tests/test_acme_Mine.py", python=environment)
    for words in (["override", "acme.AcmeType"], ["new", "type", "acme.OtherType"]):
        done = python_in(environment, "-m", "jitcore.cli", *words, cwd=here / "shop")
        assert done.returncode == 0, done.stderr
        assert "jit_plugins" not in done.stdout
    (here / "shop/pytest.ini").unlink()
    made = [f"tests/test_acme_{name}.py" for name in ("Mine", "AcmeType", "OtherType")]
    assert "3 passed" in run_tests(here / "shop", *made, python=environment)
    checked = python_in(environment, "-m", "jitcore.cli", "check", cwd=here / "shop")
    assert (checked.returncode, checked.stdout) == (0, "No problems found.\n")
    shutil.rmtree(here / "shop/acme/AcmeType")
    with pytest.raises(AssertionError, match="1 failed"):
        run_tests(here / "shop", "tests/test_acme_AcmeType.py", python=environment)


@pytest.mark.parametrize("kind", ["app", "plugin"])
def test_what_is_made_is_formatted_as_it_should_be(jit, here, kind):
    """ruff finds nothing to change in the Python that is made."""
    jit("new", kind, "jit-acme")
    if kind == "app":
        for name in ("corps.AcmeType", "databases.OracleType", "things.NoteType"):
            assert jit("--app", "jit-acme", "new", "type", name)[0] == 0
        assert jit("--app", "jit-acme", "new", "instance", "auths.Second")[0] == 0
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "120", "--diff", str(here)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
