"""What an edit changes: instances, Types, helpers, shared code, layers, variables; and what a broken edit leaves."""

from __future__ import annotations

import gc
import json
import os
import shutil
import threading
import time
import weakref

import pytest

from jitcore.errors import ElementInvalid, ElementNotFound
from jitcore.watching import retiring


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def test_an_edited_e_json_is_live(watched, things):
    """The next getElement after a save of e.json hands out the new element."""
    app = watched(things)
    old = app.app.getElement("things.Hello")
    write(app.path / "things/Hello/e.json", {"type": "things.PlainType", "title": "New title"})
    done = app.next()
    assert done.updated == ("things.Hello",)
    assert app.app.getElement("things.Hello").title == "New title"
    assert old.title == "Hello"


def test_a_type_is_reloaded_with_its_instances(watched, things):
    """Saving a Type's module makes all its loaded instances anew, of the new class."""
    things["things/Again/e.json"] = {"type": "things.PlainType", "title": "Again"}
    things["things/Again/Again.json"] = {"word": "Again"}
    app = watched(things)
    app.app.getElement("things.Hello")
    app.app.getElement("things.Again")
    code = app.path / "things/PlainType/__init__.py"
    write(code, code.read_text().replace("} {name}", "}, {name}"))
    assert set(app.next().reloaded) == {"things.Again", "things.Hello"}
    assert app.app.getElement("things.Hello").greet("you") == "Hello, you"
    assert app.app.getElement("things.Again").greet("you") == "Again, you"
    from things.PlainType import Thing

    assert isinstance(app.app.getElement("things.Hello"), Thing)


def test_two_edits_in_one_second_of_one_size_are_both_seen(watched, things):
    """Byte code is keyed on whole seconds and size; code is compiled from source, so the second edit runs."""
    app = watched(things)
    app.app.getElement("things.Hello")
    code = app.path / "things/PlainType/__init__.py"
    text = code.read_text()
    for mark in ("!", "?", ";", ":"):
        write(code, text.replace("} {name}", "}" + mark + "{name}"))
        os.utime(code, (1_700_000_000, 1_700_000_000))
        app.until(lambda mark=mark: app.app.getElement("things.Hello").greet("you") == f"Hello{mark}you")


def test_a_helper_beside_the_type_is_part_of_it(watched, things):
    """A module in the Type's folder, nested or not, reloads the Type."""
    things["things/PlainType/_words.py"] = "MARK = '-'\n"
    things["things/PlainType/deep/__init__.py"] = "TAIL = '.'\n"
    things["things/PlainType/__init__.py"] = "from . import _words\nfrom .deep import TAIL\n" + things[
        "things/PlainType/__init__.py"
    ].replace("} {name}", "}{_words.MARK}{name}{TAIL}")
    app = watched(things)
    assert app.app.getElement("things.Hello").greet("you") == "Hello-you."
    write(app.path / "things/PlainType/_words.py", "MARK = '+'\n")
    app.next()
    assert app.app.getElement("things.Hello").greet("you") == "Hello+you."
    write(app.path / "things/PlainType/deep/__init__.py", "TAIL = '!'\n")
    app.next()
    assert app.app.getElement("things.Hello").greet("you") == "Hello+you!"


def test_commons_is_followed_by_its_importers(watched, things):
    """Saving shared code reloads the Types that import it, also through another shared module."""
    things["commons/deep.py"] = "MARK = '-'\n"
    things["commons/words.py"] = "from commons.deep import MARK\n"
    things["things/PlainType/__init__.py"] = "from commons.words import MARK\n" + things[
        "things/PlainType/__init__.py"
    ].replace("} {name}", "}{MARK}{name}")
    app = watched(things)
    assert app.app.getElement("things.Hello").greet("you") == "Hello-you"
    write(app.path / "commons/deep.py", "MARK = '+'\n")
    app.next()
    assert app.app.getElement("things.Hello").greet("you") == "Hello+you"


def test_a_base_app_is_followed(watched, write_app, things):
    """An edit in an app named in extends reaches the app that extends it."""
    base = write_app(things, "base")
    app = watched({"app.json": {"name": "shop", "extends": [{"path": "../base"}]}})
    app.app.getElement("things.Hello")
    write(base / "things/Hello/Hello.json", {"word": "From below"})
    app.next()
    assert app.app.getElement("things.Hello").greet("you") == "From below you"


