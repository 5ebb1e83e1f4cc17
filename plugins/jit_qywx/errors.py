"""Every error the WeCom plugin raises on purpose, as one tree, so that a caller can tell "wait" from "give up".

::

    QywxError
    ├── ApiError                  WeCom answered with an error (``errcode``, ``errmsg``, ``call``, ``corpId``)
    │   ├── TokenExpired          TOKEN     a token stayed refused after one refresh
    │   ├── ServerBusy            BACKOFF   WeCom was busy and stayed busy
    │   ├── RateLimited           RATE      a call quota is used up
    │   │   ├── TooManyConcurrent           too many calls at once for one enterprise
    │   │   └── QuotaSpent                  known without asking, and until when (``until``)
    │   ├── AuthorizationLost     AUTH      the grant or the credentials are gone: no call is worth making
    │   ├── PermissionDenied      PERM      the app may not see or do this
    │   ├── NotFound              NOTFOUND  the id is unknown (or outside the visible range)
    │   ├── CallerMistake         CALLER    the request itself was wrong
    │   └── NetworkRefused        NET       the machine's address is not on the allow-list
    ├── TransportError            no usable answer came (``call``)
    │   ├── ConnectionFailed      no connection, or it broke
    │   ├── AnswerTimeout         no answer in time
    │   └── BadAnswer             an answer that is not what WeCom documents
    ├── ExportFailed              an export cannot be used (``call``)
    ├── ForeignAnswer             WeCom answered about another enterprise than ours (``corpId``)
    ├── TokenReplaced             one token after another was refused during a reading (``corpId``)
    ├── AuthUnavailable           the auth element cannot serve this enterprise (``corpId``)
    │   ├── CorpUnknown           the enterprise never authorised this suite (``possibilities``)
    │   ├── AgentUnknown          the enterprise's AgentId is not known here
    │   ├── AgentAmbiguous        several open Apps disagree about the AgentId
    │   ├── AuthInactive          the auth element is switched off
    │   ├── ErasureRefused        the enterprise has not cancelled
    │   ├── ProviderUnset         the provider's own credentials are not in the business file
    │   └── SuiteTicketMissing    WeCom has not pushed a suite_ticket yet
    ├── CallbackError             a callback was refused
    │   ├── SignatureMismatch     not signed with our token
    │   ├── PayloadInvalid        does not decrypt, or is not the documented XML
    │   ├── CallbackExpired       signed too long ago, or in the future
    │   └── ReceiverMismatch      meant for another suite or enterprise (``receive_id``)
    ├── CallbackUnknown           no recorded callback has that id
    ├── ServerMissing             what serves HTTP is not installed
    ├── LoginError                somebody may not log in (``corpId``)
    │   ├── LoginCodeRefused      WeCom does not take its code
    │   ├── LoginDomainUntrusted  the login leads back to a domain that the app does not trust
    │   ├── NotAMember            whoever logged in is no member of the enterprise
    │   ├── LoginCodeUnknown      no such login code
    │   ├── LoginCodeExpired      the login code is too old
    │   ├── LoginCodeUsed         the login code was used before
    │   ├── LoginCorpRefused      the organisation is not of the person's enterprise (``possibilities``)
    │   ├── MemberInvisible       the organisation does not know the person, or may not see them
    │   └── MemberOffline         the person is offline there
    └── SecretError               encryption at rest
        ├── SecretKeyInvalid      the key itself cannot be used
        └── SecretUnreadable      the stored secret was written with another key

    Stopping                      the process ends, and the next one goes on (in ``jit_qywx.contact_work``)

The classes of :class:`ApiError` are those of ``jit_qywx.errcodes``, which also says what to do about each errcode.
No message holds a token, a secret, a member's id or a telephone number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jitcore.errors import JitError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "AgentAmbiguous",
    "AgentUnknown",
    "AnswerTimeout",
    "ApiError",
    "AuthInactive",
    "AuthUnavailable",
    "AuthorizationLost",
    "BadAnswer",
    "CallbackError",
    "CallbackExpired",
    "CallbackUnknown",
    "CallerMistake",
    "ConnectionFailed",
    "CorpUnknown",
    "ErasureRefused",
    "ExportFailed",
    "ForeignAnswer",
    "LoginCodeExpired",
    "LoginCodeRefused",
    "LoginCodeUnknown",
    "LoginCodeUsed",
    "LoginCorpRefused",
    "LoginDomainUntrusted",
    "LoginError",
    "MemberInvisible",
    "MemberOffline",
    "NetworkRefused",
    "NotAMember",
    "NotFound",
    "PayloadInvalid",
    "PermissionDenied",
    "ProviderUnset",
    "QuotaSpent",
    "QywxError",
    "RateLimited",
    "ReceiverMismatch",
    "SecretError",
    "SecretKeyInvalid",
    "SecretUnreadable",
    "ServerBusy",
    "ServerMissing",
    "SignatureMismatch",
    "SuiteTicketMissing",
    "TokenExpired",
    "TokenReplaced",
    "TooManyConcurrent",
    "TransportError",
]


class QywxError(JitError):
    """Root of everything the WeCom plugin raises on purpose."""

    code = "qywx-error"


class ApiError(QywxError):
    """WeCom answered, and the answer is an error.

    :param errcode: WeCom's errcode (document 90313); None when nothing was asked because the outcome is already known.
    :param errmsg: WeCom's errmsg without the caller's address and without secrets; never a basis for decisions.
    :param call: the call that failed, as path and harmless arguments, for example ``user/list department_id=3``.
    :param corpId: the enterprise the call was made for, or None for a call of the suite.
    :param hint_id: the id WeCom's support asks for, from errmsg.
    :param caller_address: the address WeCom says the call came from, when it says so (kept out of the message).
    """

    code = "qywx-api-error"

    def __init__(
        self,
        message: str,
        *,
        errcode: int | None,
        errmsg: str = "",
        call: str = "",
        corpId: str | None = None,
        hint_id: str | None = None,
        caller_address: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.errcode = errcode
        self.errmsg = errmsg
        self.call = call
        self.corpId = corpId
        self.hint_id = hint_id
        self.caller_address = caller_address

    @property
    def path(self) -> str:
        """The WeCom path of the call, for example ``user/list``."""
        return self.call.split(" ", 1)[0]


class TokenExpired(ApiError):
    """A token was refused, was replaced once, and its successor was refused too."""

    code = "qywx-token-expired"


class ServerBusy(ApiError):
    """WeCom asked to try again later, more often than we are willing to in one run."""

    code = "qywx-server-busy"


class RateLimited(ApiError):
    """A quota of calls is used up; the block lasts as long as the quota's window (document 90454)."""

    code = "qywx-rate-limited"


