"""What is wrong with a value, keyword by keyword, in sentences.

A validation engine speaks of schemas; the person in front of the file wants to know what to write. Each function here
turns one violated keyword into findings: where, what, and what to do. None of them quotes a value that is hidden.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jitcore.annotations import members
from jitcore.printing import quoted
from jitcore.suggestions import did_you_mean
from jitcore.violations import KINDS, Said, advice, but, count, either, inside, kind, meaning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from jitcore.violations import Violation

__all__ = ["say"]

#: How many choices or keys a sentence lists.
_MANY = 10

_FORMATS: Mapping[str, str] = {
    "date": "a date such as 2026-11-22",
    "date-time": "a date and time such as 2026-11-22T08:30:00Z",
    "email": "an e-mail address",
    "hostname": "a host name",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "regex": "a regular expression",
    "time": "a time such as 08:30:00Z",
    "uri": "a URL such as https://example.com/",
    "uuid": "a UUID",
}


def say(violation: Violation) -> list[Said]:
    """Put a violation into words; one may be several findings (each missing key is one), and is one at least."""
    return list(_WORDS.get(violation.keyword, _say_other)(violation)) or list(_say_other(violation))


def _say_type(it: Violation) -> Iterator[Said]:
    types = it.limit if isinstance(it.limit, list) else [it.limit]
    yield _wrong_type(it, types)


def _wrong_type(it: Violation, types: list[str]) -> Said:
    hint = advice(it)
    if hint is not None:
        pass
    elif isinstance(it.value, str) and it.quote is not None:
        written = it.value.strip()
        if ("boolean" in types and written.lower() in {"true", "false"}) or (
            {"integer", "number"} & set(types) and written.lstrip("-").replace(".", "", 1).isdecimal()
        ):
            hint = "Write it without quotes."
    elif "string" in types and not isinstance(it.value, dict | list) and it.value is not None:
        hint = "Write it in double quotes."
    kinds = [KINDS.get(one, str(one)) for one in types]
    return Said("value-type", f"{it.subject} must be {either(kinds)}, not {kind(it.value)}.", it.path, hint=hint)


def _say_choice(it: Violation) -> Iterator[Said]:
    choices = it.limit if it.keyword == "enum" else [it.limit]
    yield _wrong_choice(it, choices)


def _wrong_choice(it: Violation, choices: list[Any]) -> Said:
    listed = [quoted(choice) for choice in choices]
    more = f" or one of {len(listed) - _MANY} more" if len(listed) > _MANY else ""
    one_of = "one of " if len(listed) > 1 else ""
    what = f"{it.subject} must be {one_of}{either(listed[:_MANY])}{more}{but(it)}."
    words = [choice for choice in choices if isinstance(choice, str)]
    hint = did_you_mean(it.value, words) if it.quote is not None and isinstance(it.value, str) else None
    hint = hint or advice(it)
    return Said("value-choice", what, it.path, hint=hint)


def _say_required(it: Violation) -> Iterator[Said]:
    for key in it.limit:
        if key not in it.value:
            yield _missing(it, key)


def _missing(it: Violation, key: str, because: str = "") -> Said:
    where = f" of {it.subject}" if it.path else ""
    child = it.shape.child(key) if it.shape else None
    meaning = child.says("x-hint") if child else None
    if meaning is None and child and (description := child.says("description")):
        meaning = f"Add {quoted(key)}: {description}"
    return Said("key-missing", f"The key {quoted(key)}{where} is missing{because}.", it.path, hint=meaning, missing=key)


def _say_dependent(it: Violation) -> Iterator[Said]:
    for key, needed in it.limit.items():
        if key in it.value:
            yield from (_missing(it, one, f"; {quoted(key)} needs it") for one in needed if one not in it.value)


def _say_unknown(it: Violation) -> Iterator[Said]:
    names = it.schema.get("properties", ()) if it.keyword == "additionalProperties" else ()
    known = [name for name in names or (it.shape.names if it.shape else ()) if name[:1] != "$"]
    for key in [key for key in it.value if not _is_known(it, key)]:
        hint = (
            did_you_mean(key, [name for name in known if name not in it.value])
            or _whereabouts(it, key)
            or (_list_keys(known) if known else None)
        )
        where = f" in {it.subject}" if it.path else ""
        yield Said("key-unknown", f"The key {quoted(key)} is not known{where}.", (*it.path, key), "key", hint)


def _list_keys(known: list[str]) -> str:
    listed = ", ".join(quoted(name) for name in known[:_MANY])
    return f"Known keys: {listed}{' and others' if len(known) > _MANY else ''}."


def _whereabouts(it: Violation, key: str) -> str | None:
    """Where a key that is one level too high belongs."""
    for name in it.shape.names if it.shape else ():
        child = it.shape.child(name) if it.shape else None
        if child and key in child.names:
            return f"It belongs into {quoted(name)}."
    return None


def _is_known(it: Violation, key: str) -> bool:
    if it.keyword == "additionalProperties":  # looks only at its own neighbours
        return any(True for _ in members(it.schema, key))
    return it.shape is not None and it.shape.child(key) is not None


def _say_forbidden(it: Violation) -> Iterator[Said]:
    if it.path and isinstance(it.path[-1], str):
        yield Said("key-unknown", f"The key {quoted(it.path[-1])} may not stand here.", it.path, "key")
    else:
        yield Said("value-shape", f"{it.subject} may not stand here.", it.path)


def _say_names(it: Violation) -> Iterator[Said]:
    yield Said(
        "value-properties", f"{quoted(it.value)} is not a name that a key may have here.", (*it.path, it.value), "key"
    )


def _say_length(it: Violation) -> Iterator[Said]:
    if it.keyword == "minLength" and it.limit == 1:
        what = "must not be empty"
    else:
        bound = "at least" if it.keyword == "minLength" else "at most"
        what = f"must have {bound} {count(it.limit, 'character')}"
        if it.quote is not None:
            what += f", not {len(it.value)}"
    yield Said("value-length", f"{it.subject} {what}.", it.path, hint=advice(it))


def _say_pattern(it: Violation) -> Iterator[Said]:
    hint = advice(it)
    if hint:
        what = f"{it.subject} cannot be {it.quote}" if it.quote is not None else f"{it.subject} has not the right form"
    else:
        what = f"{it.subject} must match the pattern {it.limit}{but(it)}"
    yield Said("value-pattern", f"{what}.", it.path, hint=hint or meaning(it))


def _say_format(it: Violation) -> Iterator[Said]:
    wanted = _FORMATS.get(it.limit, f"of the format {quoted(it.limit)}")
    yield Said("value-format", f"{it.subject} must be {wanted}{but(it)}.", it.path, hint=advice(it) or meaning(it))


def _say_range(it: Violation) -> Iterator[Said]:
    bound = {
        "minimum": "at least",
        "maximum": "at most",
        "exclusiveMinimum": "more than",
        "exclusiveMaximum": "less than",
        "multipleOf": "a multiple of",
    }[it.keyword]
    what = f"{it.subject} must be {bound} {it.limit}{but(it)}."
    yield Said("value-range", what, it.path, hint=advice(it) or meaning(it))


def _say_items(it: Violation) -> Iterator[Said]:
    if it.keyword == "uniqueItems":
        what = "has the same item twice"
    elif it.keyword == "minItems":
        what = f"must have at least {count(it.limit, 'item')}, not {len(it.value)}"
    elif it.keyword == "maxItems":
        what = f"must have at most {count(it.limit, 'item')}, not {len(it.value)}"
    elif it.keyword == "contains":
        what = "has not the items it must contain"
    else:
        what = "has items that are not known"
    yield Said("value-items", f"{it.subject} {what}.", it.path, hint=advice(it))


def _say_properties(it: Violation) -> Iterator[Said]:
    bound = "at least" if it.keyword == "minProperties" else "at most"
    what = f"must have {bound} {count(it.limit, 'key')}, not {len(it.value)}"
    yield Said("value-properties", f"{it.subject} {what}.", it.path, hint=advice(it))


def _say_branches(it: Violation) -> Iterator[Said]:
    """Speak of the branch that was meant, if one can tell; else of what the branches have in common."""
    branches = it.branches
    required = [_required_here(it, schema) for schema in it.limit]
    if all(required):
        keys = either([" and ".join(quoted(key) for key in one) for one in required])
        if any(branches):
            yield Said("key-missing", f"One of the keys {keys} is missing{inside(it)}.", it.path, hint=advice(it))
        else:
            yield Said("value-shape", f"Only one of {keys} may be given{inside(it)}.", it.path, hint=advice(it))
        return
    if not any(branches):
        many = "more than one of the forms it may have" if it.keyword == "oneOf" else "no form that it may have"
        yield Said("value-shape", f"{it.subject} fits {many}.", it.path, hint=advice(it))
        return
    fitting = [branch for branch in branches if not _objects_here(it, branch, "type")]
    if not fitting:
        types = [one.limit for branch in branches for one in branch if one.keyword == "type" and one.path == it.path]
        flat = [name for one in types for name in (one if isinstance(one, list) else [one])]
        yield _wrong_type(it, list(dict.fromkeys(flat)))
        return
    choices = [one for branch in fitting for one in branch if one.keyword in {"enum", "const"} and one.path == it.path]
    if len(choices) == len(fitting):
        listed = [value for one in choices for value in (one.limit if one.keyword == "enum" else [one.limit])]
        yield _wrong_choice(it, listed)
        return
    meant = [branch for branch in fitting if not _picks_another(it, branch)] if len(fitting) > 1 else fitting
    if not meant and (deciding := _deciding(it, fitting)):
        listed = [value for one in deciding for value in (one.limit if one.keyword == "enum" else [one.limit])]
        yield _wrong_choice(deciding[0], listed)
        return
    if len(meant) == 1:
        for one in meant[0]:
            yield from say(one)
        return
    yield Said(
        "value-shape", f"{it.subject} has none of the forms it may have.", it.path, hint=advice(it) or _first(fitting)
    )


def _required_here(it: Violation, schema: Any) -> list[str]:
    """The keys that a branch demands, when that is all it does."""
    return schema["required"] if isinstance(schema, dict) and set(schema) == {"required"} else []


def _objects_here(it: Violation, branch: Sequence[Violation], keyword: str) -> bool:
    return any(one.keyword == keyword and one.path == it.path for one in branch)


def _picks_another(it: Violation, branch: Sequence[Violation]) -> bool:
    """Whether a member that tells the branches apart (``"kind": "a"``) says that this branch is not meant."""
    return any(one.keyword in {"enum", "const"} and len(one.path) == len(it.path) + 1 for one in branch)


def _deciding(it: Violation, branches: Sequence[Sequence[Violation]]) -> list[Violation]:
    """What each branch says of the one member that tells the branches apart; nothing if they speak of several."""
    found = [
        one
        for branch in branches
        for one in branch
        if one.keyword in {"enum", "const"} and len(one.path) == len(it.path) + 1
    ]
    return found if len(found) == len(branches) and len({one.path for one in found}) == 1 else []


def _first(branches: Sequence[Sequence[Violation]]) -> str:
    said = [say(branch[0])[0].message for branch in branches if branch]
    return "Either: " + " Or: ".join(said[:3])


def _say_other(it: Violation) -> Iterator[Said]:
    yield Said("value-shape", f"{it.subject} has a form that is not allowed here.", it.path, hint=advice(it))


_WORDS: Mapping[str, Callable[[Violation], Iterator[Said]]] = {
    "additionalItems": _say_items,
    "additionalProperties": _say_unknown,
    "anyOf": _say_branches,
    "const": _say_choice,
    "contains": _say_items,
    "dependentRequired": _say_dependent,
    "enum": _say_choice,
    "exclusiveMaximum": _say_range,
    "exclusiveMinimum": _say_range,
    "false": _say_forbidden,
    "format": _say_format,
    "maxItems": _say_items,
    "maxLength": _say_length,
    "maxProperties": _say_properties,
    "maximum": _say_range,
    "minItems": _say_items,
    "minLength": _say_length,
    "minProperties": _say_properties,
    "minimum": _say_range,
    "multipleOf": _say_range,
    "oneOf": _say_branches,
    "pattern": _say_pattern,
    "propertyNames": _say_names,
    "required": _say_required,
    "type": _say_type,
    "unevaluatedItems": _say_items,
    "unevaluatedProperties": _say_unknown,
    "uniqueItems": _say_items,
}
