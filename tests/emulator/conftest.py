"""The emulator under test, and a plain HTTP client: nothing of the project's own client code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from jit_qywx.emulator import Clock, Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jit_qywx.emulator.corps import CorpApp


class Caller:
    """Calls an emulator as a client would, and hands back the JSON."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.http = requests.Session()
        self.http.trust_env = False
        self.token = ""

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """GET, with the app token unless another token is given."""
        if not any("token" in name for name in query) and self.token:
            query["access_token"] = self.token
        return self.http.get(self.emulator.base_url + path, params=query, timeout=60).json()

    def post(self, path: str, data: Any = None, **query: Any) -> dict[str, Any]:
        """POST, with the app token unless another token is given."""
        if not any("token" in name for name in query) and self.token:
            query["access_token"] = self.token
        body = json.dumps(data or {}, ensure_ascii=False).encode()
        return self.http.post(self.emulator.base_url + path, params=query, data=body, timeout=60).json()

    def sign_in(self, app: CorpApp) -> str:
        """Fetch the app's token and use it from now on."""
        answer = self.get("gettoken", corpid=app.corpid, corpsecret=app.secret)
        self.token = answer["access_token"]
        return self.token

    def suite_token(self) -> str:
        """A suite token of the first suite."""
        suite = self.emulator.suite
        body = {"suite_id": suite.id, "suite_secret": suite.secret, "suite_ticket": self.emulator.new_ticket()}
        return str(self.post("service/get_suite_token", body)["suite_access_token"])


DEPARTMENTS = [
    {"id": 1, "name": "示例企业", "order": 100},
    {"id": 2, "name": "研发中心", "parent": 1, "order": 4294967295},
    {"id": 3, "name": "销售中心", "parent": 1, "order": 200},
    {"id": 4, "name": "后端组", "parent": 2, "order": 10},
    {"id": 5, "name": "前端组", "parent": 2, "order": 20},
]
MEMBERS = [
    {"userid": "zhangsan", "name": "张三", "department": [2, 3], "order": [5, 9], "is_leader_in_dept": [1, 0]},
    {"userid": "lisi", "name": "李四", "department": [4], "position": "工程师", "direct_leader": ["zhangsan"]},
    {"userid": "wangwu", "name": "王五", "department": [3], "mobile": "13800000000", "status": 4},
]
TAGS = [{"id": 1, "name": "管理员", "users": ["zhangsan"], "departments": [4]}]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator with one small corp "ww1" that authorised the suite, and a clock that stands still."""
    with Emulator(seed=7, clock=Clock.frozen()) as emulator:
        emulator.add_corp(
            "ww1", "示例企业", departments=DEPARTMENTS, members=MEMBERS, tags=TAGS, admins={"zhangsan": 1}
        )
        emulator.install("ww1")
        yield emulator


@pytest.fixture
def caller(emulator: Emulator) -> Iterator[Caller]:
    """A client signed in as the app of "ww1"; its token call is not in the record."""
    caller = Caller(emulator)
    caller.sign_in(emulator.app("ww1"))
    emulator.calls.clear()
    yield caller
    caller.http.close()
