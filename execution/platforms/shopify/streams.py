"""Shopify: its streams and the columns they fill.

Source of every field: the vendor's schema 2026-10; sections in the comments are the sheet's. Amounts are decimal texts
of any length ("55.0"); reports are in the shop's money, what the buyer paid in their own stands beside it.

An id with us is the number that a global id ends with: the same that REST and Printify know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from execution.http.messages import Request
from execution.platforms.shopify.graphql import GRAPHQL_PATH, graphql
from execution.platforms.shopify.graphql_pages import GraphqlPages, News
from execution.streams import (
    Children,
    Column,
    Derivation,
    Entity,
    Kind,
    Lookup,
    Memory,
    Records,
    Round,
    Stream,
    Window,
    reference,
)

# From this many records on, an export in bulk is cheaper than pages: it costs a dozen calls whatever its size.
BULK_FROM = 2_000
_MONEY = "{ shopMoney { amount currencyCode } }"

# Of which the rights are others than the order's (`rights`): its buyer, and of a line what was sold.
BUYER = "customer { id }"
SOLD = "product { id } variant { id }"

# Whether the channel owes a tax to the state, the seller does, or nobody says.
_TAXES = f"taxLines {{ title rate channelLiable priceSet {_MONEY} }}"

# LineItem (section 5). `quantity` is as it was ordered; what was refunded stands in the refund's lines.
_LINE = f"""id title variantTitle name sku vendor quantity currentQuantity isGiftCard taxable requiresShipping
  {SOLD}
  originalUnitPriceSet {_MONEY} totalDiscountSet {_MONEY} discountedTotalSet {_MONEY}
  discountAllocations {{ allocatedAmountSet {_MONEY} }} {_TAXES}"""
_SHIPPING = f"""id title isRemoved originalPriceSet {_MONEY} discountedPriceSet {_MONEY} {_TAXES}"""

# Order. No name, address, phone or e-mail: no report needs them, and each of them needs an approval (section 2.5).
# `transactions`, `refunds` and `fulfillments` are plain lists: without `first` they come whole. What was refunded of
# which line is a connection inside such a list, which no bulk export takes (0.8): looked up by `REFUNDS`.
_ORDER = f"""id name number createdAt processedAt updatedAt cancelledAt closedAt cancelReason test confirmed edited
  currencyCode presentmentCurrencyCode displayFinancialStatus displayFulfillmentStatus returnStatus fullyPaid
  sourceName taxesIncluded tags discountCodes paymentGatewayNames {BUYER}
  totalPriceSet {{ shopMoney {{ amount currencyCode }} presentmentMoney {{ amount currencyCode }} }}
  currentTotalPriceSet {_MONEY} subtotalPriceSet {_MONEY} totalTaxSet {_MONEY} totalDiscountsSet {_MONEY}
  totalShippingPriceSet {_MONEY} totalRefundedSet {_MONEY} totalTipReceivedSet {_MONEY}
  transactions {{ id kind status gateway test createdAt processedAt amountSet {_MONEY} parentTransaction {{ id }}
    fees {{ amount {{ amount currencyCode }} taxAmount {{ amount currencyCode }} }}
    amountRoundingSet {_MONEY} settlementCurrency settlementCurrencyRate }}
  fulfillments {{ id status createdAt updatedAt deliveredAt trackingInfo {{ company number }} }}
  refunds {{ id updatedAt }}"""

# An order has one shipping line, or a few after edits.
_SHIPPING_LINES = f"shippingLines(first: 30) {{ nodes {{ {_SHIPPING} }} pageInfo {{ hasNextPage }} }}"
ORDER_NODE = (
    f"{_ORDER} {_SHIPPING_LINES} lineItems(first: 100) {{ nodes {{ {_LINE} }} pageInfo {{ hasNextPage endCursor }} }}"
)
ORDER_BULK = (
    f"{_ORDER} shippingLines {{ edges {{ node {{ __typename {_SHIPPING} }} }} }} "
    f"lineItems {{ edges {{ node {{ {_LINE} }} }} }}"
)
# A nested list is read to its end by its own cursor, a stretch of it a call: `request_stretch`.
_STRETCH = "(first: 250, after: $after)"
_PLACE = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
ORDER_STRETCH = f"{_ORDER} {_SHIPPING_LINES} lineItems{_STRETCH} {{ nodes {{ {_LINE} }} {_PLACE} }}"

# Sale, with what it is of: a line of the order, a shipping line, or neither.
_SALE = f"""id actionType lineType quantity totalAmount {_MONEY} totalTaxAmount {_MONEY}
  totalDiscountAmountBeforeTaxes {_MONEY} taxes {{ amount {_MONEY} taxLine {{ channelLiable }} }}
  ... on ProductSale {{ lineItem {{ id }} }} ... on GiftCardSale {{ lineItem {{ id }} }}
  ... on ShippingLineSale {{ shippingLine {{ id }} }}"""
_AGREEMENT = "id happenedAt reason"
# The journal of an order: its agreements, and the sales of each, at one version of the order (docs/decisions/036).
_JOURNAL = f"id updatedAt currencyCode test currentTotalPriceSet {_MONEY} disputes {{ id initiatedAs status }}"
_SALES = f"nodes {{ {_SALE} }} {_PLACE}"
JOURNAL_NODE = (
    f"{_JOURNAL} agreements(first: 12) {{ nodes {{ {_AGREEMENT} sales(first: 12) {{ {_SALES} }} }} {_PLACE} }}"
)
JOURNAL_BULK = (
    f"{_JOURNAL} agreements {{ edges {{ node {{ __typename {_AGREEMENT} "
    f"sales {{ edges {{ node {{ __typename {_SALE} }} }} }} }} }} }}"
)
# Where there was more than one call shows, it is read from its beginning, an agreement at a time, a stretch of its
# sales a call.
JOURNAL_STRETCH = (
    f"{_JOURNAL} agreements(first: 1, after: $after) {{ nodes {{ {_AGREEMENT} "
    f"sales(first: 250, after: $sale) {{ {_SALES} }} }} {_PLACE} }}"
)

_REFUND = f"id createdAt processedAt updatedAt note order {{ id }} totalRefundedSet {_MONEY}"
_REFUND_LINE = f"id quantity restockType lineItem {{ id }} subtotalSet {_MONEY} totalTaxSet {_MONEY}"
_REFUND_PARTS = (
    f"refundShippingLines(first: 20) {{ nodes {{ id subtotalAmountSet {_MONEY} taxAmountSet {_MONEY} "
    f"shippingLine {{ id }} }} pageInfo {{ hasNextPage }} }} "
    f"orderAdjustments(first: 20) {{ nodes {{ id reason amountSet {_MONEY} taxAmountSet {_MONEY} }} "
    f"pageInfo {{ hasNextPage }} }} transactions(first: 20) {{ nodes {{ id }} }}"
)
REFUND_NODE = f"{_REFUND} {_REFUND_PARTS} refundLineItems(first: 250) {{ nodes {{ {_REFUND_LINE} }} {_PLACE} }}"
REFUND_STRETCH = f"{_REFUND} {_REFUND_PARTS} refundLineItems{_STRETCH} {{ nodes {{ {_REFUND_LINE} }} {_PLACE} }}"

PRODUCT_NODE = """id title handle status vendor productType tags createdAt updatedAt publishedAt
  totalInventory tracksInventory isGiftCard hasOnlyDefaultVariant
  priceRangeV2 { minVariantPrice { amount currencyCode } maxVariantPrice { amount currencyCode } }"""

VARIANT_NODE = """id title displayName sku barcode position price compareAtPrice inventoryQuantity inventoryPolicy
  taxable selectedOptions { name value } createdAt updatedAt
  inventoryItem { unitCost { amount currencyCode } }
  product { id priceRangeV2 { minVariantPrice { currencyCode } } }"""

CUSTOMER_NODE = """id firstName lastName displayName state numberOfOrders amountSpent { amount currencyCode }
  defaultEmailAddress { emailAddress marketingState } defaultAddress { countryCodeV2 provinceCode }
  tags taxExempt verifiedEmail locale createdAt updatedAt"""


# A record of Shopify's: told apart by its global id, and newer where its own time of change is.
_records = partial(Records, key="id", key_is_gid=True, updated=("updatedAt",), updated_as=Kind.ISO_TIME)


def _money(name: str, path: str) -> Column:
    return Column(name, f"{path}.shopMoney", Kind.DECIMAL_MONEY)


def _owed_by(name: str, *, channel: bool) -> Column:
    """Of a sale's taxes those that the channel owes to the state, or those that the seller owes."""
    return Column(name, "taxes", Kind.SUM, each="amount.shopMoney", each_if=("taxLine.channelLiable", channel))


