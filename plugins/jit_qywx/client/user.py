"""``client.user``: members inside the app's visible range (WeCom document group 90194)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from jit_qywx.client.endpoints import Endpoints, Record, Records
from jit_qywx.client.transport import parsed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["User"]


class User(Endpoints):
    """Reads members. Which fields come depends on what the enterprise granted; a missing field is not an empty one."""

    def get(self, userid: str) -> Record:
        """One member (document 96255).

        :raises NotFound: with errcode 60111 when unknown, gone, or outside the range.
        """
        answer = self._get("user/get", {"userid": userid})
        self._field("user/get", answer, "userid", str)
        return answer

    def list(self, department_id: int | str) -> Records:
        """The members of one department in full (document 96260); sub-departments have to be asked for one by one.

        :returns: ``[{"userid", "name"?, "department", "order", "status"?, …}]``.
        """
        answer = self._get("user/list", {"department_id": department_id}, told=["department_id"])
        return self._records(f"user/list department_id={department_id}", answer, "userlist")

    def list_news(self, department_id: int | str, news: Callable[[bytes], bytes]) -> Records:
        """As :meth:`list`, but only those records that are worth reading.

        :param news: is shown the answer's text, and gives back an answer with fewer records, or ``b""`` for none.
        """
        answer = self._client.get("user/list", {"department_id": department_id}, told=["department_id"], news=news)
        return self._records(f"user/list department_id={department_id}", answer, "userlist") if answer else []

    @staticmethod
    def listed(text: bytes) -> Records:
        """The records of an answer to :meth:`list` that was good."""
        return cast("Records", parsed(text)["userlist"])

    def simplelist(self, department_id: int | str, fetch_child: int | None = None) -> Records:
        """The members of one department in short (document 96258).

        :param fetch_child: 1 includes sub-departments; proxied apps must not count on it.
        :returns: ``[{"userid", "name"?, "department", "open_userid"?}]``.
        """
        query = {"department_id": department_id, "fetch_child": fetch_child}
        answer = self._get("user/simplelist", query, told=["department_id"])
        return self._records("user/simplelist", answer, "userlist")

    def list_id(self, cursor: str | None = None, limit: int | None = None) -> Record:
        """One page of (member, department) pairs (document 96269); a proxied app gets 48002.

        :param cursor: ``next_cursor`` of the page before; None for the first.
        :param limit: rows per page, 1 to 10,000.
        :returns: ``{"next_cursor", "dept_user": [{"userid", "department"}]}``; an empty cursor ends it.
        """
        answer = self._post("user/list_id", {"cursor": cursor, "limit": limit})
        self._records("user/list_id", answer, "dept_user")
        return answer

    def getuserinfo(self, code: str) -> Record:
        """The older twin of ``auth/getuserinfo`` (document 91023): it answers ``UserId`` instead of ``userid``."""
        return self._client.get("user/getuserinfo", {"code": code}, secrets=[code])
