"""What a reading has found so far: each member once, whoever told of them, and nothing of places that vanished."""

from __future__ import annotations

from jit_corps.snapshot import MemberRecord, Membership
from jit_qywx.listing import NAMED, Listing, Repeated
from jit_qywx.mapping import Mapper
from jit_qywx.scope import VisibleScope


def records(*memberIds: str) -> list[MemberRecord]:
    return [MemberRecord(memberId, name=memberId.upper()) for memberId in memberIds]


def ids(listing: Listing) -> list[str]:
    return [record.memberId for record in listing.members()]


def test_who_is_told_alike_by_several_places_is_one_record() -> None:
    """A member whom two departments tell alike is one record, and two where they tell different things."""
    listing = Listing()
    listing.add("1", records("anna", "ben"))
    listing.add("2", [*records("ben"), MemberRecord("anna", name="Anna")])
    assert ids(listing) == ["anna", "ben", "anna"]


def test_a_place_with_nobody_was_told_too() -> None:
    """A department without members is known to be read, one that was never added is not."""
    listing = Listing()
    listing.add("1", [])
    assert "1" in listing
    assert "2" not in listing


def test_places_with_nobody_are_not_looked_at_for_every_other_one() -> None:
    """Tens of thousands of departments without members are listed in a time that grows with their number only."""
    looked_at = 0

    class Nobody(Repeated):
        def __len__(self) -> int:
            nonlocal looked_at
            looked_at += 1
            return 0

    listing = Listing()
    for number in range(100):
        listing.add(str(number), [], Nobody(b"", 0, lambda _text: []))
    assert looked_at <= 4 * 100
    listing.add("100", records("anna"))
    assert listing.first == records("anna")


def test_what_vanished_tells_of_nobody() -> None:
    """Of a place that is left out nobody counts, unless another place tells of them; the order is the new one."""
    listing = Listing()
    listing.add("1", records("anna", "ben"))
    listing.add("2", records("ben"))
    listing.add("3", records("cora"))
    assert listing.memberIds == {"anna", "ben", "cora"}
    listing.only(["3", "2"])
    assert "1" not in listing
    assert listing.memberIds == {"ben", "cora"}
    assert ids(listing) == ["cora", "ben"]


def test_a_place_told_again_replaces_what_it_told() -> None:
    """Adding a place twice, as a resumed reading may, leaves what it told last."""
    listing = Listing()
    listing.add("1", records("anna"))
    listing.add("1", records("ben"))
    listing.add(NAMED, records("cora"))
    assert listing.memberIds == {"ben", "cora"}
    assert ids(listing) == ["ben", "cora"]


def test_records_can_be_handed_out_altered() -> None:
    """A scope that changed on the way alters every record, and those that are alike then are one."""
    listing = Listing()
    listing.add("1", [MemberRecord("anna", name="Anna")])
    listing.add("2", [MemberRecord("anna", name="A.")])
    assert listing.members(lambda record: MemberRecord(record.memberId)) == (MemberRecord("anna"),)


def test_of_many_records_none_is_held_whole() -> None:
    """Beyond the limit all records lie in a file: everything is still told, but mail and telephone numbers."""
    listing = Listing(held=2)
    listing.add("1", [MemberRecord("anna", email="a@example.com", mobile="13800000000", telephone="1")])
    listing.add("2", [])
    listing.add("3", [MemberRecord("ben", "Ben", active=True, departments=(Membership("3", 7, True),), gender="1")])
    assert next(iter(listing.members())).email == "a@example.com"
    listing.add("4", records("cora"))
    assert list(listing.members()) == [
        MemberRecord("anna"),
        MemberRecord("ben", "Ben", active=True, departments=(Membership("3", 7, True),), gender="1"),
        *records("cora"),
    ]
    assert len(listing.members()) == 3
    assert listing.memberIds == {"anna", "ben", "cora"}


def test_an_id_that_many_name_is_one_text_after_it_lay_in_a_file() -> None:
    """Otherwise a million members would bring a text of their own for each department they name."""
    listing, mapper = Listing(held=0), Mapper(VisibleScope((), ("1",), (), ()))
    for name in ("anna", "ben"):
        told = {"userid": name, "department": [4711], "main_department": 4711}
        listing.add(name, mapper.members([told], listed_in="4711"))
    named = [text for one in listing.members() for text in (one.departments[0].deptId, one.mainDeptId)]
    assert named == ["4711"] * 4
    assert len(set(map(id, named))) == 1


def test_what_vanished_is_left_out_of_the_file_too() -> None:
    """Places are left out, replaced and altered in the file as they are in memory; who is told twice comes twice."""
    listing = Listing(held=0)
    listing.add("1", records("anna", "ben"))
    listing.add("2", records("ben", "cora"))
    listing.add("3", records("anna"))
    listing.add("3", records("dan"))
    assert listing.memberIds == {"anna", "ben", "cora", "dan"}
    listing.only(["3", "2"])
    assert listing.memberIds == {"ben", "cora", "dan"}
    assert [record.memberId for record in listing.members()] == ["dan", "ben", "cora"]
    altered = listing.members(lambda record: MemberRecord(record.memberId.upper()))
    assert [record.memberId for record in altered] == ["DAN", "BEN", "CORA"]
