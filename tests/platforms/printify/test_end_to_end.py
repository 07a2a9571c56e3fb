"""Printify from connecting to the certificate, against the stand-in."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from execution.currencies import LISTED
from execution.errors import UserError
from execution.settings import Settings
from tests.standins.printify import Printify
from tests.worlds.world import World

WorldOf = Callable[..., World]
ORDERS, PRODUCTS = "/orders.json", "/products.json"
PERSONAL = re.compile(r"first_name|last_name|address1|address2|\bcity\b|\bzip\b|email|phone|company|connect\.example")


def pages(printify: Printify, world: World, path: str) -> list[int]:
    """The numbers of the pages that were asked for, in order."""
    return [int(re.findall(r"page=(\d+)", r["query"])[0]) for r in printify.asked(world.shop, re.escape(path))]


def test_every_table_equals_the_source_at_the_least_calls(printify: Printify, world_of: WorldOf) -> None:
    """Orders in all their shapes, lines, shipments, products, variants; one call for the head and one for the proof."""
    world = world_of(printify.shop(120, listings=160))

    world.run()

    assert set(world.statuses().values()) == {"completed"}, [job["error"] for job in world.jobs()]
    assert world.wrong() == []
    assert len(world.stored("printify_variants")) > len(world.stored("printify_products")) > 100
    assert pages(printify, world, ORDERS) == [*range(1, 13), 1, 1]
    assert {r["status"] for r in printify.asked(world.shop, "")} == {200}
    certificate = world.certificate("orders")
    assert (certificate["provider_count"], certificate["distinct_keys"]) == (120, 120)


def test_no_personal_field_of_a_buyer_is_stored(printify: Printify, world_of: WorldOf) -> None:
    """Country and region are enough; a record that is kept for its reason keeps no more."""
    shop = printify.shop(30)
    printify.mutate(shop, "update_order", order_id={"index": 5}, fields={"total_tax": "much"})
    world = world_of(shop)

    world.run("orders")

    raw = [
        row["raw"]
        for table in ("orders", "line_items", "shipments")
        for row in world.stored(f"printify_{table}").values()
    ]
    rejected = world.rows("select raw from public.rejected_records where user_id = %s", world.user_id)
    texts = [json.dumps(value) for value in raw] + [bytes(row["raw"]).decode() for row in rejected]
    assert len(rejected) == 1
    assert not [found for text in texts if (found := PERSONAL.search(text))]
    # A tax that is no number costs its column: the order is here, and its bytes are kept with the reason.
    assert world.statuses()["orders"] == "completed"
    assert world.certificate("orders")["rejected"] == 0


def test_orders_that_come_and_go_while_all_is_read_are_neither_missed_nor_left_over(
    printify: Printify, world_of: WorldOf
) -> None:
    shop = printify.shop(95)
    for after, kind in ((3, "new_order"), (5, "remove_order"), (7, "new_order"), (12, "new_order")):
        removed = {"order_id": {"index": 90}} if kind == "remove_order" else {"count": 3}
        printify.mutate(shop, kind, after={"requests": after, "path": ORDERS}, **removed)
    world = world_of(shop)

    world.run("orders")
    assert world.statuses()["orders"] == "completed", world.job("orders")["error"]
    # What has gone is missed by two runs.
    for _ in range(2):
        world.run("orders", again=True)

    assert world.statuses()["orders"] == "completed", world.job("orders")["error"]
    assert world.wrong("printify_orders", "printify_line_items", "printify_shipments") == []
    assert len(world.stored("printify_orders")) == 95 - 1 + 9


def test_products_that_go_and_come_while_all_is_read_are_not_missed(printify: Printify, world_of: WorldOf) -> None:
    shop = printify.shop(30, listings=260)
    printify.mutate(shop, "remove_product", after={"requests": 2, "path": PRODUCTS}, product_id="last")
    printify.mutate(shop, "new_product", after={"requests": 4, "path": PRODUCTS})
    world = world_of(shop)

    world.run("products")
    assert world.statuses()["products"] == "completed", world.job("products")["error"]
    for _ in range(2):
        world.run("products", again=True)

    assert world.statuses()["products"] == "completed", world.job("products")["error"]
    assert world.wrong("printify_products", "printify_variants") == []


def test_a_second_read_takes_what_changed_without_a_time_of_change(printify: Printify, world_of: WorldOf) -> None:
    """Orders tell no version: the later fetch wins. What two readings do not show goes, with its children."""
    shop = printify.shop(40, listings=40)
    world = world_of(shop)
    world.run()
    printify.mutate(shop, "cancel", order_id={"index": 3})
    printify.mutate(shop, "set_cost", order_id={"index": 7}, cost=4321)
    printify.mutate(shop, "reroute", order_id={"index": 9})
    printify.mutate(shop, "remove_order", order_id={"index": 11})
    printify.mutate(shop, "new_order")
    printify.mutate(shop, "remove_product", product_id="first")

    world.run(again=True)
    world.run(again=True)

    assert set(world.statuses().values()) == {"completed"}, [job["error"] for job in world.jobs()]
    assert world.wrong() == []
    seen = world.rows("select updated, created from public.sync_pages where user_id = %s and seq < 6", world.user_id)
    assert sum(row["updated"] for row in seen) < 10


LIES: dict[str, dict[str, Any]] = {
    "a page again": {"kind": "repeat_page"},
    "rows left out": {"kind": "shift", "by": 4},
    "a total too large": {"kind": "wrong_count", "by": 7},
    "a total too small": {"kind": "wrong_count", "by": -30},
    "an empty page": {"kind": "empty_page"},
    "a short page": {"kind": "short_page", "by": 3},
    "a page cut off": {"kind": "cut", "at_bytes": 5000},
    "a page of HTML": {"kind": "status", "status": 200, "body": "<html>Sorry</html>"},
    "an error of the server": {"kind": "status", "status": 500},
    "too many calls, without a word when to come back": {"kind": "rate_limit", "which": "minute"},
}


@pytest.mark.parametrize("name", LIES)
def test_what_goes_wrong_once_is_survived(printify: Printify, world_of: WorldOf, name: str) -> None:
    world = world_of(printify.shop(55))
    printify.control("POST", "/faults", path=re.escape(ORDERS), nth=4, times=1, **LIES[name])

    world.run("orders")

    assert world.statuses()["orders"] == "completed", world.job("orders")["error"]
    assert world.wrong("printify_orders", "printify_line_items") == []


def test_a_list_that_never_shows_what_it_announces_ends_with_numbers(printify: Printify, world_of: WorldOf) -> None:
    """Four times read, then the gap is told."""
    world = world_of(printify.shop(35))
    printify.control("POST", "/faults", path=re.escape(ORDERS), kind="wrong_count", by=2)

    world.run("orders")

    job = world.job("orders")
    assert (job["status"], job["error_code"]) == ("failed", "not_shown")
    assert "announces 37 records, 35 came" in job["error"]


def test_an_envelope_of_nothing_but_records_is_read_twice(printify: Printify, world_of: WorldOf) -> None:
    """Without a total, two readings that brought the same are the proof."""
    world = world_of(printify.shop(28))
    printify.settings(envelope="short")

    world.run("orders")

    assert world.statuses()["orders"] == "completed", world.job("orders")["error"]
    assert world.wrong("printify_orders") == []
    assert world.certificate("orders")["provider_count"] is None
    assert Counter(pages(printify, world, ORDERS)) == {1: 5, 2: 2, 3: 2, 4: 2}


ENDINGS = {
    402: ("payment_needed", "Printify account"),
    403: ("right_missing", "the right orders.read"),
    404: ("not_shown", "start this again"),
    400: ("request_wrong", "our side"),
}


@pytest.mark.parametrize("status", ENDINGS)
def test_a_refusal_is_asked_twice_and_told_to_the_seller(printify: Printify, world_of: WorldOf, status: int) -> None:
    """Errors count: what is said twice cannot get better, and is not asked a third time."""
    world = world_of(printify.shop(15))
    body = {"error": "no", "request_id": "1@x"}
    printify.control("POST", "/faults", path=re.escape(ORDERS), kind="status", status=status, body=body)

    world.run("orders")

    job = world.job("orders")
    assert (job["status"], job["error_code"]) == ("failed", ENDINGS[status][0])
    assert ENDINGS[status][1] in job["seller_message"]
    assert len(printify.asked(world.shop, re.escape(ORDERS))) == 2


def test_an_expired_token_is_refreshed_on_the_way(printify: Printify, world_of: WorldOf) -> None:
    """The fourth answer says 401: one refresh, one repeat, and on."""
    world = world_of(printify.shop(55))
    body = {"error": "Unauthenticated", "request_id": "1@x"}
    printify.control("POST", "/faults", path=re.escape(ORDERS), kind="status", status=401, body=body, nth=4, times=1)

    world.run("orders")

    assert world.statuses()["orders"] == "completed", world.job("orders")["error"]
    assert world.wrong("printify_orders") == []


def test_a_personal_token_reads_as_well(printify: Printify, world_of: WorldOf) -> None:
    world = world_of(printify.personal(printify.shop(15)))

    world.run("orders")

    assert world.statuses()["orders"] == "completed", world.job("orders")["error"]


def test_the_currency_is_assumed_until_the_seller_states_it(printify: Printify, world_of: WorldOf) -> None:
    """Said while connecting, or later: rows that are there take it too."""
    shop = printify.shop(15)
    world = world_of(shop)
    world.run("orders")
    assumed = {(r["currency"], r["currency_assumed"]) for r in world.stored("printify_line_items").values()}

    world.app.store.rpc(
        "state_currency", p_user_id=world.user_id, p_connection_id=world.only.connection_id, p_currency="EUR"
    )

    stated = {(r["currency"], r["currency_assumed"]) for r in world.stored("printify_line_items").values()}
    other = world_of(shop, currency="CAD")
    other.run("orders")
    said = {(r["currency"], r["currency_assumed"]) for r in other.stored("printify_orders").values()}
    assert (assumed, stated, said) == ({("USD", True)}, {("EUR", False)}, {("CAD", False)})


def test_connecting_names_the_shops_that_there_are(printify: Printify, world_of: WorldOf) -> None:
    """A token covers several shops: a wrong one is refused, and nothing is written."""
    shop = printify.shop(12, title="Fox & Friends")
    wrong = replace(shop, id=str(shop.number + 1))

    with pytest.raises(UserError, match=rf"{shop.id} Fox & Friends"):
        world_of(wrong)
    with pytest.raises(UserError, match="'XXQ' is no currency"):
        world_of(shop, currency="XXQ")


@pytest.mark.parametrize("currency", [code for code, digits in LISTED.items() if digits != 2 and len(code) == 3])
def test_cents_are_told_in_no_currency_that_has_none(
    printify: Printify, world_of: WorldOf, monkeypatch: pytest.MonkeyPatch, currency: str
) -> None:
    """1234 cents are neither 1234 yen nor 1.234 dinars: nothing is stated, assumed or written."""
    with pytest.raises(UserError, match=f"cannot be told in {currency}"):
        world_of(printify.shop(1), currency=currency)
    monkeypatch.setenv("PRINTIFY_CURRENCY", currency)
    with pytest.raises(UserError, match="hundredths"):
        Settings.load()