# What an export's lines say of themselves.
_KINDS_OF_SALE = (
    *("ProductSale", "ShippingLineSale", "GiftCardSale", "TipSale", "DutySale", "FeeSale", "AdjustmentSale"),
    *("AdditionalFeeSale", "UnknownSale"),
)


def _shown(column: Column) -> Column:
    return replace(column, shown_by=(column.path,))


# Older ones are not shown without a word (section 0.7).
ORDER_MEMORY = Memory(days=60, unless="read_all_orders")

# By pages, by export, and again by id with more of its lines, stretch by stretch.
_ORDER_RECORDS = _records(
    name="orders",
    table="orders",
    currency="currencyCode",
    columns=(
        Column("order_number", "name", Kind.TEXT),
        Column("status", "displayFinancialStatus", Kind.LOWER),
        Column("fulfillment_status", "displayFulfillmentStatus", Kind.LOWER),
        Column("is_paid", "fullyPaid", Kind.BOOLEAN),
        Column("is_test", "test", Kind.BOOLEAN),
        reference("buyer_platform_id", "customer.id", Kind.GID),
        Column("payment_method", "paymentGatewayNames", Kind.TEXTS),
        # An order that was imported was processed before it was created: the seller's date is the first.
        Column("ordered_at", "processedAt", Kind.ISO_TIME),
        Column("cancelled_at", "cancelledAt", Kind.ISO_TIME),
        _money("discount_amount", "totalDiscountsSet"),
        _money("subtotal_amount", "subtotalPriceSet"),
        _money("shipping_amount", "totalShippingPriceSet"),
        _money("tax_amount", "totalTaxSet"),
        _money("tip_amount", "totalTipReceivedSet"),
        _money("total_amount", "totalPriceSet"),
        _money("current_total_amount", "currentTotalPriceSet"),
        _money("refunded_amount", "totalRefundedSet"),
        Column("presentment_currency", "totalPriceSet.presentmentMoney.currencyCode", Kind.TEXT),
        Column("presentment_total_amount", "totalPriceSet.presentmentMoney", Kind.OWN_MONEY),
    ),
    children=(
        Children(
            table="line_items",
            at="lineItems.nodes",
            key=("id",),
            key_is_gid=True,
            more_at=("lineItems.pageInfo.hasNextPage", "lineItems.pageInfo.hasPreviousPage"),
            currency="originalUnitPriceSet.shopMoney.currencyCode",
            columns=(
                reference("listing_platform_id", "product.id", Kind.GID),
                reference("product_platform_id", "variant.id", Kind.GID),
                Column("sku", "sku", Kind.TEXT),
                Column("title", "name", Kind.TEXT),
                Column("quantity", "quantity", Kind.INTEGER),
                Column("current_quantity", "currentQuantity", Kind.INTEGER),
                _money("price_amount", "originalUnitPriceSet"),
                # `totalDiscountSet` leaves out the line's part of what was taken off the whole order.
                Column("discount_amount", "discountAllocations", Kind.SUM, each="allocatedAmountSet.shopMoney"),
            ),
        ),
        Children(
            table="order_shipping_lines",
            at="shippingLines.nodes",
            # It may have no id (section 5).
            key=("id",),
            key_is_gid=True,
            unique=False,
            or_place=True,
            currency="originalPriceSet.shopMoney.currencyCode",
            columns=(
                Column("title", "title", Kind.TEXT),
                _money("price_amount", "originalPriceSet"),
                _money("discounted_amount", "discountedPriceSet"),
                Column("tax_amount", "taxLines", Kind.SUM, each="priceSet.shopMoney"),
                Column("is_removed", "isRemoved", Kind.BOOLEAN),
            ),
        ),
        # A tax has no id: the line that it is on, and its place there, stand for one.
        Children(
            table="order_tax_lines",
            at="lineItems.nodes",
            beside=("shippingLines.nodes",),
            inside="taxLines",
            key=("of.id",),
            key_is_gid=True,
            unique=False,
            more_at=("lineItems.pageInfo.hasNextPage", "lineItems.pageInfo.hasPreviousPage"),
            currency="priceSet.shopMoney.currencyCode",
            columns=(
                Column("line_item_platform_id", "of.id", Kind.GID, only_with="of.quantity"),
                Column("shipping_line_platform_id", "of.id", Kind.GID, only_with="of.isRemoved"),
                Column("title", "title", Kind.TEXT),
                Column("rate", "rate", Kind.TEXT),
                _money("tax_amount", "priceSet"),
                Column("channel_liable", "channelLiable", Kind.BOOLEAN),
            ),
        ),
        # Money moved is what SUCCESS rows of SALE and CAPTURE brought, less REFUND (section 5).
        Children(
            table="order_transactions",
            at="transactions",
            key=("id",),
            key_is_gid=True,
            currency="amountSet.shopMoney.currencyCode",
            columns=(
                Column("kind", "kind", Kind.LOWER),
                Column("status", "status", Kind.LOWER),
                Column("gateway", "gateway", Kind.TEXT),
                Column("is_test", "test", Kind.BOOLEAN),
                Column("parent_platform_id", "parentTransaction.id", Kind.GID),
                _money("transaction_amount", "amountSet"),
                Column("processed_at", "processedAt", Kind.ISO_TIME),
                # Of Shopify's own payments, and at first of nobody: none told is not none taken.
                Column("fees_amount", "fees", Kind.OWN_SUM, each="amount"),
                Column("fees_tax_amount", "fees", Kind.OWN_SUM, each="taxAmount"),
                Column("fee_currency", "feeCurrency", Kind.TEXT, or_at="fees.0.amount.currencyCode"),
                _money("rounding_amount", "amountRoundingSet"),
                Column("settlement_currency", "settlementCurrency", Kind.TEXT),
                Column("settlement_rate", "settlementCurrencyRate", Kind.TEXT),
            ),
        ),
        Children(
            table="order_fulfillments",
            at="fulfillments",
            key=("id",),
            key_is_gid=True,
            columns=(
                Column("status", "status", Kind.LOWER),
                Column("carrier", "carrier", Kind.TEXT, or_at="trackingInfo.0.company"),
                Column("tracking_code", "trackingCode", Kind.TEXT, or_at="trackingInfo.0.number"),
                Column("shipped_at", "createdAt", Kind.ISO_TIME),
            ),
        ),
    ),
)


