"""What a schema says beyond yes and no: which values are secret, and which name other elements.

Engines judge a document; they do not tell which parts of the schema speak about which value. A :class:`Shape` does: it
is all that a schema may say about one place. Branches (``anyOf``, ``if`` …) count whether or not the document takes
them, so a value that may be a secret is treated as one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from jitcore.pointers import join_pointer, split_pointer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "ANY",
    "Reference",
    "Shape",
    "hidden_values",
    "members",
    "references_in",
    "resolve",
    "secret_places",
    "subschemas",
]

#: Stands for any key and any index in the pointers of :func:`secret_places`.
ANY = "*"

#: Keywords that apply schemas to a value, or to its members, in other ways than under a plain key.
_COMBINING = frozenset(
    {"$ref", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "patternProperties"}
)
#: Keywords that apply one schema, a list or a map of schemas to the same value.
_IN_PLACE = ("$ref", "allOf", "anyOf", "oneOf", "if", "then", "else", "dependentSchemas")
#: Keywords that hold a schema, or a list or map of schemas, anywhere.
_HOLDERS = (
    *(name for name in _IN_PLACE if name != "$ref"),
    *("$defs", "definitions", "properties", "patternProperties", "prefixItems", "items", "additionalProperties"),
    *("unevaluatedProperties", "unevaluatedItems", "additionalItems", "contains", "propertyNames", "not"),
    *("contentSchema", "dependencies"),
)
_MAPS = frozenset({"$defs", "definitions", "properties", "patternProperties", "dependentSchemas", "dependencies"})


class Reference(NamedTuple):
    """A string in a document that names another element.

    :param pointer: JSON pointer of the string.
    :param fullName: the name it holds.
    :param family: family the element must be of; None if any will do.
    """

    pointer: str
    fullName: str
    family: str | None


class Shape:
    """All subschemas that may apply to one place of a document.

    :param root: the whole schema, which ``$ref`` is resolved in.
    :param parts: the subschemas that apply; what they pull in (``$ref``, ``allOf`` …) is added here.
    """

    __slots__ = ("_children", "_flat", "_refers", "parts", "root")

    def __init__(self, root: Mapping[str, Any], parts: list[Any]) -> None:
        self.root = root
        self.parts = _expand(root, parts)
        self._children: dict[str, Shape | None] = {}
        self._refers: bool | None = None
        self._flat: dict[str, Reference] | Literal[False] | None = False

    def child(self, token: str, *, is_item: bool = False) -> Shape | None:
        """The shape of a member (of an item, with its index as token); None when the schema does not mention it."""
        if token not in self._children:
            found = [schema for part in self.parts for schema in (_items if is_item else members)(part, token)]
            self._children[token] = Shape(self.root, found) if found else None
        return self._children[token]

    def says(self, annotation: str) -> Any:
        """The value of an annotation, from the first part that has it."""
        return next((part[annotation] for part in self.parts if annotation in part), None)

    @property
    def is_secret(self) -> bool:
        """Whether the value may never be shown."""
        return any(part.get("writeOnly") is True for part in self.parts)

    @property
    def holds_secrets(self) -> bool:
        """Whether some value below this one, in a document that is right, may never be shown."""
        return any(part.get("writeOnly") is True for part in _reachable(self.root, self.parts))

    @property
    def refers(self) -> bool:
        """Whether this value, or one below it, may name another element."""
        if self._refers is None:
            self._refers = any("x-reference" in part for part in _reachable(self.root, self.parts))
        return self._refers

    @property
    def is_plain_reference(self) -> bool:
        """Whether the value is a string that names an element, always."""
        [part, *others] = self.parts or [{}]
        return not others and part.get("type") == "string" and bool(part.get("x-reference"))

    @property
    def flat_references(self) -> dict[str, Reference] | None:
        """The references of a document that has them directly under plain keys, by key and without a name.

        Most schemas are like that, and then a document need not be walked. None when this one is not.
        """
        if self._flat is False:
            self._flat = None
            if len(self.parts) == 1 and _is_plain(self.parts[0]):
                children = [(name, self.child(name)) for name in self.names]
                referring = {name: child for name, child in children if child is not None and child.refers}
                if all(child.is_plain_reference for child in referring.values()):
                    self._flat = {name: _nameless(name, child) for name, child in referring.items()}
        return self._flat

    @property
    def names(self) -> list[str]:
        """The keys that the schema knows here, in its order."""
        return list(dict.fromkeys(name for part in self.parts for name in _mapping(part.get("properties"))))


def references_in(shape: Shape, data: Any) -> list[Reference]:
    """Find the strings annotated ``"x-reference"`` in a document, in the order they stand."""
    flat = shape.flat_references
    if flat is not None and isinstance(data, dict):
        return [
            flat[key]._replace(fullName=value)
            for key, value in data.items()
            if key in flat and value and isinstance(value, str)
        ]
    found = []
    stack: list[tuple[tuple[str, ...], Shape | None, Any]] = [((), shape, data)]
    while stack:
        path, place, value = stack.pop()
        if place is None or not place.refers:
            continue
        if isinstance(value, str):
            family = place.says("x-reference")
            if family and value:
                found.append(Reference(join_pointer(path), value, family if isinstance(family, str) else None))
        else:
            stack += _children(path, place, value)
    return found


def _is_plain(part: Mapping[str, Any]) -> bool:
    return not _COMBINING.intersection(part) and not isinstance(part.get("additionalProperties"), dict)


def _nameless(key: str, shape: Shape) -> Reference:
    family = shape.says("x-reference")
    return Reference(join_pointer((key,)), "", family if isinstance(family, str) else None)


def hidden_values(shape: Shape, data: Any) -> frozenset[str]:
    """The pointers of all values that no message may show.

    These are the secrets, and what might be one in the wrong place: a value under a key that the schema does not know
    (the key may be misspelt), and a plain value where an object with secrets belongs.
    """
    hidden = set()
    for path, place, value in _walk(shape, data):
        if place is None or place.is_secret or (not isinstance(value, dict | list) and place.holds_secrets):
            hidden.add(join_pointer(path))
    return frozenset(hidden)


def secret_places(shape: Shape) -> tuple[str, ...]:
    """The pointers of a schema's secrets, with :data:`ANY` for any key or index; a schema inside itself ends there."""
    found = []
    stack: list[tuple[tuple[str, ...], Shape, frozenset[int]]] = [((), shape, frozenset())]
    while stack:
        path, place, above = stack.pop()
        if place.is_secret:
            found.append(join_pointer(path))
            continue
        parts = [part for part in place.parts if id(part) not in above]
        seen = above.union(map(id, parts))
        children = {
            name: [part["properties"][name] for part in parts if name in part.get("properties", ())]
            for name in place.names
        }
        children[ANY] = [schema for part in parts for schema in _unnamed(part)]
        stack += [
            ((*path, token), Shape(place.root, children[token]), seen)
            for token in reversed(children)
            if children[token]
        ]
    return tuple(found)


