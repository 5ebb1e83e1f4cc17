"""``client.department``: departments inside the app's visible range (WeCom document group 90204)."""

from __future__ import annotations

from jit_qywx.client.endpoints import Endpoints, Record, Records

__all__ = ["Department"]


class Department(Endpoints):
    """Reads departments. Names and leaders come only where the enterprise granted them."""

    def list(self, id: int | str | None = None) -> Records:  # noqa: A002  # WeCom's own name
        """The visible departments, or ``id`` and everything below it (document 90344).

        :returns: ``[{"id", "name"?, "name_en"?, "department_leader"?, "parentid", "order"}]``; without the root in the
            range, the topmost ones name parents that are not in the list.
        """
        return self._records("department/list", self._get("department/list", {"id": id}, told=["id"]), "department")

    def simplelist(self, id: int | str | None = None) -> Records:  # noqa: A002  # WeCom's own name
        """Ids of departments (document 95406): of the whole enterprise if the app was granted its structure.

        :returns: ``[{"id", "parentid", "order"}]``.
        """
        path = "department/simplelist"
        return self._records(path, self._get(path, {"id": id}, told=["id"]), "department_id")

    def get(self, id: int | str) -> Record:  # noqa: A002  # WeCom's own name
        """One department (document 95407), with the fields of :meth:`list`."""
        answer = self._get("department/get", {"id": id}, told=["id"])
        return self._field("department/get", answer, "department", dict)