class TooManyConcurrent(RateLimited):
    """Too many calls of one API at once for one enterprise, even after concurrency was lowered."""

    code = "qywx-too-many-concurrent"


class QuotaSpent(RateLimited):
    """A quota is used up for longer than a call waits; WeCom was not asked, because asking could only prolong that.

    :param until: when there should be some of it again; seconds since the epoch.
    """

    code = "qywx-quota-spent"

    def __init__(
        self, message: str, *, call: str = "", corpId: str | None = None, until: float, hint: str | None = None
    ) -> None:
        super().__init__(message, errcode=None, call=call, corpId=corpId, hint=hint)
        self.until = until


class AuthorizationLost(ApiError):
    """The enterprise's grant, or our credentials, no longer work. Repeating the call cannot help and may do harm:
    WeCom bars an address from ``gettoken`` for an hour after too many wrong secrets (document 90313, 45009)."""

    code = "qywx-authorization-lost"


class PermissionDenied(ApiError):
    """The app may not see this, or may not call this API."""

    code = "qywx-permission-denied"


class NotFound(ApiError):
    """The id is unknown to WeCom. A member outside the visible range looks the same (60111)."""

    code = "qywx-not-found"


class CallerMistake(ApiError):
    """The request was wrong: a bad or missing argument, or an API that does not fit the token."""

    code = "qywx-caller-mistake"


