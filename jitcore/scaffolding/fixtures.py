"""What a made test starts with: its imports, the pytest plugin, and what its App has to be opened with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitcore.app import App

__all__ = ["head", "need_plugins"]


def need_plugins(app: App, fullName: str) -> bool:
    """Whether an element or what loads it comes from a third-party plugin: tests load none unless they say so."""
    node = app.registry.nodes(fullName)[0]
    chain = app.dispatch.chain(node.elementType) if node.elementType else ()
    return any(one.layer.kind == "plugin" for one in (node, *(app.registry.nodes(name)[0] for name in chain)))


def head(imports: str = "", *, variables: Mapping[str, str] | None = None, plugins: bool = False) -> str:
    """The lines between a test file's docstring and its first test.

    :param imports: lines of imports besides that of pytest.
    :param variables: values that the App is given.
    :param plugins: whether it loads the installed plugins.
    """
    options, why = "", []
    if variables:
        values = "".join(f'            "{name}": "{value}",\n' for name, value in variables.items())
        options += f'        "variables": {{\n{values}        }},\n'
        why.append("values of the variables that have no default in app.json")
    if plugins:
        options += '        "plugins": True,\n'
        why.append("the plugin that brings what is tested")
    parts = [imports, 'pytest_plugins = ["jitcore.testing"]\n']
    if options:
        told = " and ".join(why)
        parts.insert(0, "import pytest\n")
        parts.append(
            f'\n@pytest.fixture\ndef app_options():\n    """{told[0].upper()}{told[1:]}."""\n'
            f"    return {{\n{options}    }}\n"
        )
    return "\n".join(part for part in parts if part)
