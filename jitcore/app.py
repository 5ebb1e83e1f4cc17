"""The App: one opened application folder and everything its elements need."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from jitcore import importing
from jitcore.dispatch import Dispatch
from jitcore.elements import Elements
from jitcore.entrypoints import installed_plugins
from jitcore.errors import AppClosed, AppError, AppInvalid, ArgumentError, ElementFailed
from jitcore.generated import Generated
from jitcore.handle import ElementHandle
from jitcore.layers import app_layers, plugin_layers
from jitcore.plugins import Plugins
from jitcore.registry import Registry
from jitcore.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    import peewee

    from jitcore.layers import AppLayers
    from jitcore.lifecycle import Changes
    from jitcore.problems import Problem
    from jitcore.provenance import Explanation
    from jitcore.storage import BoundModels, Storage
    from jitcore.watching import Watcher

__all__ = ["App"]

#: The database element of an app whose ``app.json`` names none (JAAP's own default).
DEFAULT_DATABASE = "databases.Default"

log = logging.getLogger(__name__)


class App:
    """One opened application folder.

    Opening indexes the names of all elements; each element is read, validated and loaded when it is first asked for.
    Close it when done, or use it as a context manager::

        with App("sample_app") as app:
            corp = app.getElement("corps.MyQywxProxyCorp")

    :param path: the app's folder.
    :param variables: values for ``{{variables}}`` of business files, before the process environment, the app's
        ``.env`` and the defaults in ``app.json``.
    :param strict: False opens the app although its ``app.json``, ``extends`` or ``.env`` has problems; :meth:`check`
        reports them and the rest works. For tools that look at broken apps.
    :param plugins: False loads the shipped plugins only: with ``overrides``, to find out whose fault something is.
    :param overrides: False ignores what the app folders define in place of a Type or Meta of a lower layer; their
        instances still load.
    :param watch: True takes over edits of the app's files while it is open (hot reload, for development).
    :raises NotAnApp: if the folder is no app.
    :raises AppInvalid: if ``app.json``, ``extends`` or ``.env`` has problems (unless ``strict`` is False).
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        variables: Mapping[str, str] | None = None,
        strict: bool = True,
        plugins: bool = True,
        overrides: bool = True,
        watch: bool = False,
    ) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise ArgumentError(f"App takes the path of a folder, not {type(path).__name__}.")
        self.closed = False
        self._disposers: list[Callable[[], object]] = []
        self._storage: Storage | None = None
        self._storage_lock = threading.Lock()
        self.plugins = Plugins(installed_plugins(), third_party=plugins)
        #: What plugins generate as elements without a folder.
        self.generated = Generated(self)
        self._explicit = variables
        self._take(app_layers(Path(path), self.plugins), strict=strict)
        self.registry = Registry(self, overrides=overrides)
        self.dispatch = Dispatch(self.registry, self.plugins)
        self.element_states = Elements(self)
        self._live = self.element_states.live
        importing.mount(self)
        #: Takes over edits while the App is open; None unless it was opened with ``watch=True``.
        self.watcher: Watcher | None = None
        try:
            self._log_shadowing()
            self.plugins.broadcast("jit_app_opened", app=self)
            if watch:
                from jitcore.watching import Watcher

                self.watcher = Watcher(self)
        except BaseException as error:
            # Nobody gets this App, so nobody else can close it.
            self._close(error)
            raise

    def _take(self, found: AppLayers, *, strict: bool) -> None:
        """Make what was read of the app folders the App's own."""
        own = found.layers[0]
        problems = list(found.problems)
        declared = [one for layer in found.layers for one in layer.settings.get("variables", ())]
        assert own.root is not None
        variables = Variables(self._explicit, os.environ, own.root / ".env", declared)
        problems += variables.problems
        if strict and any(problem.severity == "error" for problem in problems):
            raise AppInvalid(f"{own.root} cannot be opened.", problems=problems)
        #: Nearest first.
        self.layers = (*found.layers, *self.generated.layers, *plugin_layers(self.plugins, found.plugins))
        #: The app's folder, absolute.
        self.path: Path = own.root
        #: ``name`` of ``app.json``, else the folder's name.
        self.name: str = own.name
        #: ``app.json`` of the opened app itself, parsed.
        self.manifest = own.settings
        #: What is wrong with the app as a whole: ``app.json``, ``extends``, ``.env``.
        self.problems = problems
        self.variables = variables

    def reread(self) -> None:
        """Take over what ``app.json``, ``extends`` and ``.env`` say now; a reload does this by itself.

        :raises AppInvalid: if they have problems; the App then goes on as it was.
        """
        found = app_layers(self.path, self.plugins)
        importing.refresh(self, lambda: self._take(found, strict=True))
        self.registry.forget(list(self.registry.cache))
        self.dispatch.forget(list(self.dispatch.resolved))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close(exc_val)

    def __repr__(self) -> str:
        return f"<App {self.name} at {self.path}{' (closed)' if self.closed else ''}>"

    def close(self) -> None:
        """Run ``onAppExit`` of the loaded elements, then what :meth:`on_close` recorded; a second call does nothing."""
        self._close(None)

    def getElement(self, fullName: str) -> Any:
        """The element of that name; loads it on first use.

        :param fullName: for example ``corps.MyQywxProxyCorp``.
        :returns: what the Type's Loader makes of an instance; the package of a Type or Meta.
        :raises ElementNotFound: if no layer defines the name.
        :raises ElementInvalid: if its files have problems; the error carries all of them.
        :raises ElementFailed: if its own code raised.
        """
        try:
            return self._live[fullName]
        except (KeyError, TypeError):
            pass
        self._usable(fullName)
        return self.element_states.get(fullName)

    def getElementDefine(self, fullName: str) -> dict[str, Any]:
        """What the element's ``e.json`` says, without loading the element.

        :raises ElementNotFound: if no layer defines the name.
        :raises ElementInvalid: if the ``e.json`` has problems.
        """
        self._usable(fullName)
        return dict(self.registry.nodes(fullName)[0].define)

    def findElements(
        self,
        selector: str | None = None,
        *,
        type: str | None = None,  # noqa: A002 - the word users know from e.json
    ) -> list[ElementHandle]:
        """The elements that a selector describes, or of a Type, or both; all of them without either.

        :param selector: for example ``.corps.QywxProxyType:#title!=Test``; :mod:`jitcore.selectors` has the grammar.
        :param type: full name of a Type (or of a Meta, for its Types).
        :returns: handles in the order of their names, each once; an element that cannot be read is of no type.
        :raises ElementNotFound: if no layer defines ``type``, or a Type or element that the selector starts from.
        :raises ArgumentError: if the selector cannot be read, with the place.
        """
        from jitcore import selectors

        found = self.elements
        if type is not None:
            self._usable(type)
            if type not in self.registry:
                raise self.registry.missing(type)
            found = {name: handle for name, handle in found.items() if handle.type == type}
        if selector is not None:
            self._usable(selector)
            chosen = selectors.select(self, selector)
            found = {name: handle for name, handle in found.items() if name in chosen}
        return list(found.values())

    @property
    def elements(self) -> Mapping[str, ElementHandle]:
        """Every known element with its state, by full name; broken ones included."""
        self._open()
        self.generated.refresh()
        return {name: ElementHandle(self, name) for name in self.registry.names()}

    def check(self) -> list[Problem]:
        """All problems of all elements, of ``app.json`` and of ``.env``, in one pass; loads no instance.

        Problems are values: an app full of mistakes returns a list, it does not raise.
        """
        from jitcore.checking import check

        self._open()
        return check(self)

    def explain(self, fullName: str) -> Explanation:
        """Where a full name comes from: every layer that defines it, the winner, and why.

        :raises ElementNotFound: if no layer defines the name.
        """
        from jitcore.provenance import explain

        self._usable(fullName)
        return explain(self, fullName)

    def announce_changes(self) -> Changes:
        """Tell the Types which of their instances appeared, changed or vanished since the last call.

        Runs ``onCreate``, ``onUpdate`` and ``onDelete`` of the Types and the plugins' hooks. The first call on an
        app's folder counts every instance as created. What was told is remembered in ``appData``. Of several
        processes that have the app open one tells at a time, and what it told, the others do not tell again; a Type
        that calls this while it is being told gets no changes.

        :raises AppError: if ``appData`` cannot be written.
        """
        from jitcore.ledger import tell_everything

        self._open()
        return tell_everything(self)

    @property
    def settings(self) -> Mapping[str, Any]:
        """``settings`` of the nearest ``app.json`` in the chain of ``extends`` that has it."""
        return next((layer.settings["settings"] for layer in self.layers if "settings" in layer.settings), {})

    @property
    def app_data(self) -> Path:
        """The app's folder for run-time data; made when first needed.

        :raises AppError: if it cannot be made.
        """
        folder = self.path / "appData"
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise AppError(
                f"{self.name} cannot keep data: {folder} cannot be made ({error.strerror}).",
                hint="Let this account write there, and move away what is no folder.",
            ) from error
        return folder

    @property
    def storage(self) -> Storage:
        """The App's rows: its database, migrated, with every plugin's models bound to it.

        The database is what the element named in ``settings.defaultElement.defaultDatabase`` loads, else
        ``databases.Default``.
        """
        from jitcore.storage import Storage

        self._open()
        if self._storage is not None:
            return self._storage
        # Before the lock: loading takes a lock of its own, and whoever holds that may come here.
        database = self.getElement(self.database_name)
        model_sets = [each for _, sets in self.plugins.collect("jit_models") for each in sets]
        with self._storage_lock:
            if self._storage is None:
                self._storage = Storage(_peewee_database(database, self.database_name), model_sets)
                self.on_close(self._storage.close)
            return self._storage

    @property
    def database_name(self) -> str:
        """Full name of the element that loads the App's database."""
        return str(self.settings.get("defaultElement", {}).get("defaultDatabase", DEFAULT_DATABASE))

    @property
    def database(self) -> peewee.Database:
        """The App's Peewee database, migrated.

        :raises StorageError: if it cannot be used.
        """
        return self.storage.database

    @property
    def models(self) -> BoundModels:
        """The plugins' Peewee models, bound to this App's database: ``app.models.CorpMember``."""
        return self.storage.models

    def on_close(self, callback: Callable[[], object]) -> None:
        """Have ``callback`` run when the App closes; last recorded first, each isolated from the others."""
        self._disposers.append(callback)

    def _close(self, exc_val: BaseException | None) -> None:
        if self.closed:
            return
        if self.watcher is not None:
            # No further round may install what nobody would dispose of.
            self.watcher.stop()
        self.plugins.broadcast("jit_app_exit", app=self)
        self.element_states.exit(exc_val)
        while self._disposers:
            callback = self._disposers.pop()
            try:
                callback()
            except (Exception, SystemExit):
                log.exception("closing %s: %r raised", self.name, callback)
        self.closed = True
        # What was loaded meanwhile.
        self.element_states.exit(exc_val)
        importing.unmount(self)

    def _open(self) -> None:
        if self.closed:
            raise AppClosed(f"{self.name} is closed.", hint="Open it again with App(path).")

    def _usable(self, fullName: object) -> None:
        self._open()
        if not isinstance(fullName, str):
            raise ArgumentError(
                f"An element's full name is a str such as 'corps.MyCorp', not {type(fullName).__name__}."
            )

    def _log_shadowing(self) -> None:
        for name in self.shadowing():
            winner, *shadowed = [layer for layer, _ in self.registry.definitions(name)]
            if shadowed:
                log.info("%s of %s shadows %s", name, winner, ", ".join(map(str, shadowed)))

    def shadowing(self) -> Iterator[str]:
        """Full names that more than one layer defines, sorted."""
        seen: set[str] = set()
        twice: set[str] = set()
        for layer in self.layers:
            for name in layer:
                (twice if name in seen else seen).add(name)
        yield from sorted(twice)


def _peewee_database(element: Any, fullName: str) -> peewee.Database:
    # Asked of the class: a property that raises is not one that is missing.
    if not hasattr(type(element), "database") and not hasattr(element, "database"):
        raise ElementFailed(
            f"{fullName} is no database: it has no attribute database.",
            fullName=fullName,
            hint="Name an element of the family databases as settings.defaultElement.defaultDatabase.",
        )
    found: peewee.Database = element.database
    return found


def open_apps() -> tuple[App, ...]:
    """Every App open in this process, oldest first."""
    return importing.open_apps()
