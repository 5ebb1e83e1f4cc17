"""The commands about grants: ``jit qywx authorizations``, ``install-link``, ``resume``, ``erase``.

They ask the auth elements and print; nothing here decides anything.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from jitcore.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from jit_qywx.auths.loginTypes.QywxProxyType import QywxProxyAuth
    from jit_qywx.erasing import Erasure
    from jitcore import App

__all__ = ["COMMANDS", "auth_element"]

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")


@click.command("authorizations")
@click.argument("name", required=False)
@_as_json
@click.pass_obj
def authorizations(open_app: Callable[[], App], name: str | None, as_json: bool) -> None:
    """List the enterprises that authorised the auth element NAME, or any.

    Each with its state: created, active, suspended, cancelled. Parked ones are not asked about: WeCom refused their
    secret, or a quota of theirs is used up for a while. What was erased is told at the end.
    """
    app = open_app()
    auths = [auth_element(app, name)] if name else _auth_elements(app)
    rows = [row for auth in auths for row in _rows(auth)]
    # Two auth elements may be of one suite, whose records are the same.
    records = {record.id: record for auth in auths for record in auth.erasures()}
    if as_json:
        told = {"authorizations": rows, "erasures": [asdict(record) for record in records.values()]}
        _print_json(told)
        return
    if rows:
        heads = ("enterprise", "name", "state", "since", "agent", "auth", "why")
        _print_table(heads, [[_cell(row, head) for head in heads] for row in rows])
    else:
        click.echo("No enterprise has authorised anything yet; jit qywx install-link makes the link that they open.")
    for record in records.values():
        click.echo(_sentence(record))


@click.command("install-link")
@click.argument("name")
@click.option("--state", default="", help="At most 32 letters and digits; comes back with the authorisation.")
@_as_json
@click.pass_obj
def install_link(open_app: Callable[[], App], name: str, state: str, as_json: bool) -> None:
    """Make the link with which enterprises authorise the suite of the auth element NAME.

    An administrator opens it, or scans it as a QR code; the create_auth callback does the rest. It works for ten days.
    """
    link = auth_element(open_app(), name).installLink(state)
    if as_json:
        _print_json(link._asdict())
        return
    click.echo(link.url)
    click.echo(f"Works for {link.expires_in // 86_400} days. Draw it as a QR code, or send it.", err=True)


@click.command("resume")
@click.argument("name")
@click.argument("corpid")
@click.pass_obj
def resume(open_app: Callable[[], App], name: str, corpid: str) -> None:
    """Try the enterprise CORPID of the auth element NAME again, parked or suspended, once.

    For when it has enabled the app again, or a quota is there again sooner than expected. A changed secret needs no
    such help.
    """
    authorization = auth_element(open_app(), name).resume(corpid)
    why = f": {authorization.reason}" if authorization.reason else ""
    click.echo(f"{authorization.corpName or 'The enterprise'} ({corpid}) is {authorization.state}{why}.")


@click.command("erase")
@click.argument("name")
@click.argument("corpid")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also when the enterprise has not cancelled.")
@_as_json
@click.pass_obj
def erase(open_app: Callable[[], App], name: str, corpid: str, yes: bool, force: bool, as_json: bool) -> None:
    """Delete everything kept of the enterprise CORPID of the auth element NAME.

    Its organisation and history, its secrets, its callbacks. It cannot be undone; what remains is a record that says
    so.
    """
    auth = auth_element(open_app(), name)
    if not yes:
        click.confirm(f"Erase everything that is kept of enterprise {corpid}?", abort=True, err=True)
    record = auth.erase(corpid, force=force)
    if as_json:
        _print_json(asdict(record))
    else:
        click.echo(_sentence(record))


COMMANDS = (authorizations, install_link, resume, erase)


def auth_element(app: App, name: str) -> QywxProxyAuth:
    """The auth element of a suite that has this name.

    :raises ArgumentError: the element is something else.
    """
    element: Any = app.getElement(name)
    if not hasattr(element, "installLink"):
        raise ArgumentError(
            f"{name} is no auth element of a WeCom suite.",
            hint="Name an instance of auths.loginTypes.QywxProxyType; jit list shows them.",
        )
    found: QywxProxyAuth = element
    return found


def _auth_elements(app: App) -> list[QywxProxyAuth]:
    from jit_qywx.enterprises import auth_elements

    return [auth_element(app, name) for name, _ in auth_elements(app)]


def _rows(auth: QywxProxyAuth) -> Iterable[dict[str, Any]]:
    parked = auth.parked()
    for authorization in auth.authorizations():
        yield {"auth": auth.fullName, **asdict(authorization), "parked": parked.get(authorization.corpId)}


def _cell(row: dict[str, Any], head: str) -> str:
    if head == "state":
        return f"{row['state']}, parked" if row["parked"] else str(row["state"])
    if head == "since":
        return "" if row["since"] is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(row["since"]))
    if head == "why" and row["parked"]:
        return str(row["parked"])
    value = row[{"enterprise": "corpId", "name": "corpName", "agent": "agentId", "why": "reason"}.get(head, head)]
    return "" if value is None else str(value)


def _sentence(record: Erasure) -> str:
    day = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.erased_at))
    counts = ", ".join(f"{count} of {table}" for table, count in record.counts.items()) or "nothing"
    return f"Erasure {record.id}, {day}: enterprise {record.corpId} of {record.suiteId}: {counts}."


def _print_json(told: Any) -> None:
    click.echo(json.dumps(told, ensure_ascii=False, indent=2))


def _print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [heads, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for number, line in enumerate(lines):
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        click.echo(click.style(text, bold=True) if number == 0 else text)
