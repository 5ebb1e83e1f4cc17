"""Which corp elements are which enterprise, told from business files: nothing is loaded to find out.

An enterprise is known by the suite it authorised and its id there. Two auth elements may name one suite, and an app may
name one enterprise twice; both are a mistake more often than not, and neither is one here.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jitcore.errors import JitError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jitcore import App

__all__ = [
    "AUTH_TYPE",
    "CORP_TYPE",
    "Enterprise",
    "auth_elements",
    "element_name",
    "enterprises",
    "enterprises_in_folders",
    "enterprises_of",
    "full_name",
]

AUTH_TYPE = "auths.loginTypes.QywxProxyType"
CORP_TYPE = "corps.QywxProxyType"
_CORPS = "corps"
#: What a full name cannot have, and the underscore, which stands for it.
_OTHER = re.compile("[^A-Za-z0-9]")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Enterprise:
    """A corp element and the enterprise behind it.

    :param fullName: the corp element.
    :param authFullName: the auth element it names.
    :param suiteId: that one's suite.
    :param corpId: the enterprise.
    """

    fullName: str
    authFullName: str
    suiteId: str
    corpId: str


def enterprises(app: App) -> Iterator[Enterprise]:
    """Every corp element whose files, and those of its auth element, are in order."""
    # An enterprise that has just authorised a suite may have an element since then.
    app.generated.refresh()
    yield from _told(app, app.registry.names_of(_CORPS))


def enterprises_of(app: App, suiteId: str, corpId: str) -> list[Enterprise]:
    """The corp elements of one enterprise, by name; what all the others are is not looked at.

    :param suiteId: the suite it authorised.
    :param corpId: the enterprise.
    """
    names = _in_folders(app)
    for _, config in auth_elements(app):
        template = config.get("autoCreateCorp")
        if template and config["authConfig"]["suiteId"] == suiteId:
            name = full_name(template, corpId)
            # Asking for a name that is not known has the database asked.
            if name in app.registry:
                names.append(name)
    return [one for one in _told(app, sorted({*names})) if (one.suiteId, one.corpId) == (suiteId, corpId)]


def enterprises_in_folders(app: App) -> Iterator[Enterprise]:
    """Those whose elements somebody wrote."""
    return _told(app, _in_folders(app))


def auth_elements(app: App) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every auth element of a suite whose files are in order, with its business file."""
    return _instances(app, AUTH_TYPE, app.registry.names_of(AUTH_TYPE.partition(".")[0]))


def full_name(template: Mapping[str, Any], corpId: str) -> str:
    """Full name of the element that ``autoCreateCorp`` gives an enterprise."""
    return str(template["fullName"]).replace("{corpId}", element_name(corpId))


def element_name(corpId: str) -> str:
    """An enterprise's id as part of a full name: readable, and another one for every other id.

    Letters and digits stay; of anything else, the underscore included, each byte becomes an underscore and two
    hexadecimal digits. A name begins with a letter: where the id does not, ``x_x`` stands before it, which no id
    contains when it is written so.
    """
    name = _OTHER.sub(lambda one: "".join(f"_{byte:02x}" for byte in one[0].encode()), corpId)
    return name if name[:1].isalpha() else f"x_x{name}"


def _in_folders(app: App) -> list[str]:
    """Full names of the family that some folder defines."""
    start = f"{_CORPS}."
    folders = {name for layer in app.layers if layer.kind != "generated" for name in layer if name.startswith(start)}
    return sorted(folders)


def _told(app: App, names: Iterable[str]) -> Iterator[Enterprise]:
    suites = {name: str(config["authConfig"]["suiteId"]) for name, config in auth_elements(app)}
    for name, config in _instances(app, CORP_TYPE, names):
        authFullName, corpId = config.get("authFullName"), config.get("corpId")
        if authFullName in suites and corpId:
            yield Enterprise(name, authFullName, suites[authFullName], str(corpId))


def _instances(app: App, type_name: str, names: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Those of some elements that are instances of a Type, or of Types made from it."""
    is_one: dict[str, bool] = {}
    for name in names:
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