ORDERS = Stream(
    name="orders",
    path=GRAPHQL_PATH,
    pages=GraphqlPages(
        root="orders",
        count="ordersCount",
        node=ORDER_NODE,
        node_points=74,
        history_scope="read_all_orders",
        bulk_from=BULK_FROM,
        bulk_node=ORDER_BULK,
        nested={"LineItem": "lineItems", "ShippingLine": "shippingLines"},
    ),
    memory=ORDER_MEMORY,
    # Bounded by the time of creation: nothing is created before the shop, whenever it was processed.
    window=Window(min_param="created_at", max_param="created_at", time_at="createdAt", from_shop_creation=True),
    records=_ORDER_RECORDS,
)


def nodes_query(node_type: str, node: str) -> str:
    """How objects of one type are asked for by id."""
    return f"query KeeperNodes($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {node_type} {{ {node} }} }} }}"


def request_nodes(node_type: str, *, points: float) -> Callable[[Lookup, Sequence[str]], Request]:
    """The call of `nodes_query`."""

    def request(lookup: Lookup, ids: Sequence[str]) -> Request:
        return graphql(lookup.query, {"ids": [f"gid://shopify/{node_type}/{number}" for number in ids]}, points=points)

    return request


def stretch_query(node_type: str, node: str) -> str:
    return (
        "query KeeperStretch($ids: [ID!]!, $after: String) "
        f"{{ nodes(ids: $ids) {{ ... on {node_type} {{ {node} }} }} }}"
    )


