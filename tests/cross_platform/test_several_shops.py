"""A seller with two Etsy shops, two Shopify shops and one printer for all of them; and two sellers with one shop.

Whatever is read belongs to its connection (docs/decisions/024): each shop is complete by itself, costs find the order
that is meant in whichever shop it stands, and the end of one connection touches no other.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution import operations
from execution.app import App
from execution.errors import StoreError, UserError
from execution.reports import costs
from tests.holes import Hole, assert_seen, function
from tests.reports.cost_records import Records, Sale, expected_links, expected_orders, printed
from tests.schema.jobworld import call, claim, queue
from tests.schema.test_conversions import RECEIPT, yen
from tests.standins.etsy import Etsy
from tests.standins.printify import Printify
from tests.standins.shopify import Shopify
from tests.worlds.users import connect, make_seller
from tests.worlds.world import ConnectedShop, World, make_world

Db = psycopg.Connection[Any]


def everything_of(db: Db, connection: str) -> dict[str, list[str]]:
    """Every row of any table that names this connection."""
    tables = db.execute(
        "select c.oid::regclass::text, a.attname::text from pg_class as c"
        " join pg_attribute as a on a.attrelid = c.oid and not a.attisdropped"
        "  and (a.attname in ('connection_id', 'order_connection_id')"
        "       or a.attname = 'id' and c.oid = 'public.connected_accounts'::regclass)"
        " where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind = 'r'"
    ).fetchall()
    return {
        f"{table} {key}": sorted(
            text
            for (text,) in db.execute(f"select t::text from {table} as t where {key} = %s", [connection]).fetchall()
        )
        for table, key in tables
    }


@pytest.fixture
def seller(app: App, db: Db, etsy: Etsy, shopify: Shopify, printify: Printify) -> World:
    """Two shops at Etsy, two at Shopify, and a printer for all four."""
    sizes = (40, 25)
    sold = [(etsy, etsy.shop(size, listings=6)) for size in sizes]
    own = [(shopify, shopify.shop(size)) for size in sizes]
    printed = (printify, printify.printer(*sold, *own, seed=printify.seeds.draw()))
    return make_world(app, db, *sold, *own, printed, expires_in=3600)


def test_five_backfills_are_complete_and_each_cost_finds_its_order(seller: World) -> None:
    seller.run()

    assert {job["status"] for job in seller.jobs()} == {"completed"}, [job["error"] for job in seller.jobs()]
    proven = Counter(
        str(row["connection_id"])
        for row in seller.rows("select connection_id from public.certificates where user_id = %s", seller.user_id)
    )
    assert proven == Counter(str(job["connection_id"]) for job in seller.jobs())
    assert proven.keys() == {shop.connection_id for shop in seller.shops}
    assert operations.verify(seller.app, user_id=seller.user_id, platform=None)["ok"]
    assert seller.wrong() == []
    assert_costs(seller)


def assert_costs(seller: World) -> None:
    """As a second reckoning from what the printer says it printed, and the orders that are here."""
    printer = seller.of("printify")
    records = Records(db=seller.db, user=seller.user_id)
    for order in printer.stand_in.truth(printer.shop, "orders"):
        records.prints[order["id"]] = printed(order)
    orders = seller.rows("select * from public.orders where user_id = %s", seller.user_id)
    for row in orders:
        sale = Sale(platform=str(row["connection_id"]), id=row["platform_id"], number=row["order_number"])
        records.sales[sale.key] = sale
    names = ("cost_state", "cost_source", "cost_amount", "cost_currency")
    held = {(str(row["connection_id"]), row["platform_id"]): tuple(row[name] for name in names) for row in orders}
    assert held == expected_orders(records)
    links = seller.rows("select * from public.order_costs where user_id = %s", seller.user_id)
    shops = {row["source_id"]: row["order_connection_id"] and str(row["order_connection_id"]) for row in links}
    assert {
        row["source_id"]: (row["state"], shops[row["source_id"]], row["order_platform_id"]) for row in links
    } == expected_links(records)
    # Not of one shop alone.
    assert Counter(shops.values()).keys() >= {shop.connection_id for shop in seller.shops if shop is not printer}


def test_one_shop_is_disconnected_and_comes_back_and_no_other_is_touched(seller: World) -> None:
    seller.run()
    seller.start(again=True)
    leaving, *others = seller.shops
    before = {other.connection_id: everything_of(seller.db, other.connection_id) for other in others}
    orders = leaving.stored("orders")

    ended = seller.app.disconnector.disconnect(user_id=seller.user_id, connection_id=leaving.connection_id)

    assert ended["disconnected"]
    assert {id_: everything_of(seller.db, id_) for id_ in before} == before
    tokens = "select 1 from private.platform_tokens where connection_id = %s"
    assert seller.rows(tokens, leaving.connection_id) == []
    assert {(job["status"], job["error_code"]) for job in leaving.jobs()} == {("failed", "disconnected")}
    assert leaving.stored("orders") == orders

    seller.drain()
    assert {str(job["connection_id"]) for job in seller.jobs("completed")} == before.keys()

    renewed = seller.connect(leaving.stand_in, leaving.stand_in.again(leaving.shop), expires_in=3600)
    seller.shops.remove(leaving)
    renewed.run()

    assert renewed.connection_id == leaving.connection_id
    assert {job["status"] for job in seller.jobs()} == {"completed"}
    assert seller.wrong() == []


def test_a_shop_that_is_forgotten_takes_its_own_along(seller: World) -> None:
    """As Shopify's `shop/redact` asks. What was printed for its orders is not linked any more."""
    seller.run()
    _, leaving, other, *_ = seller.shops
    held = everything_of(seller.db, other.connection_id)

    seller.db.execute("select private.forget_shop(%s)", [leaving.connection_id])

    assert not any(everything_of(seller.db, leaving.connection_id).values())
    assert everything_of(seller.db, other.connection_id) == held
    seller.shops.remove(leaving)
    assert seller.wrong() == []
    assert_costs(seller)


