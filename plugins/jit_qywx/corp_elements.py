"""Corp elements of enterprises that have no folder, and what ``jit list`` says about those of all enterprises.

Both are read from the database and from business files; no secret is opened and WeCom is not asked. An app whose
database has never been made has no enterprises, so that looking at it does not make one.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jit_qywx.enterprises import CORP_TYPE, auth_elements, enterprises, enterprises_in_folders, full_name
from jitcore import ElementSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitcore import App

__all__ = ["conditions", "generated_corps"]


def generated_corps(app: App) -> dict[str, ElementSpec]:
    """An element for each enterprise that no corp element in a folder names; of auth elements that opted in."""
    templates = {name: config for name, config in auth_elements(app) if "autoCreateCorp" in config}
    if not templates or not _has_database(app):
        return {}
    named = {(one.suiteId, one.corpId) for one in enterprises_in_folders(app)}
    found: dict[str, ElementSpec] = {}
    for authFullName, config in templates.items():
        template, suiteId = config["autoCreateCorp"], str(config["authConfig"]["suiteId"])
        # As it is written: {{variables}} are substituted in each element, once.
        source = app.element_states.configuration(authFullName).source
        further = source.data["autoCreateCorp"].get("config", {}) if source else {}
        for corpId, corpName in _authorised(app, suiteId):
            if (suiteId, corpId) in named:
                continue
            told = {"{corpId}": corpId, "{corpName}": corpName or corpId}
            found.setdefault(
                full_name(template, corpId),
                ElementSpec(
                    template.get("type", CORP_TYPE),
                    {"corpId": corpId, "authFullName": authFullName, **further},
                    _filled(template.get("title", "{corpName}"), told),
                ),
            )
    return found


def conditions(app: App) -> dict[str, str]:
    """A word for each element whose enterprise cannot be asked as usual, and for suites whose own secret is refused."""
    auths = {name: str(config["authConfig"]["suiteId"]) for name, config in auth_elements(app)}
    if not auths or not _has_database(app):
        return {}
    from jit_qywx.client.tokens import fingerprint
    from jit_qywx.models import QywxAuthorization, QywxQuota, QywxToken
    from jit_qywx.states import ACTIVE

    grant: Any = app.models[QywxAuthorization]
    token: Any = app.models[QywxToken]
    quota: Any = app.models[QywxQuota]
    unusual = grant.select(grant.suiteId, grant.corpId, grant.state).where(grant.state != ACTIVE).tuples()
    refused = token.select(token.suiteId, token.corpId, token.fingerprint).where(token.refusal.is_null(False)).tuples()
    spent = quota.select(quota.corpId).where(quota.parkedUntil > time.time()).tuples()
    with app.storage.boundary():
        spent_by = {corpId for (corpId,) in spent}
        words = {(suiteId, corpId): str(state) for suiteId, corpId, state in unusual}
        parked = {(suiteId, corpId): str(secret) for suiteId, corpId, secret in refused}
    words |= dict.fromkeys(parked, "parked")
    found = {
        one.fullName: words.get((one.suiteId, one.corpId), "parked" if one.corpId in spent_by else "")
        for one in enterprises(app)
    }
    for name, config in auth_elements(app):
        # The refusal of a secret that was changed since counts no more.
        if parked.get((auths[name], "")) == fingerprint(str(config["authConfig"]["suiteSecret"])):
            found[name] = "parked"
    return {name: word for name, word in found.items() if word}


def _authorised(app: App, suiteId: str) -> list[tuple[str, str | None]]:
    from jit_qywx.models import QywxAuthorization

    model: Any = app.models[QywxAuthorization]
    mine = model.select(model.corpId, model.corpName).where(model.suiteId == suiteId).order_by(model.corpId)
    with app.storage.boundary():
        return list(mine.tuples())


def _has_database(app: App) -> bool:
    """Whether the App's database may hold something; one that is a file has to be there for that."""
    import peewee

    database: Any = app.getElement(app.database_name).database
    if not isinstance(database, peewee.SqliteDatabase):
        return True
    path = str(database.database)
    return path.startswith("file:") or Path(path).exists()


def _filled(text: str, told: Mapping[str, str]) -> str:
    for name, value in told.items():
        text = text.replace(name, value)
    return text