def test_a_broken_edit_keeps_the_last_good_one_and_says_so(watched, things, caplog):
    """A syntax error in a business file: the old element serves, stale with since and why; the fix recovers."""
    caplog.set_level("INFO")
    app = watched(things)
    good = app.app.getElement("things.Hello")
    file = app.path / "things/Hello/Hello.json"
    before = time.time()
    write(file, '{"word": ')
    done = app.next()
    assert list(done.stale) == ["things.Hello"]
    assert app.app.getElement("things.Hello") is good
    handle = app.app.elements["things.Hello"]
    assert handle.state == "stale"
    assert before <= handle.stale.since <= time.time()
    assert handle.stale.error.problems[0].code == "json-syntax"
    assert good.stale == handle.stale
    assert "things.Hello is stale" in caplog.text
    write(file, '{"word": "Back"}')
    done = app.next()
    assert done.recovered == ("things.Hello",)
    assert app.app.elements["things.Hello"].state == "loaded"
    assert app.app.getElement("things.Hello").greet("you") == "Back you"
    assert app.app.getElement("things.Hello").stale is None
    assert "things.Hello recovered" in caplog.text


def test_a_broken_type_keeps_its_instances(watched, things):
    """A syntax error in a Type's module: instances go on, also those loaded afterwards; the fix reaches all."""
    things["things/Again/e.json"] = {"type": "things.PlainType", "title": "Again"}
    things["things/Again/Again.json"] = {"word": "Again"}
    app = watched(things)
    good = app.app.getElement("things.Hello")
    code = app.path / "things/PlainType/__init__.py"
    text = code.read_text()
    write(code, text + "def broken(:\n")
    done = app.next()
    assert set(done.stale) == {"things.Hello", "things.PlainType"}
    assert app.app.getElement("things.Hello") is good
    assert app.app.getElement("things.Again").greet("you") == "Again you"
    write(code, text.replace("} {name}", "}! {name}"))
    app.next()
    assert app.app.getElement("things.Hello").greet("you") == "Hello! you"
    assert app.app.getElement("things.Again").greet("you") == "Again! you"
    assert {handle.state for handle in app.app.elements.values()} <= {"loaded", "declared"}


def test_a_broken_helper_is_cleared_by_the_element_it_broke(watched, things):
    """An error that came from shared code is the element's, and goes with the element's next success."""
    things["commons/words.py"] = "MARK = '-'\n"
    things["things/PlainType/__init__.py"] = "from commons.words import MARK\n" + things["things/PlainType/__init__.py"]
    app = watched(things)
    app.app.getElement("things.Hello")
    write(app.path / "commons/words.py", "MARK = \n")
    assert "things.Hello" in app.next().stale
    write(app.path / "commons/words.py", "MARK = '+'\n")
    assert "things.Hello" in app.next().recovered
    assert app.app.elements["things.Hello"].state == "loaded"


def test_a_schema_that_refuses_an_instance_leaves_it_as_it_was(watched, things):
    """A stricter schema revalidates the instances: those that fail stay as they were, the others are made anew."""
    things["things/Long/e.json"] = {"type": "things.PlainType", "title": "Long"}
    things["things/Long/Long.json"] = {"word": "Long enough"}
    app = watched(things)
    hello, long = app.app.getElement("things.Hello"), app.app.getElement("things.Long")
    schema = json.loads((app.path / "things/PlainType/schema.json").read_text())
    schema["properties"]["word"]["minLength"] = 8
    write(app.path / "things/PlainType/schema.json", schema)
    done = app.next()
    assert list(done.stale) == ["things.Hello"]
    assert app.app.getElement("things.Hello") is hello
    assert app.app.getElement("things.Long") is not long