class NetworkRefused(ApiError):
    """WeCom does not accept calls from this machine's address (60020)."""

    code = "qywx-network-refused"


class TransportError(QywxError):
    """No usable answer came back.

    :param call: as for :class:`ApiError`.
    :param corpId: as for :class:`ApiError`.
    """

    code = "qywx-transport-error"

    def __init__(self, message: str, *, call: str, corpId: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.call = call
        self.corpId = corpId

    @property
    def path(self) -> str:
        """The WeCom path of the call, for example ``user/list``."""
        return self.call.split(" ", 1)[0]


class ConnectionFailed(TransportError):
    """The connection could not be made, or broke before the answer was complete."""

    code = "qywx-connection-failed"


class AnswerTimeout(TransportError):
    """The server did not answer in time."""

    code = "qywx-answer-timeout"


class BadAnswer(TransportError):
    """The answer is not what WeCom documents: an HTTP error, no JSON, or a missing field.

    :param status: the HTTP status of the answer.
    """

    code = "qywx-bad-answer"

    def __init__(
        self,
        message: str,
        *,
        call: str,
        corpId: str | None = None,
        status: int = 200,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, call=call, corpId=corpId, hint=hint)
        self.status = status


class ExportFailed(QywxError):
    """An export came to nothing, or does not fit what WeCom tells otherwise: it is not believed.

    :param call: the call that failed, as path and harmless arguments.
    """

    code = "qywx-export-failed"

    def __init__(self, message: str, *, call: str) -> None:
        hint = 'Run it again; with "fetch": "walk" the corp element is read without exports.'
        super().__init__(message, hint=hint)
        self.call = call


class ForeignAnswer(QywxError):
    """What WeCom told is not about the enterprise that it was asked about: the token is somebody else's.

    :param corpId: the enterprise that was asked.
    """

    code = "qywx-foreign-answer"

    def __init__(self, message: str, *, corpId: str, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.corpId = corpId


class TokenReplaced(QywxError):
    """The token was replaced in the middle of a reading, before it could be told whose the new one is.

    The reading begins anew by itself; this is raised when that did not help.

    :param corpId: the enterprise that is read.
    """

    code = "qywx-token-replaced"

    def __init__(self, corpId: str) -> None:
        super().__init__(
            f"WeCom refused one token of enterprise {corpId} after another while its organisation was read."
            " Nothing of the reading is used.",
            hint="Run it again.",
        )
        self.corpId = corpId


class AuthUnavailable(QywxError):
    """The auth element cannot serve an enterprise.

    :param corpId: the enterprise asked for, when the error is about one.
    """

    code = "qywx-auth-unavailable"

    def __init__(self, message: str, *, corpId: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.corpId = corpId


class CorpUnknown(AuthUnavailable):
    """The enterprise has not authorised this suite, as far as this App knows.

    :param possibilities: ids of authorised enterprises that look like the one asked for, best first.
    """

    code = "qywx-corp-unknown"

    def __init__(
        self, message: str, *, corpId: str, possibilities: Sequence[str] = (), hint: str | None = None
    ) -> None:
        super().__init__(message, corpId=corpId, hint=hint)
        self.possibilities = tuple(possibilities)


class AgentUnknown(AuthUnavailable):
    """No open App knows the AgentId of the enterprise's app."""

    code = "qywx-agent-unknown"


class AgentAmbiguous(AuthUnavailable):
    """Several open Apps know different AgentIds for the same enterprise and suite."""

    code = "qywx-agent-ambiguous"


class AuthInactive(AuthUnavailable):
    """The auth element's business file says ``"isActive": false``."""

    code = "qywx-auth-inactive"


class ErasureRefused(AuthUnavailable):
    """The data of an enterprise that has not cancelled are erased only when that is asked for expressly."""

    code = "qywx-erasure-refused"


class ProviderUnset(AuthUnavailable):
    """An install link is made with the provider's own corpid and secret, which the business file does not have."""

    code = "qywx-provider-unset"


class SuiteTicketMissing(AuthUnavailable):
    """WeCom has not pushed a suite_ticket to this App yet, and without one no suite token can be had."""

    code = "qywx-suite-ticket-missing"


class CallbackError(QywxError):
    """A callback was refused; nothing of it was stored."""

    code = "qywx-callback-refused"


class SignatureMismatch(CallbackError):
    """The callback is not signed with the token of this auth element."""

    code = "qywx-callback-signature"


class PayloadInvalid(CallbackError):
    """The callback does not decrypt with our key, or is not the XML that WeCom documents."""

    code = "qywx-callback-payload"


class CallbackExpired(CallbackError):
    """The callback is signed, but for another time than now: a repeat that is not WeCom's, or a clock that is wrong."""

    code = "qywx-callback-expired"


class ReceiverMismatch(CallbackError):
    """The callback was encrypted for somebody else.

    :param receive_id: whom it names.
    """

    code = "qywx-callback-receiver"

    def __init__(self, message: str, *, receive_id: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.receive_id = receive_id


class CallbackUnknown(QywxError):
    """No recorded callback has the id that was asked for.

    :param recordId: the id.
    """

    code = "qywx-callback-unknown"

    def __init__(self, message: str, *, recordId: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.recordId = recordId


class ServerMissing(QywxError):
    """The callback server's packages, the extra ``server``, are not installed."""

    code = "qywx-server-missing"


class LoginError(QywxError):
    """Somebody may not log in; nobody's code was spent by it.

    :param corpId: the enterprise, when it is known.
    """

    code = "qywx-login-refused"

    def __init__(self, message: str, *, corpId: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.corpId = corpId


class LoginCodeRefused(LoginError):
    """WeCom does not take the code that came from its login page (40029, 42022)."""

    code = "qywx-login-wecom-code"


class LoginDomainUntrusted(LoginError):
    """The login leads back to a domain that is not the app's trusted one (50001)."""

    code = "qywx-login-domain"


class NotAMember(LoginError):
    """WeCom knows whoever logged in by an openid only: they are no member of the enterprise."""

    code = "qywx-login-not-a-member"


class LoginCodeUnknown(LoginError):
    """There is no such login code."""

    code = "qywx-login-code-unknown"


class LoginCodeExpired(LoginError):
    """The login code is older than five minutes."""

    code = "qywx-login-code-expired"


class LoginCodeUsed(LoginError):
    """The login code was used before: it is good once."""

    code = "qywx-login-code-used"


class LoginCorpRefused(LoginError):
    """The organisation is not one of the enterprise that the person logged in to.

    :param corpFullName: the organisation asked for.
    :param possibilities: the organisations of that enterprise.
    """

    code = "qywx-login-corp"

    def __init__(
        self,
        message: str,
        *,
        corpId: str,
        corpFullName: str,
        possibilities: Sequence[str] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message, corpId=corpId, hint=hint)
        self.corpFullName = corpFullName
        self.possibilities = tuple(possibilities)


class MemberInvisible(LoginError):
    """The organisation does not know the person, or they fell out of the app's visible range.

    :param corpFullName: the organisation.
    """

    code = "qywx-login-invisible"

    def __init__(self, message: str, *, corpId: str, corpFullName: str, hint: str | None = None) -> None:
        super().__init__(message, corpId=corpId, hint=hint)
        self.corpFullName = corpFullName


class MemberOffline(LoginError):
    """The person is offline in the organisation.

    :param corpFullName: the organisation.
    """

    code = "qywx-login-offline"

    def __init__(self, message: str, *, corpId: str, corpFullName: str, hint: str | None = None) -> None:
        super().__init__(message, corpId=corpId, hint=hint)
        self.corpFullName = corpFullName


class SecretError(QywxError):
    """Encryption at rest failed."""

    code = "qywx-secret-error"


class SecretKeyInvalid(SecretError):
    """The encryption key is missing, malformed, or readable by others."""

    code = "qywx-secret-key-invalid"


class SecretUnreadable(SecretError):
    """A stored secret cannot be decrypted with the keys at hand."""

    code = "qywx-secret-unreadable"
