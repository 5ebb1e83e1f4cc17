"""``client.tag``: tags, the nearest thing WeCom has to roles (WeCom document group 90209)."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from jit_qywx.client.endpoints import Endpoints, Record, Records

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Tag"]


class Tag(Endpoints):
    """Reads tags, and edits those that this app created (others answer 81011)."""

    def list(self) -> Records:
        """All tags (document 90352).

        :returns: ``[{"tagid", "tagname"}]``.
        """
        return self._records("tag/list", self._get("tag/list"), "taglist")

    def get(self, tagid: int | str) -> Record:
        """Who has a tag (document 90349): visible members, and departments, which are not expanded.

        :returns: ``{"tagname", "userlist": [{"userid", "name"?}], "partylist": [id]}``.
        """
        answer = self._get("tag/get", {"tagid": tagid}, told=["tagid"])
        self._records(f"tag/get tagid={tagid}", answer, "userlist")
        self._field(f"tag/get tagid={tagid}", answer, "partylist", builtins.list)
        return answer

    def create(self, tagname: str, tagid: int | None = None) -> int:
        """Create a tag (document 90346) and return its id.

        :param tagname: at most 32 characters, unlike any other tag's.
        :param tagid: an id to use; None lets WeCom choose.
        """
        answer = self._post("tag/create", {"tagname": tagname, "tagid": tagid}, reads=False)
        return self._field("tag/create", answer, "tagid", int)

    def update(self, tagid: int, tagname: str) -> None:
        """Rename a tag (document 90347)."""
        self._post("tag/update", {"tagid": tagid, "tagname": tagname})

    def delete(self, tagid: int | str) -> None:
        """Delete a tag (document 90348)."""
        self._client.get("tag/delete", {"tagid": tagid}, told=["tagid"], reads=False)

    def addtagusers(
        self, tagid: int, userlist: Sequence[str] | None = None, partylist: Sequence[int] | None = None
    ) -> Record:
        """Give a tag to members and departments (document 90350).

        :param userlist: at most 1,000 userids.
        :param partylist: at most 100 department ids.
        :returns: ``{"invalidlist"?: "id1|id2", "invalidparty"?: [id]}``: what was left out.
        """
        return self._post("tag/addtagusers", {"tagid": tagid, "userlist": userlist, "partylist": partylist})

    def deltagusers(
        self, tagid: int, userlist: Sequence[str] | None = None, partylist: Sequence[int] | None = None
    ) -> Record:
        """Take a tag away from members and departments (document 90351); arguments and result as for addtagusers."""
        return self._post("tag/deltagusers", {"tagid": tagid, "userlist": userlist, "partylist": partylist})
