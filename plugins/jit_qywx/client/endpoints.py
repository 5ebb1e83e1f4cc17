"""What all endpoint groups share: how a method becomes a call, and how its documented payload leaves the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from jit_qywx.errors import BadAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jit_qywx.client.client import QywxProxyClient

__all__ = ["Endpoints", "Record", "Records", "field", "records"]

T = TypeVar("T")
Record: TypeAlias = dict[str, Any]
Records: TypeAlias = list[Record]


class Endpoints:
    """Base of the endpoint groups: a group is a folder of WeCom's API, a method the last part of a path.

    :param client: makes the calls.
    """

    def __init__(self, client: QywxProxyClient) -> None:
        self._client = client

    def _get(self, path: str, query: Mapping[str, Any] | None = None, *, told: Sequence[str] = ()) -> Record:
        return self._client.get(path, query, told=told)

    def _post(
        self, path: str, body: Mapping[str, Any] | None = None, *, reads: bool = True, secrets: Sequence[str] = ()
    ) -> Record:
        given = {name: value for name, value in (body or {}).items() if value is not None}
        return self._client.post(path, given, reads=reads, secrets=secrets)

    def _records(self, path: str, answer: Mapping[str, Any], name: str) -> Records:
        return records(answer, name, call=path, corpId=self._client.corpId)

    def _field(self, path: str, answer: Mapping[str, Any], name: str, kind: type[T]) -> T:
        return field(answer, name, kind, call=path, corpId=self._client.corpId)


def field(answer: Mapping[str, Any], name: str, kind: type[T], *, call: str, corpId: str | None = None) -> T:
    """A field that a good answer always has.

    :raises BadAnswer: it is missing or of another type: the answer must not be taken for an empty one.
    """
    value = answer.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BadAnswer(
            f"WeCom's answer to {call} has no usable {name!r}.",
            call=call,
            corpId=corpId,
            hint="Nothing of the answer was used. If this keeps happening, compare it with WeCom's documentation.",
        )
    return value


def records(answer: Mapping[str, Any], name: str, *, call: str, corpId: str | None = None) -> Records:
    """A field that is a list of objects.

    :raises BadAnswer: it is missing, no list, or holds something else.
    """
    items = field(answer, name, list, call=call, corpId=corpId)
    # JSON makes no subclasses; and this is asked of every member of a sync.
    if not set(map(type, items)) <= {dict}:
        raise BadAnswer(
            f"WeCom's answer to {call} has an item in {name!r} that is no object.", call=call, corpId=corpId
        )
    return cast("Records", items)
