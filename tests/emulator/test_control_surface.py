"""The package's docstring is the control surface: it lists what there is, and what it lists is there."""

from __future__ import annotations

import inspect
import re

import pytest

import jit_qywx.emulator
from jit_qywx.emulator import Clock, Emulator, Org, serve
from jit_qywx.emulator.calls import CallRecord
from jit_qywx.emulator.control import EDITS, METHODS
from jit_qywx.emulator.faults import GARBAGE, Faults
from jit_qywx.emulator.limits import Limits

DOC = jit_qywx.emulator.__doc__


def public(owner):
    """Names of the public methods and properties of a class."""
    return {name for name, _ in inspect.getmembers(owner) if not name.startswith("_")}


def test_exports_are_the_documented_ones():
    """`__all__` is sorted and complete."""
    assert jit_qywx.emulator.__all__ == sorted(["Clock", "Emulator", "Org", "serve"])
    assert all(hasattr(jit_qywx.emulator, name) for name in jit_qywx.emulator.__all__)


@pytest.mark.parametrize("name", sorted(public(Emulator) | EDITS | set(GARBAGE) | {"serve", "describe"}))
def test_everything_public_is_documented(name):
    """Every public name of the emulator, every edit and every kind of garbage is in the docstring."""
    assert re.search(rf"\b{re.escape(name)}\b", DOC)


def signatures():
    """`name(parameters)` of every call the docstring spells out with its parameters."""
    owners = {name: getattr(Emulator, name) for name in public(Emulator)}
    owners |= {name: getattr(Org, name) for name in EDITS}
    owners |= {"Emulator": Emulator, "Org": Org, "Org.generate": Org.generate, "serve": serve}
    owners |= {f"faults.{name}": getattr(Faults, name) for name in ("add", "remove", "clear")}
    owners |= {f"limits.{name}": getattr(Limits, name) for name in ("set", "clear")}
    owners |= {"calls.clear": CallRecord.clear, "clock.advance": Clock.advance}
    found = re.findall(r"(?<![\w.])((?:\w+\.)?\w+)\(([^()]*(?:\([^()]*\)[^()]*)*)\)", DOC)
    return [(name, text, owners[name]) for name, text in found if name in owners and "…" not in name]


@pytest.mark.parametrize(
    ("name", "text", "function"), signatures(), ids=lambda value: getattr(value, "__qualname__", str(value)[:30])
)
def test_documented_parameters_exist(name, text, function):
    """Every parameter the docstring names in a signature is one of the function, with the default it says."""
    known = inspect.signature(function).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
    for word in re.findall(r"(?:^|,)\s*(\w+)\s*(?==|,|$)", text.split("<")[0]):
        assert word in known or takes_any, f"{name} has no parameter {word}"


def test_signatures_were_found():
    """The check above sees the bulk of the surface."""
    assert len(signatures()) > 40


def test_remote_methods_exist():
    """Every control that can be called over HTTP is a method."""
    with Emulator() as emulator:
        for name in METHODS:
            found = emulator
            for part in name.split("."):
                found = getattr(found, part)
            assert callable(found)
