"""Pages of a reading as JSON: nothing is lost but what must not be stored."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from jit_corps.snapshot import MemberRecord, Membership
from jit_qywx.mapping import Tag
from jit_qywx.pages import pack, unpack

texts = st.none() | st.text(max_size=8)
members = st.builds(
    MemberRecord,
    memberId=st.text(min_size=1, max_size=8),
    name=texts,
    active=st.none() | st.booleans(),
    reason=texts,
    departments=st.lists(
        st.builds(Membership, st.text(min_size=1, max_size=4), st.integers(0, 2**32), st.booleans()), max_size=3
    ).map(tuple),
    mainDeptId=texts,
    position=texts,
    alias=texts,
    email=texts,
    mobile=texts,
    telephone=texts,
    gender=texts,
    avatar=texts,
    openUserId=texts,
)


@given(st.lists(members, max_size=5))
def test_members_make_the_round_trip(told: list[MemberRecord]) -> None:
    """Each is told again as it was, with no address and no number."""
    again = unpack("7", json.loads(json.dumps(pack("7", told))))
    assert again == [record._replace(email=None, mobile=None, telephone=None) for record in told]


def test_nothing_secret_is_packed() -> None:
    """Neither a member's mail and numbers nor the names under a tag."""
    record = MemberRecord("zhangsan", email="canary@mail", mobile="13800000000", telephone="020-canary")
    users = [{"userid": "zhangsan", "name": "canary name"}]
    tag = Tag.of("7", {"tagname": "骨干", "userlist": users, "partylist": [3]})
    packed = json.dumps([pack("7", [record]), pack("tag:7", tag)], ensure_ascii=False)
    assert "canary" not in packed
    assert "13800000000" not in packed
    assert unpack("tag:7", json.loads(packed)[1]) == tag
