"""The plot of the results: members against seconds, on logarithmic scales, as an SVG.

Drawn by hand because it is two panels with three lines each, has to be the same text for the same numbers, and follows
the reader's light or dark theme, which a plotting library's SVG does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from xml.sax.saxutils import escape

from benchmarks.harness import Point
from benchmarks.report import seconds

__all__ = ["SHOWN", "alternative", "draw"]

#: The series that are drawn, with their names beside the lines.
SHOWN = {"the peer's way": "the peer's way", "first sync": "jitcore, first sync", "floor": "floor"}
WIDTH, HEIGHT = 960, 420
LEFT, TOP, BOTTOM = 64, 64, 56
PANEL, GAP = 380, 110

STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #1f2328; }
    .title { font-weight: 600; font-size: 15px; }
    .small { font-size: 12px; fill: #59636e; }
    .grid { stroke: #d1d9e0; stroke-width: 1; }
    .line { fill: none; stroke-width: 2.5; }
    .peer { stroke: #bc4c00; } .ours { stroke: #0969da; } .floor { stroke: #59636e; stroke-dasharray: 5 4; }
    .peer-dot, .peer-name { fill: #bc4c00; } .ours-dot, .ours-name { fill: #0969da; }
    .floor-dot, .floor-name { fill: #59636e; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; } .small { fill: #9198a1; } .grid { stroke: #3d444d; }
      .peer { stroke: #f0883e; } .ours { stroke: #58a6ff; } .floor { stroke: #9198a1; }
      .peer-dot, .peer-name { fill: #f0883e; } .ours-dot, .ours-name { fill: #58a6ff; }
      .floor-dot, .floor-name { fill: #9198a1; }
    }
"""
CLASSES = {"the peer's way": "peer", "first sync": "ours", "floor": "floor"}


def alternative(points: Iterable[Point]) -> str:
    """The plot in words, for those who do not see it."""
    told = "; ".join(
        f"{kind}, {SHOWN[series]}: " + ", ".join(f"{seconds(point.seconds)} for {point.members:,}" for point in curve)
        for kind, series, curve in _curves(points)
    )
    return f"Seconds of a first sync by number of members. {told}."


def draw(points: Sequence[Point]) -> str:
    """The plot.

    :param points: of every database and series; those that are not :data:`SHOWN` are left out.
    """
    shown = [point for point in points if point.series in SHOWN]
    kinds = list(dict.fromkeys(point.database for point in shown))
    sizes = sorted({point.members for point in shown})
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="t d">',
        '  <title id="t">Members against seconds</title>',
        f'  <desc id="d">{escape(alternative(points))}</desc>',
        f"  <style>{STYLE}  </style>",
    ]
    if shown:
        scale = _Scale(sizes, [point.seconds for point in shown])
        for number, kind in enumerate(kinds):
            curves = [(series, curve) for found, series, curve in _curves(shown) if found == kind]
            parts += [f"  {part}" for part in _panel(kind, curves, scale, LEFT + number * (PANEL + GAP))]
    return "\n".join([*parts, "</svg>", ""])


class _Scale:
    """Where numbers lie in a panel."""

    def __init__(self, sizes: Sequence[int], times: Sequence[float]) -> None:
        self.sizes = sizes
        self.decades = range(math.floor(math.log10(min(times))), math.ceil(math.log10(max(times))) + 1)

    def x(self, size: int) -> float:
        """From the panel's left side."""
        low, high = math.log10(self.sizes[0]), math.log10(self.sizes[-1])
        return (math.log10(size) - low) / ((high - low) or 1) * (PANEL - 40) + 20

    def y(self, value: float) -> float:
        """From the plot's top."""
        low, high = self.decades[0], self.decades[-1]
        height = HEIGHT - TOP - BOTTOM
        return TOP + height - (math.log10(value) - low) / ((high - low) or 1) * height


def _panel(kind: str, curves: Sequence[tuple[str, Sequence[Point]]], scale: _Scale, left: int) -> Iterator[str]:
    yield f'<g transform="translate({left} 0)">'
    yield f'  <text class="title" x="0" y="{TOP - 30}">{escape(kind)}</text>'
    yield f'  <text class="small" x="0" y="{TOP - 12}">seconds</text>'
    for decade in scale.decades:
        y = scale.y(10.0**decade)
        yield f'  <line class="grid" x1="0" y1="{y:.1f}" x2="{PANEL}" y2="{y:.1f}"/>'
        yield f'  <text class="small" x="-8" y="{y + 4:.1f}" text-anchor="end">{10.0**decade:g}</text>'
    for size in scale.sizes:
        anchor = f'x="{scale.x(size):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle"'
        yield f'  <text class="small" {anchor}>{size:,}</text>'
    yield f'  <text class="small" x="{PANEL / 2:g}" y="{HEIGHT - 14}" text-anchor="middle">members</text>'
    for series, curve in curves:
        name = CLASSES[series]
        places = [(scale.x(point.members), scale.y(point.seconds)) for point in curve]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'  <polyline class="line {name}" points="{path}"/>'
        for (x, y), point in zip(places, curve, strict=True):
            told = f"{SHOWN[series]}, {point.members:,} members: {seconds(point.seconds)}"
            yield f'  <circle class="{name}-dot" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{escape(told)}</title></circle>'
        # Above its end; the floor's, which is lowest, below its beginning.
        (x, y), anchor = (places[0], "start") if name == "floor" else (places[-1], "end")
        place = f'x="{x:.1f}" y="{y + (24 if name == "floor" else -12):.1f}" text-anchor="{anchor}"'
        yield f'  <text class="{name}-name" {place}>{escape(SHOWN[series])}</text>'
    yield "</g>"


def _curves(points: Iterable[Point]) -> Iterator[tuple[str, str, list[Point]]]:
    """The curves that are shown: database, series, points by size."""
    order = list(SHOWN)
    shown = [point for point in points if point.series in SHOWN]
    kinds = list(dict.fromkeys(point.database for point in shown))

    def key(point: Point) -> tuple[int, int, int]:
        return kinds.index(point.database), order.index(point.series), point.members

    for (kind, series), curve in groupby(sorted(shown, key=key), lambda point: (point.database, point.series)):
        yield kind, series, list(curve)
