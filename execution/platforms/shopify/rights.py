"""What each of Shopify's lists needs to be granted (sheet 2.4; the vendor's table of types and scopes, 2026-10).

An order names its buyer and its lines name products: objects of other types, with rights of their own. One member that
may not be read fails the whole query (sheet 3.3), so it is not asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from execution.platforms.rights import Rights
from execution.platforms.shopify.graphql_pages import GraphqlPages
from execution.platforms.shopify.streams import BUYER, SOLD
from execution.streams import Lookup, Step, Stream

# What the payment account shows. It is asked for where `SHOPIFY_PAYMENTS` says so; a seller may leave it out.
PAYMENTS = ("read_shopify_payments_accounts", "read_shopify_payments_payouts")
_ORDERS, _PRODUCTS, _CUSTOMERS = ("read_orders",), ("read_products",), ("read_customers",)


def _leaving_out(member: str, right: str) -> Callable[[Step], Step]:
    """The steps that ask for this member, or for news that need this right, without them."""

    def changed(step: Step) -> Step:
        if isinstance(step, Stream) and isinstance(step.pages, GraphqlPages):
            pages = step.pages
            node, bulk = pages.node.replace(member, ""), pages.bulk_node.replace(member, "")
            news = tuple(one for one in pages.news if one.right != right)
            return replace(step, pages=replace(pages, node=node, bulk_node=bulk, news=news))
        return replace(step, query=step.query.replace(member, "")) if isinstance(step, Lookup) else step

    return changed


SHOPIFY_RIGHTS = Rights(
    needs={
        "orders": _ORDERS,
        "order_lines": _ORDERS,
        "refunds": _ORDERS,
        "refund_lines": _ORDERS,
        "late_fees": _ORDERS,
        "journals": _ORDERS,
        "changed_journals": _ORDERS,
        "journal_sales": _ORDERS,
        "rest_orders": _ORDERS,
        "balance_transactions": PAYMENTS,
        "balance_without_payout": PAYMENTS,
        "products": _PRODUCTS,
        "variants": _PRODUCTS,
        "customers": _CUSTOMERS,
        "rest_customers": _CUSTOMERS,
    },
    optional=frozenset({"balance_transactions", "balance_without_payout"}),
    without={
        right: _leaving_out(member, right) for right, member in (("read_customers", BUYER), ("read_products", SOLD))
    },
    may_change=True,
)
