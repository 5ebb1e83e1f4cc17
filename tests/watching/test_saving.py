"""One save is one reload, however the editor writes; nothing changed is none."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from contextlib import closing

import pytest

NEW = '{"word": "Changed"}'


def in_place(file, text, _):
    file.write_text(text)


def atomic_rename(file, text, _):
    partial = file.with_name(file.name + ".tmp-1234")
    partial.write_text(text)
    partial.replace(file)


def atomic_rename_of_a_json(file, text, _):
    partial = file.with_name("partial.json")
    partial.write_text(text)
    partial.replace(file)


def rename_from_outside(file, text, outside):
    partial = outside / "partial.json"
    partial.write_text(text)
    partial.replace(file)


def vim(file, text, _):
    probe = file.with_name("4913")
    probe.touch()
    probe.unlink()
    backup = file.with_name(file.name + "~")
    file.rename(backup)
    file.write_text(text)
    backup.unlink()


def formatter_after_save(file, text, _):
    file.write_text(text.replace(" ", "   "))
    file.write_text(text)


def unlink_and_write(file, text, _):
    file.unlink()
    file.write_text(text)


def git_checkout(file, text, outside):
    """The file is in a repository whose current commit has another text; checking it out writes that."""

    def git(*words):
        place = ("--git-dir", str(outside / "git"), "--work-tree", str(file.parent))
        author = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
        return subprocess.run(["git", *place, *author, *words], check=True, capture_output=True, text=True).stdout

    git("init", "-q")
    (outside / "text").write_text(text)
    blob = git("hash-object", "-w", str(outside / "text")).strip()
    git("update-index", "--add", "--cacheinfo", f"100644,{blob},{file.name}")
    git("commit", "-qm", "another text")
    git("checkout", "-q", "-f", "HEAD", "--", file.name)


def touch(file, _, __):
    file.touch()


WAYS = [
    in_place,
    atomic_rename,
    atomic_rename_of_a_json,
    rename_from_outside,
    vim,
    formatter_after_save,
    unlink_and_write,
    git_checkout,
]


@pytest.fixture
def hello(watched, things, tmp_path):
    """A watched app whose things.Hello is loaded, the file to save, and a folder outside the app."""
    outside = tmp_path / "outside"
    outside.mkdir()
    app = watched(things)
    app.app.getElement("things.Hello")
    time.sleep(0.05)
    return app, app.path / "things/Hello/Hello.json", outside


@pytest.mark.parametrize("save", WAYS, ids=lambda way: way.__name__)
def test_one_save_is_one_reload(hello, save):
    """Whatever the editor does on the way, the element is made anew exactly once."""
    app, file, outside = hello
    save(file, NEW, outside)
    reloaded = app.next()
    assert reloaded.reloaded == ("things.Hello",)
    assert app.app.getElement("things.Hello").greet("world") == "Changed world"
    app.none()


@pytest.mark.parametrize("save", [*WAYS, touch], ids=lambda way: way.__name__)
def test_saving_the_same_text_is_no_reload(hello, save):
    """Content decides: the same text, however written, reloads nothing."""
    app, file, outside = hello
    before = app.app.getElement("things.Hello")
    save(file, file.read_text(), outside)
    app.none()
    assert app.app.getElement("things.Hello") is before


@pytest.mark.parametrize("save", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize(
    ("name", "old", "new", "what"),
    [
        ("Hello/e.json", '"Hello"', '"Changed"', lambda element: element.title == "Changed"),
        ("PlainType/__init__.py", "} {", "}-{", lambda element: element.greet("world") == "Hello-world"),
    ],
    ids=["e.json", "Type"],
)
def test_one_save_of_a_definition_or_a_type_is_one_reload(hello, save, name, old, new, what):
    """The same holds for the element's definition and for the code of its Type."""
    app, file, outside = hello
    place = file.parents[1] / name
    save(place, place.read_text().replace(old, new), outside)
    assert app.next().reloaded == ("things.Hello",)
    assert what(app.app.getElement("things.Hello"))
    app.none()


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_database_in_an_elements_folder_never_triggers(hello, mode):
    """SQLite makes and removes files beside its own with every transaction."""
    app, file, _ = hello
    with closing(sqlite3.connect(file.with_name("rows.db"))) as database:
        database.execute(f"PRAGMA journal_mode={mode}")
        database.execute("CREATE TABLE rows (number)")
        for number in range(20):
            with database:
                database.execute("INSERT INTO rows VALUES (?)", (number,))
        app.none()
    app.none()


@pytest.mark.parametrize(
    "name",
    [
        "appData/database/x.db",
        "appData/x.json",
        "things/Hello/__pycache__/x.pyc",
        "things/Hello/.hidden.json",
        "notes.txt",
        "things/Hello/notes.md",
    ],
)
def test_other_files_never_trigger(hello, name):
    """Databases, byte code, dot files and prose are nobody's business."""
    app, _, _ = hello
    file = app.path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("{}")
    app.none()


def test_a_module_that_is_empty_for_a_moment_was_not_emptied(hello):
    """Whoever is kept from writing a module that was emptied for it is waited for, and the save counts once."""
    app, file, _ = hello
    module = file.parents[1] / "PlainType/__init__.py"
    text = module.read_text().replace("} {", "}-{")
    with module.open("w") as writer:
        # As something else in the folder makes it, byte code for one.
        app.app.watcher._watch._mark(str(module.parent))
        time.sleep(0.3)
        writer.write(text)
    assert app.next().reloaded == ("things.Hello",)
    assert app.app.getElement("things.Hello").greet("world") == "Hello-world"
    app.none()


def test_a_module_that_stays_empty_is_believed(hello):
    """Emptying a module for good is an edit as any other, which here breaks the Type."""
    app, file, _ = hello
    (file.parents[1] / "PlainType/__init__.py").write_text("")
    assert "things.Hello" in app.next().stale
    assert app.app.elements["things.Hello"].state == "stale"


@pytest.mark.parametrize("is_new", [True, False], ids=["another text", "the same text"])
def test_a_writer_that_is_kept_from_writing_is_waited_for(hello, is_new):
    """A look at everything between the emptying of a file and its writing takes nothing over; the save counts once."""
    app, file, _ = hello
    text = NEW if is_new else file.read_text()
    app.until(lambda: app.app.watcher._watch._reconcile_at > time.monotonic() + 0.5)
    with file.open("w") as writer:
        app.app.watcher._watch._reconcile_at = 0.0
        app.app.watcher._watch._mark(str(file.parent.parent))
        time.sleep(0.2)
        writer.write(text)
    if is_new:
        assert app.next().reloaded == ("things.Hello",)
    app.none()
    assert app.app.elements["things.Hello"].state == "loaded"


def test_a_file_that_is_missing_for_a_moment_was_not_deleted(hello):
    """An editor that removes before it writes, at whatever moment everything is looked at, deletes no element."""
    app, file, _ = hello
    define = file.with_name("e.json")
    text = define.read_text()
    app.until(lambda: app.app.watcher._watch._reconcile_at > time.monotonic() + 0.5)
    with app.app.watcher._watch.turn:
        define.unlink()
        with app.app.watcher._watch._wake:
            app.app.watcher._watch._dirty.clear()
        app.app.watcher._watch._reconcile()
        define.write_text(text)
    app.none()