def request_stretch(node_type: str, *, points: float) -> Callable[[Lookup, Sequence[str]], Request]:
    """How the next stretch of a list inside an object is asked for: "<object>:<cursor>", without one from its start.

    What is pending says the cursor that the last stretch ended with, as long as another one follows.
    """

    def request(lookup: Lookup, ids: Sequence[str]) -> Request:
        number, _, after = ids[0].partition(":")
        asked: dict[str, object] = {"ids": [f"gid://shopify/{node_type}/{number}"], "after": after or None}
        return graphql(lookup.query, asked, points=points)

    return request


ORDER_LINES = Lookup(
    name="order_lines",
    path=GRAPHQL_PATH,
    records=_ORDER_RECORDS,
    records_at="data.nodes",
    query=stretch_query("Order", ORDER_STRETCH),
    by_key=False,
    request=request_stretch("Order", points=200),
    null_is_gone=True,
)


_REFUND_RECORDS = _records(
    name="refunds",
    table="order_refunds",
    currency="totalRefundedSet.shopMoney.currencyCode",
    columns=(
        Column("order_platform_id", "order.id", Kind.GID),
        _money("refund_amount", "totalRefundedSet"),
        Column("reason", "note", Kind.TEXT),
        Column("refunded_at", "processedAt", Kind.ISO_TIME),
    ),
    children=(
        # A refund's line may have no id (section 5): the stretch that it came in and its place there stand for one.
        Children(
            table="order_refund_lines",
            at="refundLineItems.nodes",
            key=("id", "lineItem.id"),
            key_is_gid=True,
            unique=False,
            stretch_at="refundLineItems.pageInfo.startCursor",
            more_at=("refundLineItems.pageInfo.hasNextPage", "refundLineItems.pageInfo.hasPreviousPage"),
            parent_column="refund_platform_id",
            currency="subtotalSet.shopMoney.currencyCode",
            columns=(
                Column("line_item_platform_id", "lineItem.id", Kind.GID),
                Column("quantity", "quantity", Kind.INTEGER),
                Column("restock_type", "restockType", Kind.LOWER),
                _money("subtotal_amount", "subtotalSet"),
                _money("tax_amount", "totalTaxSet"),
            ),
        ),
        Children(
            table="order_refund_shipping_lines",
            at="refundShippingLines.nodes",
            key=("id",),
            key_is_gid=True,
            more_at=("refundShippingLines.pageInfo.hasNextPage",),
            parent_column="refund_platform_id",
            currency="subtotalAmountSet.shopMoney.currencyCode",
            columns=(
                Column("shipping_line_platform_id", "shippingLine.id", Kind.GID),
                _money("subtotal_amount", "subtotalAmountSet"),
                _money("tax_amount", "taxAmountSet"),
            ),
        ),
        Children(
            table="order_refund_adjustments",
            at="orderAdjustments.nodes",
            key=("id",),
            key_is_gid=True,
            more_at=("orderAdjustments.pageInfo.hasNextPage",),
            parent_column="refund_platform_id",
            currency="amountSet.shopMoney.currencyCode",
            columns=(
                Column("reason", "reason", Kind.LOWER),
                _money("adjustment_amount", "amountSet"),
                _money("tax_amount", "taxAmountSet"),
            ),
        ),
    ),
)


