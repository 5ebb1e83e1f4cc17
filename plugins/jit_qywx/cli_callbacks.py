"""``jit callbacks``: what WeCom sent, what became of it, and once more.

Contents are shown by a list of what may be shown: a callback can hold a ticket, an auth code, or a person's data.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jit_qywx.auths.loginTypes.QywxProxyType import QywxProxyAuth
    from jit_qywx.journal import CallbackRecord
    from jitcore import App

__all__ = ["callbacks"]

_STATES = ("received", "working", "done", "parked")
#: Ids, kinds and times; everything else is a secret, a person's, or unknown to us.
_SHOWN = frozenset(
    {
        *("SuiteId", "InfoType", "TimeStamp", "AuthCorpId", "ToUserName", "FromUserName", "CreateTime", "MsgType"),
        *("Event", "ChangeType", "AgentID", "UserID", "NewUserID", "Department", "MainDepartment", "IsLeaderInDept"),
        *("Status", "Id", "ParentId", "Order", "TagId", "AddUserItems", "DelUserItems", "AddPartyItems"),
        *("DelPartyItems", "JobId", "JobType", "ErrCode"),
    }
)
_MASK = "***"


@click.group("callbacks")
def callbacks() -> None:
    """Look at what WeCom sent, and have it worked on again."""


@callbacks.command("list")
@click.argument("name", required=False)
@click.option("--state", type=click.Choice(_STATES), help="Only those.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.pass_obj
def list_callbacks(open_app: Callable[[], App], name: str | None, state: str | None, limit: int, as_json: bool) -> None:
    """List received callbacks, newest first: of the auth element NAME, or of all."""
    found = [(auth.fullName, record) for auth in _auths(open_app(), name) for record in auth.callbacks(state, limit)]
    found.sort(key=lambda pair: -pair[1].id)
    if as_json:
        click.echo(json.dumps([_as_dict(auth, record) for auth, record in found[:limit]], ensure_ascii=False, indent=2))
        return
    for auth, record in found[:limit]:
        click.echo(_line(auth, record))
    if not found:
        click.echo("No callbacks.")


@callbacks.command("show")
@click.argument("recordid", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.pass_obj
def show(open_app: Callable[[], App], recordid: int, as_json: bool) -> None:
    """Show one callback; secrets and what is known of persons are masked."""
    auth = _auth_of(open_app(), recordid)
    record, fields = auth.callback(recordid)
    shown = {key: value if key in _SHOWN or not value else _MASK for key, value in fields.items()}
    if as_json:
        click.echo(json.dumps({**_as_dict(auth.fullName, record), "fields": shown}, ensure_ascii=False, indent=2))
        return
    click.echo(_line(auth.fullName, record))
    for key, value in shown.items():
        click.echo(f"  {key:<16} {value}")


@callbacks.command("retry")
@click.argument("recordid", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.pass_obj
def retry(open_app: Callable[[], App], recordid: int, as_json: bool) -> None:
    """Do once more what a callback asks for, now, and show how that went."""
    auth = _auth_of(open_app(), recordid)
    record = auth.retryCallBack(recordid)
    told = json.dumps(_as_dict(auth.fullName, record), ensure_ascii=False, indent=2)
    click.echo(told if as_json else _line(auth.fullName, record))


def _auths(app: App, name: str | None) -> Iterator[QywxProxyAuth]:
    from jit_qywx.enterprises import auth_elements

    names = [name] if name is not None else [found for found, _ in auth_elements(app)]
    for one in names:
        auth = app.getElement(one)
        if not hasattr(auth, "retryCallBack"):
            raise click.UsageError(f"{one} is no auth element of a WeCom suite.")
        yield auth


def _auth_of(app: App, recordId: int) -> QywxProxyAuth:
    """The auth element that received a callback: ids count through all of them."""
    from jit_qywx.errors import CallbackUnknown

    missing = CallbackUnknown(
        f"No callback is recorded as {recordId}.", recordId=recordId, hint="jit callbacks list shows the records."
    )
    for auth in _auths(app, None):
        try:
            auth.callback(recordId)
        except CallbackUnknown:
            continue
        return auth
    raise missing


def _line(auth: str, record: CallbackRecord) -> str:
    at = dt.datetime.fromtimestamp(record.received_at, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
    words = [f"{record.id:>6}", at, auth, record.info_type, record.corpId or "-", record.state]
    if record.attempts != 1:
        words.append(f"tried {record.attempts} times")
    if record.repeats:
        words.append(f"came {record.repeats + 1} times")
    return "  ".join(words) + (f"  {record.reason}" if record.reason else "")


def _as_dict(auth: str, record: CallbackRecord) -> dict[str, Any]:
    return {"auth": auth, **asdict(record)}
