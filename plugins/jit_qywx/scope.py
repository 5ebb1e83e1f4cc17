"""What the app may see of an enterprise: its visible range and the fields it was granted.

Both can change at any moment, by an administrator's click. A member who falls out of sight looks exactly like one who
left (errcode 60111), so every reading of an organisation carries the scope it was made under.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jit_corps.snapshot import Scope

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Executor

    from jit_qywx.client import QywxProxyClient

__all__ = ["VisibleScope", "common", "read_scope"]

_GRANTED = "contact:sensitive:"


@dataclass(frozen=True, slots=True)
class VisibleScope:
    """The visible range as the administrator wrote it (document 96448) and the granted rights (document 99052).

    Each part is sorted, because WeCom promises no order.
    """

    users: tuple[str, ...]
    departments: tuple[str, ...]
    tags: tuple[str, ...]
    permissions: tuple[str, ...]

    def grants(self, field: str) -> bool:
        """Whether a sensitive field comes, for example ``user_name`` or ``department_name``."""
        return _GRANTED + field in self.permissions

    def describe(self, *, has_root: bool) -> Scope:
        """The scope in the words of a snapshot."""
        parts = [json.dumps(part) for part in (self.users, self.departments, self.tags, self.permissions)]
        names = "names visible" if self.grants("user_name") else "names hidden"
        return Scope(
            digest=hashlib.sha256("\n".join(parts).encode()).hexdigest(),
            summary=f"{_count(self.departments, 'department')}, {_count(self.users, 'member')}, "
            f"{_count(self.tags, 'tag')} in the visible range; {names}",
            hasRoot=has_root,
        )


def read_scope(client: QywxProxyClient, pool: Executor) -> VisibleScope:
    """Ask for the visible range and the rights of the app, both at once."""
    asked, asked_rights = pool.submit(client.agent.get), pool.submit(client.agent.get_permissions)
    app, rights = asked.result(), asked_rights.result()
    users = (user.get("userid") for user in _items(app, "allow_userinfos", "user") if isinstance(user, dict))
    return VisibleScope(
        users=_sorted(users),
        departments=_sorted(_items(app, "allow_partys", "partyid")),
        tags=_sorted(_items(app, "allow_tags", "tagid")),
        permissions=_sorted(rights),
    )


def common(before: VisibleScope, after: VisibleScope) -> VisibleScope:
    """The later scope with the rights that held all the time: only then is a name known to be a name."""
    permissions = tuple(right for right in before.permissions if right in after.permissions)
    return VisibleScope(after.users, after.departments, after.tags, permissions)


def _items(app: dict[str, Any], outer: str, inner: str) -> list[Any]:
    # An empty range is written as {}, as {"partyid": []} or not at all.
    part = app.get(outer)
    items = part.get(inner) if isinstance(part, dict) else None
    return items if isinstance(items, list) else []


def _sorted(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(sorted({str(value) for value in values if value not in (None, "")}))


def _count(items: tuple[str, ...], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"
