"""Every column of every shape of every platform: essential, or left empty where it cannot be read.

Records are made from the streams' own columns, so a column that is new is tried too.
"""

from __future__ import annotations

import copy
import json
import uuid
from decimal import Decimal
from typing import Any

import pytest

from execution.currencies import digits
from execution.streams import Kind, Records
from tests.schema.jobworld import claim, queue
from tests.schema.rows import Connection
from tests.schema.sample_records import CODES, MONEY, SHAPES, Part, at, money, parts, put, sample
from tests.worlds.users import make_seller

# None of a kind's own form.
BAD = ({"a": 1}, [[1]], "\u2620", 10**30)
NOW = "2026-01-03T10:00:00Z"


@pytest.fixture
def land(clean, db):
    """Lands one record of a shape, and undoes it: the outcome with what one column of a table holds then."""
    found: dict[str, str] = {}

    def landed(platform: str, shape: str, record: dict[str, Any], table: str, columns: str) -> tuple[Any, ...]:
        if platform not in found:
            lease = str(uuid.uuid4())
            queue(db, make_seller(db, platform), (platform, "orders"))
            claim(db, lease)
            found[platform] = lease
        with db.transaction(force_rollback=True):
            row = db.execute(
                "select o.reason, o.partial, o.landed is not null from private.land_one("
                "(select j from public.sync_jobs as j where j.lease_id = %s), %s, %s, %s) as o",
                (found[platform], shape, NOW, json.dumps(record).encode()),
            ).fetchone()
            stored = db.execute(f"select {columns} from public.{table} where platform = %s", (platform,)).fetchall()
        assert row is not None
        return (*row, stored)

    return landed


@pytest.mark.parametrize("name", SHAPES)
def test_a_sound_record_lands_as_it_is(land, name):
    """Or the others would prove nothing."""
    platform, shape = SHAPES[name]
    for part in parts(shape):
        reason, partial, landed, rows = land(platform, shape.name, sample(shape), part.table, "raw")

        assert (reason, partial, landed, len(rows)) == (None, None, True, part.lists), part


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_not_essential_never_costs_its_record(land, db, name):
    platform, shape = SHAPES[name]
    tried = 0
    for part in parts(shape):
        essential = set().union(*(essentials(db, p.table) for p in parts(shape) if p.at == part.at))
        for column in part.columns:
            for bad in BAD:
                record = sample(shape)
                put(at(record, part.at), column.path, copy.deepcopy(bad))
                reason, partial, landed, rows = land(platform, shape.name, record, part.table, column.name)
                where = (part.table, column.name, bad, reason, partial)
                if reason is None:
                    assert landed, where
                elif used_by(part, shape, column.path) & essential:
                    # Of a child that cannot be a row, the record is kept without it.
                    assert landed == (part.at != ""), where
                    assert len(rows) == part.lists - 1, where
                else:
                    assert landed, where
                    assert partial, where
                    assert (None,) in rows, where
                    tried += 1
    assert tried or not shape.columns, name


CHILDREN = [name for name in SHAPES if any(part.at for part in parts(SHAPES[name][1]))]


@pytest.mark.parametrize("name", CHILDREN)
def test_a_child_without_what_it_cannot_be_without_is_left_out_and_told(land, db, name):
    """Not ill-formed but absent: its key, its order, its amount."""
    platform, shape = SHAPES[name]
    tried = asked = 0
    for part in (part for part in parts(shape) if part.at):
        keys = part.keys
        columns = [c.path for c in part.columns if c.name in essentials(db, part.table) and not c.or_at]
        for path in {*columns, *keys}:
            asked += 1
            # Its key also where it is no id at all, as a platform's next kind of id may be.
            for bad in (None, "7", 7, []) if path in keys and shape.key_is_gid else (None,):
                record = sample(shape)
                put(at(record, part.at), path, bad)
                reason, partial, landed, rows = land(platform, shape.name, record, part.table, "platform_id")
                if reason is not None:
                    assert (bool(partial), landed, rows) == (True, True, []), (part.table, path, bad, reason)
                    tried += 1
    # Children that are known by their place alone have nothing that they cannot be without.
    assert tried or not asked, name


