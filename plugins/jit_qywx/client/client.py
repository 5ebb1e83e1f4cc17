"""The client for one enterprise: endpoint groups over one transport, one token, one pace."""

from __future__ import annotations

from contextlib import nullcontext
from typing import IO, TYPE_CHECKING, Any, Protocol

from jit_qywx.client.agent import Agent
from jit_qywx.client.auth import Auth
from jit_qywx.client.batch import Batch
from jit_qywx.client.call import Call
from jit_qywx.client.department import Department
from jit_qywx.client.endpoints import field
from jit_qywx.client.export import Export
from jit_qywx.client.pace import Gate, Pace
from jit_qywx.client.proven_tokens import OneToken, ProvenTokens
from jit_qywx.client.tag import Tag
from jit_qywx.client.user import User
from jit_qywx.errors import AuthorizationLost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from jit_qywx.client.call import TokenSource
    from jit_qywx.client.downloads import Link
    from jit_qywx.client.transport import Transport

__all__ = ["CONCURRENCY", "CallObserver", "QywxProxyClient"]

#: Most calls at once for one enterprise: far below what was seen to draw 45033 (400), and no faster beyond.
CONCURRENCY = 16


class CallObserver(Protocol):
    """Is told how the calls of a client end."""

    def refused(self, error: AuthorizationLost) -> None:
        """WeCom refused a call because the grant or the secret is gone."""
        ...

    def answered(self, path: str, answer: Mapping[str, Any]) -> None:
        """WeCom answered a call."""
        ...


class QywxProxyClient:
    """WeCom's server API as one enterprise's proxied app may call it; safe to share between threads.

    The groups are named as WeCom's folders and their methods as the last part of its paths: ``department/list`` is
    ``client.department.list()``. Methods return the documented payload and raise the errors of ``jit_qywx.errors``.

    :param transport: makes the calls.
    :param tokens: hands out the app's access token.
    :param corpId: the enterprise, as the app knows it.
    :param corpName: the enterprise's name, if known.
    :param agentId: the app's AgentId there, if known.
    :param observer: is told how each call ends.
    :param pace: how fast it may call; by default only so many calls at once.
    :param reader: hands out the client for reading the organisation; see :meth:`reading`.
    """

    def __init__(
        self,
        transport: Transport,
        tokens: TokenSource,
        *,
        corpId: str,
        corpName: str | None = None,
        agentId: str | None = None,
        observer: CallObserver | None = None,
        pace: Pace | None = None,
        reader: Callable[[], AbstractContextManager[QywxProxyClient]] | None = None,
    ) -> None:
        self._transport = transport
        self._tokens = tokens
        self._observer = observer
        self._pace = pace or Pace(Gate(CONCURRENCY), (), transport.timing, transport.pause, corpId)
        self._reader = reader
        self.corpId = corpId
        self.corpName = corpName
        self.agentId = agentId
        self.department = Department(self)
        self.user = User(self)
        self.tag = Tag(self)
        self.agent = Agent(self)
        self.batch = Batch(self)
        self.export = Export(self)
        self.auth = Auth(self)

    @property
    def calls(self) -> int:
        """How many requests this client has made, repeats included and token requests not."""
        return self._pace.calls

    def reading(self) -> AbstractContextManager[QywxProxyClient]:
        """The same enterprise's client for reading its organisation: it leaves a part of each quota to other calls.

        A quota that WeCom says is used up parks the enterprise for all who read, until its window has passed.

        :raises QuotaSpent: the enterprise is parked.
        """
        return nullcontext(self) if self._reader is None else self._reader()

    def proving(self, prove: Callable[[QywxProxyClient], None]) -> QywxProxyClient:
        """The same client for putting many answers together: every token but the first is proven before it is used.

        :param prove: is given a client with just that token, and raises :class:`~jit_qywx.errors.ForeignAnswer` when it
            is another enterprise's.
        """
        return self._with(ProvenTokens(self._tokens, lambda token: prove(self._with(OneToken(token)))))

    def _with(self, tokens: TokenSource) -> QywxProxyClient:
        return QywxProxyClient(
            self._transport,
            tokens,
            corpId=self.corpId,
            corpName=self.corpName,
            agentId=self.agentId,
            observer=self._observer,
            pace=self._pace,
            reader=self._reader,
        )

    def get(
        self,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        told: Sequence[str] = (),
        reads: bool = True,
        secrets: Sequence[str] = (),
        news: Callable[[bytes], bytes] | None = None,
    ) -> dict[str, Any]:
        """GET any path of the API, for what has no method yet.

        :param path: for example ``user/list``.
        :param query: its arguments without the token; None values are left out.
        :param told: arguments that may be named in messages: no secrets, no ids of people.
        :param reads: whether it may be repeated after the network failed.
        :param secrets: values that must not show in messages.
        :param news: is shown the answer's text and gives back what of it is to be read; ``b""`` makes an empty answer.
        :returns: the answer without ``errcode`` and ``errmsg``.
        :raises ApiError: WeCom refused; the subclass says what that means.
        :raises TransportError: no usable answer came.
        """
        call = Call(
            path, query or {}, corpId=self.corpId, told=tuple(told), reads=reads, secrets=tuple(secrets), news=news
        )
        return self._call(call)

    def post(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        told: Sequence[str] = (),
        reads: bool = False,
        secrets: Sequence[str] = (),
    ) -> dict[str, Any]:
        """POST to any path of the API; parameters and result as for :meth:`get`.

        :param body: the JSON body.
        """
        call = Call(path, body=body or {}, corpId=self.corpId, told=tuple(told), reads=reads, secrets=tuple(secrets))
        return self._call(call)

    def download(self, link: Link, wanted: Callable[[], bool] = lambda: True) -> IO[bytes]:
        """Fetch a file that WeCom named, whole and as told: see :meth:`jit_qywx.client.downloads.Downloads.fetch`."""
        return self._transport.downloads.fetch(link, wanted)

    def pause(self, seconds: float) -> None:
        """Wait for WeCom, at most until the App is closed."""
        self._transport.pause(seconds)

    def getcallbackip(self) -> list[str]:
        """The addresses WeCom's callbacks come from (document 90930)."""
        return field(self.get("getcallbackip"), "ip_list", list, call="getcallbackip", corpId=self.corpId)

    def _call(self, call: Call) -> dict[str, Any]:
        try:
            answer = self._transport.call(call, tokens=self._tokens, pace=self._pace)
        except AuthorizationLost as error:
            # That no token could be had is told by whoever tried to get one.
            if self._observer is not None and error.call == str(call):
                self._observer.refused(error)
            raise
        if self._observer is not None:
            self._observer.answered(call.path, answer)
        return answer

    def __repr__(self) -> str:
        return f"<QywxProxyClient {self.corpId}>"
