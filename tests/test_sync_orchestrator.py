"""What directives/sync_orchestration.md declares is what the clock reads."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from execution.backfill_manager import JobTable
from execution.budget.budgets import load_budgets
from execution.catalog import CATALOG
from execution.errors import UserError
from execution.spans import span
from execution.sync_orchestrator import Lookback, RoundRules


def test_the_tables_hold_what_the_directive_declares(db: psycopg.Connection[Any]) -> None:
    rules = RoundRules.load()

    promises = dict(db.execute("select plan, every from private.round_promises").fetchall())
    likely = dict(db.execute("select plan, likely from private.round_promises").fetchall())
    (least_price,) = db.execute("select private.least_price()").fetchone() or (None,)
    found: dict[str, dict[str, timedelta]] = {}
    whole: dict[str, dict[str, timedelta]] = {}
    pulses: dict[str, dict[str, dict[str, timedelta]]] = {}
    query = (
        "select platform, entity, seldom, whole, pulse, at_rest from private.round_rules order by platform, position"
    )
    for platform, entity, seldom, all_of_it, pulse, at_rest in db.execute(query).fetchall():
        found.setdefault(platform, {})[entity] = seldom
        if pulse is not None:
            pulses.setdefault(platform, {}).setdefault(pulse, {})[entity] = at_rest
        if all_of_it is not None:
            whole.setdefault(platform, {})[entity] = all_of_it

    lookbacks: dict[str, dict[str, Lookback]] = {}
    for platform, entity, floor, cap in db.execute(
        "select platform, entity, lookback, lookback_cap from private.round_rules"
    ):
        lookbacks.setdefault(platform, {})[entity] = Lookback(floor=floor, cap=cap)
    learning = dict(
        zip(
            ("share", "margin", "fewest"),
            db.execute("select * from private.lookback_terms()").fetchone() or (),
            strict=True,
        )
    )

    terms = db.execute("select share, reserve, every, most from private.sampling_terms()").fetchone() or ()
    sampled: dict[str, dict[str, timedelta]] = {}
    query = "select platform, entity, sampled_from from private.round_rules where sampled_from is not null"
    for platform, entity, since in db.execute(query):
        sampled.setdefault(platform, {})[entity] = since

    assert terms == tuple(vars(rules.sampling).values())
    assert sampled == rules.sampled_from
    assert promises == rules.promises
    assert (lookbacks, learning) == (rules.lookbacks, rules.learning)
    assert (likely, least_price) == (rules.likely, rules.least_price)
    assert whole == rules.whole
    assert pulses == rules.pulses
    assert {platform: list(entities.items()) for platform, entities in found.items()} == {
        platform: list(entities.items()) for platform, entities in rules.seldom.items()
    }


def test_the_days_that_all_shops_share_are_those_of_the_budgets(db: psycopg.Connection[Any]) -> None:
    stored = db.execute("select platform, per_day, live_share, backfill_share from private.round_prices").fetchall()

    assert {platform: tuple(day) for platform, *day in stored} == {
        platform: (budget.per_day, budget.live_share, budget.backfill_share)
        for platform, budget in load_budgets().items()
        if budget.shared_by == "app" and budget.per_day
    }


def test_every_plan_has_a_promise_and_every_round_an_entity() -> None:
    rules = RoundRules.load()

    assert set(rules.promises) == set(rules.likely) == set(JobTable.load(CATALOG).plans)
    for platform, entities in rules.seldom.items():
        for entity in entities:
            CATALOG.in_round(platform, entity)


@pytest.mark.parametrize(
    ("text", "length"),
    [("0", timedelta()), ("30s", timedelta(seconds=30)), ("5m", timedelta(minutes=5)), ("1d", timedelta(days=1))],
)
def test_lengths_of_time(text: str, length: timedelta) -> None:
    assert span(text) == length


@pytest.mark.parametrize("text", ["", "5", "5 m", "-5m", "5w", "1.5h", "0m5"])
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(ValueError, match="length of time"):
        span(text)


def test_a_directive_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    page = tmp_path / "sync_orchestration.md"
    page.write_text("---\npromises: { free: soon }\nrounds: {}\n---\n")

    with pytest.raises(UserError, match=r"sync_orchestration\.md has no usable"):
        RoundRules.load(page)
