"""Faults on demand: everything a network, a busy host or an administrator has ever done to a client.

A fault names the calls it meets (path, corp, from which matching call on, how often, how likely) and exactly one thing
that happens to them.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from jit_qywx.emulator.answers import FILE_TYPE, Answer, encode

Rewrite = Callable[[Any], Any]

BAD_GATEWAY = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
CUTS = ("headers", "reset", "body")


@dataclass(slots=True, eq=False)
class Fault:
    """One fault; made by `Faults.add`.

    Attributes:
        id: its number.
        path: pattern of the paths it meets.
        corpid: the corp whose calls it meets, None = any.
        at_call: the first matching call it meets, counted from when it was added, 1 = the next one.
        times: how many calls it meets in all, None = no end.
        probability: of meeting a matching call.
        action: what it does: errcode, status, cut, garbage, hang, body, rewrite, answer_as, then.
        value: the action's argument.
        extra: further fields of an errcode answer.
        seen: matching calls so far.
        hits: calls it has met.
    """

    id: int
    path: str
    corpid: str | None
    at_call: int
    times: int | None
    probability: float
    action: str
    value: Any
    extra: dict[str, Any] = field(default_factory=dict)
    seen: int = 0
    hits: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        """For the record of calls, such as "errcode 45009"."""
        shown = "" if callable(self.value) or isinstance(self.value, bytes) else f" {self.value}"
        return f"{self.action}{shown}"

    def release(self) -> None:
        """Let go the calls that hang in this fault, and those that would."""
        self.released.set()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        names = ("id", "path", "corpid", "at_call", "times", "probability", "seen", "hits")
        return {**{name: getattr(self, name) for name in names}, "what": self.name}


class Faults:
    """The faults in force, in the order they were added; the first that meets a call shapes its answer.

    Args:
        seed: decides whether a fault with a probability meets a call.
    """

    def __init__(self, seed: object) -> None:
        self._random = random.Random(f"faults {seed}")  # noqa: S311  # a reproducible chance, not a secret
        self._faults: list[Fault] = []
        self._made = 0
        self._lock = threading.Lock()

    def add(
        self,
        path: str = "*",
        *,
        corpid: str | None = None,
        at_call: int = 1,
        times: int | None = None,
        probability: float = 1.0,
        errcode: int | None = None,
        status: int | None = None,
        cut: str | None = None,
        garbage: str | None = None,
        hang: float | bool | None = None,
        body: bytes | str | None = None,
        rewrite: Rewrite | None = None,
        answer_as: str | None = None,
        then: Callable[[], object] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> Fault:
        """Add a fault: which calls, and exactly one of the things that may happen to them.

        Args:
            path: a pattern below `/cgi-bin/`: "user/list", "user/*", "*".
            corpid: only calls about this corp.
            at_call: the first matching call that is met, 1 = the next one.
            times: calls met in all; None = every one from `at_call` on.
            probability: of meeting a matching call.
            errcode: answer this error; `extra` adds fields to the body.
            status: answer this HTTP status with a gateway's HTML page, such as 502.
            cut: close the connection "headers" (before the answer), "reset" (the same with RST) or "body" (half-way).
            garbage: spoil the true answer; a name of `GARBAGE`.
            hang: do not answer: True until `release` (or the caller hangs up), a number for at most that many
                seconds; then the true answer follows.
            body: answer exactly this, HTTP 200.
            rewrite: answer what this makes of the true answer (a dict; of `export/file`, the bytes of the file).
            answer_as: answer as if the token were of this corp's app.
            then: call this just before the true answer is made: an edit of the organisation at that very call.
            extra: see `errcode`.

        Raises:
            ValueError: not exactly one thing to happen, or an unknown name.
        """
        actions = {
            "errcode": errcode,
            "status": status,
            "cut": cut,
            "garbage": garbage,
            "hang": hang,
            "body": body,
            "rewrite": rewrite,
            "answer_as": answer_as,
            "then": then,
        }
        chosen = {name: value for name, value in actions.items() if value is not None}
        if len(chosen) != 1:
            raise ValueError(f"a fault does exactly one of {', '.join(actions)}; given: {', '.join(chosen) or 'none'}")
        [(action, value)] = chosen.items()
        if action == "cut" and value not in CUTS:
            raise ValueError(f"cut is one of {', '.join(CUTS)}, not {value!r}")
        if action == "garbage" and value not in GARBAGE:
            raise ValueError(f"garbage is one of {', '.join(GARBAGE)}, not {value!r}")
        with self._lock:
            self._made += 1
            fault = Fault(self._made, path, corpid, at_call, times, probability, action, value, extra or {})
            self._faults.append(fault)
        return fault

    def meet(self, path: str, corpid: str) -> list[Fault]:
        """The faults that meet this call: any number of `then`, and at most one of the others, which comes last."""
        met: list[Fault] = []
        shaped = None
        with self._lock:
            for fault in self._faults:
                if not fnmatchcase(path, fault.path) or fault.corpid not in (None, corpid):
                    continue
                fault.seen += 1
                if fault.seen < fault.at_call or (fault.times is not None and fault.hits >= fault.times):
                    continue
                if fault.action != "then" and shaped is not None:
                    continue
                if fault.probability < 1 and self._random.random() >= fault.probability:
                    continue
                fault.hits += 1
                if fault.action == "then":
                    met.append(fault)
                else:
                    shaped = fault
        return met if shaped is None else [*met, shaped]

    def remove(self, fault: Fault | int) -> None:
        """Take a fault (or the one with this number) away; calls that hang in it go on."""
        with self._lock:
            gone = [known for known in self._faults if fault in (known, known.id)]
            self._faults = [known for known in self._faults if known not in gone]
        for known in gone:
            known.release()

    def release(self) -> None:
        """Let go all hanging calls."""
        for fault in self:
            fault.release()

    def clear(self) -> None:
        """Take all faults away."""
        for fault in tuple(self):
            self.remove(fault)

    def __iter__(self) -> Iterator[Fault]:
        with self._lock:
            return iter(tuple(self._faults))


def _missing_list(value: Any) -> Any:
    """Without its first list: an answer that says ok and tells nothing."""
    name = next((name for name, item in value.items() if isinstance(item, list)), None)
    return {key: item for key, item in value.items() if key != name}


def _job(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[bytes], bytes]:
    """For export/get_result: spoils the result of a job that is done."""

    def spoil_result(body: bytes) -> bytes:
        value = json.loads(body)
        return encode({**value, **change(value)}) if "data_list" in value else body

    return spoil_result


def _each_file(**change: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    def told(value: dict[str, Any]) -> dict[str, Any]:
        files = [{**file, **{name: made(file[name]) for name, made in change.items()}} for file in value["data_list"]]
        return {"data_list": files}

    return _job(told)


def _control_characters(text: bytes) -> bytes:
    return text.replace(b'":"', b'":"\x01\x1f', 1)


GARBAGE: dict[str, Callable[[bytes], bytes]] = {
    "invalid-json": lambda body: b"\x00<garbage>" + body[:20],
    "empty": lambda _body: b"",
    "empty-object": lambda _body: b"{}",
    "null": lambda _body: b"null",
    "list": lambda _body: b"[]",
    "missing-list": lambda body: encode(_missing_list(json.loads(body))),
    "truncated": lambda body: body[: len(body) * 2 // 3],
    "string-errcode": lambda body: encode({**json.loads(body), "errcode": str(json.loads(body).get("errcode", 0))}),
    "control-characters": _control_characters,
    "failed-job": _job(lambda _value: {"status": 3, "data_list": []}),
    "wrong-size": _each_file(size=lambda size: size + 32),
    "wrong-md5": _each_file(md5=lambda md5: md5[::-1]),
    "wrong-link": _each_file(url=lambda url: url + "x"),
    "missing-file": _job(lambda value: {"data_list": value["data_list"][:-1]}),
    "repeated-file": _job(lambda value: {"data_list": [*value["data_list"], *value["data_list"][-1:]]}),
    "not-utf8": lambda body: body.replace(b'":"', b'":"\xff\xfe', 1),
}
"""Ways to spoil a true answer, by name."""


def spoil(fault: Fault, answer: Answer) -> Answer:
    """The answer after a fault of the kinds garbage, rewrite or cut; of a page of somebody else's only a cut."""
    if fault.action == "cut":
        return replace(answer, cut=fault.value, errcode=None)
    if answer.content_type == FILE_TYPE:
        made = GARBAGE[fault.value](answer.body) if fault.action == "garbage" else fault.value(answer.body)
        return replace(answer, body=made)
    if answer.errcode is None:
        return answer
    if fault.action == "garbage":
        return replace(answer, body=GARBAGE[fault.value](answer.body), errcode=None)
    made = fault.value(json.loads(answer.body))
    return replace(answer, body=made if isinstance(made, bytes) else encode(made), errcode=None)
