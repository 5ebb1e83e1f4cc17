"""Whether one class may stand in for another: the checks behind overrides and Metas, and how extenders compose.

An overriding Type is accepted when its element class is a subclass of the one it shadows (it *extends*), or offers
everything the Meta's ``ElementProtocol`` asks for (it *replaces*). Anything else is refused, naming both sides.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from jitcore.element import Element
from jitcore.errors import ElementInvalid
from jitcore.layers import APPS_PACKAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jitcore.node import Node
    from jitcore.problems import Problem

__all__ = ["compose", "unmet"]


def compose(definitions: Sequence[tuple[Node, type[Any] | None]], protocol: type[Any] | None) -> type[Any]:
    """The Loader that serves a Type's instances.

    Layers that each extend the class below compose in layer order; a layer that replaces it ends the chain.

    :param definitions: the Type's nodes that hold Python, nearest first, with the Loader each exports.
    :param protocol: the Meta's ``ElementProtocol``, or None.
    :returns: the nearest Loader; when other layers extend as well, a subclass of it that makes their common class.
    :raises ElementInvalid: if a layer may not shadow the one below it, or the Type lacks what its Meta asks for.
    """
    nearest, loader = definitions[0]
    assert loader is not None
    element_class = _element_class(loader)
    extenders: list[type[Any]] = [] if element_class is None else [element_class]
    above = element_class
    for node, lower_loader in definitions[1:]:
        lower = _element_class(lower_loader)
        if lower is None or above is None:
            continue
        if issubclass(extenders[0], lower):
            continue
        if not _share_a_shipped_class(above, lower, definitions):
            if protocol is None or (missing := unmet(protocol, above)):
                raise _refused(nearest, above, node, lower, [] if protocol is None else missing)
            break
        extenders.append(lower)
    if protocol is not None and element_class is not None and (missing := unmet(protocol, element_class)):
        raise ElementInvalid(
            f"{nearest.fullName} does not offer what its Meta asks for.",
            fullName=nearest.fullName,
            problems=[_unmet_problem(nearest, element_class, protocol, missing)],
        )
    if len(extenders) < 2:
        return loader
    together = type(extenders[0].__name__, tuple(extenders), {"__module__": extenders[0].__module__})
    return type(loader.__name__, (loader,), {"elementClass": together, "__module__": loader.__module__})


def unmet(protocol: type[Any], candidate: type[Any]) -> list[str]:
    """What ``candidate`` lacks of a Protocol's methods, as ``name(parameters)``; empty when it has all.

    Attributes without a value are not looked for: instances may set them.
    """
    missing = []
    for name, wanted in _methods(protocol):
        offered = inspect.getattr_static(candidate, name, None)
        if offered is None:
            missing.append(f"{name}{inspect.signature(wanted)}" if inspect.isfunction(wanted) else name)
        elif inspect.isfunction(wanted) and not _accepts(getattr(candidate, name), wanted):
            missing.append(f"{name}{inspect.signature(wanted)} (it has other parameters)")
    return missing


def _methods(protocol: type[Any]) -> list[tuple[str, Any]]:
    found: dict[str, Any] = {}
    for base in reversed(protocol.__mro__):
        if getattr(base, "_is_protocol", False):
            found.update((name, value) for name, value in vars(base).items() if not name.startswith("_"))
    return sorted((name, value.__func__ if isinstance(value, staticmethod) else value) for name, value in found.items())


def _accepts(offered: Any, wanted: Any) -> bool:
    """Whether every call that the Protocol allows is a call that ``offered`` takes."""
    if not callable(offered):
        return False
    try:
        signature = inspect.signature(offered)
    except (TypeError, ValueError):
        return True
    parameters = [p for p in inspect.signature(wanted).parameters.values() if p.name != "self"]
    required = {p.name: None for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD}
    every = {p.name: None for p in parameters if p.kind not in {p.VAR_KEYWORD, p.VAR_POSITIONAL}}
    selves = [None] if next(iter(signature.parameters), "") == "self" else []
    try:
        signature.bind(*selves, **required)
        signature.bind(*selves, **every)
    except TypeError:
        return False
    return True


def _element_class(loader: type[Any] | None) -> type[Any] | None:
    found = getattr(loader, "elementClass", None)
    return found if isinstance(found, type) and found is not Element else None


def _share_a_shipped_class(above: type[Any], lower: type[Any], definitions: Sequence[tuple[Node, Any]]) -> bool:
    shipped = _element_class(definitions[-1][1])
    return shipped is not None and issubclass(above, shipped) and issubclass(lower, shipped)


def _refused(nearest: Node, above: type[Any], node: Node, lower: type[Any], missing: Sequence[str]) -> ElementInvalid:
    from jitcore.codeplaces import class_problem, related_class

    lack = f"lacks {', '.join(missing)}" if missing else "their Meta has no ElementProtocol to judge it by"
    return ElementInvalid(
        f"The override of {nearest.fullName} is refused.",
        fullName=nearest.fullName,
        problems=[
            class_problem(
                "override-refused",
                f"{_told(above)} in {nearest.layer} may not stand in for {_told(lower)} in {node.layer}: it is no "
                f"subclass of it and {lack}.",
                above,
                nearest,
                f"Derive it: from {lower.__module__} import {lower.__name__}.",
                related_class(f"{lower.__name__}, which it shadows", lower, node),
            )
        ],
    )


def _unmet_problem(node: Node, element_class: type[Any], protocol: type[Any], missing: Sequence[str]) -> Problem:
    from jitcore.codeplaces import class_problem, related_class

    return class_problem(
        "contract-unmet",
        f"{_told(element_class)} lacks {', '.join(missing)}.",
        element_class,
        node,
        f"Every element of the family {node.family} offers this; add it to the class.",
        related_class("the family's ElementProtocol asks for it here", protocol, node),
    )


def _told(cls: type[Any]) -> str:
    # The real package of an app folder has a number in its name, which tells a reader nothing.
    module = cls.__module__
    if module.startswith(f"{APPS_PACKAGE}."):
        module = module.split(".", 2)[2]
    return f"{module}.{cls.__qualname__}"
