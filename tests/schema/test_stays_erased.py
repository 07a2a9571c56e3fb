"""What was erased stays erased, whichever shape of record brings it again; what is placed afterwards lands whole."""

from __future__ import annotations

import base64
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from execution.catalog import PLATFORMS
from tests.cross_platform.test_erasure import BROKEN, CANARY, STAY, THINGS, dump, planted
from tests.schema.jobworld import claim, queue
from tests.schema.rows import Connection
from tests.schema.sample_records import SHAPES, sample
from tests.schema.test_conversions import RECEIPT
from tests.schema.test_job_races import wait_until_blocked
from tests.worlds.users import make_seller

LAND = "select private.land_records(j, %s, %s, %s) from public.sync_jobs as j where j.lease_id = %s"
REJECT = (
    "select r.landed is null from public.sync_jobs as j,"
    " lateral private.land_one_by_one(j, 'receipts', 'receipts', %s, %s) as r where j.lease_id = %s"
)
# A ledger tells of which kind of thing it speaks.
ENTRY_OF_AN_ORDER = {"payments": {"reference_type": "receipt", "reference_id": "7"}}


@pytest.fixture(name="etsy")
def _etsy(clean: None, db: Connection) -> str:
    return working(db, make_seller(db, "etsy"), "etsy")


def working(db: Connection, user: str, platform: str) -> str:
    """A job of this user's shop: its lease."""
    lease = str(uuid.uuid4())
    queue(db, user, (platform, "orders"))
    claim(db, lease)
    return lease


def land(db: Connection, lease: str, shape: str, *records: dict[str, Any], fetched: str = "2026-02-01") -> None:
    db.execute(LAND, [shape, fetched, json.dumps(records), lease])


def erase(db: Connection, lease: str, buyer: str, orders: tuple[str, ...] = ()) -> None:
    db.execute(
        "select private.erase_buyer(a, array[%s], null, %s, true)"
        " from public.connected_accounts as a join public.sync_jobs as j on j.connection_id = a.id"
        " where j.lease_id = %s",
        [buyer, list(orders), lease],
    )


def told(db: Connection) -> set[str]:
    return {
        f"{table}.{name}"
        for table, row in dump(db, CANARY)
        if table not in THINGS
        for name, value in row.items()
        if CANARY in json.dumps(value) and name not in STAY.get(table, ())
    }


def with_words(record: dict[str, Any]) -> dict[str, Any]:
    whole: dict[str, Any] = planted(record, dict.fromkeys(BROKEN, object()))
    return whole


@pytest.mark.parametrize("platform", PLATFORMS)
def test_no_shape_of_record_brings_them_back(clean: None, db: Connection, platform: str) -> None:
    """Each alone, and as it is the day it is added: the records are made from the streams."""
    lease = working(db, make_seller(db, platform), platform)
    records = {
        shape.name: with_words(sample(shape) | ENTRY_OF_AN_ORDER.get(shape.table, {}))
        for of, shape in SHAPES.values()
        if of == platform
    }
    for name, record in records.items():
        land(db, lease, name, record, fetched="2026-01-01")
    before = told(db)
    erase(db, lease, "7", ("7",))
    printed = db.execute("select private.erase_made(o.connection_id, array['7']) from public.printify_orders as o")
    assert before
    assert (printed.rowcount, told(db)) == (int(platform == "printify"), set())

    brought = {}
    for name, record in records.items():
        land(db, lease, name, record)
        brought[name] = told(db)

    assert {name: words for name, words in brought.items() if words} == {}