@pytest.mark.parametrize("name", CHILDREN)
def test_a_list_that_is_none_never_costs_its_record(land, name):
    """Nor does what is no object on the way to it, as an empty list is that some languages make of one, or in it."""
    platform, shape = SHAPES[name]
    for child in shape.children:
        ways = child.at.split(".")
        places = [".".join(ways[: n + 1]) for n in range(len(ways))] + [f"{child.at}.0"]
        if child.inside:
            inner = child.inside.split(".")
            places += [f"{child.at}.0.{'.'.join(inner[: n + 1])}" for n in range(len(inner))]
        for place in places:
            for bad in ([], 7, {"amount": "1", "currencyCode": "USD"}):
                record = sample(shape)
                if at(record, place) != bad:
                    outer, _, last = place.rpartition(".")
                    at(record, outer)[int(last) if last.isdigit() else last] = bad
                reason, partial, landed, _ = land(platform, shape.name, record, shape.table, "raw")
                assert landed, (child.table, place, bad, reason, partial)


def used_by(part: Part, shape: Records, path: str) -> set[str]:
    """The columns and keys that rest on a member."""
    found = {c.name for p in parts(shape) if p.at == part.at for c in p.columns if path in (c.path, c.and_at, c.or_at)}
    if not part.at and (path,) == shape.updated:
        found.add("source_updated_at")
    if part.currency == path or part.currency.startswith(f"{path}."):
        found.add("currency")
    keys = part.keys if part.at else (shape.key,)
    if any(key == path or key.startswith(f"{path}.") for key in keys):
        found.add("platform_id")
    return found


def essentials(db: Connection, table: str) -> set[str]:
    return {
        row[0]
        for row in db.execute(
            "select a.attname::text from pg_attribute as a where a.attrelid = %(table)s::regclass and a.attnum > 0 "
            "and (a.attnotnull or exists (select from pg_constraint as k where k.conrelid = a.attrelid "
            "                             and k.conname = a.attname || '_known'))",
            {"table": f"public.{table}"},
        )
    }


def test_the_essential_columns_are_these(db):
    """Key, the shop's money, time, and what a row has no sense without. One more is a record more that can be lost."""
    own = {"connection_id", "user_id", "platform", "platform_id", "raw", "source_updated_at", "fetched_at"}
    own |= {"content_hash", "sync_run_id", "is_deleted", "currency", "currency_assumed", "cost_state"}
    tables = {part.table for _, shape in SHAPES.values() for part in parts(shape)}

    assert {table: essentials(db, table) - own for table in tables} == {
        "orders": {"ordered_at", "total_amount"},
        "line_items": {"order_platform_id", "price_amount"},
        "order_refunds": {"order_platform_id", "refund_amount", "refunded_at"},
        "order_refund_lines": {"refund_platform_id", "line_item_platform_id", "quantity", "subtotal_amount"},
        "order_transactions": {"order_platform_id", "kind", "status", "transaction_amount"},
        "order_fulfillments": {"order_platform_id"},
        "order_journals": set(),
        "order_sales": {"order_platform_id", "agreement_platform_id", "happened_at", "total_amount"},
        "order_shipping_lines": {"order_platform_id"},
        "order_tax_lines": {"order_platform_id"},
        "order_disputes": {"order_platform_id", "first_seen_at"},
        "order_refund_shipping_lines": {"refund_platform_id", "subtotal_amount"},
        "order_refund_adjustments": {"refund_platform_id", "adjustment_amount"},
        "customers": set(),
        "listings": set(),
        "listing_variants": {"listing_platform_id", "price_amount"},
        "payments": {"sequence_number", "entry_type", "entry_amount", "balance_amount", "occurred_at"},
        "order_payments": set(),
        "balance_transactions": {"entry_type", "processed_at"},
        "printify_orders": {"ordered_at"},
        "printify_line_items": {"order_platform_id"},
        "printify_shipments": {"order_platform_id"},
        "printify_products": set(),
        "printify_variants": {"product_platform_id", "variant_id"},
        "locations": set(),
        "catalog_categories": set(),
        "catalog_items": set(),
        "catalog_variations": set(),
        "catalog_location_overrides": {"variation_platform_id"},
        "catalog_vendor_info": {"variation_platform_id"},
        "inventory_counts": set(),
        "vendors": set(),
        "order_line_modifiers": {"order_platform_id"},
        "order_service_charges": {"order_platform_id"},
        "tenders": {"order_platform_id"},
        "order_returns": {"order_platform_id"},
        "order_return_lines": {"order_platform_id"},
        "payment_refunds": {"refund_amount", "refunded_at"},
        "payouts": {"payout_amount", "paid_out_at"},
        "payout_entries": {"payout_platform_id", "net_amount"},
        "payment_disputes": set(),
        "team_members": set(),
        "loyalty_accounts": set(),
        "bookings": {"starts_at"},
        "booking_segments": {"booking_platform_id"},
    }


