"""The XML of callbacks: what WeCom sends is read, what an attacker sends is refused."""

from __future__ import annotations

import pytest

from jit_qywx.callback import parse_app_event, parse_envelope, parse_template_event
from jit_qywx.errors import PayloadInvalid

TICKET = b"""<xml>
  <SuiteId><![CDATA[dk4asffe9xxx4c0f4c]]></SuiteId>
  <InfoType> <![CDATA[suite_ticket]]></InfoType>
  <TimeStamp>1403610513</TimeStamp>
  <SuiteTicket><![CDATA[the ticket]]></SuiteTicket>
</xml>"""


def test_event_fields_are_stripped() -> None:
    """WeCom's own sample has a space before a CDATA section; the text counts without it."""
    event = parse_template_event(TICKET)
    assert (event.info_type, event.fields["SuiteId"], event.time_stamp) == (
        "suite_ticket",
        "dk4asffe9xxx4c0f4c",
        1403610513,
    )
    assert event.fields["SuiteTicket"] == "the ticket"
    assert event.corpId is None


def test_elements_inside_a_field_are_told_by_both_names() -> None:
    """What WeCom nests one step deeper, such as the kind of a batch job, is there under the names of the way to it."""
    nested = TICKET.replace(b"the ticket", b"]]><JobType><![CDATA[export_user]]></JobType><![CDATA[")
    assert parse_template_event(nested).fields["SuiteTicket.JobType"] == "export_user"


def test_repr_of_an_event_hides_its_fields() -> None:
    """An event may hold a ticket or an auth code, so its repr shows none of its fields."""
    assert "the ticket" not in repr(parse_template_event(TICKET))


def test_same_content_has_the_same_digest() -> None:
    """Two deliveries of one event are told by content alone."""
    assert parse_template_event(TICKET).digest == parse_template_event(TICKET).digest
    assert parse_template_event(TICKET).digest != parse_template_event(TICKET.replace(b"13<", b"14<")).digest


def test_envelope_in_any_order() -> None:
    """The order of the envelope's elements differs between WeCom's samples."""
    assert parse_envelope(b"<xml><Encrypt><![CDATA[abc]]></Encrypt><ToUserName>x</ToUserName></xml>") == "abc"
    assert parse_envelope(b"<xml><AgentID></AgentID><Encrypt>abc</Encrypt></xml>") == "abc"


def test_nested_elements_do_not_leak_into_fields() -> None:
    """Only the root's children are fields."""
    event = parse_template_event(
        b"<xml><InfoType>x</InfoType><TimeStamp>1</TimeStamp><Job><SuiteTicket>evil</SuiteTicket></Job></xml>"
    )
    assert "SuiteTicket" not in event.fields


def test_text_in_cdata_may_look_like_a_doctype() -> None:
    """A member's name that looks like markup is text."""
    event = parse_template_event(
        b"<xml><InfoType>x</InfoType><TimeStamp>1</TimeStamp><N><![CDATA[<!DOCTYPE a>]]></N></xml>"
    )
    assert event.fields["N"] == "<!DOCTYPE a>"


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>',
        b"<!DOCTYPE xml><xml><Encrypt>a</Encrypt></xml>",
        b"<!-- <![CDATA[ --><!DOCTYPE x [<!ENTITY a 'b'>]><!-- ]]> --><xml><Encrypt>&a;</Encrypt></xml>",
        b"<xml><Encrypt>&undefined;</Encrypt></xml>",
        "<xml><Encrypt>a</Encrypt></xml>".encode("utf-16"),
        b'<?xml version="1.0" encoding="utf-7"?><xml><Encrypt>+ADw-</Encrypt>',
        b"<xml><Encrypt>a</Encrypt>",
        b"<xml></xml>",
        b"<xml><Encrypt>  </Encrypt></xml>",
        b"",
        b"{}",
        b"\xff\xfe",
        b"<xml>" + b"a" * 1_000_001 + b"</xml>",
    ],
)
def test_unusable_envelopes_are_refused(body: bytes) -> None:
    """Document types, entities, other encodings, garbage and oversize are refused with our error."""
    with pytest.raises(PayloadInvalid):
        parse_envelope(body)


@pytest.mark.parametrize(
    "message",
    [
        b"<xml><MsgType>event</MsgType><Event>change_contact</Event></xml>",
        b"<xml><InfoType>suite_ticket</InfoType></xml>",
        b"<xml><InfoType>suite_ticket</InfoType><TimeStamp>-1</TimeStamp></xml>",
        b"<xml><InfoType>suite_ticket</InfoType><TimeStamp>now</TimeStamp></xml>",
    ],
)
def test_messages_that_are_no_template_events_are_refused(message: bytes) -> None:
    """An app's own event, or one without a usable TimeStamp, is refused."""
    with pytest.raises(PayloadInvalid):
        parse_template_event(message)


APP_EVENT = (
    b"<xml><ToUserName></ToUserName><MsgType><![CDATA[event]]></MsgType><Event>change_contact</Event>"
    b"<CreateTime>7</CreateTime><ChangeType>update_user</ChangeType></xml>"
)


def test_an_apps_event_belongs_to_the_enterprise_of_the_url() -> None:
    """ToUserName was seen empty, so the enterprise is told by whoever received it."""
    event = parse_app_event(APP_EVENT, "wwcorp")
    assert (event.info_type, event.corpId, event.time_stamp) == ("change_contact", "wwcorp", 7)
    assert event.digest != parse_app_event(APP_EVENT, "wwother").digest


def test_an_apps_message_is_named_for_its_kind() -> None:
    """What a member writes to the app is no event."""
    message = b"<xml><MsgType>text</MsgType><CreateTime>7</CreateTime><Content>hello</Content></xml>"
    assert parse_app_event(message, "wwcorp").info_type == "text"


@pytest.mark.parametrize(
    "message",
    [b"<xml><CreateTime>7</CreateTime></xml>", b"<xml><MsgType>event</MsgType><CreateTime>7</CreateTime></xml>"],
)
def test_messages_that_no_app_sends_are_refused(message: bytes) -> None:
    """Without MsgType, or an event without its name, nothing can be done."""
    with pytest.raises(PayloadInvalid):
        parse_app_event(message, "wwcorp")


@pytest.mark.parametrize(
    "body",
    [
        b"<x>" + b"<a/>" * 200_000 + b"</x>",
        b"<x>" + b"<a>" * 200_000,
        b"<x><a>" + b"&amp;" * 190_000 + b"</a></x>",
        b"<x><a>" + b"a\n" * 490_000 + b"</a></x>",
        b"<x " + b" ".join(b"a%d='1'" % number for number in range(80_000)) + b"/>",
        b"<" + b"a" * 990_000,
    ],
)
def test_a_large_document_costs_no_more_than_its_length(body: bytes) -> None:
    """It is read before its signature was checked, so nothing in it may multiply the work."""
    import time

    begun = time.process_time()
    with pytest.raises(PayloadInvalid):
        parse_envelope(body)
    assert time.process_time() - begun < 2
