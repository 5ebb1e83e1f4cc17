"""What a callback asks for: ids to read again, everything, or nothing, whatever form and order it comes in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from jit_corps.snapshot import Targets
from jit_qywx.contact_events import MOST_TARGETS, Work, work_of
from jit_qywx.emulator import Emulator
from jit_qywx.emulator.changes import Change

APP = {"ToUserName": "ww1", "FromUserName": "sys", "CreateTime": "1", "MsgType": "event", "Event": "change_contact"}
THIRD_PARTY = {"SuiteId": "ww2", "AuthCorpId": "ww1", "InfoType": "change_contact", "TimeStamp": "1"}
MEMBER = Targets(members=frozenset({"zhangsan"}))
DEPARTMENT = Targets(departments=frozenset({"2"}))
DELETED_MEMBER = Targets(members=frozenset({"zhangsan"}), deleted=frozenset({"zhangsan"}))
DELETED_DEPARTMENT = Targets(departments=frozenset({"2"}), deleted=frozenset({"2"}))
TAG = Targets(roles=frozenset({"tag:7"}))


def event(**fields: str) -> Any:
    return SimpleNamespace(fields=fields)


@pytest.mark.parametrize("head", [APP, THIRD_PARTY], ids=["app", "third-party"])
@pytest.mark.parametrize(
    ("fields", "targets"),
    [
        ({"ChangeType": "create_user", "UserID": "zhangsan", "Name": "张三", "Department": "1,2"}, MEMBER),
        ({"ChangeType": "update_user", "UserID": "zhangsan", "MainDepartment": "2"}, MEMBER),
        ({"ChangeType": "delete_user", "UserID": "zhangsan"}, DELETED_MEMBER),
        ({"ChangeType": "update_user", "OpenUserID": "zhangsan"}, MEMBER),
        ({"ChangeType": "update_user", "UserID": "zhangsan", "OpenUserID": "wo1"}, MEMBER),
        ({"ChangeType": "create_party", "Id": "2", "ParentId": "1"}, DEPARTMENT),
        ({"ChangeType": "update_party", "Id": "2"}, DEPARTMENT),
        ({"ChangeType": "delete_party", "Id": "2"}, DELETED_DEPARTMENT),
        ({"ChangeType": "update_tag", "TagId": "7", "AddUserItems": "lisi", "DelPartyItems": "1"}, TAG),
    ],
)
def test_both_forms_name_the_record(head: dict[str, str], fields: dict[str, str], targets: Targets) -> None:
    """An app's own event and that of a third-party suite both lead to the one record that changed."""
    assert work_of([event(**head, **fields)]) == Work(targets)


def test_who_the_event_is_for_does_not_matter() -> None:
    """An empty ToUserName was seen on real events; the enterprise is known from the callback URL."""
    told = {**APP, "ToUserName": "", "ChangeType": "update_user", "UserID": "zhangsan", "MainDepartment": "2"}
    assert work_of([event(**told)]) == Work(MEMBER)


def test_padded_texts_and_other_spellings() -> None:
    """White space around a text, and elements or values in another case, mean the same."""
    told = {"InfoType": " change_contact ", "ChangeType": "\n Update_User\n", "UserId": "\tzhangsan "}
    assert work_of([event(**told)]) == Work(MEMBER)
    assert work_of([event(Event="CHANGE_CONTACT", changetype="update_party", ID=" 002")]) == Work(DEPARTMENT)


def test_fields_of_old_editions_are_no_matter() -> None:
    """Whatever else an edition of the event says of the member is not looked at."""
    told = {**THIRD_PARTY, "ChangeType": "update_user", "UserID": "zhangsan", "IsLeader": "1", "EnglishName": "z"}
    assert work_of([event(**told)]) == Work(MEMBER)


def test_a_rename_names_both_ids() -> None:
    """NewUserID is believed as far as it goes: both ids are read, and the pair is kept."""
    [pair] = [("zhangsan", "zhang.san")]
    work = work_of([event(**APP, ChangeType="update_user", UserID=pair[0], NewUserID=pair[1])])
    assert work == Work(Targets(members=frozenset(pair), renames=frozenset({pair})))
    assert work_of([event(**APP, ChangeType="update_user", UserID="zhangsan", NewUserID="zhangsan")]) == Work(MEMBER)


