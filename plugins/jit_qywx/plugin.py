"""What this plugin contributes: WeCom's Types, their schemas, their tables, and the commands around them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jitcore import CommandSpec, ElementSpec, hookimpl
from jitcore.schemas import schema_path
from jitcore.storage import ModelSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jitcore import App

_HERE = Path(__file__).parent
_TYPES = ("auths.loginTypes.QywxProxyType", "corps.QywxProxyType")


@hookimpl
def jit_element_trees() -> Iterable[Path]:
    """The family ``auths`` and the WeCom Types of ``auths`` and ``corps``."""
    return [_HERE]


@hookimpl
def jit_schemas() -> Mapping[str, Path]:
    """One schema per Type."""
    return {name: schema_path(name) for name in _TYPES}


@hookimpl
def jit_elements(app: App) -> Mapping[str, ElementSpec]:
    """A corp element for each enterprise that authorised a suite whose auth element says ``autoCreateCorp``."""
    from jit_qywx.corp_elements import generated_corps

    return generated_corps(app)


@hookimpl
def jit_element_states(app: App) -> Mapping[str, str]:
    """Corp elements of enterprises whose grant does not work, and auth elements whose secret is refused."""
    from jit_qywx.corp_elements import conditions

    return conditions(app)


@hookimpl
def jit_models() -> Iterable[ModelSet]:
    """Authorizations, tickets, tokens and received callbacks."""
    return [ModelSet("qywx", "jit_qywx.models:MODELS", _HERE / "migrations")]


@hookimpl
def jit_pytest_plugins() -> Iterable[str]:
    """The fixture ``wecom_emulator``."""
    return ["jit_qywx.emulator.fixtures"]


@hookimpl
def jit_commands() -> Iterable[CommandSpec]:
    """``jit qywx …`` and ``jit demo``."""
    return [
        CommandSpec("qywx", "jit_qywx.cli:qywx", "Work with WeCom: an emulator, authorisations."),
        CommandSpec("serve", "jit_qywx.serving.command:serve", "Receive WeCom's callbacks and work them off."),
        CommandSpec("callbacks", "jit_qywx.cli_callbacks:callbacks", "Look at received callbacks; try one again."),
        CommandSpec("demo", "jit_qywx.cli:demo", "Sync two enterprises from an emulator and show them."),
    ]
