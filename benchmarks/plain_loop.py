"""The same receipts by a plain loop, as most people write it: httpx, json, psycopg's executemany, a commit a page.

It writes the rows that the product writes (orders, line items, refunds, shipments, customers, each with its raw
record), typed by hand, and nothing else: no jobs, no fence, no audit, no budget, no version guard, no verification.
"""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import psycopg

from benchmarks.world import World, without_autovacuum

TABLES = """
create table public.plain_orders (receipt_id bigint primary key, status text, buyer bigint, country text,
    ordered_at timestamptz, updated_at timestamptz, currency text, subtotal bigint, shipping bigint, tax bigint,
    total bigint, raw jsonb);
create table public.plain_line_items (transaction_id bigint primary key, receipt_id bigint,
    listing bigint, sku text, title text, quantity int, currency text, price bigint, raw jsonb);
create index plain_lines on public.plain_line_items (receipt_id);
create table public.plain_refunds (receipt_id bigint, position int, refunded_at timestamptz,
    currency text, amount bigint, reason text, status text, raw jsonb, primary key (receipt_id, position));
create table public.plain_shipments (receipt_id bigint, position int, carrier text, tracking text,
    shipped_at timestamptz, raw jsonb, primary key (receipt_id, position));
create table public.plain_customers (buyer bigint primary key, name text, email text, country text,
    last_order_at timestamptz, raw jsonb)
"""
# What is measured next starts without them.
GONE = """drop table public.plain_orders, public.plain_line_items, public.plain_refunds, public.plain_shipments,
    public.plain_customers"""
ORDER = """insert into public.plain_orders
values (%s, %s, %s, %s, to_timestamp(%s), to_timestamp(%s), %s, %s, %s, %s, %s, %s)
on conflict (receipt_id) do update set status = excluded.status, updated_at = excluded.updated_at, raw = excluded.raw"""
LINE = """insert into public.plain_line_items values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (transaction_id) do update set quantity = excluded.quantity, raw = excluded.raw"""
REFUND = """insert into public.plain_refunds values (%s, %s, to_timestamp(%s), %s, %s, %s, %s, %s)
on conflict (receipt_id, position) do update set status = excluded.status, raw = excluded.raw"""
SHIPMENT = """insert into public.plain_shipments values (%s, %s, %s, %s, to_timestamp(%s), %s)
on conflict (receipt_id, position) do update set tracking = excluded.tracking, raw = excluded.raw"""
CUSTOMER = """insert into public.plain_customers values (%s, %s, %s, %s, to_timestamp(%s), %s)
on conflict (buyer) do update set name = excluded.name, last_order_at = excluded.last_order_at, raw = excluded.raw"""


def run(world: World, shops: list[dict[str, Any]]) -> tuple[int, float]:
    """Receipts copied and seconds taken."""
    with psycopg.connect(world.env["DATABASE_URL"]) as db:
        db.execute(TABLES)
        without_autovacuum(db)
        db.commit()
        started, copied = time.perf_counter(), 0
        for shop in shops:
            copied += _copy(world, db, shop)
        taken = time.perf_counter() - started
        db.execute(GONE)
        return copied, taken


def _copy(world: World, db: psycopg.Connection, shop: dict[str, Any]) -> int:
    key = f"{world.env['ETSY_KEYSTRING']}:{world.env['ETSY_SHARED_SECRET']}"
    headers = {"x-api-key": key, "Authorization": f"Bearer {shop['access_token']}"}
    copied, start = 0, shop["created_timestamp"]
    with httpx.Client(base_url=world.env["ETSY_API_BASE_URL"], headers=headers, timeout=60) as http:
        while True:
            # Past the offset cap a new window begins at the last second that was seen.
            page, offset = _page(http, shop, start, 0), 0
            while page["results"]:
                _write(db, page["results"])
                copied += len(page["results"])
                last = page["results"][-1]["created_timestamp"]
                offset += 100
                if offset >= page["count"]:
                    return copied
                if offset > 9_900:
                    break
                page = _page(http, shop, start, offset)
            if not page["results"]:
                return copied
            start = last


def _page(http: httpx.Client, shop: dict[str, Any], start: int, offset: int) -> dict[str, Any]:
    params: dict[str, str | int] = {
        "was_paid": "true",
        "sort_on": "created",
        "sort_order": "asc",
        "limit": 100,
        "offset": offset,
    }
    params |= {"min_created": start, "max_created": int(shop["ends_at"])}
    answer = http.get(f"/v3/application/shops/{shop['shop_id']}/receipts", params=params)
    page: dict[str, Any] = answer.raise_for_status().json()
    return page


def _write(db: psycopg.Connection, receipts: list[dict[str, Any]]) -> None:
    with db.cursor() as cursor:
        cursor.executemany(ORDER, [_order(r) for r in receipts])
        cursor.executemany(LINE, [_line(t) for r in receipts for t in r["transactions"]])
        cursor.executemany(REFUND, [_refund(r, i, x) for r in receipts for i, x in enumerate(r["refunds"])])
        cursor.executemany(SHIPMENT, [_shipment(r, i, x) for r in receipts for i, x in enumerate(r["shipments"])])
        cursor.executemany(CUSTOMER, [_customer(r) for r in receipts])
    db.commit()


def _order(r: dict[str, Any]) -> tuple[Any, ...]:
    raw = json.dumps({k: v for k, v in r.items() if k not in ("transactions", "refunds", "shipments")})
    money = [r[name]["amount"] for name in ("subtotal", "total_shipping_cost", "total_tax_cost", "grandtotal")]
    times = r["created_timestamp"], r["updated_timestamp"]
    currency = r["grandtotal"]["currency_code"]
    return (r["receipt_id"], r["status"], r["buyer_user_id"], r["country_iso"], *times, currency, *money, raw)


def _line(t: dict[str, Any]) -> tuple[Any, ...]:
    ids = t["transaction_id"], t["receipt_id"], t["listing_id"]
    price = t["price"]["currency_code"], t["price"]["amount"]
    return (*ids, t["sku"], t["title"], t["quantity"], *price, json.dumps(t))


def _refund(r: dict[str, Any], position: int, x: dict[str, Any]) -> tuple[Any, ...]:
    money = x["amount"]["currency_code"], x["amount"]["amount"]
    return (r["receipt_id"], position, x["created_timestamp"], *money, x["reason"], x["status"], json.dumps(x))


def _shipment(r: dict[str, Any], position: int, x: dict[str, Any]) -> tuple[Any, ...]:
    shipped = x["carrier_name"], x["tracking_code"], x["shipment_notification_timestamp"]
    return (r["receipt_id"], position, *shipped, json.dumps(x))


def _customer(r: dict[str, Any]) -> tuple[Any, ...]:
    person = {name: r[name] for name in ("buyer_user_id", "name", "buyer_email", "country_iso", "created_timestamp")}
    return (*person.values(), json.dumps(person))
