"""The commands around WeCom: ``jit qywx emulator``, ``jit qywx authorize`` and ``jit demo``.

Only click is imported to show their help. Errors of jitcore are shown by the root group.
"""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from jit_qywx.cli_authorizations import COMMANDS, auth_element
from jitcore.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_qywx.authorizations import Authorization
    from jit_qywx.emulator import Emulator
    from jitcore import App

__all__ = ["demo", "qywx"]


class SuiteSettings(NamedTuple):
    """A suite of the emulator."""

    suiteId: str
    suiteSecret: str
    token: str
    encodingAESKey: str


#: What the emulator runs with unless told otherwise: the defaults of the sample app's variables, so that both find each
#: other. They open nothing but the emulator.
EMULATED_SUITE = SuiteSettings(
    "dkdemosuite0000000",
    "the-emulators-suite-secret",
    "theEmulatorsToken",
    "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
)
EMULATED_PORT = 8765


def emulated_corps(count: int) -> list[str]:
    """Ids of the emulator's enterprises: ``wwdemocorpa0000000`` and so on."""
    letters = string.ascii_lowercase
    return [f"wwdemocorp{letters[number]}0000000" for number in range(count)]


@click.group("qywx")
def qywx() -> None:
    """Work with WeCom: an emulator, authorisations."""


@qywx.command("emulator")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=EMULATED_PORT, show_default=True, help="0 takes a free one."
)
@click.option("--corps", type=click.IntRange(1, 26), default=2, show_default=True, help="How many enterprises.")
@click.option("--members", type=click.IntRange(0), default=120, show_default=True, help="Members of each.")
@click.option("--departments", type=click.IntRange(1), default=12, show_default=True, help="Departments of each.")
@click.option("--tags", type=click.IntRange(0), default=5, show_default=True, help="Tags of each.")
@click.option("--seed", default="0", show_default=True, help="Decides names and shapes; the same seed, the same WeCom.")
@click.option("--callback", default="", metavar="URL", help="Template callback URL: gets tickets and authorisations.")
@click.option("--app-callback", default="", metavar="URL", help="App callback URL, $CORPID$ in it: gets every edit.")
@click.option(
    "--ticket-every", type=click.FloatRange(0.1), default=600.0, show_default=True, help="Seconds between two tickets."
)
@click.option(
    "--redirect-domain", default="127.0.0.1:8000", show_default=True, help="Host that login pages may lead back to."
)
@click.option("--json", "as_json", is_flag=True, help="Print the credentials as JSON for a program.")
def emulator(
    port: int,
    corps: int,
    members: int,
    departments: int,
    tags: int,
    seed: str,
    callback: str,
    app_callback: str,
    ticket_every: float,
    redirect_domain: str,
    as_json: bool,
) -> None:
    """Run a WeCom of your own until you press Ctrl-C.

    It listens on this machine only. The sample app's defaults fit the emulator's.
    """
    from jit_qywx.emulator.serving import serve

    try:
        serve(
            port=port,
            seed=seed,
            corps=emulated_corps(corps),
            members=members,
            departments=departments,
            tags=tags,
            suite=EMULATED_SUITE,
            callback=callback,
            app_callback=app_callback,
            ticket_every=ticket_every,
            redirect_domain=redirect_domain,
            on_ready=_print_json if as_json else _print_ready,
        )
    except OSError as error:
        raise ArgumentError(
            f"The emulator cannot listen on port {port}: {error.strerror}.", hint="Choose another with --port, or 0."
        ) from error


@qywx.command("authorize")
@click.argument("name")
@click.argument("authcode")
@click.option("--ticket", metavar="TICKET", help="A suite_ticket, when no callback has brought one yet.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.pass_obj
def authorize(open_app: Callable[[], App], name: str, authcode: str, ticket: str | None, as_json: bool) -> None:
    """Exchange AUTHCODE for an enterprise's permanent code, in the auth element NAME.

    The create_auth callback does the same by itself. An auth code is good once, for ten minutes.
    """
    element = auth_element(open_app(), name)
    if ticket:
        element.setSuiteTicket(ticket)
    authorization: Authorization = element.authorize(authcode)
    if as_json:
        shown = ("suiteId", "corpId", "corpName", "agentId", "state")
        click.echo(json.dumps({each: getattr(authorization, each) for each in shown}, ensure_ascii=False, indent=2))
        return
    told = authorization.corpName or "The enterprise"
    click.echo(f"{told} ({authorization.corpId}) authorised {authorization.suiteId}; AgentId {authorization.agentId}.")
    click.echo(
        f'A corp element with "corpId": "{authorization.corpId}" and "authFullName": "{name}" can now be synced.'
    )


for _command in COMMANDS:
    qywx.add_command(_command)


@click.command("demo")
@click.option("--members", type=click.IntRange(0), default=18, show_default=True, help="Members of each enterprise.")
@click.option("--departments", type=click.IntRange(1), default=6, show_default=True, help="Departments of each.")
@click.option("--seed", default="demo", show_default=True, help="Decides names and shapes.")
@click.pass_obj
def demo(opener: Any, members: int, departments: int, seed: str) -> int:
    """Sync two enterprises from an emulator and show them.

    Works on a copy of the app in a temporary folder: its database stays as it is.
    """
    from jit_qywx.demo import run_demo

    return run_demo(opener.path, members=members, departments=departments, seed=seed)


def _print_ready(emulator: Emulator) -> None:
    suite = emulator.suite
    click.echo(f"WeCom emulator at {emulator.base_url} (Ctrl-C ends it)")
    click.echo(f"  suite          {suite.id}")
    click.echo(f"  secret         {suite.secret}")
    click.echo(f"  token          {suite.token}")
    click.echo(f"  encodingAESKey {suite.aes_key}")
    click.echo(f"  provider       {emulator.provider_corpid}")
    click.echo(f"  its secret     {emulator.provider_secret}")
    click.echo(f"  suite_ticket   {emulator.new_ticket(suite.id)}  (30 minutes)")
    for corp in emulator.platform.corps.values():
        click.echo(f"  enterprise     {corp.corpid}  {corp.name}: {len(corp.org.members)} members")
        click.echo(f"    auth code    {emulator.authorize(corp.corpid, suite.id)}  (10 minutes, once)")
    click.echo("With the sample app: jit --app sample_app qywx authorize auths.QywxProxyAuth AUTHCODE --ticket TICKET")


def _print_json(emulator: Emulator) -> None:
    from jit_qywx.emulator.control import describe

    told = describe(emulator)
    told["suite_ticket"] = emulator.new_ticket(emulator.suite.id)
    told["auth_codes"] = {corpid: emulator.authorize(corpid, emulator.suite.id) for corpid in emulator.platform.corps}
    click.echo(json.dumps(told, ensure_ascii=False))