def test_what_the_buyer_orders_afterwards_is_whole_and_others_are_untouched(db: Connection, etsy: str) -> None:
    now = int((datetime.now(UTC) + timedelta(minutes=1)).timestamp())
    older = with_words(RECEIPT)
    # One that nobody had read when they were erased, one that they place later, and another buyer's.
    unread = with_words(RECEIPT | {"receipt_id": 17, "transactions": []})
    later = with_words(RECEIPT | {"receipt_id": 27, "transactions": [], "created_timestamp": now})
    others = with_words(RECEIPT | {"receipt_id": 37, "transactions": [], "buyer_user_id": 10})
    land(db, etsy, "receipts", older, fetched="2026-01-01")
    erase(db, etsy, "9")

    land(db, etsy, "receipts", older, unread, later, others)

    whole = db.execute("select platform_id from public.orders where raw <> '{}' order by 1").fetchall()
    assert whole == [("27",), ("37",)]
    assert db.execute("select total_amount from public.orders group by 1").fetchall() == [(1200,)]


def test_an_entry_finds_its_order_before_anybody_reads_it(db: Connection, etsy: str) -> None:
    """The ledger names lines and payments; which order they are of is found out as it lands."""
    entries = [
        {"entry_id": number, "sequence_number": number, "ledger_type": kind, "amount": 100, "balance": 100,
         "description": f"to {CANARY}", "currency": "JPY", "reference_type": reference, "reference_id": named,
         "created_timestamp": 1_700_000_000}
        for number, (kind, reference, named) in enumerate(
            [("transaction", "transaction", "8"), ("PAYMENT", "shop_payment", "77"), ("sale", "receipt", "7")])
    ]  # fmt: skip
    paid = {"payment_id": 77, "receipt_id": 7, "status": "settled", "created_timestamp": 1_700_000_000,
            "amount_gross": {"amount": 1, "divisor": 1, "currency_code": "JPY"}}  # fmt: skip
    land(db, etsy, "receipts", RECEIPT, fetched="2026-01-01")
    land(db, etsy, "payments", paid, fetched="2026-01-01")
    erase(db, etsy, "9")

    for _ in range(2):
        land(db, etsy, "ledger_entries", *entries)

        assert told(db) == set()
        assert db.execute("select order_platform_id, description from public.payments").fetchall() == [("7", None)] * 3


def test_an_entry_that_comes_before_its_line_is_erased_when_it_is_linked(db: Connection, etsy: str) -> None:
    entry = {"entry_id": 1, "sequence_number": 1, "ledger_type": "x", "amount": 100, "balance": 100, "currency": "JPY",
             "description": f"to {CANARY}", "reference_type": "transaction", "reference_id": "8",
             "created_timestamp": 1_700_000_000}  # fmt: skip
    land(db, etsy, "receipts", RECEIPT | {"transactions": []}, fetched="2026-01-01")
    erase(db, etsy, "9")
    land(db, etsy, "ledger_entries", entry)
    land(db, etsy, "receipts", RECEIPT)

    db.execute(
        "select private.derive_etsy_payment_orders(j, '', 100) from public.sync_jobs as j where lease_id = %s", [etsy]
    )

    assert told(db) == set()


def test_what_is_made_for_an_erased_order_is_erased_when_it_is_linked(db: Connection, etsy: str) -> None:
    """Whichever of the two comes last."""
    (user,) = db.execute("select user_id::text from public.sync_jobs where lease_id = %s", [etsy]).fetchall()[0]
    db.execute("delete from public.sync_jobs where status = 'queued'")
    make_seller_too(db, user)
    printer = working(db, user, "printify")
    (shape,) = (shape for of, shape in SHAPES.values() if of == "printify" and shape.table == "printify_orders")
    made = with_words(sample(shape)) | {"metadata": {"order_type": "external", "shop_order_id": "7"}}
    land(db, etsy, "receipts", RECEIPT, fetched="2026-01-01")
    erase(db, etsy, "9")

    land(db, printer, shape.name, made)

    assert db.execute("select count(*) from private.cost_links").fetchone() == (1,)
    assert told(db) == set()


def make_seller_too(db: Connection, user: str) -> None:
    db.execute(
        "insert into public.connected_accounts (user_id, platform, shop_id, shop_name, status)"
        " values (%s, 'printify', '501', 'the printer', 'connected')",
        [user],
    )


