"""A shop of many orders with a journal of sales and transactions, made in SQL."""

from __future__ import annotations

import uuid

from benchmarks.big_shop import BigShop, Db

_KEYS = "connection_id, user_id, platform, platform_id"
_LANDED = "raw, source_updated_at, fetched_at, content_hash, sync_run_id"
_FROM_ORDER = "o.connection_id, o.user_id, o.platform"
_OF_ORDER = "'{}', now(), now(), 1, o.sync_run_id"
_ORDERS = f"""
    insert into public.orders ({_KEYS}, order_number, status, is_paid, ordered_at, currency, total_amount, tax_amount,
           shipping_amount, subtotal_amount, {_LANDED})
    select %(shop)s, %(user)s, 'shopify', (1000000000 + n)::text, '#' || n, 'paid', true,
           now() - interval '3 years' + n * interval '3 years' / %(orders)s, 'USD', 2600 + n %% 900, 100, 500,
           2000 + n %% 900, '{{}}', now(), now(), n, %(run)s
    from generate_series(1, %(orders)s) as n"""
_LINES = f"""
    insert into public.line_items ({_KEYS}, order_platform_id, listing_platform_id, title, quantity, currency,
           price_amount, {_LANDED})
    select {_FROM_ORDER}, o.platform_id || k, o.platform_id, (o.content_hash %% 400)::text, 'Print', 1, 'USD', 1000,
           {_OF_ORDER}
    from public.orders as o, generate_series(0, 1) as k where o.connection_id = %(shop)s"""
_JOURNALS = f"""
    insert into public.order_journals ({_KEYS}, currency, current_total_amount, {_LANDED})
    select {_FROM_ORDER}, o.platform_id, 'USD', o.total_amount, {_OF_ORDER}
    from public.orders as o where o.connection_id = %(shop)s"""
# Two of goods and one of shipping; of one order in twenty a piece came back.
_SALES = f"""
    insert into public.order_sales ({_KEYS}, order_platform_id, agreement_platform_id, happened_at, reason, action_type,
           line_type, line_platform_id, quantity, currency, total_amount, tax_amount, seller_tax_amount,
           discount_amount, {_LANDED})
    select {_FROM_ORDER}, o.platform_id || k.k, o.platform_id, o.platform_id || k.k / 3,
           o.ordered_at + k.k / 3 * interval '9 days', case k.k when 3 then 'refund' else 'order' end,
           case k.k when 3 then 'return' else 'order' end, case k.k when 2 then 'shipping' else 'product' end,
           o.platform_id || k.k %% 3, 1, 'USD', k.sign * 1050, k.sign * 50, k.sign * 50, 0, {_OF_ORDER}
    from public.orders as o, (values (0, 1), (1, 1), (2, 1), (3, -1)) as k (k, sign)
    where o.connection_id = %(shop)s and (k.k < 3 or o.content_hash %% 20 = 0)"""
_PAID = f"""
    insert into public.order_transactions ({_KEYS}, order_platform_id, kind, status, gateway, currency,
           transaction_amount, processed_at, fees_amount, {_LANDED})
    select {_FROM_ORDER}, o.platform_id || k, o.platform_id, case k when 0 then 'sale' else 'refund' end, 'success',
           'shopify_payments', 'USD', 1050, o.ordered_at + k * interval '9 days', case k when 0 then 90 end, {_OF_ORDER}
    from public.orders as o, generate_series(0, 1) as k
    where o.connection_id = %(shop)s and (k = 0 or o.content_hash %% 20 = 0)"""
_TABLES = ("orders", "line_items", "order_journals", "order_sales", "order_transactions", "order_refunds")


def make(db: Db, orders: int) -> BigShop:
    """As a whole reading leaves it; what triggers would do for each row is left to be done."""
    made = {name: str(uuid.uuid4()) for name in ("user", "shop", "printer", "run", "job", "lease")}
    db.execute("insert into auth.users (id, email) values (%(user)s, %(user)s || '@example.com')", made)
    db.execute(
        "insert into public.connected_accounts (id, user_id, platform, shop_id, status)"
        " values (%(shop)s, %(user)s, 'shopify', '1.myshopify.com', 'connected')",
        made,
    )
    db.execute(
        "insert into public.sync_runs (id, connection_id, user_id, job_type, trigger)"
        " values (%(run)s, %(shop)s, %(user)s, 'backfill', 'benchmark')",
        made,
    )
    for table in _TABLES:
        db.execute(f"alter table public.{table} disable trigger user".encode())
    for statement in (_ORDERS, _LINES, _JOURNALS, _SALES, _PAID):
        db.execute(statement.encode(), {**made, "orders": orders})
    for table in _TABLES:
        db.execute(f"alter table public.{table} enable trigger user".encode())
    return BigShop(**{name: value for name, value in made.items() if name != "run"})