@pytest.mark.parametrize(
    "name", [n for n, (_, s) in SHAPES.items() if any(c.kind in MONEY for p in parts(s) for c in p.columns)]
)
def test_an_amount_that_nobody_could_add_up_is_not_readable(land, db, name):
    """Or two of them would be more than a sum can hold, and a shop's days and pages would be no more."""
    platform, shape = SHAPES[name]
    huge = Decimal(db.execute("select private.most_money()").fetchone()[0]) + 1
    for part in parts(shape):
        lost = essentials(db, part.table)
        for column in [column for column in part.columns if column.kind in MONEY]:
            record = sample(shape)
            put(at(record, part.at), column.path, money(column.kind, huge / 100, "USD"))
            reason, partial, landed, rows = land(platform, shape.name, record, part.table, column.name)
            assert reason is not None, (part.table, column.name)
            if column.name in lost:
                assert (landed, len(rows)) == (part.at != "", part.lists - 1), (part.table, column.name)
            else:
                assert (landed, rows[0]) == (True, (None,)), (part.table, column.name, partial)
                assert "more than any shop has" in partial


# Where money of every code is tried; elsewhere codes take turns. Every conversion has every code in test_currencies.
ALL_CODES = ("shopify_orders",)


@pytest.fixture
def land_all(clean, db):
    """Lands a record of each key of a shape, one by one, in one statement."""

    def landed(platform: str, shape: str, records: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
        lease = str(uuid.uuid4())
        queue(db, make_seller(db, platform), (platform, "orders"))
        claim(db, lease)
        rows = db.execute(
            "select r.key, o.reason, o.partial, o.landed is not null from private.leased_job(%s) as j,"
            " jsonb_each(%s) as r, lateral private.land_one(j, %s, %s, convert_to(r.value::text, 'UTF8')) as o",
            (lease, json.dumps(records), shape, NOW),
        ).fetchall()
        return {key: tuple(rest) for key, *rest in rows}

    return landed


@pytest.mark.parametrize("places", range(6))
@pytest.mark.parametrize("name", [n for n, (_, s) in SHAPES.items() if any(c.kind in MONEY for c in s.columns)])
def test_money_of_every_code_is_exact_or_kept_with_a_reason(land_all, db, name, places):
    """With up to five decimals, in each column in turn: stored exactly, or empty with the reason; never lost."""
    platform, shape = SHAPES[name]
    amount = Decimal(110) + Decimal(7).scaleb(-places)
    columns = [c for c in shape.columns if c.kind in MONEY]
    hundredths = any(c.kind is Kind.HUNDREDTHS for c in columns)
    if hundredths and places > 2:
        pytest.skip("hundredths have no more decimals")
    records, fine = {}, {}
    for n, code in enumerate(CODES if name in ALL_CODES else CODES[places + len(name) :: 10]):
        key = str(10_000 + n)
        records[key], fine[key] = sample(shape, Decimal(110), code, 10_000 + n), (code, n % len(columns))
        column = columns[n % len(columns)]
        put(records[key], column.path, money(column.kind, amount, code))

    found = land_all(platform, shape.name, records)

    query = f"select platform_id, {', '.join(c.name for c in columns)} from public.{shape.table}"
    stored = {key: row for key, *row in db.execute(query).fetchall()}
    for key, (code, place) in fine.items():
        reason, partial, landed = found[key]
        exact, rest = amount.scaleb(digits(code)), int(Decimal(110).scaleb(digits(code)))
        row: list[int | None] = [rest] * len(columns)
        row[place] = int(exact) if exact == int(exact) else None
        if row[place] is None and hundredths:
            # The ledger's chain of balances has no gap: its entry is kept as a rejected record.
            assert (landed, stored.get(key)) == (False, None), code
            assert f"{code} is no whole number of its smallest unit" in reason
        else:
            assert (landed, stored.get(key)) == (True, row), (code, reason)
            assert (reason is None) == (row[place] is not None), code
            assert reason is None or f"{code} is no whole number of its smallest unit" in partial
