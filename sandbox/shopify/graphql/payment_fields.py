"""How the payment account and its entries are read."""

from __future__ import annotations

from typing import Any

from sandbox.shopify.data import balance
from sandbox.shopify.data.balance import Entry
from sandbox.shopify.data.ids import Ids, gid
from sandbox.shopify.data.timestamps import utc
from sandbox.shopify.graphql import filters
from sandbox.shopify.graphql.compiler import Resolvers, WithArgs
from sandbox.shopify.graphql.context import Context
from sandbox.shopify.graphql.pagination import Page, RecordTable, both, read_page
from sandbox.shopify.graphql.search import EVERYTHING, Sql

ACCOUNT, PAYOUTS = "read_shopify_payments_accounts", "read_shopify_payments_payouts"
_SOURCES = {"CHARGE": "CHARGE", "REFUND": "REFUND", "TRANSFER": "TRANSFER", "TRANSFER_FAILURE": "TRANSFER"}


def _load(ctx: Context, numbers: list[int]) -> list[Any]:
    found = {each.seq: each for each in balance.entries(ctx.live_shop)}
    return [found[number] for number in numbers]


ENTRIES = RecordTable(
    name="balance",
    key="seq",
    sorts={"ID": "seq", "PROCESSED_AT": "at"},
    fields=filters.balance_fields,
    known=filters.OTHER_BALANCE_FIELDS,
    load=_load,
    times=frozenset({"at"}),
    ids=lambda ctx, seq: ctx.live_shop.shop.ids.balance(seq),
    keys=lambda ctx, number: number - ctx.live_shop.shop.ids.balance(0),
)


def account(_root: Any, ctx: Context) -> Any:
    """Null where the shop takes its payments elsewhere."""
    ctx.need(ACCOUNT, "shopifyPaymentsAccount")
    balance.booked(ctx.live_shop, ctx.now)
    return ctx.live_shop.shop if balance.entries(ctx.live_shop, "pos IS NOT NULL") else None


def find_entry(ctx: Context, number: int, _more: int) -> Any:
    ctx.need(ACCOUNT, "shopifyPaymentsBalanceTransaction")
    ctx.need(PAYOUTS, "shopifyPaymentsBalanceTransaction")
    balance.booked(ctx.live_shop, ctx.now)
    found = balance.entries(ctx.live_shop, "seq = ?", (number - ctx.live_shop.shop.ids.balance(0),))
    return found[0] if found else None


def _entries(_root: Any, ctx: Context, args: dict[str, Any]) -> Page:
    ctx.need(PAYOUTS, "balanceTransactions")
    shown = Sql("type <> 'TRANSFER'") if args.get("hideTransfers") else EVERYTHING
    return read_page(ctx, ENTRIES, args, both(shown))


def _money(amount: int, ctx: Context) -> tuple[int, str]:
    return amount, ctx.live_shop.shop.currency


def _is_of_order(entry: Entry) -> bool:
    return entry.type in ("CHARGE", "REFUND")


FIELDS: Resolvers = {
    "ShopifyPaymentsAccount": {
        "id": lambda s, _ctx: gid("ShopifyPaymentsAccount", s.ids.shop),
        "activated": lambda _s, _ctx: True,
        "country": lambda s, _ctx: s.home,
        "defaultCurrency": lambda s, _ctx: s.currency,
        "balanceTransactions": WithArgs(_entries),
    },
    "ShopifyPaymentsBalanceTransaction": {
        "id": lambda e, ctx: gid("ShopifyPaymentsBalanceTransaction", ctx.live_shop.shop.ids.balance(e.seq)),
        "type": lambda e, _ctx: e.type,
        "amount": lambda e, ctx: _money(e.amount, ctx),
        "fee": lambda e, ctx: _money(e.fee, ctx),
        "net": lambda e, ctx: _money(e.amount - e.fee, ctx),
        "transactionDate": lambda e, _ctx: utc(e.at),
        "test": lambda e, _ctx: bool(e.test),
        "sourceType": lambda e, _ctx: _SOURCES.get(e.type, "DISPUTE" if e.pos is not None else "ADJUSTMENT"),
        "sourceId": lambda e, _ctx: e.source,
        "sourceOrderTransactionId": lambda e, _ctx: e.source if _is_of_order(e) else None,
        "adjustmentReason": lambda _e, _ctx: None,
        "associatedOrder": lambda e, _ctx: e if e.pos is not None else None,
        "associatedPayout": lambda e, _ctx: e,
    },
    "ShopifyPaymentsAssociatedOrder": {
        "id": lambda e, ctx: gid("Order", ctx.live_shop.shop.ids.order(e.pos)),
        "name": lambda e, _ctx: Ids.order_name(e.pos),
    },
    "ShopifyPaymentsBalanceTransactionAssociatedPayout": {
        "id": lambda e, ctx: (
            None if e.payout is None else gid("ShopifyPaymentsPayout", ctx.live_shop.shop.ids.payout(e.payout))
        ),
        "status": lambda e, _ctx: "PENDING" if e.payout is None else "PAID",
    },
}
