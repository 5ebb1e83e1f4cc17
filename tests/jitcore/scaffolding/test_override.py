"""`jit override`: the least override, and what changed upstream since it was made."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import jit_qywx
from jitcore import App
from jitcore.scaffolding.overriding import RECORD, upstream_diff

TYPE = "corps.QywxProxyType"


@pytest.fixture
def made(jit, shop):
    """The folder of a fresh override in a fresh app."""
    assert jit("override", TYPE)[0] == 0
    return shop / "corps/QywxProxyType"


def test_the_override_works_and_its_test_passes(jit, shop, made, run_tests):
    """It derives from the shipped class, names its version, serves the instances, and nothing is wrong with it."""
    definition = json.loads((made / "e.json").read_text())
    assert definition["type"] == "corps.Meta"
    assert definition["overrides"] == "1.0.0"
    with App(shop) as app:
        corp = app.getElement("corps.CorpA")
        assert type(corp).__module__.startswith("jitapps.")
        assert type(corp).__mro__[1].__module__.startswith("jit_qywx.")
    assert jit("check") == (0, "No problems found.\n", "")
    assert "3 passed" in run_tests(shop)


def test_nothing_changed_is_said(jit, made):
    """Right after making it, the shipped files are those that were recorded."""
    record = json.loads((made / RECORD).read_text("utf-8"))
    assert record["distribution"] == "jitcore"
    assert {"e.json", "__init__.py", "corp.py", f"{TYPE}.schema.json"} <= record["files"].keys()
    assert jit("override", "--diff", TYPE) == (0, "Nothing changed.\n", "")


def test_what_changed_upstream_is_shown(jit, made):
    """A line that is shipped now and was not then, a file that is gone and one that is new."""
    record = json.loads((made / RECORD).read_text("utf-8"))
    files = record["files"]
    files["e.json"] = files["e.json"].replace("WeCom proxy", "WeChat Work proxy")
    files["gone.py"] = "print('gone')\n"
    del files["corp.py"]
    record["version"] = "0.0.9"
    (made / RECORD).write_text(json.dumps(record))
    code, out, _ = jit("override", "--diff", TYPE)
    assert code == 0
    lines = out.splitlines()
    assert "--- e.json (jitcore 0.0.9)" in lines
    assert '-  "title": "WeChat Work proxy development organization",' in lines
    assert '+  "title": "WeCom proxy development organization",' in lines
    assert "-print('gone')" in lines
    assert "--- /dev/null" in lines
    assert any(line.startswith("+class QywxProxyCorp") for line in lines)


def test_accepting_records_what_is_shipped_now(jit, made):
    """The record and `overrides` follow; the override's own code and the rest of its e.json stay."""
    text = (made / "e.json").read_text().replace('"1.0.0"', '"0.9.0"')
    (made / "e.json").write_text(text)
    (made / RECORD).unlink()
    assert jit("check", "--strict")[0] == 1
    code, _, err = jit("override", "--diff", TYPE)
    assert code == 1
    assert "--accept" in err
    assert jit("override", "--accept", TYPE)[0] == 0
    assert (made / "e.json").read_text() == text.replace('"0.9.0"', '"1.0.0"')
    assert jit("override", "--diff", TYPE)[1] == "Nothing changed.\n"
    assert jit("check", "--strict")[0] == 0


def test_a_record_that_cannot_be_read_is_said(jit, made):
    """Garbage in the side file is an error with its place, not a traceback."""
    (made / RECORD).write_text("[")
    code, _, err = jit("override", "--diff", TYPE)
    assert code == 1
    assert RECORD in err


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("corps.CorpA", "already there"),
        ("corps.Meta", "contract"),
        ("corps.QywxProxyTyp", TYPE),
    ],
)
def test_what_is_not_overridden_is_refused(jit, shop, name, told):
    """Each refusal says what to do instead; nothing is written."""
    before = sorted(shop.rglob("*"))
    code, _, err = jit("override", name)
    assert code == 1
    assert told in err
    assert sorted(shop.rglob("*")) == before


def test_it_never_overwrites(jit, made):
    """A second time is refused."""
    assert jit("override", TYPE)[0] == 1
    (made / "e.json").unlink()
    assert jit("override", TYPE)[0] == 1


def test_a_type_of_another_app_is_refused(jit, write_app, things):
    """Code of a base app has no name to import it by on every machine."""
    write_app(things, "base")
    path = write_app({"app.json": {"name": "shop", "extends": [{"path": "../base"}]}})
    code, _, err = jit("--app", path, "override", "things.PlainType")
    assert code == 1
    assert "Type of the app base" in err


def test_what_is_protected_is_refused(jit, write_app, things):
    """A base app that lets nobody override its element is told at once, not by a problem of the next check."""
    things["things/Hello/e.json"] = {"type": "things.PlainType", "title": "x", "accessModifier": "protected"}
    write_app(things, "base")
    path = write_app({"app.json": {"name": "shop", "extends": [{"path": "../base"}]}})
    code, _, err = jit("--app", path, "override", "things.Hello")
    assert code == 1
    assert "protected" in err
    assert not (path / "things").exists()


def made_test(app, name):
    return app / "tests" / f"test_{name.replace('.', '_')}.py"


def assert_it_notices(app, name, run_tests):
    """The made test passes at once, and no longer does once the app's own folder does not define the name."""
    assert "1 passed" in run_tests(app, made_test(app, name))
    folder = app.joinpath(*name.split("."))
    (folder / "e.json").rename(folder / "e.json.away")
    with pytest.raises(AssertionError, match="1 failed"):
        run_tests(app, made_test(app, name))


