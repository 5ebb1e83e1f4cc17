"""Which corp elements are which enterprise, told from business files: nothing is loaded to find out.

An enterprise is known by the suite it authorised and its id there. Two auth elements may name one suite, and an app may
name one enterprise twice; both are a mistake more often than not, and neither is one here.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jitcore.errors import JitError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jitcore import App

__all__ = ["AUTH_TYPE", "CORP_TYPE", "Enterprise", "auth_elements", "enterprises"]

AUTH_TYPE = "auths.loginTypes.QywxProxyType"
CORP_TYPE = "corps.QywxProxyType"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Enterprise:
    """A corp element and the enterprise behind it.

    :param fullName: the corp element.
    :param authFullName: the auth element it names.
    :param suiteId: that one's suite.
    :param corpId: the enterprise.
    :param generated: whether the element has no folder.
    """

    fullName: str
    authFullName: str
    suiteId: str
    corpId: str
    generated: bool = False


def enterprises(app: App) -> Iterator[Enterprise]:
    """Every corp element whose files, and those of its auth element, are in order."""
    suites = {name: str(config["authConfig"]["suiteId"]) for name, config in auth_elements(app)}
    for name, config in _instances(app, CORP_TYPE):
        authFullName, corpId = config.get("authFullName"), config.get("corpId")
        if authFullName in suites and corpId:
            generated = app.registry.nodes(name)[0].generated is not None
            yield Enterprise(name, authFullName, suites[authFullName], str(corpId), generated)


def auth_elements(app: App) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every auth element of a suite whose files are in order, with its business file."""
    return _instances(app, AUTH_TYPE)


def _instances(app: App, type_name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The instances of a Type, and of Types made from it."""
    is_one: dict[str, bool] = {}
    for name in app.registry.names_of(type_name.partition(".")[0]):
        try:
            node = app.registry.nodes(name)[0]
            if node.elementType not in is_one:
                chain = app.dispatch.chain(node.elementType) if node.elementType else ()
                is_one[node.elementType] = type_name in chain
            if is_one[node.elementType] and app.dispatch.kind(node) == "instance":
                yield name, app.element_states.configuration(name).data
        except JitError as error:
            # jit check tells; here it is an element that names no enterprise.
            logger.debug("%s is passed over: %s", name, error.code)
