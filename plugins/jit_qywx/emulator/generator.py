"""Organisations of any size from a seed: a company that looks like one, the same every time."""

from __future__ import annotations

import random

from jit_qywx.emulator import names
from jit_qywx.emulator.records import ACTIVE, DISABLED, MAX_ORDER, ROOT, UNACTIVATED, Department, Member, Place, Tag

STATUSES = (ACTIVE,) * 92 + (UNACTIVATED,) * 5 + (DISABLED,) * 3
MAX_CHILDREN = 12
"""More than this and a department is passed over while others have fewer: the tree stays a few levels deep."""
TAG_SHARE = 20
"""A tag holds about one in this many members, and at most this many times ten."""


def departments_of(draw: random.Random, count: int, root: str) -> list[Department]:
    """`count` departments, the root first, each after its parent; `order` is drawn from all of uint32."""
    first, below = names.FIRST_LEVEL.split(), names.BELOW.split()
    made = [Department(ROOT, root, 0, MAX_ORDER)]
    children = {ROOT: 0}
    parent_at = 0
    for number in range(2, count + 1):
        while children[made[parent_at].id] >= MAX_CHILDREN:
            parent_at += 1
        parent = made[draw.randrange(parent_at, min(len(made), parent_at + 6))]
        while children[parent.id] >= MAX_CHILDREN:
            parent = made[parent_at]
        index = children[parent.id]
        words = first if parent.id == ROOT else below
        shift = parent.id * 7 + index
        made.append(Department(number, words[shift % len(words)], parent.id, draw.randrange(MAX_ORDER)))
        children[parent.id] += 1
        children[number] = 0
    return made


def members_of(draw: random.Random, count: int, departments: list[Department], spread: float) -> list[Member]:
    """`count` members over the departments; the first of each department leads it."""
    surnames = [pair.split(":") for pair in names.SURNAMES.split()]
    givens = [pair.split(":") for pair in names.GIVEN.split()]
    heads, positions = names.HEADS.split(), names.POSITIONS.split()
    made = []
    taken: dict[str, int] = {}
    leaders: dict[int, str] = {}
    parents = {department.id: department.parent for department in departments}
    for number in range(count):
        surname, surname_pinyin = draw.choice(surnames)
        given, given_pinyin = draw.choice(givens)
        pinyin = surname_pinyin + given_pinyin
        same = taken[pinyin] = taken.get(pinyin, 0) + 1
        userid = pinyin if same == 1 else f"{pinyin}{same}"
        # The first round gives every department somebody, as far as the members go.
        home = departments[number % len(departments)] if number < len(departments) else draw.choice(departments)
        leads = home.id not in leaders
        places = [Place(home.id, draw.randrange(100_000), leads)]
        if draw.random() < spread and len(departments) > 1:
            second = draw.choice(departments).id
            if second != home.id:
                places.append(Place(second, draw.randrange(100_000)))
        if leads:
            leaders[home.id] = userid
            boss = leaders.get(parents[home.id])
        else:
            boss = leaders[home.id]
        made.append(
            Member(
                userid=userid,
                name=surname + given,
                places=tuple(places),
                main_department=home.id,
                status=draw.choice(STATUSES),
                position=draw.choice(heads if leads else positions),
                gender=draw.choice("12"),
                mobile=f"1{30 + number % 60}{number:08d}",
                email=f"{userid.lower()}@example.com",
                direct_leader=() if boss is None else (boss,),
            )
        )
    return made


def tags_of(draw: random.Random, count: int, members: list[Member], departments: list[Department]) -> list[Tag]:
    """`count` tags with a share of the members each; every fourth holds departments too."""
    words = names.TAGS.split()
    made = []
    for number in range(1, count + 1):
        turn, word = divmod(number - 1, len(words))
        size = min(len(members), max(1, len(members) // TAG_SHARE), TAG_SHARE * 10)
        users = [member.userid for member in draw.sample(members, size)]
        parties = [draw.choice(departments).id] if number % 4 == 0 else []
        made.append(
            Tag(
                number,
                f"{words[word]}{turn + 1}" if turn else words[word],
                dict.fromkeys(users),
                dict.fromkeys(parties),
            )
        )
    return made


def generate(
    seed: object, members: int, departments: int, tags: int, *, root: str | None, spread: float
) -> tuple[list[Department], list[Member], list[Tag]]:
    """The parts of an organisation; see `Org.generate`."""
    draw = random.Random(f"org {seed}")  # noqa: S311  # a reproducible company, not a secret
    tree = departments_of(draw, max(1, departments), root or draw.choice(names.ROOTS.split()))
    people = members_of(draw, members, tree, spread)
    return tree, people, tags_of(draw, tags, people, tree)
