"""``client.agent``: the app about itself (WeCom document group 90226)."""

from __future__ import annotations

import builtins

from jit_qywx.client.endpoints import Endpoints, Record, Records
from jit_qywx.errors import AgentUnknown, ForeignAnswer

__all__ = ["Agent"]


class Agent(Endpoints):
    """Reads what the app is, may see and may do in this enterprise."""

    def get(self, agentid: int | str | None = None) -> Record:
        """An app's settings and visible range (document 96448).

        :param agentid: None for the app of this client.
        :returns: ``{"agentid", "name", "allow_userinfos": {"user": [{"userid"}]}, "allow_partys": {"partyid": [id]},
            "allow_tags": {"tagid": [id]}, "close", "customized_publish_status", …}``.
        :raises AgentUnknown: the client does not know its AgentId.
        :raises ForeignAnswer: the answer is about another app.
        """
        agentid = self._client.agentId if agentid is None else agentid
        if agentid is None:
            raise AgentUnknown(
                f"The AgentId of enterprise {self._client.corpId} is not known.",
                corpId=self._client.corpId,
                hint="It comes with the authorisation: replay the create_auth callback with retryCallBack, or run "
                "jit qywx authorize with a new auth code.",
            )
        answer = self._get("agent/get", {"agentid": agentid}, told=["agentid"])
        told = self._field("agent/get", answer, "agentid", int)
        if str(told) != str(agentid):
            corpId = self._client.corpId
            raise ForeignAnswer(
                f"WeCom was asked about app {agentid} of enterprise {corpId} and told about app {told}: this looks like"
                " the answer for another enterprise. Nothing of it is used.",
                corpId=corpId,
                hint="The stored AgentId or the access token is another authorisation's: have it authorise again.",
            )
        return answer

    def list(self) -> Records:
        """The apps this token may handle (document 90227): a proxied app's own.

        :returns: ``[{"agentid", "name", "square_logo_url"}]``.
        """
        return self._records("agent/list", self._get("agent/list"), "agentlist")

    def get_admin_list(self) -> Records:
        """The app's administrators (document 100072).

        :returns: ``[{"userid", "auth_type"}]``: 0 may send messages, 1 may manage.
        """
        return self._records("agent/get_admin_list", self._post("agent/get_admin_list"), "admin")

    def get_permissions(self) -> builtins.list[str]:
        """What the enterprise granted (document 99052), for example ``contact:sensitive:user_name``."""
        answer = self._post("agent/get_permissions")
        return [str(item) for item in self._field("agent/get_permissions", answer, "app_permissions", builtins.list)]
