"""The emulator's controls over HTTP, so that another process can steer the one that runs.

    POST /_emulator/<method>      JSON object = the keyword arguments of the method of `Emulator` with that name;
                                  answers {"result": …}. Also faults.add, faults.remove, faults.release,
                                  faults.clear, limits.set, limits.set_published, limits.forget, limits.clear,
                                  latency.set, latency.clear, clock.advance, calls.clear, courier.wait, courier.hurry.
                                  follow answers the corp it follows; unfollow ends it.
    POST /_emulator/edit          {"corpid": …, "edit": "remove_member", "args": {…}, "push": url?}: an edit of the
                                  corp's organisation by the name of the method of `Org`
    POST /_emulator/generate      {"corpid": …, "name": …, "members": …, "departments": …, "tags": …, "seed": …}
    GET  /_emulator/state         suites with their credentials, corps, apps with their permanent codes, faults
    GET  /_emulator/calls         ?path=user/*&last=100: the record of calls, newest last
    GET  /_emulator/faults        the faults in force
    GET  /_emulator/deliveries    callbacks in the background: how many wait, were sent, accepted, refused, dropped,
                                  repeated

A wrong argument is HTTP 400 with {"error": …}, an unknown name 404. A body must be sent as application/json: a web
page that is open in a browser on this machine cannot do that unasked. Whoever can reach the port may do all of this,
which is why it is bound to the loopback by default.
"""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

from jit_qywx.emulator.answers import Answer, encode
from jit_qywx.emulator.changes import Change
from jit_qywx.emulator.corps import Corp, CorpApp
from jit_qywx.emulator.delivery import Delivery
from jit_qywx.emulator.faults import Fault
from jit_qywx.emulator.organisation import Org

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_qywx.emulator.emulator import Emulator
    from jit_qywx.emulator.wire import Request

PREFIX = "/_emulator/"
LAST = 1_000
METHODS = frozenset(
    """
    add_suite set_callback_url add_corp authorize install scan add_own_app set_visible_range set_permissions set_app
    set_exports cancel reset_permanent_code dissolve new_ticket expire_tokens login_code sign_in_as push_ticket
    push_event push_app_event push_echo follow unfollow shuffle reset
    faults.add faults.remove faults.release faults.clear
    limits.set limits.set_published limits.forget limits.clear latency.set latency.clear clock.advance calls.clear
    courier.wait courier.hurry
    """.split()  # noqa: SIM905  # a list of forty quoted words says less
)
EDITS = frozenset(
    """
    add_department update_department move_department remove_department add_member update_member move_member
    disable_member rename_member quit_member rejoin_member remove_member add_tag rename_tag remove_tag tag
    """.split()  # noqa: SIM905  # likewise
)
IN_PROCESS_ONLY = frozenset({"rewrite", "then"})


class Control:
    """Answers requests below `/_emulator/`.

    Args:
        emulator: what they steer.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def answer(self, request: Request) -> Answer:
        """The answer to a control request."""
        try:
            if request.method == "GET":
                return self._read(request.path[len(PREFIX) :], request.query)
            return self._run(request.path[len(PREFIX) :], request)
        except (TypeError, ValueError, LookupError) as error:
            return problem(400, str(error))

    def _run(self, name: str, request: Request) -> Answer:
        action = self._action(name)
        if action is None:
            return problem(404, f"there is no control {name!r}")
        if not request.headers.get("content-type", "").startswith("application/json"):
            return problem(400, "send application/json")
        arguments = json.loads(request.body or b"{}")
        if not isinstance(arguments, dict):
            raise TypeError("the arguments are an object")
        if IN_PROCESS_ONLY & arguments.keys():
            raise TypeError(f"{', '.join(sorted(IN_PROCESS_ONLY))} take a function: only inside one process")
        if isinstance(arguments.get("seconds"), list):
            arguments["seconds"] = tuple(arguments["seconds"])  # A range of a delay; JSON has no tuples.
        return Answer(encode({"result": plain(action(**arguments))}))

    def _action(self, name: str) -> Callable[..., Any] | None:
        own: dict[str, Callable[..., Any]] = {
            "edit": self._edit,
            "generate": self._generate,
            "follow": self._follow,
        }
        if name in own:
            return own[name]
        if name not in METHODS:
            return None
        found: Any = self._emulator
        for part in name.split("."):
            found = getattr(found, part)
        return found  # type: ignore[no-any-return]  # METHODS names only methods

    def _edit(self, corpid: str, edit: str, args: dict[str, Any] | None = None, push: str | None = None) -> Change:
        if edit not in EDITS:
            raise ValueError(f"there is no edit {edit!r}; there are: {', '.join(sorted(EDITS))}")
        change: Change = getattr(self._emulator.org(corpid), edit)(**(args or {}))
        if push is not None and change.announced:
            self._emulator.push_change(push, corpid, change)
        return change

    def _follow(self, corpid: str, **arguments: Any) -> str:
        # What follow returns is a function, which JSON cannot carry.
        self._emulator.follow(corpid, **arguments)
        return corpid

    def _generate(self, corpid: str | None = None, name: str | None = None, **size: Any) -> Corp:
        return self._emulator.add_corp(corpid, name, Org.generate(root=name, **size))

    def _read(self, name: str, query: dict[str, str]) -> Answer:
        if name == "state":
            return Answer(encode(describe(self._emulator)))
        if name == "calls":
            calls = self._emulator.calls.of(query.get("path", "*"))[-int(query.get("last", LAST)) :]
            return Answer(encode({"count": len(self._emulator.calls), "calls": [call.as_dict() for call in calls]}))
        if name == "faults":
            return Answer(encode({"faults": [fault.as_dict() for fault in self._emulator.faults]}))
        if name == "deliveries":
            courier = self._emulator.courier
            return Answer(encode({"waiting": courier.waiting, **courier.counts}))
        return problem(404, f"there is nothing to read at {name!r}: state, calls, faults, deliveries")


def describe(emulator: Emulator) -> dict[str, Any]:
    """Where the emulator listens, and the credentials of everything in it."""
    platform = emulator.platform
    with platform.lock:
        return {
            "base_url": emulator.base_url,
            "login_base_url": emulator.login_base_url,
            "provider_corpid": platform.provider_corpid,
            "provider_secret": platform.provider_secret,
            "suites": [asdict(suite) for suite in platform.suites.values()],
            "corps": [plain(corp) for corp in platform.corps.values()],
            "calls": len(emulator.calls),
            "faults": [fault.as_dict() for fault in emulator.faults],
        }


def plain(value: Any) -> Any:
    """A result of a method, as JSON can carry it."""
    if isinstance(value, Corp):
        sizes = {name: len(getattr(value.org, name)) for name in ("departments", "members", "tags")}
        apps = [plain(app) for app in value.apps.values()]
        return {"corpid": value.corpid, "name": value.name, **sizes, "apps": apps}
    if isinstance(value, CorpApp):
        names = ("corpid", "agentid", "kind", "suite_id", "permanent_code", "closed", "cancelled")
        return {name: getattr(value, name) for name in names}
    if isinstance(value, Fault):
        return value.as_dict()
    if isinstance(value, Delivery):
        reply = value.reply.decode(errors="replace") if isinstance(value.reply, bytes) else value.reply
        return {"reply": reply, "status": value.status, "tries": value.tries, "accepted": value.accepted}
    if isinstance(value, Change):
        return {"type": value.type, "id": value.id, "fields": dict(value.fields)}
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value


def problem(status: int, text: str) -> Answer:
    """A refusal."""
    return Answer(encode({"error": text}), None, status)
