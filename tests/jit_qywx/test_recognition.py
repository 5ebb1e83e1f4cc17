"""Of a list that changed only the rest is read, and what is put together of both parts is the list."""

from __future__ import annotations

import gc
import json
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_corps.fingerprints import Digests, Fingerprint
from jit_qywx.listing import Listing
from jit_qywx.mapping import Mapper
from jit_qywx.member_texts import MemberTexts, are_of, memberId_of
from jit_qywx.recognition import Page, read_page
from jit_qywx.scope import VisibleScope

DIGESTS = Digests(b"nobody knows")
texts = st.text(max_size=12)
ids = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
#: Texts and nested records that look like what stands between two members.
nasty = st.sampled_from(['},{"userid":"x"', "}]", '[{"userid":', "\\", '"', "名"])
values = st.one_of(texts, nasty, st.integers(), st.lists(st.dictionaries(st.sampled_from(["userid", "a"]), texts)))
records = st.builds(
    lambda userid, more: {"userid": userid, **more, "department": [7]},
    ids,
    st.dictionaries(st.sampled_from(["name", "alias", "extattr", "z"]), values),
)


def text_of(members: list[dict], *, head: str = '"errcode":0,"errmsg":"ok",', escaped: bool = False) -> bytes:
    told = json.dumps(members, ensure_ascii=escaped, separators=(",", ":"))
    return f'{{{head}"userlist":{told}}}'.encode()


class Lists:
    """Asks as a client does: shows the answer's text, and reads what it is given back."""

    def __init__(self) -> None:
        self.text = b""
        self.read: list[str] = []
        self.user = self

    def list_news(self, _deptId, news):
        wanted = news(self.text)
        told = json.loads(wanted)["userlist"] if wanted else []
        self.read = [one["userid"] for one in told]
        return told


class Said:
    """Remembers what one department's list said."""

    digests = DIGESTS

    def __init__(self, fingerprint: Fingerprint | None = None) -> None:
        self.fingerprint = fingerprint

    def said(self, _deptId) -> Fingerprint | None:
        return self.fingerprint


mapper = Mapper(VisibleScope(departments=(), users=(), tags=(), permissions=frozenset({"user_name"})))


def read(said: Fingerprint | None, text: bytes) -> tuple[Page, list[str]]:
    lists = Lists()
    lists.text = text
    page = read_page(lists, Said(said), mapper, "7")
    return page, lists.read


def everybody(page: Page) -> list:
    return sorted([*page.told, *(page.repeated or ())], key=repr)


def plain(*memberIds: str, **more: object) -> list[dict]:
    return [{"userid": memberId, "name": memberId.upper(), "department": [7], **more} for memberId in memberIds]


@given(st.lists(records, max_size=6), st.lists(records, max_size=6), st.data())
def test_whatever_a_list_repeats_it_tells_as_a_whole(before, others, data):
    """Any two lists, whatever their texts look like: the second tells the same, known or not."""
    kept = data.draw(st.lists(st.sampled_from(before), max_size=6)) if before else []
    after = data.draw(st.permutations([*kept, *others]))
    said = read(None, text_of(before))[0].fingerprint
    page, _ = read(said, text_of(after))
    whole, _ = read(None, text_of(after))
    assert everybody(page) == everybody(whole)
    assert page.fingerprint == whole.fingerprint


def test_only_what_changed_is_read():
    """One of four has another name, one left, one came."""
    said = read(None, text_of(plain("anna", "ben", "cora", "dan")))[0].fingerprint
    page, was_read = read(said, text_of([*plain("anna"), *plain("ben", alias="B"), *plain("dan", "eve")]))
    assert was_read == ["ben", "eve"]
    assert [one.memberId for one in page.repeated] == ["anna", "dan"]
    assert len(page.repeated) == 2
    assert page.partly == ({"anna", "dan"}, {"ben", "eve"})
    assert page.fingerprint.members == 4
    assert len(page.fingerprint.each) == 4


def test_a_list_that_says_what_it_said_is_not_read():
    """It is kept as it came."""
    said = read(None, text_of(plain("anna", "ben")))[0].fingerprint
    page, was_read = read(said, text_of(plain("anna", "ben")))
    assert was_read == page.told == []
    assert page.is_repeated
    assert page.fingerprint == said


def test_somebody_who_left_is_no_news_and_seen_all_the_same():
    """Nothing of the list has to be read; who is repeated is told, so that who is not is found."""
    said = read(None, text_of(plain("anna", "ben")))[0].fingerprint
    page, was_read = read(said, text_of(plain("ben")))
    assert was_read == []
    assert not page.is_repeated
    assert page.partly == ({"ben"}, set())


