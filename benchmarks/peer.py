"""The peer's way: wechatpy's client walks the departments one by one, and Peewee saves row by row in one transaction.

It is what a developer writes with the two libraries at hand, and no more: nobody is removed, nothing is compared as a
whole, no history is kept. An index on every key, and one transaction, are the kindnesses it gets.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import peewee
from requests.adapters import HTTPAdapter
from wechatpy.work import WeChatClient  # type: ignore[import-untyped]  # it has no types

from benchmarks.databases import Home
from benchmarks.upstream import CORP_ID, Upstream


def sync(home: Home, upstream: Upstream, permanent_code: str) -> None:
    """Read the enterprise and save it."""
    database = home.peewee()
    database.connect()
    client = _client(upstream.base_url, permanent_code)
    try:
        models = _models(database)
        with database.atomic():
            for department in client.department.list():
                _save_department(models, department)
                for user in client.user.list(department["id"]):
                    _save_member(models, user)
            for tag in client.tag.list():
                _save_tag(models, tag, client.tag.get_users(tag["tagid"]))
    finally:
        client._http.close()
        database.close()


def prepare(home: Home) -> None:
    """Make its tables."""
    database = home.peewee()
    with database.connection_context():
        database.create_tables(vars(_models(database)).values())


def count(home: Home) -> dict[str, int]:
    """How many rows it has of each kind."""
    database = home.peewee()
    with database.connection_context():
        return {name: model.select().count() for name, model in vars(_models(database)).items()}


def _save_department(models: Any, told: Mapping[str, Any]) -> None:
    values = {"name": told.get("name"), "parent": told["parentid"], "order": told["order"]}
    _save(models.department, {"id": told["id"]}, values)


def _save_member(models: Any, told: Mapping[str, Any]) -> None:
    values = {
        "name": told.get("name"),
        "nick": told.get("alias"),
        "position": told.get("position"),
        "status": told.get("status"),
        "main": told.get("main_department"),
    }
    _save(models.member, {"userid": told["userid"]}, values)
    places = zip(told["department"], told["order"], told["is_leader_in_dept"], strict=True)
    for department, order, leads in places:
        key = {"userid": told["userid"], "department": department}
        _save(models.membership, key, {"order": order, "leads": bool(leads)})


def _save_tag(models: Any, tag: Mapping[str, Any], holders: Mapping[str, Any]) -> None:
    _save(models.tag, {"id": tag["tagid"]}, {"name": tag["tagname"]})
    for user in holders["userlist"]:
        _save(models.grant, {"tag": tag["tagid"], "userid": user["userid"]}, {})


def _save(model: Any, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    found = model.get_or_none(**key)
    if found is None:
        model.create(**key, **values)
    elif values:
        for name, value in values.items():
            setattr(found, name, value)
        found.save()


def _models(database: peewee.Database) -> Any:
    class Record(peewee.Model):
        class Meta:
            pass

    Record._meta.set_database(database)

    class Department(Record):
        id = peewee.BigIntegerField(primary_key=True)
        name = peewee.TextField(null=True)
        parent = peewee.BigIntegerField()
        order = peewee.BigIntegerField()

    class Member(Record):
        userid = peewee.TextField(primary_key=True)
        name = peewee.TextField(null=True)
        nick = peewee.TextField(null=True)
        position = peewee.TextField(null=True)
        status = peewee.IntegerField(null=True)
        main = peewee.BigIntegerField(null=True)

    class Membership(Record):
        userid = peewee.TextField()
        department = peewee.BigIntegerField()
        order = peewee.BigIntegerField()
        leads = peewee.BooleanField()

        class Meta:
            indexes = ((("userid", "department"), True),)

    class Tag(Record):
        id = peewee.BigIntegerField(primary_key=True)
        name = peewee.TextField()

    class Grant(Record):
        tag = peewee.BigIntegerField()
        userid = peewee.TextField()

        class Meta:
            indexes = ((("tag", "userid"), True),)
            table_name = "granted"

    models = SimpleNamespace(department=Department, member=Member, membership=Membership, tag=Tag, grant=Grant)
    database.bind(list(vars(models).values()))
    return models


class _ToEmulator(HTTPAdapter):
    """Sends what wechatpy addresses to the official host, as its call for a token, to the emulator."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url

    def send(self, request: Any, *arguments: Any, **options: Any) -> Any:
        address = urlsplit(request.url)
        request.url = f"{self._base_url}{address.path.removeprefix('/cgi-bin/')}?{address.query}"
        return super().send(request, *arguments, **options)


def _client(base_url: str, permanent_code: str) -> WeChatClient:
    client = WeChatClient(CORP_ID, permanent_code)
    client.API_BASE_URL = base_url
    client._http.trust_env = False
    client._http.mount("https://qyapi.weixin.qq.com/", _ToEmulator(base_url))
    return client
