"""What an expression of Prometheus names: metrics, labels, values. Enough of the language for what `ops/` holds."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.ops.exposition import Exposition

_SELECTOR = re.compile(r"\b(keeper_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")


def metrics_of(expression: str) -> set[str]:
    return {name for name, _ in _SELECTOR.findall(expression)}


def matchers_of(expression: str) -> Iterator[tuple[str, str, str]]:
    """(metric, label, value)."""
    for name, inside in _SELECTOR.findall(expression):
        for label, value in _MATCHER.findall(inside):
            yield name, label, value


def grouped_by(expression: str) -> set[str]:
    return {label.strip() for inside in _GROUPING.findall(expression) for label in inside.split(",")} - {""}


def unknown(expression: str, told: Exposition) -> list[str]:
    """Metrics and labels that nobody tells."""
    named = metrics_of(expression)
    known = frozenset[str]().union(*(told.labels.get(name, frozenset()) for name in named))
    return [
        *sorted(named - set(told.labels)),
        *(f"{name}{{{label}}}" for name, label, _ in matchers_of(expression) if label not in told.labels.get(name, ())),
        *(f"by ({label})" for label in sorted(grouped_by(expression) - known)),
    ]