@pytest.mark.parametrize("gone", [False, True], ids=["it stands", "it is gone"])
def test_an_order_that_is_gone_is_kept_erased_too(clean: None, db: Connection, gone: bool) -> None:  # noqa: FBT001
    lease = working(db, make_seller(db, "shopify"), "shopify")
    (shape,) = (shape for name, (_, shape) in SHAPES.items() if name == "shopify_orders")
    order = with_words(sample(shape))
    land(db, lease, shape.name, order, fetched="2026-01-01")
    erase(db, lease, "7", ("7",))
    if gone:
        db.execute("update private.closed_objects set gone_at = now() where table_name = 'orders'")

    db.execute("delete from public.orders")
    land(db, lease, shape.name, order)

    assert db.execute("select is_deleted from public.orders").fetchall() == [(gone,)]
    assert told(db) == set()


def test_money_that_goes_back_after_an_erasure_is_looked_up(clean: None, db: Connection) -> None:
    """Of an erased order stays which refunds it names, in which version, and whether more of its lines follow."""
    lease = working(db, make_seller(db, "shopify"), "shopify")
    (shape,) = (shape for name, (_, shape) in SHAPES.items() if name == "shopify_orders")
    order = sample(shape) | {"refunds": [{"id": "gid://shopify/Refund/70", "updatedAt": None, "note": CANARY}]}
    order["lineItems"] = {**order["lineItems"], "pageInfo": {"hasNextPage": True, "endCursor": "next"}}
    land(db, lease, shape.name, order, fetched="2026-01-01")
    erase(db, lease, "7", ("7",))

    land(db, lease, shape.name, order)

    assert told(db) == set()
    asked = "select p.id from public.sync_jobs as j, private.%s(j, '', 9) as p (id) where j.lease_id = %%s"
    assert db.execute((asked % "pending_shopify_refunds").encode(), [lease]).fetchall() == [("70",)]
    assert db.execute((asked % "pending_shopify_order_lines").encode(), [lease]).fetchall() == [("7:next",)]


def test_bytes_that_name_who_was_erased_are_not_kept(db: Connection, etsy: str) -> None:
    buyer = {"buyer_user_id": 9_000_001}
    land(db, etsy, "receipts", RECEIPT | buyer, fetched="2026-01-01")
    erase(db, etsy, "9000001")

    reject(
        db,
        etsy,
        {"receipt_id": 7, "updated_timestamp": 1_800_000_000, "note": CANARY},
        {"buyer": 9_000_001, "note": CANARY},
        {"receipt_id": 8, "note": "kept"},
    )
    db.execute("select public.replay_rejected(user_id) from public.sync_jobs where lease_id = %s", [etsy])

    assert told(db) == set()
    kept = db.execute(
        "select convert_from(raw, 'UTF8')::jsonb ? 'note', reason = 'erased' from public.rejected_records order by id"
    )
    assert kept.fetchall() == [(False, True), (False, True), (True, False)]


def test_an_erasure_waits_for_what_is_landing(db: Connection, etsy: str, env: dict[str, str]) -> None:
    """Also for what lands under no lease, as a replay does."""
    land(db, etsy, "receipts", RECEIPT, fetched="2026-01-01")
    with (
        psycopg.connect(env["DATABASE_URL"]) as landing,
        psycopg.connect(env["DATABASE_URL"], autocommit=True) as admin,
        ThreadPoolExecutor(1) as pool,
    ):
        land(landing, etsy, "receipts", with_words(RECEIPT | {"receipt_id": 17, "transactions": []}))
        erased = pool.submit(erase, admin, etsy, "9")
        wait_until_blocked(db, admin.info.backend_pid, erased)
        landing.commit()
        erased.result()

    assert told(db) == set()


def reject(db: Connection, lease: str, *records: dict[str, Any]) -> None:
    items = [{"key": r.get("receipt_id"), "raw": base64.b64encode(json.dumps(r).encode()).decode()} for r in records]
    db.execute(REJECT, ["2026-02-01", json.dumps(items), lease])
