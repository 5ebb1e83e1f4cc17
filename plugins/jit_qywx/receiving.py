"""Receives the template's callbacks: check, store, acknowledge; then do what the event asks for.

``create_auth`` and its like want an answer within a second (document 97175) and need calls to WeCom, so those are
worked on by one background thread, in the order they came. What cannot be done now for want of a ticket or because
WeCom is away waits in the journal and is tried again when the next ticket arrives or the App is opened again.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from jit_qywx.callback import Event, parse_envelope, parse_event
from jit_qywx.crypto import CallbackCipher
from jit_qywx.errors import PayloadInvalid, ServerBusy, SuiteTicketMissing, TransportError
from jit_qywx.models import DONE, FAILED, RECEIVED
from jitcore.errors import JitError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jit_qywx.journal import CallbackRecord
    from jit_qywx.suite import Suite

__all__ = ["Receiver"]

logger = logging.getLogger(__name__)

#: The exact answer WeCom wants (document 97172).
SUCCESS = "success"
#: Given up after so many tries; retryCallBack can still be asked to.
_TRIES = 5
#: Seconds to go on with received events while the App closes: an auth code lives ten minutes and comes once.
_CLOSING = 10.0


class Receiver:
    """The receiving end of one suite.

    :param suite: what the events change.
    """

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._cipher = CallbackCipher(suite.config.token, suite.config.encodingAESKey)
        self._lock = threading.Lock()
        self._worker: ThreadPoolExecutor | None = None
        self._under_way: dict[int, tuple[Future[None], str | None]] = {}
        self._at_once: Mapping[str, Callable[[int, Event], None]] = {"suite_ticket": self._on_suite_ticket}
        self._later: Mapping[str, Callable[[int, Event], None]] = {
            "create_auth": self._on_auth_code,
            "reset_permanent_code": self._on_auth_code,
            "change_auth": self._on_change_auth,
            "cancel_auth": self._on_cancel_auth,
        }

    def check_url(self, msg_signature: str, timestamp: str, nonce: str, echostr: str) -> str:
        """Answer the URL check of the provider console: the plaintext, exactly (document 90930)."""
        opened = self._cipher.open(msg_signature, timestamp, nonce, echostr, receivers=self._receivers())
        try:
            return opened.message.decode()
        except UnicodeDecodeError:
            raise PayloadInvalid("The URL check's echostr is not text.") from None

    def receive(self, msg_signature: str, timestamp: str, nonce: str, body: bytes) -> str:
        """Store an event and acknowledge it."""
        encrypt = parse_envelope(body)
        opened = self._cipher.open(msg_signature, timestamp, nonce, encrypt, receivers=self._receivers())
        event = parse_event(opened.message)
        record = self._suite.journal.store(event, opened.message)
        logger.info("Received %s", event.info_type, extra={"recordId": record.id, "corpId": event.auth_corp_id or ""})
        if record.state == DONE:
            return SUCCESS
        if event.info_type in self._later:
            self._submit(record)
        else:
            self._work(record.id)
        return SUCCESS

    def retry(self, recordId: int) -> CallbackRecord:
        """Work on a record again, now, and return how that went.

        :raises CallbackUnknown: no record has that id.
        :raises JitError: what the work raised.
        """
        journal = self._suite.journal
        event = journal.take(recordId, again=True)
        if event is not None:
            try:
                self._apply(recordId, event)
            except JitError as error:
                journal.settle(recordId, FAILED, _reason(error))
                raise
            journal.settle(recordId, DONE)
        return journal.get(recordId)

    def settle(self, *about: str | None, timeout: float = 30.0) -> None:
        """Wait until events that came to this process are worked on.

        :param about: only events about these enterprises; None among them means events that do not name theirs.
        :param timeout: seconds to wait at most.
        """
        with self._lock:
            futures = [future for future, corpId in self._under_way.values() if not about or corpId in about]
        wait(futures, timeout)

    def resume(self) -> None:
        """Take up what an earlier process acknowledged and did not finish, and what waits for a ticket."""
        for recordId in self._suite.journal.waiting():
            record = self._suite.journal.get(recordId)
            if record.info_type in self._later:
                self._submit(record)

    def close(self) -> None:
        """Finish what can be finished soon and stop the background thread; the rest stays in the journal."""
        self.settle(timeout=_CLOSING)
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.shutdown(cancel_futures=True)

    def _receivers(self) -> set[str]:
        # A URL check names the provider, an event the suite; creations were seen that name the provider as well.
        return {receiver for receiver in (self._suite.config.suiteId, self._suite.config.corpId) if receiver}

    def _submit(self, record: CallbackRecord) -> None:
        with self._lock:
            if record.id in self._under_way:
                return
            if self._worker is None:
                self._worker = ThreadPoolExecutor(1, thread_name_prefix="jit-qywx-callbacks")
            future = self._worker.submit(self._work, record.id)
            self._under_way[record.id] = (future, record.corpId)
        future.add_done_callback(lambda _: self._landed(record.id))

    def _landed(self, recordId: int) -> None:
        with self._lock:
            self._under_way.pop(recordId, None)

    def _work(self, recordId: int) -> None:
        """Do what a record asks for, and write down how that went; never raises."""
        journal = self._suite.journal
        try:
            event = journal.take(recordId)
            if event is None:
                return
            try:
                self._apply(recordId, event)
            except (SuiteTicketMissing, ServerBusy, TransportError, StorageError) as error:
                given_up = journal.get(recordId).attempts >= _TRIES and not isinstance(error, SuiteTicketMissing)
                journal.settle(recordId, FAILED if given_up else RECEIVED, _reason(error))
                logger.warning("A callback waits: %s", error.code, extra={"recordId": recordId})
            except JitError as error:
                journal.settle(recordId, FAILED, _reason(error))
                logger.error("A callback failed: %s", error.code, extra={"recordId": recordId})
            else:
                journal.settle(recordId, DONE)
        except Exception as error:
            # The last frame of a background thread: whoever else would see it is not there.
            logger.exception("A callback could not be worked on", extra={"recordId": recordId})
            # Without the database the record stays taken, and is free again after a while.
            with contextlib.suppress(StorageError):
                journal.settle(recordId, FAILED, f"{type(error).__name__}, see the log")

    def _apply(self, recordId: int, event: Event) -> None:
        handler = self._at_once.get(event.info_type) or self._later.get(event.info_type)
        if handler is None:
            logger.info("Nothing to do for %s", event.info_type, extra={"recordId": recordId})
            return
        handler(recordId, event)

    def _on_suite_ticket(self, _: int, event: Event) -> None:
        self._suite.tickets.store(_needed(event, "SuiteTicket"), event.time_stamp)
        self._suite.journal.prune()
        self.resume()

    def _on_auth_code(self, recordId: int, event: Event) -> None:
        corpId = self._suite.journal.get(recordId).corpId
        if corpId is None:
            corpId = self._suite.exchange(_needed(event, "AuthCode"), event.time_stamp)
            self._suite.journal.assign(recordId, corpId)
        self._suite.refresh(corpId)

    def _on_change_auth(self, _: int, event: Event) -> None:
        self._suite.refresh(_needed(event, "AuthCorpId"))

    def _on_cancel_auth(self, _: int, event: Event) -> None:
        self._suite.cancel(_needed(event, "AuthCorpId"), event.time_stamp)


def _needed(event: Event, name: str) -> str:
    value = event.fields.get(name)
    if not value:
        raise PayloadInvalid(f"The callback {event.info_type} has no {name}.")
    return value


def _reason(error: JitError) -> str:
    return f"{error.code}: {error.message}"
