"""How many cases are run, and what came of them.

``make test`` runs a share of each invariant's cases, always the same ones; ``--invariants=all`` runs every case. The
tests tell how many they ran, so that the table in docs/safety.md holds counts that a run produced.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import settings

from tests.invariants.harness.chapters import chapters
from tests.invariants.harness.page import write_invariants

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")

#: Examples of a property that are drawn; one that says of itself what it costs draws half or twice as many.
EXAMPLES = {"share": 20, "all": 200}


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--invariants=all`` and where the table goes."""
    group = parser.getgroup("invariants")
    group.addoption("--invariants", choices=["share", "all"], default="share", help="how many cases of each invariant")
    group.addoption("--without", metavar="PROTECTION", help="switch a protection off, to see what notices")
    group.addoption("--safety-page", type=Path, help="write the table of the invariants into this page")


def pytest_configure(config: pytest.Config) -> None:
    """Draw as many examples as asked for, and count on the process that hears of all tests."""
    share = config.getoption("--invariants")
    # The machine may be busy with other tests; how long one example takes says nothing here.
    settings.register_profile(share, deadline=None, max_examples=EXAMPLES[share])
    settings.load_profile(share)
    if config.getoption("--without"):
        from tests.invariants.harness.protections import switch_off

        switch_off(config.getoption("--without"))
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Tally(config), "invariants")


class Share:
    """What a test runs of its cases, and how many these were.

    :param everything: run them all.
    :param seed: decides which of them are run otherwise.
    """

    def __init__(self, everything: bool, seed: str) -> None:
        self.everything = everything
        self.ran = 0
        self._chance = random.Random(seed)

    def of(self, cases: Iterable[T], most: int) -> Iterator[T]:
        """The cases, or ``most`` of them in their order; each counts as it is taken."""
        chosen = list(cases)
        if not self.everything and len(chosen) > most:
            kept = sorted(self._chance.sample(range(len(chosen)), most))
            chosen = [chosen[at] for at in kept]
        for one in chosen:
            self.ran += 1
            yield one

    def number(self, of_all: int, otherwise: int) -> int:
        """How often, or how large."""
        return of_all if self.everything else otherwise

    def count(self, more: int = 1) -> None:
        """More cases were run."""
        self.ran += more


@pytest.fixture
def share(request: pytest.FixtureRequest) -> Iterator[Share]:
    """Says which cases are run, and is told how many were."""
    share = Share(request.config.getoption("--invariants") == "all", request.node.name)
    yield share
    request.node.user_properties.append(("cases", share.ran))


class Tally:
    """Counts by invariant.

    :param config: says where the page is.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._page: Path | None = config.getoption("--safety-page")
        self._all = config.getoption("--invariants") == "all"
        self._chapters = chapters()
        self.cases: Counter[int] = Counter()
        self.tests: Counter[int] = Counter()
        self.bad: Counter[int] = Counter()
        self.known: Counter[int] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test has come to a step's end."""
        name = report.nodeid.partition("[")[0]
        for chapter in self._chapters:
            number = chapter.number
            if name.startswith(f"{chapter.module}::"):
                if report.failed:
                    self.bad[number] += 1
                elif hasattr(report, "wasxfail"):
                    self.known[number] += 1
                elif report.when == "teardown":
                    self.tests[number] += 1
                    self.cases[number] += dict(report.user_properties).get("cases") or 1  # type: ignore[operator]  # ours is a count

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The table, and into the page with it when everything was run and is well."""
        if not self.tests:
            return
        terminalreporter.section("invariants, all cases" if self._all else "invariants, a share of the cases")
        for chapter in (one for one in self._chapters if self.tests[one.number]):
            n = chapter.number
            state = "RED" if self.bad[n] else f"{self.known[n]} known" if self.known[n] else "ok"
            terminalreporter.write_line(
                f"I{n:<3}{self.cases[n]:>7} cases in {self.tests[n]:>3} tests  {state:8} {chapter.title}"
            )
        if self._page is not None and self._all and not self.bad and len(self.tests) == len(self._chapters):
            write_invariants(self._page, self._chapters, self.cases, self.tests)
            terminalreporter.write_line(f"written to {self._page}")
