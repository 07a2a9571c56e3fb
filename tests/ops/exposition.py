"""What `/metrics` tells: read from its text, and made of any state by the code that tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.web.health.test_thresholds import WELL
from web.health.metrics import Metrics
from web.health.pipeline import Snapshot
from web.health.readiness import Check

# What the database tells beside what has thresholds, where all is well.
FACTS: dict[str, Any] = WELL | {
    "calls": [], "circuits": [], "blocked": [], "parked": {}, "last_success": {}, "reconnect_needed": {},
    "webhooks": {"etsy": {"shops": 3, "working": 3}}, "tables": {"public.orders": {"bytes": 8192, "rows": 1}},
}  # fmt: skip
REACHED = (Check(name="database", ok=True), Check(name="valkey", ok=True))


def calls(outcome: str, number: int) -> dict[str, Any]:
    return {"platform": "etsy", "endpoint": "GET /shops/{id}", "outcome": outcome, "calls": number, "seconds": 1.0,
            "histogram": [number, *[0] * 12]}  # fmt: skip


def exposition(facts: Mapping[str, Any] | None = None, *, fault: str = "", checks: tuple[Check, ...] = REACHED) -> str:
    """The pipeline's part of the text, where all is well but for these facts."""
    snapshot = Snapshot(facts=FACTS | dict(facts or {}), age_s=0.5, fault=fault)
    return Metrics().text(snapshot, checks, ["etsy", "shopify"]).decode()


def everything() -> str:
    """With what only weeks bring: lookbacks that were learned, samples that were compared."""
    entity = {"platform": "etsy", "entity": "orders", "state": "grown", "used_seconds": 60, "learned_seconds": 50}
    sampled = {"platforms": {"etsy": {"compared": 10, "differences": 1}}, "differed": 1}
    return exposition({"lookbacks": [entity], "sampling": sampled, "calls": [calls("ok", 1)]})


def samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, dict(sample.labels), sample.value


@dataclass(frozen=True)
class Exposition:
    """The labels of every metric, by its name; a gauge without a sample is there and shows none."""

    labels: dict[str, frozenset[str]]

    @classmethod
    def read(cls, text: str) -> Exposition:
        found = {
            family.name: frozenset[str]() for family in text_string_to_metric_families(text) if family.type == "gauge"
        }
        for name, labels, _ in samples(text):
            found[name] = found.get(name, frozenset()) | frozenset(labels)
        return cls(found)

    def __or__(self, other: Exposition) -> Exposition:
        """What `other` shows of the labels of what is here; it adds no metric."""
        return Exposition({name: labels | other.labels.get(name, frozenset()) for name, labels in self.labels.items()})