# What orders' pages, exports and REST's lists do not bring of their money: by a list of its own, and by the order's id.
_JOURNAL_RECORDS = _records(
    name="journals",
    table="order_journals",
    currency="currencyCode",
    columns=(
        Column("is_test", "test", Kind.BOOLEAN),
        _money("current_total_amount", "currentTotalPriceSet"),
    ),
    children=(
        Children(
            table="order_sales",
            at="agreements.nodes",
            inside="sales.nodes",
            key=("id",),
            key_is_gid=True,
            more_at=(
                "agreements.pageInfo.hasNextPage",
                "agreements.pageInfo.hasPreviousPage",
                "agreements.nodes.*.sales.pageInfo.hasNextPage",
                "agreements.nodes.*.sales.pageInfo.hasPreviousPage",
            ),
            currency="totalAmount.shopMoney.currencyCode",
            columns=(
                Column("agreement_platform_id", "of.id", Kind.GID),
                Column("happened_at", "of.happenedAt", Kind.ISO_TIME),
                Column("reason", "of.reason", Kind.LOWER),
                Column("action_type", "actionType", Kind.LOWER),
                Column("line_type", "lineType", Kind.LOWER),
                Column("line_platform_id", "lineItem.id", Kind.GID, or_at="shippingLine.id"),
                Column("quantity", "quantity", Kind.INTEGER),
                _money("total_amount", "totalAmount"),
                _money("tax_amount", "totalTaxAmount"),
                _owed_by("channel_tax_amount", channel=True),
                _owed_by("seller_tax_amount", channel=False),
                _money("discount_amount", "totalDiscountAmountBeforeTaxes"),
            ),
        ),
        Children(
            table="order_disputes",
            at="disputes",
            key=("id",),
            key_is_gid=True,
            columns=(
                Column("initiated_as", "initiatedAs", Kind.LOWER),
                Column("status", "status", Kind.LOWER),
            ),
        ),
    ),
)

