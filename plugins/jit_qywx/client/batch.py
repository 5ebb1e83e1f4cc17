"""``client.batch``: turning ids into one another (WeCom document 97104)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jit_qywx.client.endpoints import Endpoints, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Batch"]


class Batch(Endpoints):
    """Converts ids, at most 1,000 a call."""

    def userid_to_openuserid(self, userid_list: Sequence[str]) -> Record:
        """Plain userids to the provider's ciphertext ids (document 97104).

        :returns: ``{"open_userid_list": [{"userid", "open_userid"}], "invalid_userid_list": [userid]}``.
        """
        answer = self._post("batch/userid_to_openuserid", {"userid_list": list(userid_list)})
        self._records("batch/userid_to_openuserid", answer, "open_userid_list")
        return answer

    def openuserid_to_userid(self, open_userid_list: Sequence[str], source_agentid: int) -> Record:
        """Ciphertext ids back to plain ones (document 95884): only the enterprise's own app may.

        :param source_agentid: the AgentId of the app the ids come from.
        :returns: ``{"userid_list": [{"open_userid", "userid"}], "invalid_open_userid_list": [open_userid]}``.
        """
        body = {"open_userid_list": list(open_userid_list), "source_agentid": source_agentid}
        answer = self._post("batch/openuserid_to_userid", body)
        self._records("batch/openuserid_to_userid", answer, "userid_list")
        return answer
