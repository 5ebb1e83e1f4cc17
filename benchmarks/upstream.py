"""The WeCom that a sync is measured against: the emulator in a process of its own, so that it has a core of its own."""

from __future__ import annotations

import contextlib
import gc
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from jit_qywx.emulator import Emulator

CORP_ID = "wwbench0000000001"


@dataclass(frozen=True, slots=True)
class Shape:
    """How large an enterprise is; every fifth member is in two departments, every tag holds up to 200 members."""

    members: int
    departments: int
    tags: int

    @classmethod
    def of(cls, members: int) -> Shape:
        """The shape that the goals are set for, at any size: 100,000 members in 5,000 departments with 500 tags."""
        return cls(members, max(3, members // 20), max(1, members // 200))


@dataclass(frozen=True, slots=True)
class Suite:
    """The template that the emulated enterprise authorises."""

    id: str
    secret: str
    token: str
    aes_key: str


class Upstream:
    """An enterprise of that shape, behind a WeCom that answers as fast as it can.

    Its answers are rendered before they are asked for, so that what is measured is the one who asks.

    :param small: how many enterprises of 50 members there are besides.
    :param latency: seconds that each answer takes.
    """

    def __init__(self, shape: Shape, *, small: int = 0, latency: float = 0.0) -> None:
        self.shape = shape
        self.small = [f"wwsmall{number:03}" for number in range(small)]
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, shape, self.small, latency), daemon=True)
        self._process.start()
        theirs.close()
        self.base_url: str
        self.suite: Suite
        self.base_url, self.suite = self._connection.recv()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # It may have died, which is then what the error on its way tells.
        with contextlib.suppress(BrokenPipeError):
            self._connection.send(None)
        self._process.join()
        self._process.close()
        self._connection.close()

    def ticket(self) -> dict[str, Any]:
        """The arguments of ``notify`` with which WeCom hands over a suite_ticket."""
        return dict(self._ask("ticket"))

    def auth_code(self, corpid: str = CORP_ID) -> str:
        """An enterprise's administrator authorises the suite, once more."""
        return str(self._ask("auth_code", corpid))

    def permanent_code(self) -> str:
        """The secret of the app that the authorisation made."""
        return str(self._ask("permanent_code"))

    def calls(self) -> list[tuple[str, str, dict[str, str]]]:
        """Method, path and query of each call since the last time this was asked."""
        return list(self._ask("calls"))

    def edit(self, share: float) -> int:
        """Change a share of the members, others each time, and return how many edits that took.

        Of ten edits four give a new name, two a new position, two another department; one leaves and one joins.
        """
        return int(self._ask("edit", share))

    def warm(self) -> None:
        """Render what the enterprise's app may ask for."""
        self._ask("warm")

    def seconds(self) -> float:
        """Processor time that this WeCom has spent so far."""
        return float(self._ask("seconds"))

    def _ask(self, what: str, *arguments: object) -> Any:
        self._connection.send((what, arguments))
        return self._connection.recv()


def _serve(connection: Connection, shape: Shape, small: Sequence[str], latency: float) -> None:
    from jit_qywx.emulator import Emulator, Org

    with Emulator(seed=shape.members) as wecom:
        org = Org.generate(shape.members, shape.members, shape.departments, shape.tags)
        wecom.add_corp(CORP_ID, "示例企业", org)
        for number, corpid in enumerate(small):
            org = Org.generate(seed=number, members=50, departments=5, tags=2)
            wecom.add_corp(corpid, f"示例企业{number}", org)
        if latency:
            wecom.latency.set(latency)
        connection.send((wecom.base_url, Suite(*_secrets(wecom))))
        answers = _Answers(wecom)
        for what, arguments in iter(connection.recv, None):
            answer: Callable[..., object] = getattr(answers, what)
            connection.send(answer(*arguments))


def _secrets(wecom: Emulator) -> tuple[str, str, str, str]:
    suite = wecom.suite
    return suite.id, suite.secret, suite.token, suite.aes_key


class _Answers:
    """What the measuring process may ask of this one."""

    def __init__(self, wecom: Emulator) -> None:
        self._wecom = wecom
        self._draw = random.Random(1)
        self._edits = 0

    def ticket(self) -> dict[str, Any]:
        told: dict[str, Any] = {}
        self._wecom.push_ticket(_Kept(told))
        return told

    def auth_code(self, corpid: str) -> str:
        return self._wecom.authorize(corpid, departments=(1,))

    def permanent_code(self) -> str:
        return self._wecom.app(CORP_ID).permanent_code

    def calls(self) -> list[tuple[str, str, dict[str, str]]]:
        calls = [(call.method, call.path, call.query) for call in self._wecom.calls]
        self._wecom.calls.clear()
        return calls

    def warm(self) -> None:
        self._wecom.warm(CORP_ID)
        # To look for cycles in a million members takes over a second, which whoever asks just then would wait for.
        gc.collect()
        gc.freeze()

    def seconds(self) -> float:
        return time.process_time()

    def edit(self, share: float) -> int:
        org = self._wecom.org(CORP_ID)
        here = [member.userid for member in org.members.values() if not member.gone]
        departments = list(org.departments)
        chosen = self._draw.sample(here, max(1, round(len(here) * share)))
        for number, userid in enumerate(chosen):
            self._edits += 1
            turn = number % 10
            if turn < 4:
                org.update_member(userid, name=f"新名{self._edits}")
            elif turn < 6:
                org.update_member(userid, position=f"岗位{self._edits}")
            elif turn < 8:
                org.move_member(userid, [self._draw.choice(departments)])
            elif turn < 9:
                org.quit_member(userid)
            else:
                org.add_member(f"Joiner{self._edits}", f"新人{self._edits}", [self._draw.choice(departments)])
        return len(chosen)


class _Kept:
    """A receiver of callbacks that keeps what it is told for another process to hear."""

    def __init__(self, kept: dict[str, Any]) -> None:
        self._kept = kept

    def __call__(
        self, nonce: str, msg_signature: str, timestamp: str, echostr: str | None = None, body: bytes = b""
    ) -> str:
        self._kept |= {
            "nonce": nonce,
            "msg_signature": msg_signature,
            "timestamp": timestamp,
            "echostr": echostr,
            "body": body,
        }
        return "success"