def test_a_batch_becomes_one_piece_of_work() -> None:
    """Order and repeats do not matter; the same record is one target."""
    events = [
        event(**APP, ChangeType="update_user", UserID="zhangsan", Name="张三"),
        event(**APP, ChangeType="update_tag", TagId="7", AddUserItems="zhangsan"),
        event(**APP, ChangeType="create_party", Id="2"),
        event(**APP, ChangeType="delete_user", UserID="zhangsan"),
    ]
    expected = Work(DELETED_MEMBER | TAG | DEPARTMENT)
    assert work_of(events) == work_of(events[::-1] * 3) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"Event": "enter_agent"},
        {"Event": "subscribe", "FromUserName": "zhangsan"},
        {"Event": "unsubscribe", "FromUserName": "zhangsan"},
        {"Event": "change_app_admin"},
        {"Event": "close_inactive_agent"},
        {"Event": "click", "EventKey": "menu"},
        {"Event": "batch_job_result", "BatchJob": "", "BatchJob.JobType": "export_user"},
        {"InfoType": "suite_ticket"},
        {"MsgType": "text", "Content": "change_contact"},
        {},
    ],
)
def test_what_changes_no_organisation_is_no_work(fields: dict[str, str]) -> None:
    """Messages and events about other things ask for nothing."""
    assert not work_of([event(**fields)])


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"InfoType": "change_auth"}, "visible range"),
        ({"Event": "reopen_inactive_agent"}, "closed"),
        ({"Event": "batch_job_result", "BatchJob": ""}, "import"),
        ({"InfoType": "batch_job_result", "BatchJob.JobType": "sync_user"}, "import"),
        ({**APP, "ChangeType": "create_galaxy"}, "create_galaxy"),
        (APP, "unknown kind"),
        ({**APP, "ChangeType": "update_user"}, "no usable id"),
        ({**APP, "ChangeType": "update_user", "UserID": "x" * 65}, "no usable id"),
        ({**APP, "ChangeType": "update_user", "UserID": "a", "NewUserID": "字" * 22}, "no usable id"),
        ({**APP, "ChangeType": "create_party", "Id": "two"}, "no usable id"),
        ({**APP, "ChangeType": "delete_user"}, "no usable id"),
        ({**APP, "ChangeType": "delete_party", "Id": "-1"}, "no usable id"),
        ({**APP, "ChangeType": "update_tag", "TagId": ""}, "no usable id"),
    ],
)
def test_what_changed_something_untold_means_reading_everything(fields: dict[str, str], why: str) -> None:
    """An event that says "something changed" and not what leads to a full reading, with the reason."""
    work = work_of([event(**fields)])
    assert not work.targets
    assert work.reconcile is not None
    assert why in work.reconcile


def test_too_many_records_mean_reading_everything() -> None:
    """A reorganisation of hundreds of records is read as a whole, but nobody's rename is lost over it."""
    events = [event(**APP, ChangeType="create_user", UserID=f"user{number}") for number in range(MOST_TARGETS)]
    work = work_of(events)
    assert (len(work.targets.members), work.reconcile) == (MOST_TARGETS, None)
    events.append(event(**APP, ChangeType="update_user", UserID="old", NewUserID="new"))
    work = work_of(events)
    assert work.targets == Targets(renames=frozenset({("old", "new")}))
    assert "502 records" in str(work.reconcile)


def test_targets_and_a_reason_come_together() -> None:
    """One odd event in a batch does not keep the others from being worked off at once."""
    work = work_of([event(**APP, ChangeType="update_user", UserID="zhangsan"), event(InfoType="change_auth")])
    assert work.targets == MEMBER
    assert work.reconcile


def test_every_event_the_emulator_sends_is_understood(wecom_emulator: Emulator) -> None:
    """Each kind of edit is announced in words that lead to the edited record."""
    wecom_emulator.add_corp("ww1", "企业")
    wecom_emulator.install("ww1")
    org = wecom_emulator.org("ww1")
    changes: list[Change] = [
        org.add_department("甲", department_id=2),
        org.update_department(2, name="乙"),
        org.add_member("zhangsan", departments=(2,)),
        org.rename_member("zhangsan", "zhang.san"),
        org.quit_member("zhang.san"),
        org.add_tag("标签", tag_id=7),
        org.tag(7, add_departments=(2,)),
    ]
    from jit_qywx.callback import parse_app_event

    events = [
        parse_app_event(wecom_emulator.callbacks.change(wecom_emulator.app("ww1"), change).plaintext.encode(), "ww1")
        for change in changes
    ]
    assert work_of(events) == Work(
        DEPARTMENT | TAG | Targets(renames=frozenset({("zhangsan", "zhang.san")}), deleted=frozenset({"zhang.san"}))
    )


@pytest.mark.parametrize(("kind", "asks"), [("export_user", False), ("export_department", False), ("sync_user", True)])
def test_the_end_of_an_export_is_told_apart_from_that_of_an_import(
    wecom_emulator: Emulator, kind: str, asks: bool
) -> None:
    """As WeCom sends it: an answer to one's own export by another sync would never end."""
    from jit_qywx.callback import parse_app_event

    wecom_emulator.add_corp("ww1")
    told = {"JobId": "jobid_1", "JobType": kind, "ErrCode": 0, "ErrMsg": "ok"}
    app = wecom_emulator.install("ww1")
    message = wecom_emulator.callbacks.app_event(app, "batch_job_result", BatchJob=told).plaintext
    assert bool(work_of([parse_app_event(message.encode(), "ww1")])) == asks
