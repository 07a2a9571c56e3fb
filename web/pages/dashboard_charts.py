"""The dashboard's charts, from sums by time: bars by platform, profit as a line over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from web import messages
from web.pages import charts
from web.pages.formats import Formats
from web.pages.money import AmountFormat, Money, Range, Row

# More months than this are drawn as years.
_MOST_MONTHS = 36


@dataclass(frozen=True, kw_only=True)
class ChartPanel:
    """A chart in both widths, and the same numbers as a table for who cannot see it."""

    key: str
    title: str
    summary: str
    wide: charts.Chart
    narrow: charts.Chart
    legend: tuple[tuple[str, str], ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def chart_panels(rows: Sequence[Row], chosen: Range, amounts: AmountFormat) -> Iterator[ChartPanel]:
    """Orders, and revenue with profit, over the whole range: a stretch without an order must look like one."""
    starts, unit = _buckets(rows, chosen)
    labels = [_label(start, unit, amounts.formats) for start in starts]
    platforms = sorted({row["platform"] for row in rows if row["orders"]})
    sums = _by_bucket(rows, unit)
    orders, revenue = (
        [
            charts.Series(
                name=messages.platform_title(p),
                css=p,
                values=[getattr(sums.get((s, p), Money()), what) for s in starts],
            )
            for p in platforms
        ]
        for what in ("orders", "revenue")
    )
    yield _panel(
        "orders", "Orders over time", f"Orders by {unit} and platform", labels, orders, None, amounts.formats.number
    )
    profit = charts.Series(name="Profit", css="profit", values=[sums.get((s, ""), Money()).profit for s in starts])
    yield _panel(
        "revenue",
        "Revenue and profit",
        f"Revenue by {unit} and platform, and profit of all",
        labels,
        revenue,
        profit,
        amounts.money,
        amounts.short,
    )


def _by_bucket(rows: Sequence[Row], unit: str) -> dict[tuple[date, str], Money]:
    """Sums by bucket and platform, and those of all platforms under the name ''."""
    sums: dict[tuple[date, str], Money] = {}
    for row in rows:
        bucket = _bucket(date.fromisoformat(row["starts"]), unit)
        for key in ((bucket, row["platform"]), (bucket, "")):
            sums[key] = sums.get(key, Money()).plus(row)
    return sums


def _panel(  # noqa: PLR0917
    key: str,
    title: str,
    summary: str,
    labels: Sequence[str],
    series: Sequence[charts.Series],
    line: charts.Series | None,
    text: Any,
    axis: Any = None,
) -> ChartPanel:
    both = [
        charts.bars(canvas, labels=labels, series=series, line=line, text=text, axis=axis or text)
        for canvas in (charts.WIDE, charts.NARROW)
    ]
    named = [*series, *([line] if line else [])]
    return ChartPanel(
        key=key,
        title=title,
        summary=summary,
        wide=both[0],
        narrow=both[1],
        legend=tuple((one.name, one.css) for one in named),
        head=("", *(one.name for one in named)),
        rows=tuple((label, *(text(one.values[i]) for one in named)) for i, label in enumerate(labels)),
    )


def _buckets(rows: Sequence[Row], chosen: Range) -> tuple[list[date], str]:
    """Every day, month or year of the range, also those without an order: a gap must look like one."""
    first = min((date.fromisoformat(row["starts"]) for row in rows), default=chosen.last)
    # Before the first order there is no gap.
    first, unit = max(first, chosen.first or first), chosen.unit
    if unit == "month" and (chosen.last.year - first.year) * 12 + chosen.last.month - first.month > _MOST_MONTHS:
        unit = "year"
    buckets = [_bucket(first, unit)]
    while buckets[-1] < _bucket(chosen.last, unit):
        buckets.append(_next(buckets[-1], unit))
    return buckets, unit


def _bucket(day: date, unit: str) -> date:
    return {"day": day, "month": day.replace(day=1), "year": day.replace(month=1, day=1)}[unit]


def _next(bucket: date, unit: str) -> date:
    if unit == "day":
        return bucket + timedelta(days=1)
    return _bucket(bucket + timedelta(days=32 if unit == "month" else 366), unit)


def _label(bucket: date, unit: str, formats: Formats) -> str:
    if unit == "year":
        return str(bucket.year)
    return formats.short_day(bucket) if unit == "day" else formats.month(bucket)