def test_code_that_refuses_an_instance_leaves_it_as_it_was(watched, things):
    """New code of a Type is tried on each instance before it is swapped: those that fail stay, of the old class."""
    things["things/Long/e.json"] = {"type": "things.PlainType", "title": "Long"}
    things["things/Long/Long.json"] = {"word": "Long enough"}
    app = watched(things)
    hello, long = app.app.getElement("things.Hello"), app.app.getElement("things.Long")
    code = app.path / "things/PlainType/__init__.py"
    strict = (
        "class Thing(Element):\n    def __init__(self, node, config):\n        super().__init__(node, config)\n"
        "        if len(config['word']) < 8:\n            raise ValueError('too short')\n"
    )
    write(code, code.read_text().replace("class Thing(Element):\n", strict))
    done = app.next()
    assert list(done.stale) == ["things.Hello"]
    assert "too short" in str(app.app.elements["things.Hello"].stale.error)
    assert app.app.getElement("things.Hello") is hello
    assert app.app.getElement("things.Long") is not long
    assert type(app.app.getElement("things.Long")) is not type(long)


def test_dependants_follow(watched, things):
    """An element that refers to the edited one is made anew, too."""
    things["things/Fan/e.json"] = {"type": "things.PlainType", "title": "Fan"}
    things["things/Fan/Fan.json"] = {"word": "Fan", "friend": "things.Hello"}
    app = watched(things)
    fan, hello = app.app.getElement("things.Fan"), app.app.getElement("things.Hello")
    write(app.path / "things/Hello/Hello.json", {"word": "Other"})
    assert app.next().reloaded == ("things.Hello", "things.Fan")
    assert app.app.getElement("things.Fan") is not fan
    assert app.app.getElement("things.Hello") is not hello


def test_a_new_element_is_found(watched, things):
    """A folder that appears is an element at once."""
    app = watched(things)
    write(app.path / "things/Fresh/e.json", {"type": "things.PlainType", "title": "Fresh"})
    write(app.path / "things/Fresh/Fresh.json", {"word": "Fresh"})
    app.until(lambda: "things.Fresh" in app.app.elements)
    assert app.app.getElement("things.Fresh").greet("air") == "Fresh air"


def test_a_moved_in_folder_is_found(watched, things, tmp_path):
    """A whole folder that is moved in brings its element."""
    app = watched(things)
    outside = tmp_path / "outside" / "Moved"
    write(outside / "e.json", {"type": "things.PlainType", "title": "Moved"})
    write(outside / "Moved.json", {"word": "Moved"})
    outside.rename(app.path / "things/Moved")
    app.until(lambda: "things.Moved" in app.app.elements)
    assert app.app.getElement("things.Moved").greet("in") == "Moved in"


def test_a_deleted_element_is_gone(watched, things):
    """Deleting the folder takes the element away, and its dependants say why they are stale."""
    things["things/Fan/e.json"] = {"type": "things.PlainType", "title": "Fan"}
    things["things/Fan/Fan.json"] = {"word": "Fan", "friend": "things.Hello"}
    app = watched(things)
    app.app.getElement("things.Fan")
    app.app.getElement("things.Hello")
    shutil.rmtree(app.path / "things/Hello")
    app.until(lambda: "things.Hello" not in app.app.elements and app.app.elements["things.Fan"].state == "stale")
    with pytest.raises(ElementNotFound):
        app.app.getElement("things.Hello")
    assert app.app.elements["things.Fan"].problems[0].code == "reference-dangling"


def test_a_renamed_element_has_its_new_name(watched, things):
    """Renaming the folder renames the element."""
    del things["things/Hello/Hello.json"]
    things["things/Hello/config.json"] = {"word": "Hi"}
    app = watched(things)
    app.app.getElement("things.Hello")
    (app.path / "things/Hello").rename(app.path / "things/Goodbye")
    app.until(lambda: "things.Goodbye" in app.app.elements and "things.Hello" not in app.app.elements)
    assert app.app.getElement("things.Goodbye").greet("you") == "Hi you"


def test_a_new_family_is_found(watched, things):
    """A family folder that did not exist when the App opened is watched from when it appears."""
    app = watched(things)
    write(app.path / "gadgets/First/e.json", {"type": "things.PlainType", "title": "First"})
    write(app.path / "gadgets/First/First.json", {"word": "First"})
    app.until(lambda: "gadgets.First" in app.app.elements)
    assert app.app.getElement("gadgets.First").greet("of all") == "First of all"
    write(app.path / "gadgets/First/First.json", {"word": "Second"})
    app.until(lambda: app.app.getElement("gadgets.First").greet("of all") == "Second of all")