def resolve(root: Mapping[str, Any], reference: str) -> Any:
    """What a ``$ref`` names: ``#``, or ``#/`` and a JSON pointer.

    :raises LookupError: if it names something else, or nothing.
    """
    if reference != "#" and not reference.startswith("#/"):
        raise LookupError(reference)
    if "%" in reference:
        from urllib.parse import unquote

        reference = unquote(reference)
    target: Any = root
    for token in split_pointer(reference[1:]):
        if isinstance(target, list):
            if not (token.isdecimal() and token.isascii()):
                raise LookupError(reference)
            target = target[int(token)]
        elif isinstance(target, dict):
            target = target[token]
        else:
            raise LookupError(reference)
    return target


def subschemas(root: Any) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """All schemas that are objects in a schema, itself first, with their paths."""
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), root)]
    while stack:
        path, schema = stack.pop()
        if not isinstance(schema, dict):
            continue
        yield path, schema
        for keyword in _HOLDERS:
            held = schema.get(keyword)
            if isinstance(held, list):
                stack += [((*path, keyword, index), one) for index, one in enumerate(held)]
            elif isinstance(held, dict):
                stack += (
                    [((*path, keyword, name), one) for name, one in held.items()]
                    if keyword in _MAPS
                    else [((*path, keyword), held)]
                )


