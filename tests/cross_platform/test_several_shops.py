"""A seller with two Etsy shops, two Shopify shops and one printer for all of them; and two sellers with one shop.

Whatever is read belongs to its connection (docs/decisions/024): each shop is complete by itself, costs find the order
that is meant in whichever shop it stands, and the end of one connection touches no other.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution import operations
from execution.app import App
from execution.errors import UserError
from execution.reports import costs
from tests.holes import Hole, assert_seen, function
from tests.platforms.printify.printify import Printify
from tests.platforms.shopify.shopify import Shopify
from tests.platforms.shopify.truth import TABLES as SHOPIFY_TABLES
from tests.platforms.shopify.truth import expected as shopify_expected
from tests.reports.cost_world import Line, Print, Sale, expected_links, expected_orders
from tests.reports.cost_world import World as CostWorld
from tests.runner import world as heart
from tests.runner.etsy import Etsy
from tests.schema.jobworld import call, claim, connect, make_seller, queue
from tests.schema.test_conversions import RECEIPT, yen

Db = psycopg.Connection[Any]


@dataclass(kw_only=True)
class OneShop(heart.World):
    """One connection of a seller: what the tables hold of it, and what its platform does."""

    connection: str

    def stored(self, table: str) -> dict[str, heart.Row]:
        rows = self.rows(f"select * from public.{table} where connection_id = %s and not is_deleted", self.connection)
        return {row["platform_id"]: {name: heart._plain(value) for name, value in row.items()} for row in rows}

    def jobs(self, *statuses: str) -> list[heart.Row]:
        found = self.rows(
            "select distinct on (position, entity) * from public.sync_jobs where connection_id = %s"
            " order by position, entity, created_at desc",
            self.connection,
        )
        return [job for job in found if not statuses or job["status"] in statuses]


@dataclass(kw_only=True)
class Seller(heart.World):
    """All shops of one user. `shop` is not looked at."""

    shopify: Shopify
    printify: Printify
    sold: list[tuple[str, Any]] = field(default_factory=list)
    printed: Any = None
    connections: dict[str, str] = field(default_factory=dict)

    def connect(self, platform: str, shop: Any) -> str:
        """Connect a shop through the product's own connector; answers the connection's id."""
        facts = shop if platform == "printify" else shop.facts
        made = operations.connect(
            self.app,
            platform=platform,
            user_id=self.user_id,
            shop_id=str(facts["shop_domain"] if platform == "shopify" else facts["shop_id"]),
            access_token=facts["access_token"] if platform == "printify" else shop.access_token,
            refresh_token=facts["refresh_token"] if platform == "printify" else shop.refresh_token,
            expires_at=datetime.fromtimestamp(time.time() + 3600, UTC),
        )
        self.connections[made["shop_id"]] = made["connection_id"]
        return str(made["connection_id"])

    def start_all(self, *, again: bool = False) -> dict[str, Any]:
        return operations.start_backfill(self.app, user_id=self.user_id, platform=None, entities=(), again=again)

    def jobs(self, *statuses: str) -> list[heart.Row]:
        found = self.rows(
            "select distinct on (connection_id, entity) * from public.sync_jobs where user_id = %s"
            " order by connection_id, entity, created_at desc",
            self.user_id,
        )
        return [job for job in found if not statuses or job["status"] in statuses]

    def of(self, shop: Any) -> OneShop:
        return OneShop(
            app=self.app, db=self.db, etsy=self.etsy, shop=shop, user_id=self.user_id, connection=self.id_of(shop)
        )

    def id_of(self, shop: Any) -> str:
        return self.connections[str(shop["shop_id"] if isinstance(shop, dict) else shop.id)]

    def wrong(self) -> list[str]:
        """Every way in which a shop's rows are not what the platform holds of that shop."""
        found = []
        for platform, shop in self.sold:
            part = self.of(shop)
            if platform == "etsy":
                found += [f"etsy {shop.id} {difference}" for difference in part.compare()]
            else:
                truth = shopify_expected(self.shopify, shop)
                found += [
                    f"shopify {shop.id} {difference}"
                    for table in SHOPIFY_TABLES
                    for difference in heart._differences(table, part.stored(table), truth[table])
                ]
        return found

    def everything_of(self, connection: str) -> dict[str, list[str]]:
        """Every row of any table that names this connection."""
        tables = self.rows(
            "select c.oid::regclass::text as name, a.attname as key from pg_class as c"
            " join pg_attribute as a on a.attrelid = c.oid and not a.attisdropped"
            "  and (a.attname in ('connection_id', 'order_connection_id')"
            "       or a.attname = 'id' and c.oid = 'public.connected_accounts'::regclass)"
            " where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind = 'r'"
        )
        return {
            f"{table['name']} {table['key']}": sorted(
                row["t"]
                for row in self.rows(f"select t::text from {table['name']} as t where {table['key']} = %s", connection)
            )
            for table in tables
        }


