"""A seller's records as tables hold them, and a second opinion in Python on what costs belong to which order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg

from tests.worlds.users import make_seller

Connection = psycopg.Connection[Any]
NONE = ("no_cost_yet", None, None, None)


@dataclass(frozen=True, kw_only=True)
class Sale:
    """An order of a channel."""

    platform: str
    id: str
    number: str
    gone: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.platform, self.id


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a printer's order: (quantity, cost, shipping, status)."""

    quantity: int = 1
    cost: int | None = 500
    shipping: int | None = 100
    status: str = "fulfilled"


@dataclass(frozen=True, kw_only=True)
class Print:
    """An order of the printer. `of`: the order that it prints again."""

    id: str
    reference: Any = None
    label: str | None = None
    of: str | None = None
    lines: tuple[Line, ...] = (Line(),)
    status: str = "fulfilled"
    kind: str = "external"
    currency: str = "USD"
    tax: int = 0
    gone: bool = False


@dataclass
class Records:
    """The tables of one seller, and what was put into them."""

    db: Connection
    user: str
    sales: dict[tuple[str, str], Sale] = field(default_factory=dict)
    prints: dict[str, Print] = field(default_factory=dict)

    def put(self, *records: Sale | Print) -> None:
        """Records come, or come again changed, in one transaction as a page brings them."""
        with self.db.transaction():
            sales = [record for record in records if isinstance(record, Sale)]
            prints = [record for record in records if isinstance(record, Print)]
            if sales:
                put_sales(self.db, self.user, sales)
            if prints:
                put_prints(self.db, self.user, prints)
        self.sales |= {sale.key: sale for sale in sales}
        self.prints |= {each.id: each for each in prints}

    def connection(self, platform: str) -> str:
        query = "select id::text from public.connected_accounts where user_id = %s and platform = %s"
        ((found,),) = self.db.execute(query, [self.user, platform]).fetchall()
        return str(found)

    def orders(self) -> dict[tuple[str, str], tuple[Any, ...]]:
        """State, source, amount and currency of every order, as the table shows them."""
        rows = self.db.execute(
            "select platform, platform_id, cost_state, cost_source, cost_amount, cost_currency from public.orders"
            " where user_id = %s",
            [self.user],
        )
        return {(platform, order_id): tuple(cost) for platform, order_id, *cost in rows}

    def costs(self) -> dict[str, tuple[Any, ...]]:
        """State, reason and order of every cost."""
        rows = self.db.execute(
            "select source_id, state, reason, platform, order_platform_id from public.order_costs where user_id = %s",
            [self.user],
        )
        return {source_id: tuple(rest) for source_id, *rest in rows}


def printed(order: Mapping[str, Any]) -> Print:
    """A printer's order, from what the stand-in truly holds."""
    about = order["metadata"]
    return Print(
        id=order["id"],
        reference=about.get("shop_order_id"),
        label=about.get("shop_order_label"),
        of=next(iter(about.get("reprinted_order_ids", [])), None),
        kind=about["order_type"],
        status=order["status"],
        tax=order["total_tax"],
        lines=tuple(
            Line(quantity=i["quantity"], cost=i["cost"], shipping=i["shipping_cost"], status=i["status"])
            for i in order["line_items"]
        ),
    )


def new_records(db: Connection) -> Records:
    """A seller with a printer."""
    return Records(db=db, user=make_seller(db, "printify", "etsy", "shopify", "square"))


_SALES = """
    insert into public.orders as t (connection_id, user_id, platform, platform_id, order_number, ordered_at, currency,
        total_amount, raw, source_updated_at, fetched_at, content_hash, sync_run_id, is_deleted)
    select a.id, %(user)s, s.platform, s.id, s.number, now(), 'USD', 2000, '{}', now(), now(), 1, %(user)s, s.gone
    from jsonb_to_recordset(%(rows)s) as s(platform text, id text, number text, gone boolean)
    join public.connected_accounts as a on a.user_id = %(user)s and a.platform = s.platform
    on conflict (connection_id, platform_id) do update
        set order_number = excluded.order_number, is_deleted = excluded.is_deleted, raw = excluded.raw"""