@pytest.mark.parametrize("name", ["auths.loginTypes.QywxProxyType", "databases.Default"])
def test_the_made_test_notices_when_the_override_is_gone(jit, shop, run_tests, name):
    """It is no test that passes whatever happens."""
    assert jit("override", name)[0] == 0
    assert_it_notices(shop, name, run_tests)


def test_an_instance_of_a_base_app_is_copied_whole(jit, write_app, things, run_tests):
    """The nearest definition wins as a whole, so the copy has all that the base has; drift is seen as for Types."""
    things["things/Hello/e.json"] |= {"version": "1.4.0", "description": "Says hello."}
    base = write_app({"app.json": {"name": "base", "version": "3.1.0"}, **things}, "base")
    path = write_app({"app.json": {"name": "shop", "extends": [{"path": "../base"}]}})
    code, out, _ = jit("--app", path, "override", "things.Hello")
    assert code == 0
    assert "--no-overrides" not in out
    definition = json.loads((path / "things/Hello/e.json").read_text())
    assert definition["overrides"] == "1.4.0"
    assert definition["description"] == "Says hello."
    assert "version" not in definition
    business = [file.name for file in (base / "things/Hello").iterdir() if file.name != "e.json"]
    for name in business:
        assert (path / "things/Hello" / name).read_text() == (base / "things/Hello" / name).read_text()
    assert jit("--app", path, "check", "--strict")[0] == 0

    (base / "things/Hello" / business[0]).write_text('{"word": "Moin"}')
    told = jit("--app", path, "override", "--diff", "things.Hello")[1]
    assert f"--- {business[0]} (base 3.1.0)" in told
    assert '+{"word": "Moin"}' in told
    assert_it_notices(path, "things.Hello", run_tests)


def test_a_file_that_is_no_text_is_not_copied(jit, write_app, things):
    """Half a copy would be worse than none."""
    base = write_app({"app.json": {"name": "base"}, **things}, "base")
    (base / "things/Hello/logo.png").write_bytes(b"\x89PNG\xff")
    path = write_app({"app.json": {"name": "shop", "extends": [{"path": "../base"}]}})
    code, _, err = jit("--app", path, "override", "things.Hello")
    assert code == 1
    assert "logo.png" in err
    assert not (path / "things").exists()


def test_an_instance_of_another_type_notices_too(jit, shop, run_tests):
    """`jit new instance` under a name that a lower layer has makes an override as well."""
    assert jit("new", "instance", "databases.Default", "--type", "databases.SqliteType")[0] == 0
    assert_it_notices(shop, "databases.Default", run_tests)


def test_diff_needs_an_override(jit, shop, write_app, things):
    """An app without an override, and one whose Type shadows nothing, say so."""
    assert "no corps.QywxProxyType of its own" in jit("override", "--diff", TYPE)[2]
    assert "overrides nothing" in jit("--app", write_app(things), "override", "--diff", "things.PlainType")[2]
    assert "No element" in jit("override", "--diff", "things.Nothing")[2]


@pytest.mark.parametrize("name", ["databases.SqliteType", "auths.loginTypes.QywxProxyType", "databases.PgSqlType"])
def test_every_shipped_type_can_be_overridden(jit, shop, name):
    """Types in nested folders and of other families too."""
    assert jit("override", name)[0] == 0
    assert jit("check") == (0, "No problems found.\n", "")


LOADS_BY_ITSELF = """\
class Loader:
    def __init__(self, nodes):
        self.nodes = nodes

    def load(self):
        return self.nodes[0].fullName
"""


@pytest.mark.parametrize(
    ("code", "body"), [(None, "elementClass = Folderless"), (LOADS_BY_ITSELF, "return super().load()")]
)
def test_a_type_without_a_folder_is_extended_too(jit, python_in, environment, shop, run_tests, code, body):
    """It derives from the class, or, where the Loader has none to make, from the Loader alone."""
    package = Path(__file__).parents[2] / "packages" / "jit_acme" / "src" / "jit_acme"
    assert package.is_dir()
    site = Path(python_in(environment, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())
    shutil.copytree(package, site / "jit_acme", dirs_exist_ok=True)
    if code is not None:
        (site / "jit_acme/folderless.py").write_text(code)
    info = site / "jit_acme_test-2.3.4.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: jit-acme-test\nVersion: 2.3.4\n")
    (info / "entry_points.txt").write_text("[jitcore]\nacme_test = jit_acme.plugin\n")
    try:
        write = {"things/Meta/e.json": '{"type": "", "title": "Things"}', "things/Meta/__init__.py": ""}
        for place, text in write.items():
            (shop / place).parent.mkdir(parents=True, exist_ok=True)
            (shop / place).write_text(text)
        done = python_in(environment, "-m", "jitcore.cli", "override", "things.FolderlessType", cwd=shop)
        assert done.returncode == 0, done.stderr
        text = (shop / "things/FolderlessType/__init__.py").read_text()
        assert "from jit_acme.folderless import Loader as ShippedLoader" in text
        assert body in text
        checked = python_in(environment, "-m", "jitcore.cli", "check", cwd=shop)
        assert checked.returncode == 0, checked.stdout
        assert "1 passed" in run_tests(shop, made_test(shop, "things.FolderlessType"), python=environment)
    finally:
        shutil.rmtree(info)
        shutil.rmtree(site / "jit_acme")


def test_the_record_leaves_out_what_is_not_the_types_own(shop, made):
    """Byte code, hidden files and elements below it are no part of the Type; schemas of plugins are."""
    folder = Path(jit_qywx.__file__).parent / "corps/QywxProxyType"
    assert (folder / "e.json").exists()
    files = json.loads((made / RECORD).read_text("utf-8"))["files"]
    assert not any("__pycache__" in name or name.startswith(".") for name in files)
    with App(shop) as app:
        assert upstream_diff(app, TYPE) == ""