JOURNALS = Stream(
    name="journals",
    path=GRAPHQL_PATH,
    pages=GraphqlPages(
        root="orders",
        count="ordersCount",
        node=JOURNAL_NODE,
        node_points=80,
        bulk_from=BULK_FROM,
        bulk_node=JOURNAL_BULK,
        nested={
            **dict.fromkeys(("SalesAgreement", "OrderAgreement", "OrderEditAgreement"), "agreements"),
            **dict.fromkeys(("RefundAgreement", "ReturnAgreement"), "agreements"),
            **dict.fromkeys(("Sale", *_KINDS_OF_SALE), "agreements.sales"),
        },
    ),
    memory=ORDER_MEMORY,
    window=ORDERS.window,
    records=_JOURNAL_RECORDS,
)

# Orders that have changed since their journal was read, or that have none.
CHANGED_JOURNALS = Lookup(
    name="changed_journals",
    path=GRAPHQL_PATH,
    query=nodes_query("Order", JOURNAL_NODE),
    request=request_nodes("Order", points=100),
    batch=100,
    fallback=10,
    records_at="data.nodes",
    records=_JOURNAL_RECORDS,
    null_is_gone=True,
)


# Orders whose payment's fee was not told at once: asked again after minutes, hours and days, and then no more.
LATE_FEES = Lookup(
    name="late_fees",
    path=GRAPHQL_PATH,
    query=nodes_query("Order", ORDER_NODE),
    request=request_nodes("Order", points=100),
    batch=25,
    fallback=5,
    records_at="data.nodes",
    records=_ORDER_RECORDS,
    null_is_gone=True,
)


def _ask_sales(lookup: Lookup, ids: Sequence[str]) -> Request:
    """The next sales of an order, "<order>:<after this agreement>:<after this sale>"; without either from the start."""
    number, after, sale = [*ids[0].split(":"), "", ""][:3]
    asked: dict[str, object] = {"ids": [f"gid://shopify/Order/{number}"], "after": after or None, "sale": sale or None}
    return graphql(lookup.query, asked, points=100)


JOURNAL_SALES = Lookup(
    name="journal_sales",
    path=GRAPHQL_PATH,
    records=_JOURNAL_RECORDS,
    records_at="data.nodes",
    query="query KeeperSales($ids: [ID!]!, $after: String, $sale: String) "
    f"{{ nodes(ids: $ids) {{ ... on Order {{ {JOURNAL_STRETCH} }} }} }}",
    by_key=False,
    request=_ask_sales,
    asked_at="asked",
    null_is_gone=True,
)


# ShopifyPaymentsBalanceTransaction: what the payment account took in and gave out, an entry each. There is no running
# balance, and an entry is told its payout some days later.
_BALANCE = """id type amount { amount currencyCode } fee { amount currencyCode } net { amount currencyCode }
  transactionDate test sourceType sourceId sourceOrderTransactionId adjustmentReason
  associatedOrder { id } associatedPayout { id status }"""
_BALANCE_RECORDS = Records(
    name="balance_transactions",
    table="balance_transactions",
    key="id",
    key_is_gid=True,
    updated=(),
    currency="net.currencyCode",
    columns=(
        Column("entry_type", "type", Kind.LOWER),
        Column("gross_amount", "amount", Kind.DECIMAL_MONEY),
        Column("fee_amount", "fee", Kind.DECIMAL_MONEY),
        Column("net_amount", "net", Kind.DECIMAL_MONEY),
        Column("is_test", "test", Kind.BOOLEAN),
        Column("adjusted_for", "adjustmentReason", Kind.TEXT),
        Column("order_platform_id", "associatedOrder.id", Kind.GID),
        Column("payout_platform_id", "associatedPayout.id", Kind.GID),
        Column("payout_status", "associatedPayout.status", Kind.LOWER),
        Column("processed_at", "transactionDate", Kind.ISO_TIME),
    ),
)


def _ask_balance(lookup: Lookup, ids: Sequence[str]) -> Request:
    """The entries behind the newest that is here, whose number this is."""
    return graphql(lookup.query, {"query": f"id:>{ids[0]}"}, points=60)


