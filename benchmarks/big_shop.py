"""A shop of many orders, made in SQL: rows, the pages that they came with, the printer's orders that cost them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import psycopg

Db = psycopg.Connection[Any]

_KEYS = "connection_id, user_id, platform, platform_id"
_LANDED = "raw, source_updated_at, fetched_at, content_hash, sync_run_id"
_SAME = "'{}', now(), now(), n, %(run)s"
# Numbers of one length, in the order of the time: as keys they are in the order of the numbers.
_ORDERS = f"""
    insert into public.orders ({_KEYS}, order_number, buyer_platform_id, ordered_at, currency, total_amount,
           tax_amount, item_total_amount, {_LANDED})
    select %(shop)s, %(user)s, 'etsy', (1000000000 + n)::text, (1000000000 + n)::text, (500000000 + n / 2)::text,
           now() - interval '3 years' + n * interval '3 years' / %(orders)s, 'USD', 2000 + n %% 900, 100,
           1900 + n %% 900, {_SAME}
    from generate_series(1, %(orders)s) as n"""
_LINES = f"""
    insert into public.line_items ({_KEYS}, order_platform_id, listing_platform_id, title, quantity, currency,
           price_amount,
                                   {_LANDED})
    select %(shop)s, %(user)s, 'etsy', (3000000000 + n * 2 + k)::text, (1000000000 + n)::text, (n %% 400)::text,
           'Print ' || n %% 400, 1, 'USD', 1000, {_SAME}
    from generate_series(1, %(orders)s) as n, generate_series(0, 1) as k"""
_CUSTOMERS = f"""
    insert into public.customers ({_KEYS}, name, {_LANDED})
    select %(shop)s, %(user)s, 'etsy', (500000000 + n)::text, 'Somebody', {_SAME}
    from generate_series(0, %(orders)s / 2) as n"""
# Nine entries an order is what a ledger has; three are enough to be the largest table here.
_LEDGER = f"""
    insert into public.payments ({_KEYS}, sequence_number, entry_type, currency, entry_amount, balance_amount,
           reference_type,
                                 reference_id, order_platform_id, occurred_at, {_LANDED})
    select %(shop)s, %(user)s, 'etsy', (6000000000 + n)::text, n,
           case n %% 3 when 0 then 'PAYMENT_GROSS' else 'transaction' end,
           'USD', 10, n * 10, 'receipt', '1', (1000000000 + 1 + n / 3)::text,
           now() - interval '3 years' + n * interval '1 year' / %(orders)s, {_SAME}
    from generate_series(0, %(orders)s * 3 - 1) as n"""
_PRINTS = f"""
    insert into public.printify_orders ({_KEYS}, order_type, shop_order_id, currency, ordered_at, {_LANDED})
    select %(printer)s, %(user)s, 'printify', 'p' || 1000000000 + n, 'external', (1000000000 + n)::text, 'USD',
           now(), {_SAME}
    from generate_series(1, %(printed)s) as n"""
_PRINTED = f"""
    insert into public.printify_line_items ({_KEYS}, order_platform_id, quantity, currency, cost_amount,
           shipping_cost_amount,
                                            {_LANDED})
    select %(printer)s, %(user)s, 'printify', 'l' || 1000000000 + n, 'p' || 1000000000 + n, 2, 'USD', 500, 300, {_SAME}
    from generate_series(1, %(printed)s) as n"""
_PAGES = """
    insert into public.sync_pages (job_id, seq, page_id, connection_id, user_id, platform, entity, stream, part,
           pass, window_start,
                                   window_end, position, keys, created, updated, unchanged, stale, rejected,
           fetched_at, answer)
    select %(job)s, p, gen_random_uuid(), %(shop)s, %(user)s, 'etsy', 'orders', 'receipts', 0, 1,
           now() - interval '3 years', now(),
           p * 100, array(select (1000000000 + p * 100 + k)::text from generate_series(1, 100) as k), 100, 0, 0, 0,
           0, now(), '{}'
    from generate_series(0, %(orders)s / 100 - 1) as p"""


@dataclass(frozen=True, kw_only=True)
class BigShop:
    user: str
    shop: str
    printer: str
    job: str
    lease: str


def make(db: Db, orders: int, *, printed: int = 0) -> BigShop:
    """So many of its orders are printed by another shop. Its job of orders is read and leased; what triggers
    would do for each row is left to be done.
    """
    made = {name: str(uuid.uuid4()) for name in ("user", "shop", "printer", "run", "job", "lease")}
    given = {**made, "orders": orders, "printed": printed}
    tables = ("orders", "line_items", "customers", "payments", "printify_orders", "printify_line_items")
    db.execute("insert into auth.users (id, email) values (%(user)s, %(user)s || '@example.com')", made)
    db.execute(
        "insert into public.connected_accounts (id, user_id, platform, shop_id, status) values"
        " (%(shop)s, %(user)s, 'etsy', '1', 'connected'), (%(printer)s, %(user)s, 'printify', '2', 'connected')",
        made,
    )
    db.execute(
        "insert into public.sync_runs (id, connection_id, user_id, job_type, trigger)"
        " values (%(run)s, %(shop)s, %(user)s, 'backfill', 'benchmark')",
        made,
    )
    db.execute(
        "insert into public.sync_jobs (id, user_id, connection_id, run_id, platform, entity, job_type, status,"
        " window_start, window_end, lease_id, lease_expires_at) values (%(job)s, %(user)s, %(shop)s, %(run)s,"
        " 'etsy', 'orders', 'backfill', 'running', now() - interval '4 years', now(), %(lease)s,"
        " now() + interval '1 day')",
        made,
    )
    for table in tables:
        db.execute(f"alter table public.{table} disable trigger user".encode())
    for statement in (_ORDERS, _LINES, _CUSTOMERS, _LEDGER, _PAGES, _PRINTS, _PRINTED):
        db.execute(statement.encode(), given)
    for table in tables:
        db.execute(f"alter table public.{table} enable trigger user".encode())
    db.execute("analyze")
    return BigShop(**{name: value for name, value in made.items() if name != "run"})
