"""Reports by HTTP: a page shows what the days say, each number leads to its events, files are whole and safe."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from execution.daily_financial_roll import MoneyRules
from tests.money.hand import NOON, Hand
from tests.money.till import Till
from tests.web.conftest import client
from tests.web.test_sheets import sheets
from web.pages import exports
from web.pages.money_words import NAMES
from web.pages.profit_and_loss import statements

_ON = {"range": "own", "from": "2026-03-01", "to": "2026-04-30"}


@pytest.fixture
def hand(db: Any, clean: None) -> Hand:
    """Two months, two currencies, an order that was refunded in part, and a title that would like to be a formula."""
    hand = Hand(db, "etsy")
    first = hand.order(
        4800, item_total_amount=5000, discount_amount=500, tax_amount=300, country="US", order_number="1001",
        status="completed", raw=Jsonb({"receipt_id": 1001}),
    )  # fmt: skip
    hand.put("line_items", order_platform_id=first, quantity=1, price_amount=5000, title='=HYPERLINK("x")', sku="+1",
             listing_platform_id="7")  # fmt: skip
    hand.entry("PAYMENT_GROSS", 4800, first)
    hand.entry("sales_tax", -300, first)
    hand.entry("transaction", -260, first)
    hand.entry("brand_new", -11, first)
    hand.refund(first, 1000, at=NOON + timedelta(days=35))
    hand.order(70_000, item_total_amount=70_000, currency="JPY", at=NOON + timedelta(days=30), order_number="1002")
    hand.days()
    return hand


def links(page: str, text: str) -> list[str]:
    """Where elements of this text lead."""
    found = re.findall(rf'<a (?:class="[^"]*" )?href="([^"]+)"[^>]*>{re.escape(text)}</a>', page)
    return [html.unescape(one) for one in found]


def test_every_number_leads_down_to_the_platforms_record(web_url, bearer, hand):
    with client(web_url, headers=bearer(hand.user_id) | {"Accept": "text/html"}) as asking:
        statement = asking.get("/reports/profit-and-loss", params=_ON | {"currency": "USD"}).text
        assert "Of a kind that we do not know yet, and in no figure: 1 entry, -$0.11." in html.unescape(statement)
        assert "Not proved yet" in statement
        behind = asking.get(links(statement, "-$2.60")[0]).text
        (events_at,) = links(behind, "Mar 4, 2026")
        events = asking.get(events_at).text
        record_at = re.findall(r'href="(/reports/record[^"]+)"', events)
        record = asking.get(html.unescape(record_at[0])).text
        orders = asking.get("/reports/orders").text
        order = asking.get(links(orders, "#1001")[0]).text
        raw = asking.get(links(order, "The platform’s record")[0]).text

    assert "transaction" in events
    assert "-$2.60" in record
    assert "Goods given back" in order
    assert "&#34;receipt_id&#34;: 1001" in raw
    assert "=HYPERLINK" in html.unescape(orders)


def test_a_statement_is_what_its_days_come_to(web_url, bearer, hand):
    with client(web_url, headers=bearer(hand.user_id)) as asking:
        text = asking.get("/reports/profit-and-loss.csv", params=_ON).text
        days = asking.get("/money/days", params={"since": "2026-03-01", "until": "2026-04-30"}).json()["days"]
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))

    assert rows[0] == ["Currency", "Line", "2026-03", "2026-04", "Total"]
    told = {(row[0], row[1]): [Decimal(cell) for cell in row[2:]] for row in rows[1:]}
    assert told["USD", "Net sales"] == [45, -10, 35]
    assert told["JPY", "Gross sales"] == [0, 70000, 70000]
    for currency, digits in (("USD", 2), ("JPY", 0)):
        profit = sum(day["currencies"].get(currency, {"profit": 0})["profit"] for day in days)
        assert told[currency, "Profit"][-1] == Decimal(profit).scaleb(-digits)
        assert all(sum(values[:-1]) == values[-1] for values in told.values())


def test_a_till_is_shown_as_every_shop_is(web_url, bearer, db, clean):
    """A return is an order of its own there, which no report counts; a fee leads to the payment that tells it."""
    till = Till(db, "square")
    order = till.sold({"goods": 5000, "off": 500, "tax": 360}, tip=600, charge=200)
    payment = till.paid(order, 5660, 175)
    till.refunded(payment, till.back(order, {"of": 0, "goods": 1000, "tax": 80}), 1080)
    till.days(platform="square")
    with client(web_url, headers=bearer(till.user_id) | {"Accept": "text/html"}) as asking:
        text = asking.get("/reports/profit-and-loss.csv", params=_ON).text
        statement = asking.get("/reports/profit-and-loss", params=_ON | {"currency": "USD"}).text
        behind = asking.get(links(statement, "-$1.75")[0]).text
        events = asking.get(links(behind, "Mar 4, 2026")[0]).text
        record = asking.get(html.unescape(re.findall(r'href="(/reports/record[^"]+)"', events)[0])).text
        products = asking.get("/reports/products.csv", params=_ON).text
        orders = asking.get("/orders").json()["orders"]

    told = {row[1]: row[-1] for row in csv.reader(io.StringIO(text.removeprefix("\ufeff")))}
    assert [told[name] for name in ("Orders", "Gross sales", "Discounts", "Net sales", "Profit")] == [
        "1", "50.00", "-5.00", "35.00", "35.25",
    ]  # fmt: skip
    assert payment in record
    assert "Thing 0" in products
    found = {one["platform_id"]: (one["missing"], one["figures"].get("reversals")) for one in orders}
    assert found.pop(order) == (["cost"], -1000)
    assert [missing for missing, _ in found.values()] == [["not_counted"]]


def test_what_a_dispute_took_is_an_empty_cell_and_no_profit(web_url, bearer, db, clean):
    """Of its month and of the whole; a month without one has its profit, and the dashboard says why it has none."""
    hand = Hand(db, "shopify")
    for days in (0, 35):
        order = hand.order(1000, platform="shopify", at=NOON + timedelta(days=days), status="paid")
        hand.sale(order, "product order", 1000, at=NOON + timedelta(days=days))
        hand.put("order_journals", platform="shopify", platform_id=order, current_total_amount=1000)
        hand.moved(order, "sale", 1000, gateway="gift_card", at=NOON + timedelta(days=days))
    hand.put("order_disputes", platform="shopify", order_platform_id=order, initiated_as="chargeback", status="won")
    hand.prove(platform="shopify")
    hand.days(platform="shopify")
    with client(web_url, headers=bearer(hand.user_id)) as asking:
        text = asking.get("/reports/profit-and-loss.csv", params=_ON).text
        page = asking.get("/reports/profit-and-loss", params=_ON, headers={"Accept": "text/html"}).text
        dashboard = html.unescape(asking.get("/dashboard", params=_ON, headers={"Accept": "text/html"}).text)
        orders = asking.get("/orders").json()["orders"]
        days = asking.get("/money/days").json()["days"]

    told = {row[1]: row[2:] for row in csv.reader(io.StringIO(text.removeprefix("\ufeff")))}
    assert (told["Profit"], told["Disputes"]) == (["10.00", "", ""], ["0.00", "", ""])
    assert told["Disputes of which nobody says what they took"] == ["0", "1", "1"]
    assert "Still open: " in page
    assert "1 disputes of which nobody says what they took" in page
    assert "Disputes of which nobody says what they took: 1. Fees and profit of this time are not known" in dashboard
    assert [(one["figures"]["disputes"], "disputes" in one["missing"]) for one in orders] == [(None, True), (0, False)]
    assert [(one["currencies"]["USD"]["profit"], one["currencies"]["USD"]["missing"]) for one in days] == [
        (None, ["disputes"]), (1000, []),
    ]  # fmt: skip


def test_a_file_of_orders_is_what_is_filtered_and_reckons_nothing(web_url, bearer, hand, monkeypatch):
    monkeypatch.setattr("web.pages.reports.MOST", 1)
    with client(web_url, headers=bearer(hand.user_id)) as asking:
        answer = asking.get("/reports/orders.csv", params={"search": "hyperlink"})
        book = asking.get("/reports/orders.xlsx")
        products = asking.get("/reports/products.csv", params=_ON).text
    head, one = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))
    told = dict(zip(head, one, strict=True))

    assert answer.headers["content-disposition"] == 'attachment; filename="orders.csv"'
    assert (told["Items"], told["SKUs"]) == ('1 × =HYPERLINK("x")', "'+1")
    assert (told["Gross sales"], told["Cost of goods"], told["Profit"]) == ("50.00", "", "")
    assert told["Not known"] == "cost of goods; entries of an unknown kind"
    (cells,) = sheets(book.content)
    assert [value for kind, value in cells if kind == "inlineStr" and value.startswith("#")] == ["#1002", "#1001"]
    assert ("n", "70000") in cells
    assert "'=HYPERLINK" in products


def test_a_user_is_sent_so_many_files_at_once(web_url, bearer, hand):
    exports._under_way[hand.user_id] = 2
    try:
        with client(web_url, headers=bearer(hand.user_id)) as asking:
            assert asking.get("/reports/orders.csv").status_code == 429
    finally:
        del exports._under_way[hand.user_id]


def test_nobody_sees_what_is_behind_anothers_numbers(web_url, bearer, hand, make_user, db):
    etsy = hand.shops["etsy"]
    (order,) = db.execute("select platform_id from public.orders where order_number = '1001'").fetchone()
    of_shop = {"connection_id": etsy}
    with client(web_url, headers=bearer(make_user())) as asking:
        for path, asked in (
            ("/reports/events", of_shop | {"day": "2026-03-04"}),
            ("/reports/order", of_shop | {"id": order}),
            ("/reports/record", of_shop | {"table": "orders", "id": order}),
        ):
            assert asking.get(path, params=asked).status_code == 404, path
        for path in ("orders", "products", "profit-and-loss", "behind"):
            page = asking.get(f"/reports/{path}", params=_ON)
            assert (page.status_code, "#1001" in page.text, "$" in page.text) == (200, False, False), path
        assert asking.get("/reports/orders.csv").text.count("\r\n") == 1
    with client(web_url, headers=bearer(hand.user_id)) as asking:
        for asked in (of_shop | {"table": "orders", "id": "no"}, of_shop | {"table": "profiles", "id": order}):
            assert asking.get("/reports/record", params=asked).status_code == 404
        for nonsense in ("after=%00", "after=e30", "range=own&from=x", "platform=%00", "search=%00", "country=%F0"):
            for path in ("orders", "products", "profit-and-loss", "behind"):
                assert asking.get(f"/reports/{path}?{nonsense}").status_code == 200, (path, nonsense)


def test_every_class_and_figure_has_words() -> None:
    rules = MoneyRules.load()

    assert {row[name] for row in rules.classes() for name in ("class", "figure")} <= set(NAMES)


def test_a_statement_has_every_class_of_the_directive_once() -> None:
    """What the directive puts under no line would be missing from a sum that people pay taxes by."""
    rules = MoneyRules.load()
    sums = [
        {"month": "2026-03-01", "currency": "USD", "class": row["class"], "amount": 10**n, "events": 1}
        for n, row in enumerate(r for r in rules.classes() if r["part"] != "counted")
    ]
    (one,) = statements(sums, rules.figures, first=None, last=NOON.date())

    assert sum(line.total for line in one.lines if line.kind == "line" and not line.is_number) == sum(
        row["amount"] for row in sums
    )
    assert one.profit[-1].total == sum(line.total for line in one.profit if line.kind == "line")