BALANCE_TRANSACTIONS = Lookup(
    name="balance_transactions",
    path=GRAPHQL_PATH,
    records=_BALANCE_RECORDS,
    records_at="data.shopifyPaymentsAccount.balanceTransactions.nodes",
    query="query KeeperBalance($query: String) { shopifyPaymentsAccount "
    f"{{ balanceTransactions(first: 250, sortKey: ID, query: $query) {{ nodes {{ {_BALANCE} }} }} }} }}",
    by_key=False,
    request=_ask_balance,
    # A shop that does not use Shopify's own payments has no account.
    none_is_null=True,
)

# Entries that had no payout when they were read: asked again after days, and then no more.
BALANCE_WITHOUT_PAYOUT = Lookup(
    name="balance_without_payout",
    path=GRAPHQL_PATH,
    query=nodes_query("ShopifyPaymentsBalanceTransaction", _BALANCE),
    request=request_nodes("ShopifyPaymentsBalanceTransaction", points=60),
    batch=100,
    fallback=10,
    records_at="data.nodes",
    records=_BALANCE_RECORDS,
    null_is_gone=True,
)


REFUNDS = Lookup(
    name="refunds",
    path=GRAPHQL_PATH,
    query=nodes_query("Refund", REFUND_NODE),
    request=request_nodes("Refund", points=60),
    batch=100,
    fallback=10,
    records_at="data.nodes",
    records=_REFUND_RECORDS,
    null_is_gone=True,
)
REFUND_LINES = Lookup(
    name="refund_lines",
    path=GRAPHQL_PATH,
    query=stretch_query("Refund", REFUND_STRETCH),
    by_key=False,
    request=request_stretch("Refund", points=60),
    records_at="data.nodes",
    records=_REFUND_RECORDS,
    null_is_gone=True,
)

# Whether an unfiltered call hides some is unconfirmed (section 3.1): every status is named.
_ALL_PRODUCTS = "status:active,draft,archived,unlisted"

PRODUCTS = Stream(
    name="products",
    path=GRAPHQL_PATH,
    pages=GraphqlPages(
        root="products",
        count="productsCount",
        node=PRODUCT_NODE,
        node_points=4,
        terms=_ALL_PRODUCTS,
        bulk_from=BULK_FROM,
        bulk_node=PRODUCT_NODE,
    ),
    records=_records(
        name="products",
        table="listings",
        currency="priceRangeV2.minVariantPrice.currencyCode",
        columns=(
            Column("title", "title", Kind.TEXT),
            Column("state", "status", Kind.LOWER),
            Column("quantity", "totalInventory", Kind.INTEGER),
            Column("price_amount", "priceRangeV2.minVariantPrice", Kind.DECIMAL_MONEY),
            Column("listed_at", "createdAt", Kind.ISO_TIME),
        ),
    ),
)

# A product has up to 2,048 variants: read as a list of their own, they are never nested, and never cut.
VARIANTS = Stream(
    name="variants",
    path=GRAPHQL_PATH,
    pages=GraphqlPages(
        root="productVariants",
        count="productVariantsCount",
        node=VARIANT_NODE,
        node_points=6,
        time="",
        count_takes_query=False,
        bulk_from=BULK_FROM,
        bulk_node=VARIANT_NODE,
    ),
    records=_records(
        name="variants",
        table="listing_variants",
        currency="product.priceRangeV2.minVariantPrice.currencyCode",
        columns=(
            Column("listing_platform_id", "product.id", Kind.GID),
            Column("title", "title", Kind.TEXT),
            Column("sku", "sku", Kind.TEXT),
            Column("barcode", "barcode", Kind.TEXT),
            Column("sort_order", "position", Kind.INTEGER),
            Column("quantity", "inventoryQuantity", Kind.INTEGER),
            Column("price_amount", "price", Kind.MAJOR),
            Column("compare_at_amount", "compareAtPrice", Kind.MAJOR),
            # Hidden from staff who may not see costs: what was shown once stays (section 2.4).
            _shown(Column("unit_cost_amount", "inventoryItem.unitCost", Kind.OWN_MONEY)),
            _shown(Column("unit_cost_currency", "inventoryItem.unitCost.currencyCode", Kind.TEXT)),
            Column("listed_at", "createdAt", Kind.ISO_TIME),
        ),
    ),
)


