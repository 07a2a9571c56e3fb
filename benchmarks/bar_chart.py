"""Bars in groups on a scale of tens, as an SVG that a page of the docs shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 760, 340, 56, 64, 36
_COLOURS = ("#2f7d4f", "#8a8f98", "#c08a3e", "#5b7db1", "#a05a7a")


@dataclass(frozen=True, kw_only=True)
class Bars:
    """One series: a value for each group."""

    name: str
    values: Sequence[float]


def bar_chart(title: str, groups: Sequence[str], series: Sequence[Bars]) -> str:
    """The whole file."""
    values = [value for bars in series for value in bars.values if value > 0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    inner = _HEIGHT - _TOP - _BOTTOM

    def at(value: float) -> float:
        return _TOP + inner * (1 - (math.log10(max(value, 10**low)) - low) / (high - low))

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-size="12"',
        ' font-family="sans-serif">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<text x="12" y="22" font-size="14" fill="#222222">{escape(title)}</text>',
    ]
    for power in range(low, high + 1):
        y = at(10**power)
        parts += [
            f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - 12}" y2="{y:.1f}" stroke="#dddddd"/>',
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#555555">{10**power:,g}</text>',
        ]
    span = (_WIDTH - _LEFT - 12) / len(groups)
    wide = span * 0.8 / len(series)
    for g, group in enumerate(groups):
        left = _LEFT + g * span + span * 0.1
        parts.append(_text(left + span * 0.4, _HEIGHT - 14, group, size=12))
        for n, bars in enumerate(series):
            value, colour = bars.values[g], _COLOURS[n % len(_COLOURS)]
            y = at(value)
            place = (
                f'x="{left + n * wide:.1f}" y="{y:.1f}" width="{wide * 0.9:.1f}" height="{_HEIGHT - _BOTTOM - y:.1f}"'
            )
            parts += [
                f'<rect {place} fill="{colour}"><title>{escape(bars.name)}: {value:,.1f}</title></rect>',
                _text(left + (n + 0.45) * wide, y - 4, f"{value:,.0f}", size=10),
            ]
    x = _LEFT
    for n, bars in enumerate(series):
        parts += [
            f'<rect x="{x}" y="36" width="11" height="11" fill="{_COLOURS[n % len(_COLOURS)]}"/>',
            f'<text x="{x + 16}" y="46" fill="#222222">{escape(bars.name)}</text>',
        ]
        x += 34 + 7 * len(bars.name)
    return "\n".join([*parts, "</svg>", ""])


def _text(x: float, y: float, text: str, *, size: int) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-size="{size}" fill="#222222">{escape(text)}</text>'
