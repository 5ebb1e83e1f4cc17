"""A long session of edits, as a developer makes them: what `jit dev` shows of each, and what a program gets.

Three processes look at one app: ``jit dev --plain`` and the view of ``jit dev``, each in a terminal, and a program that
opened the app with ``watch=True``.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.watching.terminal import PATIENCE, Terminal

PROGRAM = """
import json, sys
from jitcore import App

with App(sys.argv[1], watch=True) as app:
    get, elements = app.getElement, app.elements
    print("open", flush=True)
    for line in sys.stdin:
        try:
            answer = eval(line, {"get": app.getElement, "state": lambda name: app.elements[name].state, "app": app})
        except Exception as error:
            answer = type(error).__name__
        print(json.dumps(answer, default=repr), flush=True)
"""

TYPE = "corps/QywxProxyType/__init__.py"
OVERRIDE = """
from jit_qywx.corps.QywxProxyType import Loader as ShippedLoader
from jit_qywx.corps.QywxProxyType import QywxProxyCorp as Shipped


class QywxProxyCorp(Shipped):
    def mark(self):
        return "one"


class Loader(ShippedLoader):
    elementClass = QywxProxyCorp
"""
WITH_HELPER = "from ._marks import MARK\n" + OVERRIDE.replace('"one"', "MARK")
HELPER_WITH_COMMONS = "from commons.words import WORD\n\nMARK = WORD\n"
NO_CORP = """
from jitcore import Element, Loader as Base


class Stub(Element):
    pass


class Loader(Base):
    elementClass = Stub
