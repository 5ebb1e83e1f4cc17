"""From a request of WeCom to a stored event: who sent it, what does it say, is it meant for us; then keep it.

Nothing here waits for WeCom or for work: a request costs one signature, one decryption, one reading of XML, one
encryption for the journal, and its share of a commit. Sources: WeCom documents 90930, 90968 and 97172.
"""

from __future__ import annotations

import logging
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jit_qywx.callback import parse_app_event, parse_envelope, parse_template_event
from jit_qywx.crypto import CallbackCipher
from jit_qywx.errors import CallbackExpired, PayloadInvalid, ReceiverMismatch
from jit_qywx.group_commit import GroupCommit
from jit_qywx.models import APP, TEMPLATE
from jitcore.storage import DatabaseBusy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from jit_qywx.journal import Entry, Journal
    from jit_qywx.suite import SuiteConfig

__all__ = ["PLACEHOLDER", "STORE_SECONDS", "SUCCESS", "CallbackQuery", "Intake"]

logger = logging.getLogger(__name__)

#: The exact answer WeCom wants (document 97172).
SUCCESS = "success"
#: WeCom hangs up after five seconds and sends again (document 90930); until then an answer is still worth something.
STORE_SECONDS = 4.0
#: What stands for the enterprise in an app's callback URL; WeCom replaces it, but not always when it checks the URL.
PLACEHOLDER = "$CORPID$"
_CLOSING = 10.0


@dataclass(frozen=True, slots=True)
class CallbackQuery:
    """The query of a request, URL-decoded."""

    msg_signature: str
    timestamp: str
    nonce: str
    echostr: str | None = field(default=None, repr=False)


class Intake:
    """The receiving end of one suite.

    :param config: the suite's settings.
    :param journal: where events are kept.
    :param now: seconds since the epoch.
    :param stored: told of entries after they are stored.
    """

    def __init__(
        self,
        config: SuiteConfig,
        journal: Journal,
        now: Callable[[], float],
        stored: Callable[[Sequence[Entry]], object],
    ) -> None:
        self._config = config
        self._cipher = CallbackCipher(config.token, config.encodingAESKey)
        self._journal = journal
        self._now = now
        self._commits: GroupCommit[Entry] = GroupCommit(journal.write, stored)

    def check_url(self, query: CallbackQuery, corpId: str | None = None, *, max_skew: float | None = None) -> str:
        """Answer the URL check of the provider console: the plaintext, exactly (document 90930).

        :param corpId: the enterprise whose app's URL is checked; None for the template's.
        :param max_skew: how many seconds the request's time may be off; None does not look.
        :raises CallbackError: the request is not WeCom's, or not for us.
        """
        provider = self._config.corpId
        receivers = {self._config.suiteId if corpId is None else corpId, provider} - {None, PLACEHOLDER}
        opened = self._open(query, query.echostr or "", {one for one in receivers if one}, max_skew)
        try:
            return opened.decode()
        except UnicodeDecodeError:
            raise PayloadInvalid("The URL check's echostr is not text.") from None

    def read(
        self, query: CallbackQuery, body: bytes, corpId: str | None = None, *, max_skew: float | None = None
    ) -> Entry | None:
        """Check and open an event; touches no database.

        :param corpId: the enterprise whose app's URL was called; None for the template's.
        :param max_skew: as for :meth:`check_url`.
        :returns: what to store; None for an app's message that is no event, such as a text that a member wrote to the
            app: nobody asked for those, and they are not ours to keep.
        :raises CallbackError: the request is not WeCom's, or not for us.
        """
        encrypt = parse_envelope(body)
        if corpId is not None:
            message = self._open(query, encrypt, {corpId}, max_skew)
            event = parse_app_event(message, corpId)
            return self._journal.entry(APP, event, message) if event.fields["MsgType"] == "event" else None
        # An event names the suite as its receiver; creations were seen that name the provider.
        receivers = {one for one in (self._config.suiteId, self._config.corpId) if one}
        message = self._open(query, encrypt, receivers, max_skew)
        event = parse_template_event(message)
        if event.fields.get("SuiteId", self._config.suiteId) != self._config.suiteId:
            # Two suites of one provider may have been given the same token and key.
            raise ReceiverMismatch(
                f"The callback is about suite {event.fields['SuiteId']!r}, not {self._config.suiteId}.",
                receive_id=event.fields["SuiteId"],
                hint="Check that this URL belongs to this template.",
            )
        return self._journal.entry(TEMPLATE, event, message)

    def submit(self, entry: Entry) -> Future[bool]:
        """Have an event stored; see :meth:`GroupCommit.submit`."""
        return self._commits.submit(entry)

    def receive(self, query: CallbackQuery, body: bytes, corpId: str | None = None) -> str:
        """Store an event and acknowledge it; for callers that may wait.

        :raises CallbackError: the request is not WeCom's, or not for us.
        :raises StorageError: it could not be stored.
        """
        entry = self.read(query, body, corpId)
        if entry is not None:
            self.wait(self.submit(entry))
        return SUCCESS

    def wait(self, stored: Future[bool]) -> bool:
        """Wait until an event is stored, and tell whether it was there already.

        :raises StorageError: it was not.
        """
        try:
            return stored.result(STORE_SECONDS)
        except (FutureTimeoutError, CancelledError):
            stored.cancel()
            raise busy() from None

    def close(self) -> None:
        """Store what was handed over, and end."""
        self._commits.close(_CLOSING)

    def _open(self, query: CallbackQuery, encrypt: str, receivers: set[str], max_skew: float | None) -> bytes:
        opened = self._cipher.open(query.msg_signature, query.timestamp, query.nonce, encrypt, receivers=receivers)
        # Signed, so somebody was told this once: but who repeats it an hour later is not WeCom.
        if max_skew is not None and abs(self._now() - _seconds(query.timestamp)) > max_skew:
            raise CallbackExpired(
                f"The callback was signed more than {max_skew:.0f} seconds from now.",
                hint="Set this machine's clock by NTP; or somebody repeats what he once overheard.",
            )
        return opened.message


def busy() -> DatabaseBusy:
    """The error for an event that was not stored in time."""
    return DatabaseBusy(
        f"The callback was not stored within {STORE_SECONDS:.0f} seconds.",
        hint="WeCom sends it again. Find out what locks the database, or use PostgreSQL.",
    )


def _seconds(timestamp: str) -> int:
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 18:
        raise PayloadInvalid("The callback's timestamp is no number of seconds.")
    return int(timestamp)
