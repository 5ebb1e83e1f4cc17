"""Who vouches for a token: members who are found with it as they were listed before."""

from __future__ import annotations

from typing import Any

import pytest

from jit_corps.snapshot import MemberRecord, Membership
from jit_qywx.errors import NotFound, ServerBusy
from jit_qywx.mapping import Mapper
from jit_qywx.one_enterprise import is_known, is_vouched_for
from jit_qywx.scope import VisibleScope

NAMES = Mapper(VisibleScope((), (), (), ("contact:sensitive:user_name",)))
LISTED = [MemberRecord(memberId=each, name=f"name of {each}", departments=(Membership("2"),)) for each in "abc"]


class Client:
    """Knows these records, and counts what it was asked; anybody else does not exist."""

    def __init__(self, *records: dict[str, Any], errcode: int = 60111) -> None:
        self._records = {record["userid"]: record for record in records}
        self._errcode = errcode
        self.asked = 0
        self.user = self

    def get(self, userId: str) -> dict[str, Any]:
        self.asked += 1
        if userId in self._records:
            return self._records[userId]
        kind = NotFound if self._errcode == 60111 else ServerBusy
        raise kind("no", errcode=self._errcode, errmsg="no", call="user/get")


def record(userid: str, name: str | None = None, department: int = 2) -> dict[str, Any]:
    return {"userid": userid, "department": [department], **({} if name is None else {"name": name})}


def vouched(client: Any) -> bool:
    return is_vouched_for(client, LISTED, NAMES)


def test_two_of_three_are_enough() -> None:
    """One of them may have left; the third need not be asked for when the first two are there."""
    both = Client(record("a", "name of a"), record("b", "name of b"))
    assert vouched(both)
    assert both.asked == 2
    assert vouched(Client(record("b", "name of b"), record("c", "name of c")))
    assert not vouched(Client(record("c", "name of c")))
    assert not vouched(Client())


def test_the_same_ids_are_not_the_same_people() -> None:
    """Plain ids are alike in many enterprises; whoever is called otherwise is somebody else."""
    assert not vouched(Client(*(record(each, f"another {each}") for each in "abc")))


def test_who_moved_is_the_same() -> None:
    """A name tells, where names are told, and a department where they are not."""
    assert vouched(Client(*(record(each, f"name of {each}", department=9) for each in "abc")))
    assert vouched(Client(*(record(each) for each in "abc")))
    assert not vouched(Client(*(record(each, department=9) for each in "abc")))


def test_nobody_vouches_for_nothing() -> None:
    """Without anybody to ask for there is no proof."""
    nobody: Any = Client()
    assert not is_vouched_for(nobody, [], NAMES)
    assert not is_known(nobody, [])


def test_a_call_that_failed_says_nothing() -> None:
    """It fails whoever asked: neither this enterprise's token nor another one's."""
    with pytest.raises(ServerBusy):
        vouched(Client(errcode=-1))


def test_ids_have_to_be_written_the_same() -> None:
    """WeCom finds plain ids whatever their case (document 90195): whose record it is, the answer says."""
    client: Any = Client(record("a"), record("b"))
    assert is_known(client, ["a", "b", "c"])
    client._records = {"a": record("A"), "b": record("B")}
    assert not is_known(client, ["a", "b", "c"])
