"""A seller's figures: nothing added that may not be, nothing shown that is not so."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.web.pages.facts import NOW, completed, failed, job, reader
from web.pages import charts
from web.pages.dashboard_view import DashboardView, dashboard_view
from web.pages.money import range_of

_ZERO = dict.fromkeys(("orders", "revenue", "refunds", "fees", "cost", "costed", "uncosted", "disputes_unknown"), 0)


def _row(starts: str = "2026-11-01", platform: str = "etsy", currency: str = "USD", **sums: int) -> dict[str, Any]:
    return {"platform": platform, "currency": currency, "starts": starts} | _ZERO | sums


def _seen(*rows: dict[str, Any], currency: str | None = None, chosen: str = "12m") -> DashboardView:
    facts = {"sums": list(rows), "best_sellers": []}
    view = dashboard_view(facts, reader(), range_of(chosen, NOW.date()), currency)
    assert view is not None
    return view


def _tiles(view: DashboardView) -> dict[str, str]:
    return {tile.name: tile.value for tile in view.tiles}


def test_profit_is_what_is_left_of_revenue() -> None:
    view = _seen(_row(orders=2, revenue=10000, refunds=1000, fees=1500, cost=2500, costed=1, uncosted=1))

    assert _tiles(view)["Profit"] == "$50"
    assert view.platforms[0].margin == "50.0%"
    assert view.cautions[0].startswith("Orders without a known cost: 1.")


def test_a_cost_that_nobody_told_is_not_nothing() -> None:
    unknown, known = _seen(_row(orders=2, revenue=10000, uncosted=2)), _seen(_row(orders=1, revenue=100, costed=1))

    assert (_tiles(unknown)["Cost of goods"], unknown.platforms[0].cost) == ("–", "–")
    assert (_tiles(known)["Cost of goods"], known.platforms[0].cost) == ("$0", "$0.00")


def test_two_currencies_are_never_added() -> None:
    """The one with most orders is shown first; fees in the other are named, not hidden and not added."""
    rows = (_row(orders=1, revenue=10000), _row(currency="EUR", orders=5, revenue=777, fees=70))

    assert _tiles(_seen(*rows))["Revenue"] == "€8"
    assert _tiles(_seen(*rows, currency="USD"))["Revenue"] == "$100"
    assert any("EUR are not part of the amounts in USD" in c for c in _seen(*rows, currency="USD").cautions)


def test_a_platform_without_a_word_about_fees_is_named() -> None:
    """Nothing known is not nothing paid."""
    view = _seen(_row(platform="shopify", orders=1, revenue=100), _row(orders=1, revenue=100, fees=9))

    assert view.cautions == ("Shopify did not tell us of any fees, so profit there is shown before them.",)


def test_a_currency_that_nobody_has_is_not_shown() -> None:
    assert _seen(_row(orders=1, revenue=1), currency="XXX").currency == "USD"


def test_a_month_without_an_order_is_a_gap_in_the_chart() -> None:
    view = _seen(_row("2026-08-01", orders=3), _row("2026-11-01", orders=4))

    assert [row[1] for row in view.charts[0].rows] == ["3", "0", "0", "4"]


def test_many_years_are_drawn_as_years() -> None:
    view = _seen(_row("2019-03-01", orders=3), _row("2019-04-01", orders=1), _row(orders=4), chosen="all")

    assert [row[:2] for row in view.charts[0].rows][::7] == [("2019", "4"), ("2026", "4")]


def test_what_was_before_is_said_beside_what_is() -> None:
    facts = {
        "sums": [_row(orders=3, revenue=15000)],
        "before": [_row("2025-11-01", orders=2, revenue=10000), _row("2025-11-01", currency="EUR", revenue=9)],
        "best_sellers": [],
    }
    view = dashboard_view(facts, reader(), range_of("12m", NOW.date()), None)
    assert view is not None
    before = {tile.name: tile.before for tile in view.tiles}

    assert (before["Revenue"], before["Orders"], before["Refunds"]) == (
        "before: $100 (+50%)", "before: 2 (+50%)", "before: $0",
    )  # fmt: skip
    # Nobody told a cost: there is nothing to compare.
    assert before["Cost of goods"] == ""
    assert {tile.before for tile in _seen(_row(orders=1), chosen="all").tiles} == {""}


def test_each_number_leads_to_what_is_behind_it() -> None:
    view = _seen(_row(orders=1, revenue=100, fees=9))

    assert all(tile.href.startswith("/reports/behind?figure=") for tile in view.tiles)
    assert view.platforms[0].behind["fees"] == (
        "/reports/behind?figure=fees&figure=ads&figure=labels&figure=disputes"
        "&currency=USD&platform=etsy&from=2025-12-01&to=2026-11-22"
    )


def test_nothing_is_drawn_of_nothing() -> None:
    assert dashboard_view({"sums": [], "best_sellers": []}, reader(), range_of("30d", NOW.date()), None) is None


@given(low=st.integers(-(10**12), 0), high=st.integers(0, 10**12))
def test_the_axis_holds_every_value(low: int, high: int) -> None:
    marks = charts.ticks(low, high)

    assert marks[0] <= low <= high <= marks[-1]
    assert 0 in marks
    assert 2 <= len(marks) <= 8


@given(values=st.lists(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=40), min_size=1, max_size=3))
def test_no_shape_leaves_the_drawing(values: list[list[int]]) -> None:
    length = min(map(len, values))
    series = [charts.Series(name="x", css="x", values=one[:length]) for one in values]

    drawn = charts.bars(charts.NARROW, labels=["May"] * length, series=series, text=str, axis=str)

    for rect in drawn.rects:
        assert drawn.left <= rect.x
        assert rect.x + rect.width <= drawn.width
        assert rect.y >= 0
        assert rect.y + rect.height <= drawn.height - 20


def test_a_profit_whose_fees_or_costs_are_still_arriving_says_so() -> None:
    def cautions(*jobs: dict[str, Any]) -> tuple[str, ...]:
        sums = {"sums": [_row(orders=1, revenue=10000, fees=10, costed=1)], "best_sellers": []}
        view = dashboard_view(sums, reader(), range_of("12m", NOW.date()), None, jobs=jobs)
        assert view is not None
        return view.cautions

    printify = job("orders", "waiting", platform="printify")

    assert cautions(job("payments"), printify) == (
        "Fees from Etsy and costs from Printify are still arriving. Until then profit is shown too high.",
    )
    assert cautions(job("orders"), completed("payments")) == ()
    assert cautions(failed("payments", "right_missing", "x"), printify) == (
        "Costs from Printify are still arriving. Until then profit is shown too high.",
        "Fees from Etsy could not be read. Until they are here profit is shown too high.",
    )
    assert cautions(failed("payments", "disconnected", "x")) == ()


def test_fees_that_are_on_their_way_are_not_said_to_be_none() -> None:
    """One word for one fact: still arriving, or not told; and what is read once more was all here before."""
    rows = {"sums": [_row(orders=1, revenue=10000)], "best_sellers": []}
    before = {"last_complete": {"at": NOW.isoformat(), "held": 9}}

    first, again = (
        dashboard_view(rows, reader(), range_of("12m", NOW.date()), None, jobs=[job("payments", **fields)])
        for fields in ({}, before)
    )

    assert first is not None
    assert again is not None
    assert first.cautions == ("Fees from Etsy are still arriving. Until then profit is shown too high.",)
    assert next(tile.note for tile in first.tiles if tile.name == "Fees and ads") == "still arriving"
    assert again.cautions == ("Etsy did not tell us of any fees, so profit there is shown before them.",)


def test_the_same_thing_sold_at_two_places_says_where() -> None:
    thing = {"title": "Ring", "listing_platform_id": None, "sold": 3, "amount": 300, "currency": "USD"}
    sellers = [thing | {"platform": name} for name in ("etsy", "shopify")]
    sums = {"sums": [_row(orders=1), _row(platform="shopify", orders=1)], "best_sellers": sellers}

    view = dashboard_view(sums, reader(), range_of("12m", NOW.date()), None)

    assert view is not None
    assert [seller.sold for seller in view.best_sellers] == ["3 sold · Etsy", "3 sold · Shopify"]
