"""Small enterprises that are synced beside a large one, against the same ones alone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.harness import Count, Figure, Measurement, Scale, compare
from benchmarks.upstream import CORP_ID, Upstream
from jit_corps.fleet import CorpResult, sync_all
from jitcore import App

SMALL = 20
#: Seconds that WeCom takes to answer: about those of a good network, and what many syncs at once wait for.
LATENCY = 0.05


def results(scale: Scale, folder: Path) -> Iterator[Figure | Count]:
    """When the last small enterprise ends, with a large one and without; nothing has changed in any."""
    for size in scale.members:
        with Upstream(size, small=SMALL, latency=LATENCY) as upstream, ExitStack() as apps:
            alone = apps.enter_context(_opened(folder / f"alone {size}", upstream, upstream.small))
            beside = apps.enter_context(_opened(folder / f"beside {size}", upstream, [*upstream.small, CORP_ID]))
            for app in (alone, beside):
                sync_all(app)
            ratio = compare(_last_small(beside), _last_small(alone), scale.sync_rounds)
            yield Figure(f"{SMALL} small enterprises beside one of {size:,} members", "the same ones alone", ratio, 2)


class _LastSmall:
    """Remembers when the last small enterprise ended."""

    def __init__(self) -> None:
        self.at = 0.0

    def planned(self, count: int) -> None:
        pass

    def began(self, corpFullName: str, title: str) -> None:
        pass

    def progressed(self, corpFullName: str, phase: str, done: int, total: int | None) -> None:
        pass

    def ended(self, result: CorpResult) -> None:
        if result.status != "ok":
            raise RuntimeError(f"{result.corpFullName} is {result.status}: {result.error}")
        if not result.corpFullName.endswith(CORP_ID):
            self.at = time.perf_counter()


def _last_small(app: App) -> Measurement:
    def measure() -> float:
        watcher = _LastSmall()
        start = time.perf_counter()
        sync_all(app, watcher=watcher)
        return watcher.at - start

    return measure


def _opened(path: Path, upstream: Upstream, corpids: Sequence[str]) -> App:
    """A new app whose suite these enterprises have authorised; they have no folders."""
    suite = upstream.suite
    config = {
        "authConfig": {
            "suiteId": suite.id,
            "suiteSecret": suite.secret,
            "encodingAESKey": suite.aes_key,
            "token": suite.token,
        },
        "apiBaseUrl": upstream.base_url,
        "autoCreateCorp": {"fullName": "corps.{corpId}"},
    }
    element = path / "auths" / "BenchAuth"
    element.mkdir(parents=True)
    (element / "e.json").write_text(json.dumps({"type": "auths.loginTypes.QywxProxyType", "title": "BenchAuth"}))
    (element / "BenchAuth.json").write_text(json.dumps(config))
    app = App(path)
    auth = app.getElement("auths.BenchAuth")
    auth.notify(**upstream.ticket())
    for corpid in corpids:
        auth.authorize(upstream.auth_code(corpid))
    return app
