"""Syncing an enterprise from WeCom into the database, against fetching and parsing the same answers."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness import Count, Figure, Measurement, Scale, compare, timed
from benchmarks.upstream import CORP_ID, Upstream, get_all
from jitcore import App

#: As many connections as a sync uses by default.
WORKERS = 8


def results(scale: Scale, folder: Path) -> Iterator[Figure | Count]:
    """The first sync and one that finds nothing changed, with the calls and statements each takes."""
    for size in scale.members:
        with Upstream(size) as upstream, connected(folder / "app", upstream) as corp:
            upstream.calls()
            with corp.app.storage.counting() as first:
                corp.syncCorp()
            calls = upstream.calls()
            with corp.app.storage.counting() as again:
                corp.syncCorp()
            repeated = upstream.calls()

            targets = [(path, query) for method, path, query in calls if method == "GET" and path != "gettoken"]
            code = upstream.permanent_code()
            floor = timed(partial(get_all, upstream.base_url, code, targets, WORKERS))
            answers = f"fetch + parse of its {len(targets):,} answers"
            ratio = compare(first_sync(folder, upstream), floor, scale.sync_rounds)
            yield Figure(f"first sync of {size:,} members", answers, ratio)
            ratio = compare(timed(corp.syncCorp), floor, scale.sync_rounds)
            yield Figure(f"sync of {size:,} members, nothing changed", answers, ratio)
        for name, told, count in ((f"first sync of {size:,}", calls, first), (f"{size:,} unchanged", repeated, again)):
            yield Count(f"HTTP calls of {name}", f"{len(told):,}: {by_path(told)}")
            yield Count(f"SQL of {name}", f"{count.total} statements, {count.writes} writing")


@contextmanager
def connected(path: Path, upstream: Upstream) -> Iterator[Any]:
    """The corp element of a new app that the enterprise has authorised; nothing is synced yet."""
    suite = upstream.suite
    config = {
        "authConfig": {
            "suiteId": suite.id,
            "suiteSecret": suite.secret,
            "encodingAESKey": suite.aes_key,
            "token": suite.token,
        },
        "apiBaseUrl": upstream.base_url,
    }
    _write(path, "auths", "BenchAuth", "auths.loginTypes.QywxProxyType", config)
    _write(path, "corps", "Bench", "corps.QywxProxyType", {"corpId": CORP_ID, "authFullName": "auths.BenchAuth"})
    try:
        with App(path) as app:
            auth = app.getElement("auths.BenchAuth")
            auth.notify(**upstream.ticket())
            auth.authorize(upstream.auth_code())
            yield app.getElement("corps.Bench")
    finally:
        shutil.rmtree(path)


def first_sync(folder: Path, upstream: Upstream) -> Measurement:
    """A sync into an empty database; making that and the authorisation are not counted."""

    def measure() -> float:
        with connected(folder / "another", upstream) as corp:
            start = time.perf_counter()
            corp.syncCorp()
            return time.perf_counter() - start

    return measure


def by_path(calls: list[tuple[str, str, dict[str, str]]]) -> str:
    """How often each path was called, the most frequent first."""
    return ", ".join(f"{count:,} {path}" for path, count in Counter(path for _, path, _ in calls).most_common())


def _write(app: Path, family: str, name: str, element_type: str, config: dict[str, Any]) -> None:
    path = app / family / name
    path.mkdir(parents=True)
    (path / "e.json").write_text(json.dumps({"type": element_type, "title": name, "version": "1.0.0"}))
    (path / f"{name}.json").write_text(json.dumps(config))
