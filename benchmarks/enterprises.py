"""Apps whose suite the emulated enterprises have authorised: what a sync needs before it can be measured."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.databases import Home
from benchmarks.upstream import CORP_ID, Upstream
from jitcore import App

AUTH = "auths.BenchAuth"


@contextmanager
def opened(
    path: Path,
    upstream: Upstream,
    home: Home | None = None,
    *,
    corpids: Sequence[str] = (CORP_ID,),
    fetch: str = "walk",
    unlimited: bool = True,
) -> Iterator[App]:
    """A new app that these enterprises have authorised; nothing is synced yet.

    :param path: its folder, which is removed at the end.
    :param home: its database; without one it has SQLite in its folder.
    :param corpids: each has an element without a folder, :func:`corp_name`.
    :param fetch: how the organisations are read. By itself a sync of many departments would be by export, and the floor
        is that of a walk.
    :param unlimited: whether WeCom's quotas are lifted. Two syncs of a large enterprise within one minute would
        otherwise measure nothing but these.
    """
    suite = upstream.suite
    config = {
        "authConfig": {
            "suiteId": suite.id,
            "suiteSecret": suite.secret,
            "encodingAESKey": suite.aes_key,
            "token": suite.token,
        },
        "apiBaseUrl": upstream.base_url,
        "autoCreateCorp": {"fullName": "corps.{corpId}", "config": {"fetch": fetch}},
    }
    if unlimited:
        config["quotas"] = dict.fromkeys(("perMinute", "perHour", "addressPerMinute", "addressPerHour"), 10**9)
    _write(path, "auths", "BenchAuth", "auths.loginTypes.QywxProxyType", config)
    if home is not None:
        _write(path, "databases", "Default", *home.element)
    try:
        with App(path) as app:
            auth = app.getElement(AUTH)
            auth.notify(**upstream.ticket())
            for corpid in corpids:
                auth.authorize(upstream.auth_code(corpid))
            yield app
    finally:
        shutil.rmtree(path)


def corp_name(corpid: str = CORP_ID) -> str:
    """The full name of an enterprise's element."""
    return f"corps.{corpid}"


def sync(app: App, corpid: str = CORP_ID) -> None:
    """What is measured: one sync, all of it.

    :raises RuntimeError: something was withheld or could not be read, so that it did less than it should.
    """
    report = app.getElement(corp_name(corpid)).syncCorp()
    if report.status != "ok":
        raise RuntimeError(f"the sync that was measured did not do everything: {report}")


def _write(app: Path, family: str, name: str, element_type: str, config: dict[str, Any]) -> None:
    path = app / family / name
    path.mkdir(parents=True)
    (path / "e.json").write_text(json.dumps({"type": element_type, "title": name, "version": "1.0.0"}))
    (path / f"{name}.json").write_text(json.dumps(config))
