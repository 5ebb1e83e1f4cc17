"""Answers the requests of one App's callback URLs: the same for every framework, waiting or not.

A refused request gets a plain status and one line in the log, which holds nothing of its content. Only when the event
could not be stored is the answer 503: WeCom then sends it again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from jit_qywx.callback import MAX_BYTES
from jit_qywx.errors import (
    CallbackError,
    CallbackExpired,
    PayloadInvalid,
    ReceiverMismatch,
    SecretError,
    SignatureMismatch,
)
from jit_qywx.intake import STORE_SECONDS, SUCCESS
from jit_qywx.models import APP, TEMPLATE
from jit_qywx.serving.requests import Head, Refused, check_corp, check_head, is_full_name
from jitcore.errors import JitError, StorageError
from jitcore.storage import DatabaseBusy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from jit_qywx.intake import CallbackQuery, Intake
    from jit_qywx.worker import Worker
    from jitcore import App

__all__ = ["Answer", "Observer", "Reception"]

logger = logging.getLogger(__name__)

#: Seconds between two looks for elements that were not there before: names that nobody has must cost us nothing.
_LOOK_AGAIN = 5.0

_REFUSALS: Mapping[type[CallbackError], tuple[int, str]] = {
    SignatureMismatch: (403, "signature"),
    ReceiverMismatch: (403, "receiver"),
    CallbackExpired: (403, "expired"),
    PayloadInvalid: (400, "payload"),
}


class Answer(NamedTuple):
    """What to answer.

    :param status: the HTTP status.
    :param text: the body, as ``text/plain``.
    :param headers: further headers.
    """

    status: int
    text: str
    headers: Mapping[str, str] = {}


class Observer(Protocol):
    """Told of requests and of work; must not raise."""

    def answered(self, channel: str, outcome: str, seconds: float) -> None:
        """A request was answered: ``stored``, ``repeated``, ``ignored``, ``verified``, or why it was refused."""

    def worked(self, kind: str, outcome: str, seconds: float) -> None:
        """As :class:`jit_qywx.pulse.WorkObserver`."""


class _NobodyWatches:
    def answered(self, channel: str, outcome: str, seconds: float) -> None:
        pass

    def worked(self, kind: str, outcome: str, seconds: float) -> None:
        pass


class _Door(NamedTuple):
    """One auth element that takes callbacks."""

    auth: Any
    intake: Intake
    worker: Worker


class _Request(NamedTuple):
    """A request whose head was found in order."""

    method: str
    query: CallbackQuery
    authFullName: str
    corpId: str | None
    begun: float

    @property
    def channel(self) -> str:
        return TEMPLATE if self.corpId is None else APP


class Reception:
    """Answers callbacks of the auth elements of an App.

    An element whose ``isActive`` is false still takes what comes to its template's URL, because a ticket or an auth
    code that is turned away does not come back; the URLs of its enterprises' apps are unknown (404).

    :param app: the App; whoever opened it closes it.
    :param reconcile: seconds between two full readings of each enterprise at most; None reads in full only when
        something asks for it.
    :param max_skew: how many seconds the time in a request may be off.
    :param observer: counts what is answered and worked on.
    """

    #: The largest body that is read, in bytes.
    max_body = MAX_BYTES

    def __init__(
        self,
        app: App,
        *,
        reconcile: float | None = 86_400.0,
        max_skew: float | None = 600.0,
        observer: Observer | None = None,
    ) -> None:
        self.app = app
        self._observer = observer or _NobodyWatches()
        self._reconcile = reconcile
        self._max_skew = max_skew
        self._names: frozenset[str] = frozenset()
        self._looked_at = float("-inf")
        self._doors: dict[str, _Door] = {}
        self._opening = threading.Lock()

    def start(self) -> None:
        """Open every auth element and have what was received worked off; one that cannot be opened is tried again."""
        self._look()
        for name in sorted(self._names):
            try:
                self._open(name)
            except JitError as error:
                logger.error("%s takes no callbacks: %s", name, error.code)

    def answer(
        self,
        method: str,
        authFullName: str,
        corpId: str | None,
        query: bytes,
        body: bytes,
        content_type: str = "",
    ) -> Answer:
        """Answer a request, waiting until it is stored: for frameworks that have a thread for each request.

        :param method: of HTTP.
        :param authFullName: from the path, ``/callbacks/{authFullName}``.
        :param corpId: from the path, ``/callbacks/{authFullName}/{corpId}``; None for the template's URL.
        :param query: the query string as it was sent.
        :param body: the request's body; let your framework limit its size.
        :param content_type: the header.
        """
        head = Head(method, query, content_type, content_length=len(body))
        request = self.begin(head, authFullName, corpId)
        if isinstance(request, Answer):
            return request
        try:
            found = self.take(request, self.door(request), body)
            if isinstance(found, Answer):
                return found
            return self.stored(request, repeated=found.result(STORE_SECONDS))
        except Exception as error:  # noqa: BLE001 - every request is answered
            return self.failed(request, error)

    async def answer_soon(self, request: _Request, body: bytes) -> Answer:
        """Answer a request that :meth:`begin` let in, without holding up the others meanwhile."""
        try:
            door = self._doors.get(request.authFullName)
            if door is None:
                door = await asyncio.to_thread(self.door, request)
            found = self.take(request, door, body)
            if isinstance(found, Answer):
                return found
            async with asyncio.timeout(STORE_SECONDS):
                repeated = await asyncio.wrap_future(found)
            return self.stored(request, repeated=repeated)
        except Exception as error:  # noqa: BLE001 - every request is answered
            return self.failed(request, error)

    # The steps of an answer

    def begin(self, head: Head, authFullName: str, corpId: str | None) -> _Request | Answer:
        """Look at a request without its body; touches nothing that could make it wait."""
        begun = time.perf_counter()
        channel = TEMPLATE if corpId is None else APP
        try:
            if not self._is_known(authFullName):
                raise Refused(404, "unknown")
            if corpId is not None:
                check_corp(corpId, head.method)
            query = check_head(head, self.max_body)
        except Refused as refused:
            return self.refuse(channel, refused, begun)
        return _Request(head.method, query, authFullName, corpId, begun)

    def door(self, request: _Request) -> _Door:
        """The auth element of a request, opened; may wait for the database."""
        return self._doors.get(request.authFullName) or self._open(request.authFullName)

    def take(self, request: _Request, door: _Door, body: bytes) -> Answer | Future[bool]:
        """Check what is in a request, and hand an event over to be stored."""
        if request.corpId is not None and not door.auth.isActive:
            raise Refused(404, "unknown")
        if request.method == "GET":
            text = door.intake.check_url(request.query, request.corpId, max_skew=self._max_skew)
            self._tell(request.channel, "verified", request.begun)
            logger.info("answered a URL check of %s", request.authFullName)
            return Answer(200, text)
        if len(body) > self.max_body:
            raise Refused(413, "size")
        entry = door.intake.read(request.query, body, request.corpId, max_skew=self._max_skew)
        if entry is None:
            self._tell(request.channel, "ignored", request.begun)
            return Answer(200, SUCCESS)
        # Contact events come by the hundred, and the worker tells how many there were.
        level = logging.INFO if request.corpId is None else logging.DEBUG
        logger.log(level, "received %s corpId=%s %s", entry.event.info_type, entry.event.corpId, request.authFullName)
        return door.intake.submit(entry)

    def stored(self, request: _Request, *, repeated: bool) -> Answer:
        """Acknowledge an event."""
        self._tell(request.channel, "repeated" if repeated else "stored", request.begun)
        return Answer(200, SUCCESS)

    def failed(self, request: _Request, error: Exception) -> Answer:
        """Answer a request that an error ended."""
        if isinstance(error, (TimeoutError, CancelledError)):
            error = DatabaseBusy("The callback was not stored in time.")
        if isinstance(error, Refused):
            return self.refuse(request.channel, error, request.begun)
        if isinstance(error, CallbackError):
            status, outcome = _REFUSALS.get(type(error), (400, "payload"))
            return self.refuse(request.channel, Refused(status, outcome), request.begun, request.authFullName)
        expected = isinstance(error, (StorageError, SecretError))
        self._tell(request.channel, "unavailable", request.begun)
        logger.error(
            "a callback of %s was not stored: %s",
            request.authFullName,
            error.code if isinstance(error, JitError) else type(error).__name__,
            exc_info=None if expected else error,
        )
        return Answer(503, "unavailable", {"Retry-After": "1"})

    def refuse(self, channel: str, refused: Refused, begun: float, authFullName: str = "-") -> Answer:
        """Turn a request away, with one line in the log that holds nothing of it."""
        self._tell(channel, refused.outcome, begun)
        logger.warning("refused a callback status=%d %s %s", refused.status, refused.outcome, authFullName)
        return Answer(refused.status, refused.outcome, {"Allow": "GET, POST"} if refused.status == 405 else {})

    # What monitoring asks

    @property
    def ready(self) -> bool:
        """Whether every auth element takes callbacks, and there is one; looks for new ones."""
        self._look()
        return bool(self._names) and self._names <= self._doors.keys()

    @property
    def doors(self) -> Mapping[str, _Door]:
        """The auth elements that take callbacks, by name."""
        return dict(self._doors)

    def open_missing(self) -> None:
        """Try again to open what could not be opened.

        :raises JitError: why one cannot.
        """
        for name in sorted(self._names - self._doors.keys()):
            self._open(name)

    def _is_known(self, name: str) -> bool:
        if not is_full_name(name):
            return False
        if name not in self._names and time.monotonic() - self._looked_at > _LOOK_AGAIN:
            self._look()
        return name in self._names

    def _look(self) -> None:
        from jit_qywx.enterprises import auth_elements

        self._looked_at = time.monotonic()
        self._names = frozenset(name for name, _ in auth_elements(self.app))

    def _open(self, name: str) -> _Door:
        # One tries, the others are told to come again: a thread for each would only wait in the same queue.
        if not self._opening.acquire(timeout=0.5):
            raise DatabaseBusy(f"{name} is being opened.")
        try:
            if name not in self._doors:
                auth = self.app.getElement(name)
                worker = auth.worker
                worker.watch(self._observer)
                worker.serve(self._reconcile if auth.isActive else None)
                self._doors[name] = _Door(auth, auth.intake, worker)
            return self._doors[name]
        finally:
            self._opening.release()

    def _tell(self, channel: str, outcome: str, begun: float) -> None:
        self._observer.answered(channel, outcome, time.perf_counter() - begun)
