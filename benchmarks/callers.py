"""WeCom as its receivers know it, in a process of its own: calls at their times, and calls again what is not answered.

It does not wait for an answer before the next call is due, so a receiver that falls behind is seen to.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

#: WeCom hangs up after five seconds and tries three times in all (document 90930); how long it rests it does not say.
PATIENCE = 5.0
TRIES = 3
REST = 2.0


@dataclass(frozen=True, slots=True)
class Call:
    """One callback.

    :param at: when to send it, in seconds from the beginning.
    :param target: path and query.
    :param digest: the name of its content.
    """

    at: float
    target: str
    body: bytes
    digest: str


@dataclass(slots=True)
class Told:
    """What came of the calls.

    :param acknowledged: digests of what was answered with success.
    :param seconds: how long each such answer took.
    :param again: calls that were made again.
    :param given_up: calls that were not acknowledged in three tries.
    :param late: how much later than due a call was made at most: the caller's own slowness.
    :param lasted: seconds from the first call to the last answer.
    """

    acknowledged: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    again: int = 0
    given_up: int = 0
    late: float = 0.0
    lasted: float = 0.0


def deliver(connection: Connection, host: str, port: int) -> None:
    """The caller's process: gets the calls, says when it begins, and tells what came of them."""
    calls: Sequence[Call] = connection.recv()
    connection.send("begin")
    connection.send(asyncio.run(_Caller(host, port).deliver(calls)))


class _Caller:
    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._told = Told()

    async def deliver(self, calls: Sequence[Call]) -> Told:
        begun = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for call in calls:
                due = begun + call.at
                if (wait := due - time.perf_counter()) > 0:
                    await asyncio.sleep(wait)
                self._told.late = max(self._told.late, time.perf_counter() - due)
                tasks.create_task(self._call(call))
        for _, writer in self._idle:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        self._told.lasted = time.perf_counter() - begun
        return self._told

    async def _call(self, call: Call) -> None:
        for number in range(TRIES):
            if number:
                self._told.again += 1
                await asyncio.sleep(REST)
            begun = time.perf_counter()
            try:
                async with asyncio.timeout(PATIENCE):
                    answered = await self._ask(call)
            except (OSError, EOFError, TimeoutError, ValueError):
                continue
            if answered:
                self._told.acknowledged.append(call.digest)
                self._told.seconds.append(time.perf_counter() - begun)
                return
        self._told.given_up += 1

    async def _ask(self, call: Call) -> bool:
        reader, writer = await self._connection()
        try:
            head = f"POST {call.target} HTTP/1.1\r\nHost: here\r\nContent-Type: text/xml\r\n"
            writer.write(f"{head}Content-Length: {len(call.body)}\r\n\r\n".encode() + call.body)
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(answer.partition(b"content-length:")[2].split(b"\r\n")[0])
            body = await reader.readexactly(length)
        except BaseException:
            writer.close()
            raise
        self._idle.append((reader, writer))
        return answer.startswith(b"http/1.1 200") and body == b"success"

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """One that is open, or a new one: a server closes those that were idle for long."""
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(*self._address)