@pytest.fixture
def make(app: App, db: Db, etsy: Etsy, shopify: Shopify, printify: Printify) -> Callable[[], Seller]:
    def one() -> Seller:
        user = str(uuid.uuid4())
        db.execute("insert into auth.users (id, email) values (%s, %s)", (user, f"{user}@example.com"))
        return Seller(app=app, db=db, etsy=etsy, shop=None, user_id=user, shopify=shopify, printify=printify)

    return one


@pytest.fixture
def seller(make: Callable[[], Seller]) -> Seller:
    """Two shops at Etsy, two at Shopify, and a printer for all four."""
    found = make()
    sizes = (40, 25)
    found.sold = [("etsy", found.etsy.shop(size, listings=6)) for size in sizes]
    found.sold += [("shopify", found.shopify.shop(size)) for size in sizes]
    channels = [{"channel": platform, **shop.facts} for platform, shop in found.sold]
    found.printed = found.printify.control(
        "POST", "/shops", seed=found.printify.seeds.draw(), channel_shops=channels, coverage=1.0
    )
    for platform, shop in found.sold:
        found.connect(platform, shop)
    found.connect("printify", found.printed)
    return found


def test_five_backfills_are_complete_and_each_cost_finds_its_order(seller: Seller) -> None:
    queued = seller.start_all()
    seller.drain()

    assert len({job["connection_id"] for job in queued["jobs"]}) == 5
    assert {job["status"] for job in seller.jobs()} == {"completed"}, [job["error"] for job in seller.jobs()]
    proven = Counter(
        str(row["connection_id"])
        for row in seller.rows("select connection_id from public.certificates where user_id = %s", seller.user_id)
    )
    assert proven == Counter(job["connection_id"] for job in queued["jobs"])
    assert operations.verify(seller.app, user_id=seller.user_id, platform=None)["ok"]
    assert seller.wrong() == []
    assert_costs(seller)


def assert_costs(seller: Seller) -> None:
    """As a second reckoning from what the printer says it printed, and the orders that are here."""
    world = CostWorld(db=seller.db, user=seller.user_id)
    for order in seller.printify.truth(seller.printed, "orders"):
        world.prints[order["id"]] = printed(order)
    orders = seller.rows("select * from public.orders where user_id = %s", seller.user_id)
    for row in orders:
        sale = Sale(platform=str(row["connection_id"]), id=row["platform_id"], number=row["order_number"])
        world.sales[sale.key] = sale
    names = ("cost_state", "cost_source", "cost_amount", "cost_currency")
    held = {(str(row["connection_id"]), row["platform_id"]): tuple(row[name] for name in names) for row in orders}
    assert held == expected_orders(world)
    links = seller.rows("select * from public.order_costs where user_id = %s", seller.user_id)
    shops = {row["source_id"]: row["order_connection_id"] and str(row["order_connection_id"]) for row in links}
    assert {
        row["source_id"]: (row["state"], shops[row["source_id"]], row["order_platform_id"]) for row in links
    } == expected_links(world)
    # Not of one shop alone.
    assert Counter(shops.values()).keys() >= {seller.id_of(shop) for _, shop in seller.sold}


def printed(order: Mapping[str, Any]) -> Print:
    about = order["metadata"]
    return Print(
        id=order["id"],
        reference=about.get("shop_order_id"),
        label=about.get("shop_order_label"),
        of=next(iter(about.get("reprinted_order_ids", [])), None),
        kind=about["order_type"],
        status=order["status"],
        lines=tuple(
            Line(quantity=i["quantity"], cost=i["cost"], shipping=i["shipping_cost"], status=i["status"])
            for i in order["line_items"]
        ),
    )


def test_one_shop_is_disconnected_and_comes_back_and_no_other_is_touched(seller: Seller) -> None:
    seller.start_all()
    seller.drain()
    seller.start_all(again=True)
    (_, leaving), *_ = seller.sold
    gone, others = seller.id_of(leaving), set(seller.connections.values()) - {seller.id_of(leaving)}
    before = {other: seller.everything_of(other) for other in others}
    rows = seller.of(leaving).stored("orders")

    ended = seller.app.disconnector.disconnect(user_id=seller.user_id, connection_id=gone)

    assert ended["disconnected"]
    assert {other: seller.everything_of(other) for other in others} == before
    assert seller.rows("select 1 from private.platform_tokens where connection_id = %s", gone) == []
    assert {(job["status"], job["error_code"]) for job in seller.of(leaving).jobs()} == {("failed", "disconnected")}
    assert seller.of(leaving).stored("orders") == rows

    seller.drain()
    done = {str(job["connection_id"]) for job in seller.jobs("completed")}
    assert done == others

    again = seller.etsy.control("POST", "/tokens", shop_id=leaving.id)
    renewed = operations.connect(
        seller.app,
        platform="etsy",
        user_id=seller.user_id,
        shop_id=str(leaving.id),
        access_token=again["access_token"],
        refresh_token=again["refresh_token"],
        expires_at=datetime.fromtimestamp(time.time() + 3600, UTC),
    )
    operations.start_backfill(
        seller.app, user_id=seller.user_id, platform=None, shop_id=str(leaving.id), entities=(), again=False
    )
    seller.drain()

    assert renewed["connection_id"] == gone
    assert {job["status"] for job in seller.jobs()} == {"completed"}
    assert seller.wrong() == []