def _walk(shape: Shape, data: Any) -> Iterator[tuple[tuple[str, ...], Shape | None, Any]]:
    """All values of a document in order, each with its shape; what is under no shape, or under a secret, is skipped."""
    stack: list[tuple[tuple[str, ...], Shape | None, Any]] = [((), shape, data)]
    while stack:
        path, place, value = stack.pop()
        yield path, place, value
        if place is None or place.is_secret:
            continue
        stack += _children(path, place, value)


def _children(path: tuple[str, ...], place: Shape, value: Any) -> Iterator[tuple[tuple[str, ...], Shape | None, Any]]:
    """The members or items of a value, last first."""
    if isinstance(value, dict):
        for key in reversed(value):
            yield (*path, key), place.child(key), value[key]
    elif isinstance(value, list):
        for index in reversed(range(len(value))):
            yield (*path, str(index)), place.child(str(index), is_item=True), value[index]


def _expand(root: Mapping[str, Any], parts: list[Any]) -> list[dict[str, Any]]:
    """Add what the parts apply to the same value; each schema once, so that a circle of ``$ref`` ends."""
    found: dict[int, dict[str, Any]] = {}
    stack = list(reversed(parts))
    while stack:
        part = stack.pop()
        if not isinstance(part, dict) or id(part) in found:
            continue
        found[id(part)] = part
        for keyword in reversed(_IN_PLACE):
            stack += _applied(root, part, keyword)
    return list(found.values())


def _applied(root: Mapping[str, Any], part: Mapping[str, Any], keyword: str) -> list[Any]:
    value = part.get(keyword)
    if keyword == "$ref":
        # compile_schema refuses a schema with a reference that leads nowhere.
        return [resolve(root, value)] if isinstance(value, str) else []
    if keyword == "dependentSchemas":
        return list(_mapping(value).values())
    return list(value) if isinstance(value, list) else [value]


def members(part: Mapping[str, Any], key: str) -> Iterator[Any]:
    """What one schema says about a member of an object."""
    mentioned = False
    if key in _mapping(part.get("properties")):
        mentioned = True
        yield part["properties"][key]
    for pattern, schema in _mapping(part.get("patternProperties")).items():
        if _matches(pattern, key):
            mentioned = True
            yield schema
    if not mentioned:
        yield from _objects(part, "additionalProperties", "unevaluatedProperties")


def _items(part: Mapping[str, Any], index: str) -> Iterator[Any]:
    """What one schema says about an item of an array."""
    first = part.get("prefixItems", part.get("items"))  # "items" as a list: drafts before 2020-12
    if isinstance(first, list) and int(index) < len(first):
        yield first[int(index)]
    else:
        yield from _objects(part, "items", "additionalItems", "unevaluatedItems")
    yield from _objects(part, "contains")


def _unnamed(part: Mapping[str, Any]) -> Iterator[Any]:
    """What one schema says about members and items that it does not name one by one."""
    yield from _mapping(part.get("patternProperties")).values()
    yield from _objects(part, "additionalProperties", "unevaluatedProperties", "items", "additionalItems")
    yield from _objects(part, "unevaluatedItems", "contains")
    for keyword in ("prefixItems", "items"):
        if isinstance(part.get(keyword), list):
            yield from part[keyword]


def _objects(part: Mapping[str, Any], *keywords: str) -> Iterator[Any]:
    """The schemas under these keywords; ``true`` says nothing about a value, so it does not count as a mention."""
    yield from (part[keyword] for keyword in keywords if isinstance(part.get(keyword), dict))


def _reachable(root: Mapping[str, Any], parts: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    seen: set[int] = set()
    stack: list[Any] = list(parts)
    while stack:
        part = stack.pop()
        if not isinstance(part, dict) or id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        stack += _applied(root, part, "$ref")
        stack += [schema for path, schema in subschemas(part) if path and path[0] not in ("$defs", "definitions")]


def _matches(pattern: str, key: str) -> bool:
    try:
        return re.search(pattern, key) is not None
    except re.error:  # a pattern that only the other engine understands: better to hide too much
        return False


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