"""
GADGETS = {
    "Meta/e.json": {"type": "", "title": "Gadgets"},
    "PlainType/e.json": {"type": "gadgets.Meta", "title": "Plain"},
    "PlainType/__init__.py": "from jitcore import Loader\n\nKIND = 'first'\n",
    "PlainType/schema.json": {"type": "object", "properties": {"size": {"type": "integer"}}},
    "First/e.json": {"type": "gadgets.PlainType", "title": "First"},
    "First/First.json": {"size": 7},
}
STRICT = {"type": "object", "properties": {"size": {"type": "integer", "maximum": 5}}}

CORPS = ["corps.CorpA", "corps.CorpB", "corps.MyQywxProxyCorp"]
SERVES = "serves as it was"


class Session:
    """The app being edited, and those who look at it."""

    def __init__(self, app: Path, outside: Path) -> None:
        self.app = app
        self.outside = outside
        self.lines = Terminal(app, "--plain")
        self.screen = Terminal(app)
        self.log = (outside / "program.log").open("w+")
        self.program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(app)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        self.read = 0

    def start(self) -> None:
        self.lines.wait(lambda: self.lines.lines, "no headline")
        self.screen.wait_for_view("watching")
        assert self.program.stdout is not None
        assert self.program.stdout.readline() == "open\n"
        self.read = len(self.lines.lines)

    def ask(self, expression: str) -> object:
        """What the program answers."""
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        print(expression, file=self.program.stdin, flush=True)
        return json.loads(self.program.stdout.readline())

    def stop(self) -> None:
        codes = (self.lines.stop(), self.screen.stop())
        self.program.communicate()
        self.log.seek(0)
        log = self.log.read()
        self.log.close()
        assert (*codes, self.program.returncode) == (0, 0, 0), log


def save(place: str, content: object) -> Callable[[Session], object]:
    """Written in place."""

    def edit(session: Session) -> None:
        file = session.app / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(as_text(content))

    return edit


def swap(place: str, content: object) -> Callable[[Session], object]:
    """Written beside and renamed over, as most editors do."""

    def edit(session: Session) -> None:
        file = session.app / place
        partial = file.with_name(f".{file.name}.partial")
        partial.write_text(as_text(content))
        partial.replace(file)

    return edit


def replace(place: str, old: str, new: str) -> Callable[[Session], object]:
    """A part of a file replaced."""

    def edit(session: Session) -> None:
        file = session.app / place
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    return edit


def move_in(place: str, files: dict[str, object]) -> Callable[[Session], object]:
    """A whole folder, as a checkout or a copy of another app brings it."""

    def edit(session: Session) -> None:
        folder = session.outside / place.replace("/", "-")
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(as_text(content))
        folder.rename(session.app / place)

    return edit


def move_out(place: str) -> Callable[[Session], object]:
    return lambda session: (session.app / place).rename(session.outside / f"gone-{place.replace('/', '-')}")


def several(*edits: Callable[[Session], object]) -> Callable[[Session], object]:
    return lambda session: [edit(session) for edit in edits]


def as_text(content: object) -> str:
    return content if isinstance(content, str) else json.dumps(content, indent=2)


def same(place: str) -> Callable[[Session], object]:
    return lambda session: (session.app / place).write_text((session.app / place).read_text())


def same_swapped(place: str) -> Callable[[Session], object]:
    return lambda session: swap(place, (session.app / place).read_text())(session)


def reloaded(*names: str) -> list[str]:
    return [f"reloaded {name}" for name in names]


def recovered(*names: str) -> list[str]:
    return [f"recovered {name}" for name in names]


def stale(*names: str, how: str = SERVES) -> list[str]:
    return [f"stale {name} {how}" for name in names]


@dataclass(frozen=True)
class Step:
    """One edit and what comes of it.

    :param what: in words.
    :param edit: does it.
    :param shows: the lines of `jit dev --plain`, without time and duration; None where several saves may be shown as
        one or as several.
    :param tells: patterns that the explanation below the lines has.
    :param effect: expression for the program, and its value from now on.
    :param view: pattern that the view shows from now on.
    :param among: lines that must be among those shown.
    """

    what: str
    edit: Callable[[Session], object]
    shows: list[str] | None
    tells: tuple[str, ...] = ()
    effect: tuple[str, object] | None = None
    view: str | None = None
    among: tuple[str, ...] = ()


A = "corps/CorpA"
A_JSON = f"{A}/CorpA.json"
GOOD_A = {"corpId": "{{corpAId}}", "authFullName": "auths.QywxProxyAuth"}
GOOD_A_E = {"type": "corps.QywxProxyType", "title": "Headquarters"}
TITLE = 'get("corps.CorpA").title'
STATE = 'state("corps.CorpA")'
MARK = '[get(f"corps.{name}").mark() for name in ("CorpA", "CorpB", "MyQywxProxyCorp")]'
CORP_B = 'get("corps.CorpB").config["corpId"]'
KIND = '__import__("gadgets.PlainType").PlainType.KIND'
TYPE_AND_CORPS = (*CORPS, "corps.QywxProxyType")


def broken(what: str, place: str, content: str | dict[str, object], *tells: str) -> Step:
    """A broken edit of corps.CorpA, which goes on."""
    return Step(
        what,
        save(place, content),
        [f"saved {place}", *stale("corps.CorpA")],
        tells,
        effect=(STATE, "stale"),
        view=r"corps\.CorpA +corps\.\w+ +stale +[0-9:]{8}",
    )


def fixed(place: str, content: dict[str, object]) -> Step:
    """Its cure."""
    return Step(
        f"cured: {place}",
        swap(place, content),
        [f"saved {place}", *reloaded("corps.CorpA"), *recovered("corps.CorpA")],
        effect=(STATE, "loaded"),
        view=r"corps\.CorpA +corps\.QywxProxyType +loaded",
    )


STEPS = [
    Step(
        "e.json, in place",
        replace(f"{A}/e.json", "Enterprise A", "Head office"),
        [f"saved {A}/e.json", *reloaded("corps.CorpA")],
        effect=(TITLE, "Head office"),
        view=r"saved +corps/CorpA/e\.json \(\d+ ms\)\n.*reloaded +corps\.CorpA",
    ),
    Step(
        "e.json, by rename",
        swap(f"{A}/e.json", GOOD_A_E),
        [f"saved {A}/e.json", *reloaded("corps.CorpA")],
        effect=(TITLE, "Headquarters"),
    ),
    Step(
        "business file",
        save(A_JSON, {**GOOD_A, "strictRoles": True}),
        [f"saved {A_JSON}", *reloaded("corps.CorpA")],
        effect=('get("corps.CorpA").config["strictRoles"]', True),
    ),
    Step("touch", lambda session: (session.app / A_JSON).touch(), []),
    Step("same text, in place", same(f"{A}/e.json"), []),
    Step("same text, by rename", same_swapped(A_JSON), []),
    Step("a note beside the files", save(f"{A}/notes.md", "Ask them."), []),
    broken("a comma at the end", A_JSON, '{\n  "corpId": "x",\n}\n', r"CorpA\.json:2:\d+: error\[json-syntax\]"),
    fixed(A_JSON, GOOD_A),
    broken("a key misspelt", A_JSON, {**GOOD_A, "strictRole": True}, "strictRole", 'Did you mean "strictRoles"?'),
    broken("still broken, otherwise", A_JSON, {**GOOD_A, "concurrency": 99}, "32", "concurrency"),
    fixed(A_JSON, GOOD_A),
    broken("a reference to nothing", A_JSON, {**GOOD_A, "authFullName": "auths.QywxProxyAut"}, "reference-dangling"),
    fixed(A_JSON, GOOD_A),
    broken("a variable nobody declared", A_JSON, {**GOOD_A, "corpId": "{{corpAid}}"}, r"variable-un\w+", "corpAId"),
    fixed(A_JSON, GOOD_A),
    broken(
        "a type misspelt", f"{A}/e.json", {**GOOD_A_E, "type": "corps.QywxProxyTyp"}, "unknown-type", "Did you mean"
    ),
    fixed(f"{A}/e.json", GOOD_A_E),
    broken("e.json cut off", f"{A}/e.json", '{"type": "corps', r"json-syntax"),
    fixed(f"{A}/e.json", GOOD_A_E),
    Step(
        "a new instance, moved in",
        move_in("corps/CorpC", {"e.json": {**GOOD_A_E, "title": "C"}, "config.json": {**GOOD_A, "corpId": "corp123"}}),
        ["saved corps/CorpC/config.json, corps/CorpC/e.json", "created corps.CorpC"],
        effect=('get("corps.CorpC").title', "C"),
        view=r"corps\.CorpC +corps\.QywxProxyType +loaded",
    ),
    Step(
        "renamed",
        lambda session: (session.app / "corps/CorpC").rename(session.app / "corps/Branch"),
        [
            "saved corps/Branch/config.json, corps/Branch/e.json, corps/CorpC/config.json, corps/CorpC/e.json",
            "created corps.Branch",
            "deleted corps.CorpC",
        ],
        effect=('"corps.CorpC" not in app.elements and get("corps.Branch").title', "C"),
        view=r"corps\.Branch +corps\.QywxProxyType +loaded",
    ),
    Step(
        "deleted",
        lambda session: shutil.rmtree(session.app / "corps/Branch"),
        None,
        among=("deleted corps.Branch",),
        effect=('get("corps.Branch")', "ElementNotFound"),
    ),
    Step(
        "a new instance with a mistake",
        move_in("corps/CorpD", {"e.json": {**GOOD_A_E, "title": "D"}, "CorpD.json": {"corpId": "corp123"}}),
        [
            "saved corps/CorpD/CorpD.json, corps/CorpD/e.json",
            "created corps.CorpD",
            *stale("corps.CorpD", how="cannot be loaded"),
        ],
        ("authFullName",),
        effect=('get("corps.CorpD")', "ElementInvalid"),
        view=r"corps\.CorpD +corps\.QywxProxyType +invalid",
    ),
    Step(
        "its cure",
        swap("corps/CorpD/CorpD.json", {**GOOD_A, "corpId": "corp123"}),
        ["saved corps/CorpD/CorpD.json", *recovered("corps.CorpD")],
        effect=('get("corps.CorpD").title', "D"),
        view=r"corps\.CorpD +corps\.QywxProxyType +loaded",
    ),
    Step(
        "moved away",
        move_out("corps/CorpD"),
        ["saved corps/CorpD/CorpD.json, corps/CorpD/e.json", "deleted corps.CorpD"],
        effect=('"corps.CorpD" in app.elements', False),
    ),
    Step(
        "an override appears",
        move_in("corps/QywxProxyType", {"e.json": {"type": "corps.Meta", "title": "Ours"}, "__init__.py": OVERRIDE}),
        [f"saved {TYPE}, corps/QywxProxyType/e.json", *reloaded(*CORPS)],
        effect=(MARK, ["one"] * 3),
    ),
    Step(
        "it is edited",
        replace(TYPE, '"one"', '"two"'),
        [f"saved {TYPE}", *reloaded(*CORPS)],
        effect=(MARK, ["two"] * 3),
    ),
    Step(
        "a syntax error in it",
        replace(TYPE, "def mark(self):", "def mark(self:"),
        [f"saved {TYPE}", *stale(*TYPE_AND_CORPS)],
        (r"corps/QywxProxyType/__init__\.py:7", "mark"),
        effect=(f"{MARK} + [{STATE}]", ["two"] * 3 + ["stale"]),
        view=r"corps\.CorpB +corps\.QywxProxyType +stale",
    ),
    Step(
        "its cure, with another answer",
        save(TYPE, OVERRIDE.replace("one", "three")),
        [f"saved {TYPE}", *reloaded(*CORPS), *recovered("corps.QywxProxyType", *CORPS)],
        effect=(f"{MARK} + [{STATE}]", ["three"] * 3 + ["loaded"]),
        view=r"corps\.CorpB +corps\.QywxProxyType +loaded",
    ),
    Step(
        "it imports what is not installed",
        save(TYPE, "import no_such_package\n" + OVERRIDE),
        [f"saved {TYPE}", *stale(*TYPE_AND_CORPS)],
        ("no_such_package",),
        effect=(MARK, ["three"] * 3),
    ),
    Step(
        "it is no corp any more",
        save(TYPE, NO_CORP),
        [f"saved {TYPE}", *stale(*TYPE_AND_CORPS)],
        ("override-refused", "QywxProxyCorp"),
        effect=(MARK, ["three"] * 3),
    ),
    Step(
        "a helper beside it, both files at once",
        several(save("corps/QywxProxyType/_marks.py", 'MARK = "four"\n'), save(TYPE, WITH_HELPER)),
        None,
        among=(*reloaded(*CORPS), *recovered("corps.QywxProxyType", *CORPS)),
        effect=(MARK, ["four"] * 3),
    ),
    Step(
        "the helper is edited",
        swap("corps/QywxProxyType/_marks.py", 'MARK = "five"\n'),
        ["saved corps/QywxProxyType/_marks.py", *reloaded(*CORPS)],
        effect=(MARK, ["five"] * 3),
    ),
    Step(
        "commons, which did not exist, and its importer",
        several(save("commons/words.py", 'WORD = "six"\n'), save("corps/QywxProxyType/_marks.py", HELPER_WITH_COMMONS)),
        None,
        among=tuple(reloaded(*CORPS)),
        effect=(MARK, ["six"] * 3),
    ),
    Step(
        "commons is edited",
        save("commons/words.py", 'WORD = "seven"\n'),
        ["saved commons/words.py", *reloaded(*CORPS)],
        effect=(MARK, ["seven"] * 3),
    ),
    Step(
        "commons is broken",
        save("commons/words.py", "WORD = \n"),
        ["saved commons/words.py", *stale(*TYPE_AND_CORPS)],
        (r"commons/words\.py:1:\d+: error\[type-import-failed\]", r"corps/QywxProxyType/_marks\.py:1"),
        effect=(f"{MARK} + [{STATE}]", ["seven"] * 3 + ["stale"]),
    ),
    Step(
        "its cure",
        save("commons/words.py", 'WORD = "eight"\n'),
        ["saved commons/words.py", *reloaded(*CORPS), *recovered("corps.QywxProxyType", *CORPS)],
        effect=(f"{MARK} + [{STATE}]", ["eight"] * 3 + ["loaded"]),
    ),
    Step(
        "a new family with a Type of its own",
        move_in("gadgets", GADGETS),
        [
            "saved " + ", ".join(sorted(f"gadgets/{name}" for name in GADGETS)),
            "created gadgets.First",
            "created gadgets.Meta",
            "created gadgets.PlainType",
        ],
        effect=('get("gadgets.First").config["size"]', 7),
        view=r"gadgets\.First +gadgets\.PlainType +loaded",
    ),
    Step(
        "its schema refuses the instance",
        save("gadgets/PlainType/schema.json", STRICT),
        ["saved gadgets/PlainType/schema.json", *stale("gadgets.First")],
        (r"gadgets/First/First\.json:2", "5"),
        effect=('[state("gadgets.First"), get("gadgets.First").config["size"]]', ["stale", 7]),
        view=r"gadgets\.First +gadgets\.PlainType +stale",
    ),
    Step(
        "the schema is no JSON",
        save("gadgets/PlainType/schema.json", "{"),
        ["saved gadgets/PlainType/schema.json", *stale("gadgets.First", "gadgets.PlainType")],
        (r"gadgets/PlainType/schema\.json:1",),
        effect=('state("gadgets.First")', "stale"),
    ),
    Step(
        "the schema is as it was",
        save("gadgets/PlainType/schema.json", GADGETS["PlainType/schema.json"]),
        [
            "saved gadgets/PlainType/schema.json",
            *reloaded("gadgets.First"),
            *recovered("gadgets.PlainType", "gadgets.First"),
        ],
        effect=('state("gadgets.First")', "loaded"),
    ),
    Step(
        "the Type's module",
        replace("gadgets/PlainType/__init__.py", "first", "second"),
        ["saved gadgets/PlainType/__init__.py", *reloaded("gadgets.First")],
        effect=(KIND, "second"),
    ),
    Step(
        ".env appears",
        save(".env", "corpBId=fromdotenv\n"),
        ["saved .env", *reloaded("corps.CorpB")],
        effect=(CORP_B, "fromdotenv"),
    ),
    Step(
        ".env is broken",
        save(".env", 'corpBId="fromdotenv\n'),
        ["saved .env", "stale app.json or .env was not taken over"],
        (r"\.env:1",),
        effect=(CORP_B, "fromdotenv"),
        view=r"app\.json or \.env was not taken over\n +\.env:1",
    ),
    Step(
        ".env is as it was",
        save(".env", "corpBId=fromdotenv\n"),
        ["saved .env", "recovered app.json and .env"],
        effect=(CORP_B, "fromdotenv"),
    ),
    Step(
        ".env vanishes",
        lambda session: (session.app / ".env").unlink(),
        ["saved .env", *reloaded("corps.CorpB")],
        effect=(CORP_B, "wwdemocorpb0000000"),
    ),
    Step(
        "a default in app.json",
        replace("app.json", "wwdemocorpb0000000", "wwotherdefault0000"),
        ["saved app.json", *reloaded("corps.CorpB")],
        effect=(CORP_B, "wwotherdefault0000"),
    ),
    Step(
        "app.json is broken",
        replace("app.json", '"name": "sample_app",', '"name": "sample_app"'),
        ["saved app.json", "stale app.json or .env was not taken over"],
        (r"app\.json:\d+:\d+: error\[json-syntax\]",),
        effect=(CORP_B, "wwotherdefault0000"),
    ),
    Step(
        "app.json is right again, with another default",
        several(
            lambda session: swap(
                "app.json",
                (session.app / "app.json")
                .read_text()
                .replace('"name": "sample_app"\n', '"name": "sample_app",\n')
                .replace("wwotherdefault0000", "wwthird00000000000"),
            )(session)
        ),
        ["saved app.json", *reloaded("corps.CorpB"), "recovered app.json and .env"],
        effect=(CORP_B, "wwthird00000000000"),
    ),
    Step(
        "three elements at once",
        several(
            replace(f"{A}/e.json", "Headquarters", "At once"),
            replace("corps/CorpB/e.json", "Enterprise B", "At once"),
            replace("auths/QywxProxyAuth/e.json", "WeCom proxied app", "At once"),
        ),
        None,
        among=tuple(reloaded("auths.QywxProxyAuth", "corps.CorpA", "corps.CorpB")),
        effect=('[get(f"corps.Corp{one}").title for one in "AB"]', ["At once"] * 2),
    ),
    Step(
        "the override vanishes",
        move_out("corps/QywxProxyType"),
        None,
        among=tuple(reloaded(*CORPS)),
        effect=(MARK, "AttributeError"),
    ),
    Step(
        "the family vanishes",
        move_out("gadgets"),
        [
            "saved " + ", ".join(sorted(f"gadgets/{name}" for name in GADGETS)),
            "deleted gadgets.First",
            "deleted gadgets.Meta",
            "deleted gadgets.PlainType",
        ],
        effect=('get("gadgets.First")', "ElementNotFound"),
    ),
    Step(
        "one more, after which nothing is left over",
        replace(f"{A}/e.json", "At once", "The end"),
        [f"saved {A}/e.json", *reloaded("corps.CorpA")],
        effect=(TITLE, "The end"),
        view=r"3 loaded|6 loaded|5 loaded",
    ),
]


@pytest.fixture
def session(authorised_app, tmp_path, monkeypatch):
    """The sample app, authorised, watched by all three; one variable is left to the app's own files."""
    monkeypatch.delenv("corpBId")
    outside = tmp_path / "outside"
    outside.mkdir()
    session = Session(authorised_app, outside)
    try:
        session.start()
        for name in CORPS:
            session.ask(f'get("{name}").title')
        yield session
    finally:
        session.stop()