def test_what_else_an_answer_says_is_read_of_every_one():
    """An error that comes with a part of the list, or an end that is missing, is no shorter list."""
    said = read(None, text_of(plain("anna", "ben")))[0].fingerprint
    wanted: list[bytes] = []

    class Noting(Lists):
        def list_news(self, _deptId, news):
            wanted.append(news(self.text))
            return []

    lists = Noting()
    for lists.text in (text_of(plain("ben"), head='"errcode":-1,"errmsg":"busy",'), text_of(plain("ben"))[:-1]):
        read_page(lists, Said(said), mapper, "7")
    assert wanted == [b'{"errcode":-1,"errmsg":"busy","userlist":[]}', b'{"errcode":0,"errmsg":"ok","userlist":[]']


@pytest.mark.parametrize(
    "after",
    [
        plain("anna", "anna", "cora"),
        [*plain("anna"), *plain("anna", alias="A")],
        [*plain("anna"), *plain("cora", "cora")],
        [*plain("anna"), {"userid": "cora", "name": "C", "department": [8]}],
        [*plain("anna"), *plain("cora", direct=[{"userid": "x"}, *plain("ben"), {"userid": "y"}])],
        plain("cora", "dan"),
        [],
    ],
    ids=[
        "repeated twice",
        "said anew too",
        "news twice",
        "says to be elsewhere",
        "nested",
        "nobody repeated",
        "nobody",
    ],
)
def test_what_is_not_plain_is_read_whole(after):
    """Somebody is listed twice, or does not say to be in the department, or nothing is known."""
    said = read(None, text_of(plain("anna", "ben")))[0].fingerprint
    page, _ = read(said, text_of(after))
    assert page.repeated is page.partly is None
    assert len(page.told) == len(after)


@pytest.mark.parametrize(
    "text",
    [
        text_of(plain("名"), escaped=True),
        text_of([{"name": "Anna", "userid": "anna", "department": [7]}]),
        text_of([{"userid": 12, "department": [7]}]),
        text_of(plain('a"b')),
        text_of(plain("anna", direct=[{"userid": "b"}, {"userid": "c"}])),
        b'{"errcode": 0, "userlist": [{"userid": "anna", "department": [7]}]}',
    ],
    ids=["escaped", "id not first", "number", "quote in id", "nested", "spaces"],
)
def test_a_list_made_differently_is_known_as_a_whole_only(text):
    """Its members have no marks; it is recognised when it comes again, and read whole when not."""
    page, _ = read(None, text)
    assert page.fingerprint.marks == ""
    assert read(page.fingerprint, text)[0].is_repeated
    again, _ = read(page.fingerprint, text.replace(b'"errcode"', b'"x":1,"errcode"'))
    assert again.repeated is None
    assert again.told == page.told


def test_what_stands_before_an_id_is_a_part_of_its_member():
    """Of a member whose id is not said first, something before it may look like where the list begins."""
    before = [{"name": "Anna", "leaders": [{"userid": "anna"}], "userid": "anna", "department": [7]}]
    said = read(None, text_of(before))[0].fingerprint
    page, _ = read(said, text_of([{**before[0], "name": "Anne"}]))
    assert [one.name for one in everybody(page)] == ["Anne"]
    assert page.repeated is None


def test_each_try_of_a_call_counts_for_itself():
    """A call is repeated after a refusal; what the refusal's text says is forgotten."""
    said = read(None, text_of(plain("anna", "ben")))[0].fingerprint

    class Twice(Lists):
        def list_news(self, deptId, news):
            assert news(b'{"errcode":-1,"errmsg":"busy"}') == b'{"errcode":-1,"errmsg":"busy"}'
            return super().list_news(deptId, news)

    lists = Twice()
    lists.text = text_of(plain("anna", "ben"))
    assert read_page(lists, Said(said), mapper, "7").is_repeated


@pytest.mark.parametrize("after", [plain("anna", "ben"), plain("ben", "cora")], ids=["whole", "a part"])
def test_what_lies_in_a_file_is_not_held_in_memory_as_well(after):
    """Of a million members the lists are put into a file; how one is read must not hold on to what it said."""
    said = read(None, text_of(plain("anna", "ben")))[0].fingerprint
    text = text_of(after)
    listing = Listing(held=0)
    # Some of those who are listed first are held, to know the enterprise by.
    listing.add("1", read(None, text_of(plain("x", "y", "z")))[0].told)
    page, _ = read(said, text)
    listing.add("7", page.told, page.repeated)
    del page
    gc.collect()
    assert not [one for one in gc.get_referrers(text) if one is not globals() and not isinstance(one, FrameType)]
    assert {one.memberId for one in listing.told_by("7")} == {one["userid"] for one in after}


def test_pieces_name_their_members():
    """An id is read off a piece that says it as it is."""
    found = MemberTexts.of(text_of(plain("anna", "名")))
    assert list(map(memberId_of, found.each)) == ["anna", "名"]
    assert are_of(found.each, ["anna", "名"])
    assert not are_of(found.each, ["anna"])
    assert not are_of(found.each, ["ann", "名"])
    assert MemberTexts.of(found.only(found.each[1:])).each == found.each[1:]
    assert len({DIGESTS.mark(piece) for piece in found.each}) == 2
