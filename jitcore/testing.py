"""A pytest plugin for the tests of apps and of plugins.

Name it in the ``conftest.py`` at the root of your tests; it is never loaded by itself::

    pytest_plugins = ["jitcore.testing"]

It gives the fixtures :func:`app`, :func:`element`, :func:`make_app`, :func:`layer_stack` and :func:`write_app`, and
those of the shipped plugins (``wecom_emulator``). It fails a test that leaves an App open, because an open App changes
what the next test imports.
Apps of the fixtures load no third-party plugin that happens to be installed, so a test means the same on every machine,
unless the test or ``pytest.ini`` asks for plugins.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet

import pytest

# jitcore itself is imported where it is used: a plugin is loaded before coverage starts to measure.

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from jitcore.app import App

__all__ = [
    "LayerStack",
    "MakeApp",
    "MakeElement",
    "WriteApp",
    "app",
    "app_options",
    "element",
    "layer_stack",
    "make_app",
    "write_app",
]

#: Apps that fixtures of a wider scope than one test have opened.
_WIDER = pytest.StashKey["WeakSet[App]"]()


class WriteApp(Protocol):
    """What the fixture :func:`write_app` hands out."""

    def __call__(self, files: Mapping[str, Any], name: str = "app") -> Path: ...


class MakeApp(Protocol):
    """What the fixture :func:`make_app` hands out."""

    def __call__(self, files: Mapping[str, Any], name: str = "app", **options: Any) -> App: ...


class MakeElement(Protocol):
    """What the fixture :func:`element` hands out."""

    def __call__(self, type_name: str, config: Mapping[str, Any] | None = None, **define: Any) -> Any: ...


class LayerStack(Protocol):
    """What the fixture :func:`layer_stack` hands out."""

    def __call__(self, layers: Mapping[str, Mapping[str, Any]], **options: Any) -> App: ...


@pytest.fixture
def app(request: pytest.FixtureRequest, tmp_path: Path, app_options: dict[str, Any]) -> Iterator[App]:
    """The app that the tests belong to, with data of this test's own.

    It is the app that ``jit_app`` in ``pytest.ini`` names, else the one whose ``app.json`` lies nearest above the
    test's file. What is opened is an empty app in a temporary folder that extends it: its elements are served from
    their own files, but ``appData``, the database and ``.env`` are the test's, and files written below ``app.path``
    override elements for this test. ``jit_plugins = true`` in ``pytest.ini`` loads the installed plugins as well.

    :raises ValueError: if no ``app.json`` is found.
    """
    from jitcore.app import App

    path = _path_of_app(request)
    root = _write(tmp_path / path.name, {"app.json": _over(path)})
    options = {"plugins": request.config.getini("jit_plugins"), **app_options}
    with App(root, **options) as opened:
        yield opened


@pytest.fixture
def app_options() -> dict[str, Any]:
    """Keyword arguments with which :func:`app` opens its App; define it anew to give ``variables``."""
    return {}


@pytest.fixture
def write_app(tmp_path: Path) -> WriteApp:
    """Write an app into a temporary folder: ``path = write_app({"corps/A/e.json": {...}}, "shop")``.

    Takes the content of files (text, bytes, or data that becomes JSON) by path below the app, and the folder's name.
    Called again with the same name it adds to the files. An app without any file gets an ``app.json``.
    """

    def write(files: Mapping[str, Any], name: str = "app") -> Path:
        root = _write(tmp_path / name, files)
        return root if any(root.iterdir()) else _write(root, {"app.json": {"name": name}})

    return write


@pytest.fixture
def make_app(write_app: WriteApp) -> Iterator[MakeApp]:
    """Write an app, as :func:`write_app` does, and open it: ``make_app({...}, plugins=True)``.

    Further keyword arguments are those of :class:`jitcore.App`; ``plugins`` is False when left out. Every App is closed
    when the test ends.
    """
    from jitcore.app import App

    opened: list[App] = []

    def make(files: Mapping[str, Any], name: str = "app", **options: Any) -> App:
        opened.append(App(write_app(files, name), **{"plugins": False, **options}))
        return opened[-1]

    yield make
    for one in reversed(opened):
        one.close()


@pytest.fixture
def element(app: App) -> MakeElement:
    """Make an instance of a Type in :func:`app` and load it: ``element("corps.AcmeType", {"corpId": "ww1"})``.

    Takes the Type's full name, the content of the business file (None: there is none), and what ``e.json`` says
    besides. The instance is called ``Example``, the next one ``Example2``.
    """

    def make(type_name: str, config: Mapping[str, Any] | None = None, **define: Any) -> Any:
        family = type_name.partition(".")[0]
        number = 1
        while (name := f"Example{number if number > 1 else ''}") and (app.path / family / name).exists():
            number += 1
        files = {f"{family}/{name}/e.json": {"type": type_name, "title": name, **define}}
        if config is not None:
            files[f"{family}/{name}/{name}.json"] = dict(config)
        _write(app.path, files)
        return app.getElement(f"{family}.{name}")

    return make


@pytest.fixture
def layer_stack(write_app: WriteApp, make_app: MakeApp) -> LayerStack:
    """Write apps that extend each other, nearest first, and open the first.

    ``layer_stack({"shop": {…}, "base": {…}})`` takes the files of each app, as :func:`write_app` does, by the app's
    name; further keyword arguments are those of :class:`jitcore.App`.
    """

    def make(layers: Mapping[str, Mapping[str, Any]], **options: Any) -> App:
        names = list(layers)
        for name, below in zip(names, [*names[1:], None], strict=True):
            manifest = {"name": name, "extends": [{"path": f"../{below}"}] if below is not None else []}
            write_app({**layers[name], "app.json": {**manifest, **layers[name].get("app.json", {})}}, name)
        return make_app({}, names[0], **options)

    return make


def pytest_addoption(parser: pytest.Parser) -> None:
    """The two settings."""
    parser.addini("jit_app", "Folder of the app for the fixture app, relative to this file.", default="")
    parser.addini("jit_plugins", "Whether the fixture app loads installed plugins.", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Bring the fixtures of the shipped plugins."""
    from jitcore.entrypoints import installed_plugins
    from jitcore.plugins import Plugins

    for _plugin, modules in Plugins(installed_plugins(), third_party=False).collect("jit_pytest_plugins"):
        for module in modules:
            if not config.pluginmanager.has_plugin(module):
                config.pluginmanager.import_plugin(module)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Remember which Apps live longer than one test on purpose."""
    if fixturedef.scope == "function":
        return (yield)
    from jitcore.app import open_apps

    before = set(open_apps())
    try:
        return (yield)
    finally:
        request.config.stash.setdefault(_WIDER, WeakSet()).update(set(open_apps()) - before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Close what the test left open, and fail it."""
    left: list[App] = []
    try:
        result = yield
    finally:
        from jitcore.app import open_apps

        wider = item.config.stash.get(_WIDER, WeakSet())
        left = [one for one in open_apps() if one not in wider]
        told = ", ".join(map(repr, left))
        for one in left:
            one.close()
    if left:
        pytest.fail(f"The test left open: {told}. Use `with App(path) as app:` or the fixture make_app.", pytrace=False)
    return result


def _path_of_app(request: pytest.FixtureRequest) -> Path:
    setting = str(request.config.getini("jit_app"))
    if setting:
        configured = (request.config.inipath or request.config.rootpath / "pytest.ini").parent / setting
        if not (configured / "app.json").is_file():
            raise ValueError(f"jit_app is {setting!r}, but there is no {configured / 'app.json'}.")
        return configured.resolve()
    test = Path(request.path)
    for folder in test.parents:
        if (folder / "app.json").is_file():
            return folder
    raise ValueError(f"No folder above {test} has an app.json: set jit_app in pytest.ini, or use make_app.")


def _over(path: Path) -> dict[str, Any]:
    """The ``app.json`` of an app that adds nothing to the one at ``path``."""
    own: dict[str, Any] = {}
    # What App cannot read either, it tells better than a fixture could.
    with suppress(ValueError):
        read = json.loads((path / "app.json").read_text("utf-8"))
        own = {key: read[key] for key in ("name", "title", "version", "appId", "orgId") if key in read}
    return {"name": path.name, **own, "extends": [{"path": str(path)}]}


def _write(root: Path, files: Mapping[str, Any]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for place, content in files.items():
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            text = content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False)
            path.write_text(text, "utf-8")
    return root
