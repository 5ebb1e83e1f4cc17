"""What an operator watches, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from jitcore.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from jit_qywx.journal import Journal
    from jit_qywx.suite import Suite

__all__ = ["Metrics", "Standing"]

#: WeCom wants an answer within one second, and hangs up after five.
_ACK_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_WORK_SECONDS = (0.01, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0)


class Metrics:
    """The figures of one server; tell it as an :class:`jit_qywx.serving.reception.Observer`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._received = Counter(
            "jit_callbacks_received",
            "Requests to callback URLs, by channel and by what became of them.",
            ["channel", "outcome"],
            registry=self.registry,
        )
        self._ack = Histogram(
            "jit_callback_ack_seconds",
            "From a request's arrival to its answer.",
            buckets=_ACK_SECONDS,
            registry=self.registry,
        )
        self._work = Histogram(
            "jit_callback_work_seconds",
            "Work on stored events, by kind.",
            ["kind"],
            buckets=_WORK_SECONDS,
            registry=self.registry,
        )
        self._worked = Counter(
            "jit_callback_work", "Pieces of work that ended, by kind and outcome.", ["kind", "outcome"],
            registry=self.registry,
        )  # fmt: skip
        self._reconciles = Counter(
            "jit_reconciles", "Full readings that ended, by outcome.", ["outcome"], registry=self.registry
        )

    def answered(self, channel: str, outcome: str, seconds: float) -> None:
        """See :class:`jit_qywx.serving.reception.Observer`."""
        self._received.labels(channel, outcome).inc()
        self._ack.observe(seconds)

    def worked(self, kind: str, outcome: str, seconds: float) -> None:
        """See :class:`jit_qywx.pulse.WorkObserver`."""
        self._work.labels(kind).observe(seconds)
        self._worked.labels(kind, outcome).inc()
        if kind == "reconcile":
            self._reconciles.labels(outcome).inc()

    def text(self) -> bytes:
        """All figures, in Prometheus' text format; asks the database."""
        return generate_latest(self.registry)


class Standing(Collector):
    """What the database says when somebody looks: how much waits, what is parked, how the enterprises are.

    :param suites: the suite and the journal of each auth element, by its full name.
    """

    def __init__(self, suites: Callable[[], Mapping[str, tuple[Suite, Journal]]]) -> None:
        self._suites = suites

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The gauges; without a database there are none."""
        labels = ["auth", "channel"]
        waiting = GaugeMetricFamily(
            "jit_callbacks_waiting", "Stored events that are not worked off yet.", labels=labels
        )
        parked = GaugeMetricFamily("jit_callbacks_parked", "Stored events that were given up.", labels=labels)
        corps = GaugeMetricFamily("jit_enterprises", "Enterprises, by state.", labels=["auth", "state"])
        for name, (suite, journal) in self._suites().items():
            try:
                counts, states = journal.counts(), suite.states()
            except StorageError:
                continue
            for channel in ("template", "app"):
                left = sum(counts.get((channel, state), 0) for state in ("received", "working"))
                waiting.add_metric([name, channel], left)
                parked.add_metric([name, channel], counts.get((channel, "parked"), 0))
            for state, count in sorted(states.items()):
                corps.add_metric([name, state], count)
        return [waiting, parked, corps]
