"""An index that answers alone which roles a member has; without it SQLite walks through all grants of the corp."""

from __future__ import annotations

from typing import Any


def up(migrator: Any, db: Any) -> None:
    for index in db.get_indexes("corp_role_member"):
        if index.columns == ["corp_full_name", "member_id"]:
            migrator.migrate(migrator.drop_index("corp_role_member", index.name))
    columns = ("corp_full_name", "member_id", "role_id", "origin")
    migrator.migrate(migrator.add_index("corp_role_member", columns))