def test_an_override_appears_and_vanishes(watched, write_app, things):
    """A folder that overrides a Type reaches the base's instances, and leaves no trace when it goes."""
    write_app(things, "base")
    app = watched({"app.json": {"name": "shop", "extends": [{"path": "../base"}]}})
    real = app.app.getElement("things.PlainType").__name__
    app.app.getElement("things.Hello")
    write(
        app.path / "things/PlainType/__init__.py",
        f"from {real} import Loader as Base\nfrom {real} import Thing as Below\n\n\n"
        "class Thing(Below):\n    def greet(self, name):\n        return super().greet(name) + '!'\n\n\n"
        "class Loader(Base):\n    elementClass = Thing\n",
    )
    write(app.path / "things/PlainType/e.json", {"type": "things.Meta", "title": "Loud"})
    app.until(lambda: app.app.getElement("things.Hello").greet("you") == "Hello you!")
    shutil.rmtree(app.path / "things/PlainType")
    app.until(lambda: app.app.getElement("things.Hello").greet("you") == "Hello you")


def test_variables_are_followed(watched, things):
    """A changed default in app.json or value in .env makes the elements anew that use it, and only those."""
    things["app.json"] = {"name": "shop", "variables": [{"name": "greeting", "default": "Hi"}]}
    things["things/Var/e.json"] = {"type": "things.PlainType", "title": "Var"}
    things["things/Var/Var.json"] = {"word": "{{greeting}}"}
    app = watched(things)
    hello = app.app.getElement("things.Hello")
    assert app.app.getElement("things.Var").greet("you") == "Hi you"
    write(app.path / "app.json", {"name": "shop", "variables": [{"name": "greeting", "default": "Ahoy"}]})
    assert app.next().reloaded == ("things.Var",)
    assert app.app.getElement("things.Var").greet("you") == "Ahoy you"
    write(app.path / ".env", "greeting=Servus\n")
    app.next()
    assert app.app.getElement("things.Var").greet("you") == "Servus you"
    assert app.app.getElement("things.Hello") is hello


def test_types_are_followed_after_the_apps_own_files_were_read_again(watched, things):
    """A Type that is edited, or broken, after an edit of .env still reaches, or keeps, its instances."""
    app = watched({**things, "app.json": {"name": "shop", "variables": [{"name": "greeting", "default": "Hi"}]}})
    app.app.getElement("things.Hello")
    write(app.path / ".env", "greeting=Servus\n")
    app.app.watcher.reload()
    code = app.path / "things/PlainType/__init__.py"
    text = code.read_text()
    write(code, text.replace("} {name}", "}, {name}"))
    app.app.watcher.reload()
    assert app.app.getElement("things.Hello").greet("you") == "Hello, you"
    write(app.path / ".env", "greeting=Moin\n")
    app.app.watcher.reload()
    write(code, text + "def broken(:\n")
    assert set(app.app.watcher.reload().stale) == {"things.Hello", "things.PlainType"}
    assert app.app.getElement("things.Hello").greet("you") == "Hello, you"


def test_a_layer_that_comes_and_goes_reaches_the_instances(watched, write_app, things):
    """An app that is named in extends from now on brings its override of a Type, and takes it away again."""
    write_app(things, "base")
    loud = things["things/PlainType/__init__.py"].replace("} {name}", "}! {name}")
    write_app(
        {
            **{f"things/PlainType/{name}": things[f"things/PlainType/{name}"] for name in ("e.json", "schema.json")},
            "things/PlainType/__init__.py": loud,
            "app.json": {"name": "loud"},
        },
        "loud",
    )
    app = watched({"app.json": {"name": "shop", "extends": [{"path": "../base"}]}})
    assert app.app.getElement("things.Hello").greet("you") == "Hello you"
    write(app.path / "app.json", {"name": "shop", "extends": [{"path": "../loud"}, {"path": "../base"}]})
    app.app.watcher.reload()
    assert app.app.getElement("things.Hello").greet("you") == "Hello! you"
    write(app.path / "app.json", {"name": "shop", "extends": [{"path": "../base"}]})
    app.app.watcher.reload()
    assert app.app.getElement("things.Hello").greet("you") == "Hello you"