def _ask_stretch(_lookup: Lookup, ids: Sequence[str]) -> Request:
    """A product's variants after one of them: "<product>:<variant>", in the order of ids."""
    product, _, after = ids[0].partition(":")
    query = (
        "query KeeperVariants($query: String) { productVariants(first: 250, sortKey: ID, query: $query) "
        f"{{ nodes {{ {VARIANT_NODE} }} }} }}"
    )
    return graphql(query, {"query": f"product_id:{product} id:>{int(after)}"}, points=80)


# What a webhook about a product leads to, beside the product itself.
CHANGED_VARIANTS = Lookup(
    name="variants",
    path=GRAPHQL_PATH,
    records=VARIANTS.records,
    records_at="data.productVariants.nodes",
    request=_ask_stretch,
    by_key=False,
    pending="changed_variants",
)
GONE_VARIANTS = Derivation(name="gone_variants")

CUSTOMERS = Stream(
    name="customers",
    path=GRAPHQL_PATH,
    pages=GraphqlPages(
        root="customers",
        count="customersCount",
        node=CUSTOMER_NODE,
        node_points=4,
        # The list knows the time of creation under another name than the count (addendum).
        time="customer_date",
        bulk_from=BULK_FROM,
        bulk_node=CUSTOMER_NODE,
    ),
    records=_records(
        name="customers",
        table="customers",
        columns=(
            # Without Shopify's approval personal members come empty, and a display name is made up of others (2.5).
            Column("name", "displayName", Kind.TEXT, shown_by=("firstName", "lastName")),
            Column(
                "email",
                "defaultEmailAddress.emailAddress",
                Kind.TEXT,
                shown_by=("defaultEmailAddress.emailAddress",),
            ),
            Column("country", "defaultAddress.countryCodeV2", Kind.TEXT, shown_by=("defaultAddress.countryCodeV2",)),
        ),
    ),
)

_CHANGED = Window(min_param="updated_at", max_param="updated_at", time_at="updatedAt")


def changed(stream: Stream, *news: News) -> Stream:
    """What changed of a list since the last round, by the time of change that its search knows, and of what other lists
    there is news. Never an export.
    """
    if not isinstance(stream.pages, GraphqlPages):
        raise TypeError(f"{stream.name} has no connection")
    pages = replace(stream.pages, time="updated_at", count_time="updated_at", bulk_from=None, news=news)
    return replace(stream, pages=pages, window=_CHANGED)


# The orders' round is the shop's pulse: its one call shows what else has changed (docs/decisions/031).
_OF_PRODUCTS = News(entity="listings", root="products", right="read_products", terms=_ALL_PRODUCTS)
_OF_CUSTOMERS = News(entity="customers", root="customers", right="read_customers")

# As GraphQL and as REST name it: rows of both may stand side by side.
_CREATED_AT = ("createdAt", "created_at")

ENTITIES = (
    Entity(
        name="orders",
        table="orders",
        steps=(
            *(ORDERS, ORDER_LINES, REFUNDS, REFUND_LINES, JOURNALS, CHANGED_JOURNALS, JOURNAL_SALES),
            BALANCE_TRANSACTIONS,
        ),
        time_column="ordered_at",
        proofs=("line_items", "refunds", "journals"),
        complete_read=True,
        created_at=_CREATED_AT,
        round=Round(
            steps=(
                *(changed(ORDERS, _OF_PRODUCTS, _OF_CUSTOMERS), ORDER_LINES, REFUNDS, REFUND_LINES),
                *(LATE_FEES, CHANGED_JOURNALS, JOURNAL_SALES, BALANCE_TRANSACTIONS, BALANCE_WITHOUT_PAYOUT),
            )
        ),
    ),
    Entity(
        name="listings",
        table="listings",
        steps=(PRODUCTS,),
        complete_read=True,
        created_at=_CREATED_AT,
        round=Round(steps=(changed(PRODUCTS),)),
    ),
    Entity(name="variants", table="listing_variants", steps=(VARIANTS,), complete_read=True),
    # The search for customers by time knows whole days only (section 3.1).
    Entity(
        name="customers",
        table="customers",
        steps=(CUSTOMERS,),
        complete_read=True,
        created_at=_CREATED_AT,
        round=Round(steps=(changed(CUSTOMERS),)),
    ),
)