def queue_by_id(app: App, user_id: str, wanted: dict[str, Any]) -> None:
    app.store.rpc(
        "queue_jobs", p_user_id=user_id, p_job_type="backfill", p_trigger="test", p_jobs=[wanted], p_rerun=True
    )


def test_two_sellers_with_the_same_shop_stay_apart(app: App, db: Db, etsy: Etsy) -> None:
    shop = etsy.shop(30, listings=5)
    ann, bob = make_world(app, db, (etsy, shop)), make_world(app, db, (etsy, shop))
    for one in (ann, bob):
        one.run()
    assert ann.only.connection_id != bob.only.connection_id
    assert ann.wrong() == bob.wrong() == []
    before = everything_of(db, bob.only.connection_id)
    wanted = {"platform": "etsy", "connection_id": bob.only.connection_id, "entity": "orders", "priority": 0}

    with pytest.raises(StoreError, match="not_connected"):
        queue_by_id(app, ann.user_id, {**wanted, "position": 0})
    app.disconnector.disconnect(user_id=ann.user_id, connection_id=ann.only.connection_id)
    of_bobs = app.disconnector.disconnect(user_id=ann.user_id, connection_id=bob.only.connection_id)
    ann.forget()

    assert not of_bobs["disconnected"]
    assert everything_of(db, bob.only.connection_id) == before
    assert not any(everything_of(db, ann.only.connection_id).values())
    assert bob.wrong() == []


def test_a_command_is_narrowed_to_one_shop(app: App, db: Db, etsy: Etsy) -> None:
    one = make_world(app, db, *((etsy, etsy.shop(12, listings=5)) for _ in range(2)))
    first, second = one.shops

    second.run("orders")

    assert first.stored("orders") == {}
    assert first.jobs() == []
    status = operations.status(app, user_id=one.user_id, platform=None, shop_id=second.shop.id)
    assert {job["shop_id"] for job in status["jobs"]} == {second.shop.id}
    with pytest.raises(UserError, match="no shop 5 at etsy") as refused:
        operations.verify(app, user_id=one.user_id, platform="etsy", shop_id="5")
    assert first.shop.id in refused.value.hint
    assert second.shop.id in refused.value.hint
    assert total_orders(one, second) == [len(second.stored("orders"))]
    assert total_orders(one, first) == []


def total_orders(one: World, shop: ConnectedShop) -> list[int]:
    only = operations.status(one.app, user_id=one.user_id, platform=None, shop_id=shop.shop.id)["connections"]
    facts = costs.report(one.app.store, one.user_id, limit=1, shops=only)
    return [total["orders"] for total in facts["totals"]]


