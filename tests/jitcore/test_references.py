"""References in numbers: long chains and dense nets are followed to their end, in no more than their own time."""

from __future__ import annotations

import pytest

from jitcore.errors import ElementInvalid

SCHEMA = {
    "type": "object",
    "properties": {"friends": {"type": "array", "items": {"type": "string", "x-reference": "things"}}},
}


def friends(things, net):
    """An app with an element for each key of ``net``, which refers to those of its value."""
    files = {**things, "things/PlainType/schema.json": SCHEMA}
    for name, others in net.items():
        files[f"things/{name}/e.json"] = {"type": "things.PlainType", "title": name}
        files[f"things/{name}/{name}.json"] = {"friends": [f"things.{other}" for other in others]}
    return files


def test_a_long_chain_of_references_is_followed(open_app, things):
    """A chain far longer than Python's stack is deep is no error, and neither is loading its first element."""
    net = {f"N{number:04}": [f"N{number + 1:04}"] for number in range(1200)}
    app = open_app(friends(things, {**net, "N1200": []}))
    assert app.getElement("things.N0000").fullName == "things.N0000"
    assert not [problem for problem in app.check() if problem.element != "things.Hello"]


def test_a_dense_net_of_references_is_followed_once(open_app, things):
    """Forty rows in which everybody refers to the two of the next: a billion paths, each element read once."""
    net = {f"{side}{row:02}": [f"L{row + 1:02}", f"R{row + 1:02}"] for row in range(40) for side in "LR"}
    app = open_app(friends(things, {**net, "L40": [], "R40": []}))
    assert app.getElement("things.L00").fullName == "things.L00"


def test_who_refers_into_a_circle_is_not_part_of_it(open_app, things):
    """A circle is told of its members; who only leads there loads."""
    app = open_app(friends(things, {"Outside": ["A"], "A": ["B"], "B": ["C", "A"], "C": ["B"]}))
    assert app.getElement("things.Outside").fullName == "things.Outside"
    for name in ("A", "B", "C"):
        with pytest.raises(ElementInvalid, match="circle"):
            app.getElement(f"things.{name}")


def test_every_circle_is_told(open_app, things):
    """Circles apart from each other, and two that share an element: each is told whole, before an instance is made."""
    things["things/PlainType/__init__.py"] += "\n\n    def load(self):\n        raise AssertionError('it was made')\n"
    net = {"A": ["B"], "B": ["A"], "M": ["N", "O"], "N": ["M"], "O": ["P"], "P": ["M"]}
    app = open_app(friends({name: one for name, one in things.items() if "Hello" not in name}, net))
    told = [problem.message.partition(": ")[2].rstrip(".").replace("things.", "") for problem in app.check()]
    assert len(told) == 6
    circles = {frozenset(one.split(" → ")) for one in told}
    assert circles == {frozenset("AB"), frozenset("MN"), frozenset("MOP")}
    assert all(one.split(" → ")[0] == one.split(" → ")[-1] for one in told)
    for name in net:
        with pytest.raises(ElementInvalid, match="circle"):
            app.getElement(f"things.{name}")