def test_a_row_of_references_is_made_in_its_order(watched, things):
    """Each element is made anew after what it refers to, however long the row is."""
    count = 1500
    for number in range(count):
        name = f"Link{number:04}"
        friend = {"friend": f"things.Link{number + 1:04}"} if number + 1 < count else {}
        things[f"things/{name}/e.json"] = {"type": "things.PlainType", "title": name}
        things[f"things/{name}/{name}.json"] = {"word": name, **friend}
    app = watched(things)
    names = [f"things.Link{number:04}" for number in range(count)]
    for name in names:
        app.app.getElement(name)
    write(app.path / f"things/Link{count - 1:04}/Link{count - 1:04}.json", {"word": "Last"})
    assert app.next().reloaded == tuple(reversed(names))


def test_a_broken_app_json_changes_nothing(watched, things):
    """The App goes on as it was; the round says why."""
    things["app.json"] = {"name": "shop"}
    app = watched(things)
    app.app.getElement("things.Hello")
    write(app.path / "app.json", "{")
    assert "json-syntax" in str(app.next().error)
    assert app.app.getElement("things.Hello").greet("you") == "Hello you"
    write(app.path / "app.json", {"name": "shop", "extends": []})
    app.until(lambda: True)
    assert app.app.name == "shop"


def test_an_element_that_was_never_right_loads_after_the_fix(watched, things):
    """A failure is cleared by the element's next success, without anybody asking for it."""
    things["things/Bad/e.json"] = {"type": "things.PlainType", "title": "Bad"}
    things["things/Bad/Bad.json"] = {"wrong": 1}
    app = watched(things)
    with pytest.raises(ElementInvalid):
        app.app.getElement("things.Bad")
    write(app.path / "things/Bad/Bad.json", {"word": "Good"})
    assert app.next().recovered == ("things.Bad",)
    assert app.app.elements["things.Bad"].state == "declared"
    assert app.app.getElement("things.Bad").greet("you") == "Good you"


def test_types_hear_of_appearing_and_vanishing_instances(watched, things):
    """onCreate, onUpdate and onDelete of the Type run after the round."""
    things["things/PlainType/lifecycle.py"] = (
        "def note(app, text):\n    with (app.app_data / 'heard').open('a') as heard:\n        heard.write(text)\n\n\n"
        "def onCreate(app, fullName):\n    note(app, f'+{fullName} ')\n\n\n"
        "def onUpdate(app, fullName):\n    note(app, f'~{fullName} ')\n\n\n"
        "def onDelete(app, fullName):\n    note(app, f'-{fullName} ')\n"
    )
    app = watched(things)
    heard = app.app.app_data / "heard"
    write(app.path / "things/Fresh/Fresh.json", {"word": "Fresh"})
    write(app.path / "things/Fresh/e.json", {"type": "things.PlainType", "title": "Fresh"})
    app.until(lambda: heard.exists() and "+things.Fresh" in heard.read_text())
    write(app.path / "things/Fresh/Fresh.json", {"word": "Fresher"})
    app.until(lambda: "~things.Fresh" in heard.read_text())
    shutil.rmtree(app.path / "things/Fresh")
    app.until(lambda: "-things.Fresh" in heard.read_text())


DISPOSING = """\
from jitcore import Element
from jitcore import Loader as BaseLoader


class Thing(Element):
    disposed = []

    def __init__(self, node, config):
        super().__init__(node, config)
        self.on_dispose(self.close)
        self.on_dispose(self.fail)

    def greet(self, name):
        return self.config["word"] + name

    def close(self):
        type(self).disposed.append(self.config["word"])

    def fail(self):
        raise RuntimeError("cannot let go")


class Loader(BaseLoader):
    elementClass = Thing
"""