# ── what one shop's sweep and proofs see, whatever the other holds (the tables alone) ──

_IDS = st.frozensets(st.integers(1, 8), max_size=6)
# Of each shop: what is held before, what the second reading shows, and which of its orders come without a buyer's row.
_SHOPS = st.lists(st.tuples(_IDS, _IDS), min_size=3, max_size=3)


def receipt(number: int, *, shop: int) -> dict[str, Any]:
    """The same number is another order in another shop: its total says of which."""
    line = RECEIPT["transactions"][0] | {"transaction_id": 100 + number}
    return RECEIPT | {
        "receipt_id": number,
        "grandtotal": yen(1000 * shop + number),
        "buyer_user_id": 900 + number,
        "transactions": [line],
    }


def commit(db: Db, lease: str, receipts: list[dict[str, Any]]) -> None:
    envelope = {
        "page_id": str(uuid.uuid4()), "lease_id": lease, "stream": "receipts", "shape": "receipts",
        "records_at": "results", "seq": 0, "fetched_at": datetime.now(UTC).isoformat(), "part": 0, "pass": 1,
        "position": 0, "cursor": {}, "window_start": None, "window_end": None,
    }  # fmt: skip
    document = json.dumps({"page": {"results": receipts}, "envelope": envelope})
    db.execute("select public.commit_page(%s)", [document])


@pytest.fixture
def three_shops(clean: None, db: Db) -> list[str]:
    """Two shops of one seller, and one that another seller has: the same shop as the first's."""
    ann, bob = make_seller(db), make_seller(db)
    connections = [connect(db, ann, "etsy", "1"), connect(db, ann, "etsy", "2"), connect(db, bob, "etsy", "1")]
    for user in (ann, bob):
        queue(db, user, ("etsy", "orders"))
    return connections


def leases_of(db: Db) -> dict[str, str]:
    """A lease of every shop's job, by connection: they are worked at the same time."""
    leases = {}
    for lease in (str(uuid.uuid4()) for _ in range(3)):
        job = claim(db, lease)
        assert job is not None
        leases[job["connection_id"]] = lease
    return leases


