"""Charts as geometry: numbers in, shapes out. Templates draw them as SVG; nothing here knows a colour or a shop."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_GAP_SHARE, _WIDEST_BAR, _TOP, _BOTTOM, _RIGHT, _CHARACTER = 0.28, 44.0, 12.0, 26.0, 14.0, 6.5
_MOST_TICKS = 4


@dataclass(frozen=True, kw_only=True)
class Series:
    """One colour of a chart: a name, the class that paints it, a value for each column."""

    name: str
    css: str
    values: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Rect:
    x: float
    y: float
    width: float
    height: float
    css: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Tick:
    at: float
    text: str
    is_base: bool = False


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart of a fixed size: bars, at most one line over them, axes."""

    width: int
    height: int
    left: float
    rects: tuple[Rect, ...]
    line: str
    rows: tuple[Tick, ...]
    columns: tuple[Tick, ...]


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """How big, and how many labels fit below."""

    width: int
    height: int
    most_labels: int


WIDE = Canvas(width=500, height=260, most_labels=7)
NARROW = Canvas(width=360, height=230, most_labels=5)


def ticks(low: int, high: int) -> list[int]:
    """Round numbers from at or below `low` to at or above `high`, zero among them."""
    low, high = min(low, 0), max(high, 0)
    if low == high:
        return [0, 1]
    rough = (high - low) / _MOST_TICKS
    power = 10 ** math.floor(math.log10(rough))
    step = max(1, next(int(m * power) or 1 for m in (1, 2, 2.5, 5, 10) if m * power >= rough))
    return list(range(math.floor(low / step) * step, math.ceil(high / step) * step + 1, step))


def bars(
    canvas: Canvas,
    *,
    labels: Sequence[str],
    series: Sequence[Series],
    text: Callable[[int], str],
    axis: Callable[[int], str],
    line: Series | None = None,
) -> Chart:
    """Stacked bars, one a label, with a line over them if one is given."""
    totals = [sum(max(0, s.values[i]) for s in series) for i in range(len(labels))]
    marks = ticks(min([0, *(line.values if line else ())]), max([0, *totals, *(line.values if line else ())]))
    scale = _Scale(canvas, labels, marks, left=_margin([axis(m) for m in marks]))
    rects = [rect for i in range(len(labels)) for rect in _stack(scale, series, i, labels[i], text)]
    every = math.ceil(len(labels) / canvas.most_labels)
    return Chart(
        width=canvas.width,
        height=canvas.height,
        left=scale.left,
        rects=tuple(rects),
        line=_path(scale, line) if line and labels else "",
        rows=tuple(Tick(at=scale.y(m), text=axis(m), is_base=m == 0) for m in marks),
        # Counted from the newest, which is what a reader looks at first.
        columns=tuple(
            Tick(at=scale.middle(i), text=labels[i]) for i in range(len(labels)) if (len(labels) - 1 - i) % every == 0
        ),
    )


def shares(parts: Sequence[Series], *, of: int, text: Callable[[int], str]) -> tuple[Rect, ...]:
    """One bar of 100 wide, split into parts of a whole; negative parts take no width."""
    rects, x = [], 0.0
    whole = max(of, sum(max(0, p.values[0]) for p in parts), 1)
    for part in parts:
        width = 100 * max(0, part.values[0]) / whole
        if width:
            title = f"{part.name}: {text(part.values[0])}"
            rects.append(Rect(x=round(x, 2), y=0, width=round(width, 2), height=1, css=part.css, title=title))
            x += width
    return tuple(rects)


class _Scale:
    """From indexes and values to points of the chart."""

    def __init__(self, canvas: Canvas, labels: Sequence[str], marks: Sequence[int], *, left: float) -> None:
        self.left = left
        self._slot = (canvas.width - left - _RIGHT) / max(1, len(labels))
        self.bar = min(_WIDEST_BAR, self._slot * (1 - _GAP_SHARE))
        self._low, self._high = marks[0], marks[-1]
        self._floor, self._height = canvas.height - _BOTTOM, canvas.height - _BOTTOM - _TOP

    def middle(self, index: int) -> float:
        return round(self.left + self._slot * (index + 0.5), 2)

    def y(self, value: float) -> float:
        return round(self._floor - self._height * (value - self._low) / (self._high - self._low), 2)


def _stack(
    scale: _Scale, series: Sequence[Series], index: int, label: str, text: Callable[[int], str]
) -> Sequence[Rect]:
    rects, height = [], 0
    for one in series:
        value = max(0, one.values[index])
        if value:
            top, bottom = scale.y(height + value), scale.y(height)
            rects.append(
                Rect(
                    x=round(scale.middle(index) - scale.bar / 2, 2),
                    y=top,
                    width=round(scale.bar, 2),
                    height=round(max(1.0, bottom - top), 2),
                    css=one.css,
                    title=f"{one.name}, {label}: {text(one.values[index])}",
                )
            )
            height += value
    return rects


def _path(scale: _Scale, line: Series) -> str:
    points = [f"{scale.middle(i)},{scale.y(value)}" for i, value in enumerate(line.values)]
    if len(points) == 1:  # a line needs two ends to be seen
        x, y = scale.middle(0), scale.y(line.values[0])
        points = [f"{x - scale.bar / 2},{y}", f"{x + scale.bar / 2},{y}"]
    return "M" + "L".join(points)


def _margin(texts: Sequence[str]) -> float:
    return max(map(len, texts)) * _CHARACTER + 10