_PRINTS = """
    with printer as (
        select id as connection_id from public.connected_accounts where user_id = %(user)s and platform = 'printify'),
    came as (
        select * from printer, jsonb_to_recordset(%(rows)s)
            as s(id text, status text, kind text, reference text, label text, "of" text, currency text, gone boolean,
                 lines jsonb)),
    orders as (
        insert into public.printify_orders (connection_id, user_id, platform, platform_id, status, order_type,
            shop_order_id, shop_order_label, is_reprint, ordered_at, raw, source_updated_at, fetched_at, content_hash,
            sync_run_id, is_deleted)
        select c.connection_id, %(user)s, 'printify', c.id, c.status, c.kind, c.reference, c.label, c."of" is not null,
               now(), jsonb_build_object('metadata', jsonb_build_object('reprinted_order_ids',
                   case when c."of" is null then '[]'::jsonb else jsonb_build_array(c."of") end)),
               now(), now(), 1, %(user)s, c.gone
        from came as c
        on conflict (connection_id, platform_id) do update
            set status = excluded.status, order_type = excluded.order_type, shop_order_id = excluded.shop_order_id,
                shop_order_label = excluded.shop_order_label, is_reprint = excluded.is_reprint, raw = excluded.raw,
                is_deleted = excluded.is_deleted)
    insert into public.printify_line_items (connection_id, user_id, platform, platform_id, order_platform_id, status,
        quantity, cost_amount, shipping_cost_amount, raw, source_updated_at, fetched_at, content_hash, sync_run_id)
    select c.connection_id, %(user)s, 'printify', c.id || '/' || l.place, c.id, l.value ->> 'status',
           (l.value ->> 'quantity')::int, (l.value ->> 'cost')::bigint, (l.value ->> 'shipping')::bigint, '{}', now(),
           now(), 1, %(user)s
    from came as c, jsonb_array_elements(c.lines) with ordinality as l(value, place)
    on conflict (connection_id, platform_id) do update
        set status = excluded.status, quantity = excluded.quantity, cost_amount = excluded.cost_amount,
            shipping_cost_amount = excluded.shipping_cost_amount, is_deleted = excluded.is_deleted"""
_FEWER_LINES = """
    update public.printify_line_items set is_deleted = true
    where user_id = %s and order_platform_id = %s and not is_deleted and split_part(platform_id, '/', 2)::int > %s"""


def put_sales(db: Connection, user: str, sales: list[Sale]) -> None:
    rows = [vars(sale) for sale in sales]
    db.execute(_SALES, {"user": user, "rows": json.dumps(rows)})


def put_prints(db: Connection, user: str, prints: list[Print]) -> None:
    rows = [{**vars(each), "lines": [vars(line) for line in each.lines]} for each in prints]
    db.execute(_PRINTS, {"user": user, "rows": json.dumps(rows)})
    for each in prints:
        db.execute(_FEWER_LINES, [user, each.id, len(each.lines)])
        if each.currency != "USD":
            db.execute(
                "update public.printify_orders set currency = %s where user_id = %s and platform_id = %s",
                [each.currency, user, each.id],
            )


# --- the second opinion ---------------------------------------------------------------------------------


def reference_of(prints: dict[str, Print], each: Print, depth: int = 0) -> tuple[str, str]:
    """Its own, or that of the order it prints again."""
    label = (each.label or "").lstrip("#")
    own = ("" if each.reference is None else str(each.reference), label)
    first = prints.get(each.of or "")
    if any(own) or first is None or first.gone or depth > 9:
        return own
    return reference_of(prints, first, depth + 1)


def candidates(records: Records, each: Print) -> list[Sale]:
    """The exact id in any channel; else the label, as an id or as a number without its sign."""
    order_id, label = reference_of(records.prints, each)
    there = [sale for sale in records.sales.values() if not sale.gone]
    by_id = [sale for sale in there if order_id and sale.id == order_id]
    return by_id or [sale for sale in there if label and label in (sale.id, sale.number.lstrip("#"))]


def expected_orders(records: Records) -> dict[tuple[str, str], tuple[Any, ...]]:
    """What the cost columns must say, reckoned from the records alone."""
    found: dict[tuple[str, str], list[tuple[Print, int]]] = {key: [] for key in records.sales}
    for each in records.prints.values():
        if not each.gone:
            meant = candidates(records, each)
            for sale in meant:
                found[sale.key].append((each, len(meant)))
    return {key: _settled(costs) for key, costs in found.items()}


def expected_links(records: Records) -> dict[str, tuple[Any, ...]]:
    """State and order of every cost."""
    made: dict[str, tuple[Any, ...]] = {}
    for each in records.prints.values():
        if not each.gone:
            meant = candidates(records, each)
            state = "unlinked" if not meant else "linked" if len(meant) == 1 else "ambiguous"
            made[each.id] = (state, *(meant[0].key if state == "linked" else (None, None)))
    return made


def _settled(costs: list[tuple[Print, int]]) -> tuple[Any, ...]:
    if not costs:
        return NONE
    if any(n > 1 for _, n in costs) or len({each.currency for each, _ in costs}) > 1:
        return ("ambiguous", "printify", None, None)
    if not all(_is_known(each) for each, _ in costs):
        return ("no_cost_yet", "printify", None, None)
    return ("linked", "printify", sum(cost_of(each) for each, _ in costs), costs[0][0].currency)


def live(each: Print) -> list[Line]:
    return [line for line in each.lines if line.status != "canceled"]


def cost_of(each: Print) -> int:
    """The tax that the printer charges is a cost of the seller's."""
    lines = live(each)
    return sum((line.cost or 0) * line.quantity + (line.shipping or 0) for line in lines) + (each.tax if lines else 0)


def _is_known(each: Print) -> bool:
    lines = live(each)
    calculated = each.status != "cost-calculation" and all(line.cost is not None for line in lines)
    return calculated and (not lines or each.of is not None or any(line.cost for line in lines))


def changed(each: Print, **fields: Any) -> Print:
    return replace(each, **fields)
