"""Tokens shared by all threads and processes, fetched once.

WeCom answers a repeated ``gettoken`` with the same token while that is valid (document 91039), so a race costs calls,
not validity; but calls with a wrong secret get an address barred for an hour (45009, document 90313). Hence:

* one fetch in flight per key: threads wait for a leader, processes for a short lease in the token's row;
* a refused token is dropped only if it is still the newest (compared by version), so that the late loser of a race does
  not throw away the winner's token;
* a refused secret is remembered and not tried again until the secret changes or somebody says so
  (:meth:`TokenStore.reopen`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import secrets
import threading
import time
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from jit_qywx.client.call import Token
from jit_qywx.errors import AuthorizationLost, SecretUnreadable
from jit_qywx.models import QywxToken
from jitcore.storage.errors import DatabaseBusy

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_qywx.client.timing import Timing
    from jit_qywx.encryption import SecretBox
    from jitcore.storage import Storage

__all__ = ["Fresh", "StoredToken", "TokenKey", "TokenStore", "fingerprint"]

logger = logging.getLogger(__name__)

#: A token is replaced this long before it ends, so that no call starts with one about to end; one that has less than
#: twice as much left is used for half of that. WeCom may answer with the same token until its very end, and asking for
#: it at every call would be worse than using it.
MARGIN = 300.0
#: Longer than a fetch with all its repeats takes; a holder that died is replaced after it.
LEASE = 120.0
#: Seconds between two looks at another process's fetch: first, and at most.
_POLL, _LONGEST_POLL = 0.05, 1.0

#: What has a refused secret tried again, by kind of token.
_WAYS_OUT = {
    "app": "A new permanent code (re-authorisation, or 重新获取secret in the provider console) is tried at once. "
    "If the enterprise has enabled the app again instead: jit qywx resume, or resume(corpId) on the auth element.",
    "suite": "Correct suiteId and suiteSecret in the auth element's business file; a changed secret is tried at once.",
    "provider": "Correct corpId and providerSecret in the auth element's business file; a changed secret is tried at "
    "once.",
}


class TokenKey(NamedTuple):
    """Whose token it is: ``app`` of an enterprise, ``suite``, or ``provider`` (whose own corpid then is ``corpId``)."""

    kind: str
    suiteId: str
    corpId: str = ""

    @property
    def place(self) -> str:
        """Where its secret belongs, for :class:`jit_qywx.encryption.SecretBox`."""
        return f"token/{'/'.join(self)}"


class Fresh(NamedTuple):
    """What a token endpoint answered."""

    value: str
    expires_in: float


@dataclass(frozen=True, slots=True)
class _Held:
    token: Token
    fingerprint: str


def fingerprint(secret: str) -> str:
    """Tells two secrets apart without giving either away."""
    return hashlib.sha256(f"jitcore fingerprint {secret}".encode()).hexdigest()


class TokenStore:
    """The tokens of one App.

    :param storage: the App's storage.
    :param box: seals tokens at rest.
    :param timing: what waiting means.
    """

    def __init__(self, storage: Storage, box: SecretBox, timing: Timing) -> None:
        self._storage = storage
        self._box = box
        self._timing = timing
        self._owner = secrets.token_hex(8)
        self._lock = threading.Lock()
        self._held: dict[TokenKey, _Held] = {}
        self._flights: dict[tuple[TokenKey, str], Future[Token]] = {}

    def get(
        self, key: TokenKey, secret_print: str, fetch: Callable[[], Fresh], *, refused: Token | None = None
    ) -> Token:
        """A token that is not about to end, fetched only if nobody has one.

        :param secret_print: :func:`fingerprint` of the secret that ``fetch`` uses.
        :param fetch: asks WeCom for a token.
        :param refused: a token that WeCom did not accept; only a newer one is returned.
        :raises AuthorizationLost: WeCom refuses the secret, now or earlier.
        """
        while True:
            with self._lock:
                held = self._held.get(key)
                if held and held.fingerprint == secret_print and self._is_good(held.token, refused):
                    return held.token
                flight = self._flights.get((key, secret_print))
                leads = flight is None
                if flight is None:
                    flight = self._flights[key, secret_print] = Future()
            if leads:
                return self._lead(flight, key, secret_print, fetch, refused)
            # The leader was interrupted by something that is not our trouble: take another turn.
            with contextlib.suppress(CancelledError):
                token = flight.result()
                if self._is_good(token, refused):
                    return token

    def held(self, key: TokenKey) -> Token | None:
        """The token this process holds, if it is still good: no question to the database or to WeCom."""
        held = self._held.get(key)
        return held.token if held and self._is_good(held.token, None) else None

    def forget(self, key: TokenKey) -> int:
        """Drop a token and what is known about its secret, here and in the database; how many rows that were."""
        with self._storage.transaction():
            dropped = int(self._storage.models[QywxToken].delete().where(*self._is_row(key)).execute())
        with self._lock:
            self._held.pop(key, None)
        return dropped

    def reopen(self, key: TokenKey) -> None:
        """Allow a refused secret to be tried again."""
        with self._storage.transaction():
            self._storage.models[QywxToken].update(refusal=None).where(*self._is_row(key)).execute()

    def refuse(self, key: TokenKey, secret_print: str, error: AuthorizationLost) -> None:
        """Note that another call had the secret refused, so that it is not tried for a token as well."""
        model = self._storage.models[QywxToken]
        values = {"refusal": self._told(error), "fingerprint": secret_print, "tokenSealed": None, "renewAt": 0.0}
        with self._storage.transaction():
            blank = {**key._asdict(), "version": 0, "leaseUntil": 0.0, **values}
            model.insert(**blank).on_conflict_ignore().execute()
            model.update(**values).where(*self._is_row(key)).execute()
        with self._lock:
            self._held.pop(key, None)

    def refusals(self, kind: str, suiteId: str = "") -> dict[str, AuthorizationLost]:
        """The refused secrets of one kind, by enterprise: what is not tried again."""
        model = self._storage.models[QywxToken]
        wanted = model.select().where(model.kind == kind, model.suiteId == suiteId, model.refusal.is_null(False))
        with self._storage.boundary():
            rows: list[Any] = list(wanted)
        return {row.corpId: _known_refusal(TokenKey(kind, suiteId, row.corpId), row.refusal) for row in rows}

    def refusal(self, key: TokenKey) -> AuthorizationLost | None:
        """Why the secret of a key is not tried again; None when nothing speaks against trying it."""
        row = self._read(key)
        return _known_refusal(key, row.refusal) if row is not None and row.refusal else None

    def _told(self, error: AuthorizationLost) -> str:
        return json.dumps(
            {"errcode": error.errcode, "errmsg": error.errmsg, "call": error.call, "at": self._timing.now()}
        )

    def _lead(
        self,
        flight: Future[Token],
        key: TokenKey,
        secret_print: str,
        fetch: Callable[[], Fresh],
        refused: Token | None,
    ) -> Token:
        """Get the token on behalf of every thread that waits for this flight."""
        try:
            token = self._share(key, secret_print, fetch, refused)
        except BaseException as error:
            self._land(key, secret_print)
            if isinstance(error, Exception):
                flight.set_exception(error)
            else:
                flight.cancel()
            raise
        with self._lock:
            self._held[key] = _Held(token, secret_print)
        self._land(key, secret_print)
        flight.set_result(token)
        return token

    def _land(self, key: TokenKey, secret_print: str) -> None:
        with self._lock:
            del self._flights[key, secret_print]

    def _share(self, key: TokenKey, secret_print: str, fetch: Callable[[], Fresh], refused: Token | None) -> Token:
        """Take the token another process has, or take the lease and fetch one."""
        poll = _POLL
        while True:
            row = self._read(key)
            if row is not None and row.fingerprint == secret_print:
                if row.refusal:
                    raise _known_refusal(key, row.refusal)
                token = self._token_of(key, row)
                if token and self._is_good(token, refused):
                    return token
            if self._take_lease(key, row):
                # Without a row there was a version 0 for a moment.
                return self._fetch(key, secret_print, fetch, row.version if row is not None else 0)
            self._timing.sleep(poll)
            poll = min(_LONGEST_POLL, poll * 1.5)

    def _fetch(self, key: TokenKey, secret_print: str, fetch: Callable[[], Fresh], version: int) -> Token:
        try:
            fresh = fetch()
        except AuthorizationLost as error:
            told = self._told(error)
            self._release(key, tokenSealed=None, renewAt=0.0, fingerprint=secret_print, refusal=told)
            raise
        except BaseException:
            self._release(key)
            raise
        good_for = fresh.expires_in - min(MARGIN, fresh.expires_in / 2)
        token = Token(fresh.value, self._timing.now() + good_for, version + 1)
        self._release(
            key,
            tokenSealed=self._box.seal(token.value, key.place),
            renewAt=token.renew_at,
            version=token.version,
            fingerprint=secret_print,
            refusal=None,
        )
        logger.info("Fetched a new %s token", key.kind, extra={"suiteId": key.suiteId, "corpId": key.corpId})
        return token

    def _read(self, key: TokenKey) -> Any:
        with self._storage.boundary():
            return self._storage.models[QywxToken].get_or_none(*self._is_row(key))

    def _token_of(self, key: TokenKey, row: Any) -> Token | None:
        if row.tokenSealed is None:
            return None
        try:
            return Token(self._box.open(row.tokenSealed, key.place), row.renewAt, row.version)
        except SecretUnreadable:
            # A token can be had again: a changed key is no reason to stop.
            logger.warning("A stored token cannot be decrypted and is fetched again", extra={"corpId": key.corpId})
            return None

    def _take_lease(self, key: TokenKey, row: Any) -> bool:
        """Whether this store may fetch now; the version shows that no newer token slipped in since ``row`` was read."""
        now = self._timing.now()
        model = self._storage.models[QywxToken]
        lease = {"leaseOwner": self._owner, "leaseUntil": now + LEASE}
        try:
            with self._storage.transaction():
                if row is None:
                    blank = {**key._asdict(), "renewAt": 0.0, "version": 0, "fingerprint": "", **lease}
                    return bool(model.insert(**blank).on_conflict_ignore().as_rowcount().execute())
                claim = model.update(**lease).where(
                    *self._is_row(key), model.version == row.version, model.leaseUntil <= now
                )
                return bool(claim.execute())
        except DatabaseBusy:
            return False

    def _release(self, key: TokenKey, **values: Any) -> None:
        """Write what the fetch brought and give the lease back, unless another process took it over meanwhile."""
        model = self._storage.models[QywxToken]
        with self._storage.transaction():
            values = {**values, "leaseOwner": None, "leaseUntil": 0.0}
            model.update(**values).where(*self._is_row(key), model.leaseOwner == self._owner).execute()

    def _is_row(self, key: TokenKey) -> list[Any]:
        model = self._storage.models[QywxToken]
        return [getattr(model, name) == value for name, value in key._asdict().items()]

    def _is_good(self, token: Token, refused: Token | None) -> bool:
        if token.renew_at <= self._timing.now():
            return False
        return refused is None or token.version > refused.version


class StoredToken:
    """The token of one key, as a :class:`jit_qywx.client.call.TokenSource`.

    :param store: where it is shared.
    :param key: whose token.
    :param secret: reads the secret it is fetched with; called whenever a token has to be found, so that a new secret
        takes effect without a restart.
    :param fetch: asks WeCom for a token with that secret.
    """

    def __init__(
        self,
        store: TokenStore,
        key: TokenKey,
        secret: Callable[[], str],
        fetch: Callable[[str], Fresh],
    ) -> None:
        self._store = store
        self._key = key
        self._secret = secret
        self._fetch = fetch

    def current(self) -> Token:
        """The token to use now."""
        return self._store.held(self._key) or self._get(None)

    def renew(self, refused: Token) -> Token:
        """Another token, after WeCom refused this one."""
        return self._get(refused)

    def _get(self, refused: Token | None) -> Token:
        secret = self._secret()
        return self._store.get(self._key, fingerprint(secret), lambda: self._fetch(secret), refused=refused)


def _known_refusal(key: TokenKey, refusal: str) -> AuthorizationLost:
    told = json.loads(refusal)
    whose = {"app": f"enterprise {key.corpId}", "suite": f"suite {key.suiteId}"}.get(key.kind, f"provider {key.corpId}")
    since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(told["at"]))
    return AuthorizationLost(
        f"WeCom refused the secret of {whose} with errcode {told['errcode']} on {since}; it is not tried again, "
        "because repeated wrong secrets get this machine's address barred.",
        errcode=told["errcode"],
        errmsg=told["errmsg"],
        call=told["call"],
        corpId=key.corpId or None,
        hint=_WAYS_OUT[key.kind],
    )