def held(db: Db, table: str, connection: str) -> dict[str, int]:
    """The live rows of a shop, with what tells them from another shop's."""
    amount = "total_amount" if table == "orders" else "0"
    return dict(
        db.execute(
            f"select platform_id, {amount} from public.{table} where connection_id = %s and not is_deleted",
            [connection],
        ).fetchall()
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(shops=_SHOPS)
def test_sweeps_and_proofs_of_one_shop_never_see_anothers_rows(
    db: Db, three_shops: list[str], shops: list[tuple[frozenset[int], frozenset[int]]]
) -> None:
    look_at(db, three_shops, shops)


def look_at(db: Db, three_shops: list[str], shops: list[tuple[frozenset[int], frozenset[int]]]) -> None:
    with db.transaction(force_rollback=True):
        leases = leases_of(db)
        for number, (connection, (before, _)) in enumerate(zip(three_shops, shops, strict=True)):
            commit(db, leases[connection], [receipt(n, shop=number) for n in sorted(before)])
            call(db, "complete_job", p_lease_id=leases[connection], p_watermark=None,
                 p_certificate={"distinct_keys": 0, "checks": []})  # fmt: skip
        for (user,) in db.execute("select distinct user_id::text from public.connected_accounts").fetchall():
            queue(db, user, ("etsy", "orders"), again=True)
        leases = leases_of(db)
        for number, (connection, (_, shown)) in enumerate(zip(three_shops, shops, strict=True)):
            commit(db, leases[connection], [receipt(n, shop=number) for n in sorted(shown)])

        for number, (connection, (before, shown)) in enumerate(zip(three_shops, shops, strict=True)):
            others = {
                other: (held(db, "orders", other), held(db, "line_items", other))
                for other in three_shops
                if other != connection
            }
            lease = leases[connection]
            # Another run missed whatever any of them holds.
            db.execute("insert into private.missing_records (connection_id, table_name, platform_id, run_id, seen_at)"
                       " select connection_id, 'orders', platform_id, gen_random_uuid(), clock_timestamp()"
                       " from public.orders where connection_id = %s", [connection])  # fmt: skip
            swept = call(
                db, "sweep_gone", p_lease_id=lease, p_stream="receipts", p_table="orders", p_time_column="",
                p_last_pass=False, p_max_share=1.0, p_children={"line_items": "order_platform_id"},
            )  # fmt: skip
            read = call(
                db, "audit_read", p_lease_id=lease, p_stream="receipts", p_table="orders", p_time_column="ordered_at"
            )
            lines = call(db, "prove", p_lease_id=lease, p_name="line_items")
            buyers = call(db, "prove", p_lease_id=lease, p_name="buyers")

            assert (swept["gone"], swept["stored"]) == (len(before - shown), len(before | shown))
            assert held(db, "orders", connection) == {str(n): 1000 * number + n for n in shown}
            assert held(db, "line_items", connection).keys() == {str(100 + n) for n in shown}
            assert (read["stored_rows"], read["missing_rows"], read["union_keys"]) == (len(shown), 0, len(shown))
            assert lines["detail"] == {"line_items": len(shown), "orders_without_lines": 0}
            assert (buyers["detail"]["buyers"], buyers["detail"]["missing"]) == (len(shown), 0)
            assert others == {other: (held(db, "orders", other), held(db, "line_items", other)) for other in others}


def test_a_row_of_one_shop_is_missed_though_another_shop_has_it(db: Db, three_shops: list[str]) -> None:
    """What a page showed and no row holds is seen, even where the same number stands in another shop."""
    leases = leases_of(db)
    for number, connection in enumerate(three_shops):
        commit(db, leases[connection], [receipt(n, shop=number) for n in (1, 2)])
    first, *_ = three_shops
    db.execute("delete from public.orders where connection_id = %s and platform_id = '1'", [first])
    db.execute("delete from public.customers where connection_id = %s and platform_id = '902'", [first])
    db.execute("delete from public.line_items where connection_id = %s and platform_id = '102'", [first])

    read = call(db, "audit_read", p_lease_id=leases[first], p_stream="receipts", p_table="orders", p_time_column="")
    buyers = call(db, "prove", p_lease_id=leases[first], p_name="buyers")
    pending = call(db, "next_lookups", p_lease_id=leases[first], p_name="transactions", p_after="", p_limit=10)

    assert (read["missing_rows"], read["stored_rows"]) == (1, 1)
    assert buyers["detail"]["first_missing"] == ["902"]
    assert pending == ["2"]


SWEPT, MISSED = (
    test_sweeps_and_proofs_of_one_shop_never_see_anothers_rows,
    test_a_row_of_one_shop_is_missed_though_another_shop_has_it,
)
_OF_THE_JOB = "connection_id = job.connection_id"


def without(what: str, seen_by: Callable[..., None], name: str, keeper: str, instead: str) -> Hole:
    """The words of a function that keep shops apart are taken away."""
    return Hole(row=48, without=what, seen_by=seen_by, plants=[function(name, {keeper: instead})])


HOLES = [
    without("a sweep judges its own shop", SWEPT, "private.unseen", "t.connection_id = $1 and", "$1 is not null and"),
    without(
        "a sweep marks its own shop",
        SWEPT,
        "private.mark_gone",
        "$3 where connection_id = $1",
        "$3 where $1 is not null",
    ),
    without(
        "an audit counts its own shop",
        SWEPT,
        "private.audit_keys",
        "%1$I where connection_id = $3",
        "%1$I where $3 is not null",
    ),
    without("an audit looks in its own shop", MISSED, "private.audit_keys", "t.connection_id = $3", "$3 is not null"),
    without("lines are counted in the shop", SWEPT, "private.prove_etsy_line_items", f"l.{_OF_THE_JOB}", "true"),
    without("buyers are of the shop", MISSED, "private.prove_etsy_buyers", f"c.{_OF_THE_JOB}", "true"),
    without("what is pending is the shop's", MISSED, "private.pending_etsy_transactions", f"l.{_OF_THE_JOB}", "true"),
]


@pytest.mark.parametrize("hole", HOLES, ids=str)
def test_a_condition_that_is_taken_away_is_seen(hole: Hole, db: Db, request: pytest.FixtureRequest) -> None:
    shops = [(frozenset({1, 2, 3}), frozenset({2})), (frozenset({1, 4}), frozenset({1, 4, 5})),
             (frozenset({3, 6}), frozenset({6}))]  # fmt: skip
    assert_seen(replace(hole, given={"shops": shops}), db, request)
