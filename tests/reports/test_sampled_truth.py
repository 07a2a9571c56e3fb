"""The arithmetic of what sampling proves, and its words."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execution.reports.sampled_truth import Sampled, most_expected, share_bound

AT = datetime(2026, 11, 30, tzinfo=UTC)


def as_few(compared: int, differences: int, share: float) -> float:
    """The chance of so few differences among records of which such a share differs: counted out, in whole numbers."""
    numbers = range(differences + 1)
    return math.fsum(math.comb(compared, k) * share**k * (1 - share) ** (compared - k) for k in numbers)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 900), st.integers(0, 40), st.floats(1e-9, 0.5))
def test_a_larger_share_than_the_bound_shows_so_few_in_one_of_twenty_samples_at_most(
    compared: int, differences: int, beyond: float
) -> None:
    differences = min(differences, compared)
    bound = share_bound(compared, differences)
    share = bound + (1 - bound) * beyond

    assert bound == 1 or as_few(compared, differences, share) <= 0.05 + 1e-9


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 10**6), st.integers(0, 40))
def test_the_bound_is_no_further_away_than_chance_asks_for(compared: int, differences: int) -> None:
    """A share a tenth lower would show so few more often than that: nothing is given away."""
    mean = most_expected(differences) * 0.9

    assert math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(differences + 1)) > 0.05
    assert share_bound(compared + 1, differences) <= share_bound(compared, differences)
    assert share_bound(compared, differences + 1) >= share_bound(compared, differences)


@pytest.mark.parametrize(("compared", "differences", "one_in"), [(12_000, 0, 4000), (3, 0, None), (0, 0, None)])
def test_the_rule_of_three(compared: int, differences: int, one_in: int | None) -> None:
    assert Sampled(compared=compared, differences=differences, at=AT).one_in == one_in


@pytest.mark.parametrize(("differences", "tabled"), [(1, 4.744), (2, 6.296), (5, 10.513), (10, 16.962)])
def test_with_differences_it_is_what_tables_of_poisson_say(differences: int, tabled: float) -> None:
    assert most_expected(differences) == pytest.approx(tabled, abs=0.001)


def test_its_words() -> None:
    none = Sampled(compared=12_000, differences=0, at=AT)
    some = Sampled(compared=12_000, differences=2, at=AT)

    assert none.words("Etsy") == "fewer than 1 in 4,000 can differ from Etsy (95 %), as of 2026-11-30"
    assert some.words("Etsy") == (
        "fewer than 1 in 1,906 can differ from Etsy (95 %), as of 2026-11-30; 2 of 12,000 did"
    )
    assert Sampled(compared=2, differences=0, at=AT).words("Etsy") == ""


def test_what_has_faded_counts_for_less_and_what_differed_for_more() -> None:
    found = Sampled.of({"compared": 99.9, "differences": 0.3, "at": AT.isoformat()})

    assert (found.compared, found.differences) == (99, 1)
