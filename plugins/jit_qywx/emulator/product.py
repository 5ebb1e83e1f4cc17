"""Limits of the real product, refused only by a strict organisation (documents 90195, 90205, 90210)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jit_qywx.emulator.records import MAX_ORDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jit_qywx.emulator.records import Department, Member, Tag

MAX_DEPARTMENTS = 30_000
MAX_DEPTH = 15
MAX_NAME = 32
MAX_TAGS = 3_000


class EditError(ValueError):
    """An edit names something that is not there, exists already, or breaks a limit of a strict organisation."""


def check_department(department: Department, departments: Mapping[int, Department]) -> None:
    """Refuse a department WeCom would refuse: its name, order, parent or depth, or one too many of them."""
    number = department.id
    if not 0 < len(department.name) <= MAX_NAME:
        raise EditError(f"department {number}: a name has 1–{MAX_NAME} characters")
    if not 0 <= department.order <= MAX_ORDER:
        raise EditError(f"department {number}: order is an unsigned 32-bit number")
    if number not in departments and len(departments) >= MAX_DEPARTMENTS:
        raise EditError(f"a corp has at most {MAX_DEPARTMENTS} departments")
    depth = 1
    above = department.parent
    while above and depth <= MAX_DEPTH:
        if above == number:
            raise EditError(f"department {number} cannot be below itself")
        if above not in departments:
            raise EditError(f"department {number}: there is no department {above}")
        above = departments[above].parent
        depth += 1
    if depth > MAX_DEPTH:
        raise EditError(f"department {number}: at most {MAX_DEPTH} levels")


def check_member(member: Member, departments: Mapping[int, Department]) -> None:
    """Refuse a member who belongs to no department, or to one that does not exist."""
    if not member.places:
        raise EditError(f"member {member.userid!r} belongs to no department")
    for department in member.departments:
        if department not in departments:
            raise EditError(f"member {member.userid!r}: there is no department {department}")


def check_tag(name: str, tags: Mapping[int, Tag]) -> None:
    """Refuse a tag with a bad name, or one too many."""
    if not 0 < len(name) <= MAX_NAME:
        raise EditError(f"tag {name!r}: a name has 1–{MAX_NAME} characters")
    if len(tags) >= MAX_TAGS:
        raise EditError(f"a corp has at most {MAX_TAGS} tags")