def test_a_shop_that_is_forgotten_takes_its_own_along(seller: Seller) -> None:
    """As Shopify's `shop/redact` asks. What was printed for its orders is not linked any more."""
    seller.start_all()
    seller.drain()
    _, (_, leaving), (_, other), _ = seller.sold
    gone = seller.id_of(leaving)
    held = seller.everything_of(seller.id_of(other))

    seller.db.execute("select private.forget_shop(%s)", [gone])

    assert not any(seller.everything_of(gone).values())
    kept = seller.everything_of(seller.id_of(other))
    assert kept == held
    del seller.connections[str(leaving.id)]
    seller.sold = [(platform, shop) for platform, shop in seller.sold if shop is not leaving]
    assert seller.wrong() == []
    assert_costs(seller)


def test_two_sellers_with_the_same_shop_stay_apart(make: Callable[[], Seller]) -> None:
    ann, bob = make(), make()
    shop = ann.etsy.shop(30, listings=5)
    ann.sold = bob.sold = [("etsy", shop)]
    ids = {ann.connect("etsy", shop), bob.connect("etsy", shop)}
    for one in (ann, bob):
        one.start_all()
        one.drain()
    assert len(ids) == 2
    assert ann.wrong() == bob.wrong() == []
    before = bob.everything_of(bob.id_of(shop))

    ann.app.disconnector.disconnect(user_id=ann.user_id, connection_id=ann.id_of(shop))
    of_bobs = ann.app.disconnector.disconnect(user_id=ann.user_id, connection_id=bob.id_of(shop))
    ann.forget()

    assert not of_bobs["disconnected"]
    assert bob.everything_of(bob.id_of(shop)) == before
    assert not any(ann.everything_of(ann.id_of(shop)).values())
    assert bob.wrong() == []


def test_the_command_line_tells_shops_apart(make: Callable[[], Seller]) -> None:
    one = make()
    first, second = (one.etsy.shop(12, listings=5) for _ in range(2))
    for shop in (first, second):
        one.connect("etsy", shop)

    started = operations.start_backfill(
        one.app, user_id=one.user_id, platform="etsy", shop_id=str(second.id), entities=["orders"], again=False
    )
    one.drain()

    assert [job["shop_id"] for job in started["jobs"]] == [str(second.id)]
    assert one.of(first).stored("orders") == {}
    status = operations.status(one.app, user_id=one.user_id, platform=None, shop_id=str(second.id))
    assert {job["shop_id"] for job in status["jobs"]} == {str(second.id)}
    with pytest.raises(UserError, match="no shop 5 at etsy") as refused:
        operations.verify(one.app, user_id=one.user_id, platform="etsy", shop_id="5")
    assert str(first.id) in refused.value.hint
    assert str(second.id) in refused.value.hint
    told = costs.report(one.app.store, one.user_id, limit=1, shops=status["connections"])
    assert [total["orders"] for total in told["totals"]] == [12]


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
    without(
        "a sweep judges its own shop", SWEPT, "public.sweep_gone", "t.connection_id = $1 and", "$1 is not null and"
    ),
    without(
        "a sweep marks its own shop",
        SWEPT,
        "public.sweep_gone",
        "$3 where connection_id = $1",
        "$3 where $1 is not null",
    ),
    without("an audit counts its own shop", SWEPT, "private.audit_job", "connection_id = $1", "$1 is not null"),
    without("an audit looks in its own shop", MISSED, "private.audit_job", "t.connection_id = $3", "$3 is not null"),
    without("lines are counted in the shop", SWEPT, "private.prove_etsy_line_items", _OF_THE_JOB, "true"),
    without("buyers are of the shop", MISSED, "private.prove_etsy_buyers", f"as c where c.{_OF_THE_JOB}", "as c"),
    without("what is pending is the shop's", MISSED, "private.pending_etsy_transactions", f"l.{_OF_THE_JOB}", "true"),
]


@pytest.mark.parametrize("hole", HOLES, ids=str)
def test_a_condition_that_is_taken_away_is_seen(hole: Hole, db: Db, request: pytest.FixtureRequest) -> None:
    shops = [(frozenset({1, 2, 3}), frozenset({2})), (frozenset({1, 4}), frozenset({1, 4, 5})),
             (frozenset({3, 6}), frozenset({6}))]  # fmt: skip
    assert_seen(replace(hole, given={"shops": shops}), db, request)