def test_old_elements_are_drained_then_disposed(watched, things, caplog, monkeypatch):
    """A replaced element is disposed when its last user lets go: last recorded first, each isolated."""
    # On a busy machine the seconds of grace are over before the test has looked.
    monkeypatch.setattr(retiring, "GRACE", 600.0)
    things["things/PlainType/__init__.py"] = DISPOSING
    app = watched(things)
    held = app.app.getElement("things.Hello")
    disposed = type(held).disposed
    write(app.path / "things/Hello/Hello.json", {"word": "Two"})
    app.next()
    time.sleep(0.2)
    assert disposed == []
    assert held.greet("!") == "Hello!"
    del held
    app.until(lambda: disposed == ["Hello"])
    assert "cannot let go" in caplog.text
    app.app.close()
    assert disposed == ["Hello", "Two"]


def test_five_hundred_reloads_leak_nothing(watched, things):
    """Every replaced element, of every version of its class, is gone once it is replaced."""
    app = watched(things)
    app.app.getElement("things.Hello")
    code = app.path / "things/PlainType/__init__.py"
    business = app.path / "things/Hello/Hello.json"
    text = code.read_text()
    old = []
    for number in range(500):
        element = app.app.getElement("things.Hello")
        old += [weakref.ref(element), weakref.ref(type(element))] if number % 10 == 0 else [weakref.ref(element)]
        del element
        # Without the thread: 500 quiet windows would be spent waiting.
        if number % 10 == 9:
            code.write_text(text + f"# {number}\n")
        else:
            business.write_text(json.dumps({"word": f"Hello{number}"}))
        app.app.watcher.reload()
    gc.collect()
    alive = [reference for reference in old if reference() is not None]
    assert len(alive) <= 1, len(alive)


def test_threads_never_see_a_half_built_element(watched, things):
    """Eight threads get and use elements while 300 edits land: no error, and each answer is a whole one."""
    things["things/PlainType/__init__.py"] = (
        things["things/PlainType/__init__.py"].replace(
            "return f\"{self.config['word']} {name}\"", "return f\"{self.config['word']}{VERSION} {name}\""
        )
        + "\n\nVERSION = 0\n"
    )
    app = watched(things)
    # What is empty while it is written, and was never read before, could only be an error.
    assert app.app.getElement("things.Hello").greet("you").endswith(" you")
    stop, errors, answers = threading.Event(), [], set()

    def use():
        while not stop.is_set():
            try:
                answers.add(app.app.getElement("things.Hello").greet("you"))
            except Exception as error:  # noqa: BLE001 - any error at all is what the test looks for
                errors.append(error)
                return
            time.sleep(0.0002)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    code, business = app.path / "things/PlainType/__init__.py", app.path / "things/Hello/Hello.json"
    text = code.read_text()
    for number in range(300):
        if number % 3:
            business.write_text(json.dumps({"word": f"W{number}-"}))
        else:
            code.write_text(text.replace("VERSION = 0", f"VERSION = {number}"))
        time.sleep(0.003)
    app.until(
        lambda: (
            app.app.getElement("things.Hello").greet("you") == "W299-297 you"
            or number != 299
            or app.app.getElement("things.Hello").greet("you").startswith("W299-")
        )
    )
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(answers) > 1
    assert all(answer.endswith(" you") for answer in answers)


def test_without_events_changes_are_found_by_looking(watched, things, monkeypatch, caplog):
    """When the system has no watches left, one line says so and edits are still taken over."""
    from watchdog.observers.api import BaseObserver

    def exhausted(*_args, **_options):
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(BaseObserver, "schedule", exhausted)
    app = watched(things)
    assert app.app.watcher.is_polling
    assert caplog.text.count("no more file events") == 1
    app.app.getElement("things.Hello")
    write(app.path / "things/Hello/Hello.json", {"word": "Polled"})
    app.until(lambda: app.app.getElement("things.Hello").greet("you") == "Polled you")


def test_an_unwatched_app_stays_as_it_is(open_app, things):
    """Without watch=True nothing is watched and a loaded element never changes."""
    app = open_app(things)
    assert app.watcher is None
    app.getElement("things.Hello")
    write(app.path / "things/Hello/Hello.json", {"word": "Later"})
    time.sleep(0.2)
    assert app.getElement("things.Hello").greet("you") == "Hello you"
