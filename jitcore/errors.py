"""Every error that jitcore raises on purpose, as one tree.

::

    JitError
    ├── AppError                 the app folder as a whole
    │   ├── NotAnApp             the folder is no app
    │   ├── AppInvalid           app.json, .env or extends has problems (``problems``)
    │   └── AppClosed            the App was used after close()
    ├── ArgumentError            a public call got an argument it cannot use (also a ValueError)
    ├── ElementError             one element (``fullName``)
    │   ├── ElementNotFound      no layer defines the name (``possibilities``)
    │   ├── ElementInvalid       its files have problems (``problems``)
    │   └── ElementFailed        its own code raised (``__cause__``)
    ├── AliasError               a family import means different modules in the open Apps (also an ImportError)
    ├── PluginError              an installed plugin cannot be used (``plugin``, ``distribution``)
    ├── NotMade                  ``jit new`` or ``jit override`` wrote nothing
    ├── SourceInvalid            a file cannot be read; becomes one of the above before it reaches a user (``problems``)
    └── StorageError             the database; its children are drawn in ``jitcore.storage.errors``

Plugins hang their own errors under :class:`JitError` the same way, each drawn in its own ``errors.py``. Each class has
a stable ``code``, says what happened and where, carries its data as attributes, and tells in ``hint`` what to do. No
message holds a secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jitcore.problems import Problem

__all__ = [
    "AliasError",
    "AppClosed",
    "AppError",
    "AppInvalid",
    "ArgumentError",
    "ElementError",
    "ElementFailed",
    "ElementInvalid",
    "ElementNotFound",
    "JitError",
    "NotAnApp",
    "PluginError",
    "StorageError",
]


#: How many problems the text of an error lists; the others are in its ``problems``.
_MANY = 10


class JitError(Exception):
    """Root of the tree: catch this to catch everything jitcore and its plugins raise on purpose.

    :param message: what happened and where, in one sentence.
    :param hint: what to do about it, in one sentence.
    """

    #: Stable name of the kind of error, for programs and for searching the documentation.
    code: ClassVar[str] = "error"
    #: What the command line exits with: 1 the work failed, 2 the call was wrong.
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own way calls the class with the message alone; subclasses want their data as well.
        return _remake, (type(self), self.args, self.__dict__)


def _remake(kind: type[JitError], args: tuple[Any, ...], data: dict[str, Any]) -> JitError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(data)
    return error


class AppError(JitError):
    """Something about the app folder as a whole."""

    code = "app-error"


class NotAnApp(AppError):
    """The folder does not look like an app: it has neither an ``app.json`` nor an element."""

    code = "not-an-app"
    exit_code = 2


class AppClosed(AppError):
    """The App was used after :meth:`jitcore.App.close`."""

    code = "app-closed"


class ArgumentError(JitError, ValueError):
    """A public call got an argument that it cannot use."""

    code = "argument-invalid"
    exit_code = 2


class AppInvalid(AppError):
    """``app.json``, ``.env`` or a base app cannot be used; ``problems`` says why and where."""

    code = "app-invalid"

    def __init__(self, message: str, *, problems: Sequence[Problem], hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return f"{super().__str__()}{_listed(self.problems)}"


class ElementError(JitError):
    """Something about one element.

    :param fullName: the element's full name, for example ``corps.MyQywxProxyCorp``.
    """

    code = "element-error"

    def __init__(self, message: str, *, fullName: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.fullName = fullName


class ElementNotFound(ElementError, LookupError):
    """No layer of the App defines the name.

    :param possibilities: known names that look like it, best first.
    """

    code = "element-not-found"

    def __init__(self, message: str, *, fullName: str, possibilities: Sequence[str] = ()) -> None:
        hint = f"Did you mean {' or '.join(possibilities)}?" if possibilities else None
        super().__init__(message, fullName=fullName, hint=hint)
        self.possibilities = tuple(possibilities)


class ElementInvalid(ElementError):
    """The element's files have problems, so it was not loaded; ``problems`` lists all of them."""

    code = "element-invalid"

    def __init__(self, message: str, *, fullName: str, problems: Sequence[Problem], hint: str | None = None) -> None:
        super().__init__(message, fullName=fullName, hint=hint)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return f"{super().__str__()}{_listed(self.problems)}"


class ElementFailed(ElementError):
    """The element's own code (its Loader, class or lifecycle) raised; the original is the cause."""

    code = "element-failed"


class AliasError(JitError, ImportError):
    """A family import such as ``from corps.X import Y`` means different modules in the open Apps."""

    code = "alias-ambiguous"


class PluginError(JitError):
    """An installed plugin cannot be used.

    :param plugin: the plugin's entry-point name.
    :param distribution: name and version of the distribution that ships it, when known.
    """

    code = "plugin-error"

    def __init__(self, message: str, *, plugin: str, distribution: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.plugin = plugin
        self.distribution = distribution


class StorageError(JitError):
    """The database refused or failed; the driver's own error is the cause."""

    code = "storage-error"


def _listed(problems: Sequence[Problem]) -> str:
    """Problems below an error, a line each: a traceback and a log are no place for snippets."""
    lines = [f"\n  {problem}" for problem in problems[:_MANY]]
    if len(problems) > _MANY:
        lines.append(f"\n  … and {len(problems) - _MANY} more: jit check shows them all.")
    return "".join(lines)