def test_a_session_of_edits(session):
    """Each edit shows the expected lines, and nothing else, and takes effect in a program that runs meanwhile."""
    assert len(STEPS) >= 40
    for step in STEPS:
        step.edit(session)
        if step.shows == []:
            # Whatever it did show would stand before the lines of the next step.
            continue
        see(session, step)
        if step.effect is not None:
            expression, value = step.effect
            await_effect(session, step, expression, value)
        if step.view is not None:
            session.screen.wait_for_view(step.view)


def see(session: Session, step: Step) -> None:
    """Wait for the lines of a step and judge them."""
    wanted = list(step.among) if step.shows is None else step.shows

    def all_there() -> bool:
        happened, told = spoken(session.lines.lines[session.read :])
        return all(line in happened for line in wanted) and all(re.search(one, told) for one in step.tells)

    session.lines.wait(all_there, f"{step.what}: not all of {wanted} and {step.tells}")
    fresh = session.lines.lines[session.read :]
    happened, _ = spoken(fresh)
    if step.shows is not None:
        assert happened == step.shows, step.what
    session.read += len(fresh)


def spoken(lines: list[str]) -> tuple[list[str], str]:
    """What happened, without times; and the explanations."""
    bare = [re.sub(r"^[0-9:]{8} ", "", line) for line in lines]
    happened = [re.sub(r" \(\d+ ms\)$", "", re.sub(" {2,}", " ", line)) for line in bare if line and line[0] != " "]
    return happened, "\n".join(line for line in bare if line[:1] == " ")


def await_effect(session: Session, step: Step, expression: str, value: object) -> None:
    deadline = time.monotonic() + PATIENCE
    while (answer := session.ask(expression)) != value:
        assert time.monotonic() < deadline, f"{step.what}: {expression} is {answer}, not {value}"
        time.sleep(0.01)
