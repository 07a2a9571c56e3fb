"""Etsy: its streams and the columns they fill.

Source of every path and field: Etsy's OpenAPI document (operation ids in the comments) and the platform sheet.
Money comes in three notations (sheet 1.7): receipts have {amount, divisor, currency_code}, the ledger bare integers
in 1/100 of its own currency, coupons are decimals in the shop's currency.
"""

from __future__ import annotations

from dataclasses import replace

from execution.streams import (
    Children,
    Column,
    Derivation,
    Entity,
    Kind,
    Lookup,
    OffsetPages,
    Person,
    Records,
    Round,
    Stream,
    Window,
    reference,
)

LINE_ITEM_COLUMNS = (
    reference("listing_platform_id", "listing_id", Kind.TEXT),
    reference("product_platform_id", "product_id", Kind.TEXT),
    Column("sku", "sku", Kind.TEXT),
    Column("title", "title", Kind.HTML),
    Column("quantity", "quantity", Kind.INTEGER),
    Column("price_amount", "price", Kind.MONEY),
    Column("shipping_amount", "shipping_cost", Kind.MONEY),
    Column("shop_coupon_amount", "shop_coupon", Kind.MAJOR),
    Column("buyer_coupon_amount", "buyer_coupon", Kind.MAJOR),
    Column("is_digital", "is_digital", Kind.BOOLEAN),
    Column("ordered_at", "created_timestamp", Kind.EPOCH),
    Column("shipped_at", "shipped_timestamp", Kind.EPOCH),
)

# Not `variations`, where a buyer's own words stand (Personalization).
_LINE_ITEM_MEMBERS = ("receipt_id", "paid_timestamp", "expected_ship_date", "processing_min", "processing_max")

# ShopReceipt. Data minimisation (sheet 13): country and region are enough for profit reports.
RECEIPT_RECORDS = Records(
    name="receipts",
    table="orders",
    key="receipt_id",
    updated=("updated_timestamp", "update_timestamp", "created_timestamp"),
    currency="grandtotal.currency_code",
    leave_out=(
        "first_line",
        "second_line",
        "city",
        "zip",
        "formatted_address",
        "name",
        "buyer_email",
        "seller_email",
        "payment_email",
        "message_from_seller",
        "message_from_buyer",
        "message_from_payment",
        "gift_message",
        "gift_sender",
    ),
    columns=(
        Column("order_number", "receipt_id", Kind.TEXT),
        Column("status", "status", Kind.LOWER),
        Column("is_paid", "is_paid", Kind.BOOLEAN),
        Column("is_shipped", "is_shipped", Kind.BOOLEAN),
        Column("is_gift", "is_gift", Kind.BOOLEAN),
        reference("buyer_platform_id", "buyer_user_id", Kind.TEXT),
        Column("country", "country_iso", Kind.TEXT),
        Column("payment_method", "payment_method", Kind.TEXT),
        Column("ordered_at", "created_timestamp", Kind.EPOCH),
        Column("item_total_amount", "total_price", Kind.MONEY),
        Column("discount_amount", "discount_amt", Kind.MONEY),
        Column("subtotal_amount", "subtotal", Kind.MONEY),
        Column("shipping_amount", "total_shipping_cost", Kind.MONEY),
        Column("tax_amount", "total_tax_cost", Kind.MONEY),
        Column("vat_amount", "total_vat_cost", Kind.MONEY),
        Column("gift_wrap_amount", "gift_wrap_price", Kind.MONEY),
        Column("total_amount", "grandtotal", Kind.MONEY),
    ),
    children=(
        Children(
            table="line_items",
            at="transactions",
            key=("transaction_id",),
            currency="price.currency_code",
            columns=LINE_ITEM_COLUMNS,
            keep=_LINE_ITEM_MEMBERS,
        ),
        # A refund has no id (sheet 8): receipt, time and amount name it, and its place among equals.
        Children(
            table="order_refunds",
            at="refunds",
            key=("created_timestamp", "amount.amount"),
            unique=False,
            currency="amount.currency_code",
            columns=(
                Column("refund_amount", "amount", Kind.MONEY),
                Column("reason", "reason", Kind.HTML),
                Column("status", "status", Kind.LOWER),
                Column("refunded_at", "created_timestamp", Kind.EPOCH),
            ),
        ),
        # receipt_shipping_id may be null (sheet 8).
        Children(
            table="order_fulfillments",
            at="shipments",
            key=("receipt_shipping_id",),
            unique=False,
            columns=(
                Column("carrier", "carrier_name", Kind.TEXT),
                Column("tracking_code", "tracking_code", Kind.TEXT),
                Column("shipped_at", "shipment_notification_timestamp", Kind.EPOCH),
            ),
        ),
    ),
    people=(
        Person(
            table="customers",
            key="buyer_user_id",
            updated="created_timestamp",
            members=("buyer_user_id", "name", "buyer_email", "country_iso", "created_timestamp"),
            columns=(
                Column("name", "name", Kind.HTML),
                Column("email", "buyer_email", Kind.TEXT),
                Column("country", "country_iso", Kind.TEXT),
                Column("last_order_at", "created_timestamp", Kind.EPOCH),
            ),
        ),
    ),
)

# getShopReceipts: one call covers 100 orders with their lines, refunds and shipments.
RECEIPTS = Stream(
    name="receipts",
    path="/shops/{shop_id}/receipts",
    params={"was_paid": "true", "sort_on": "created", "sort_order": "asc"},
    newest_first={"sort_order": "desc"},
    window=Window(min_param="min_created", max_param="max_created", time_at="created_timestamp"),
    records=RECEIPT_RECORDS,
)

# getShopReceiptTransactionsByReceipt: only for receipts that came without their lines.
TRANSACTIONS = Lookup(
    name="transactions",
    path="/shops/{shop_id}/receipts/{id}/transactions",
    by_key=False,
    records=Records(
        name="transactions",
        table="line_items",
        key="transaction_id",
        updated=("created_timestamp",),
        currency="price.currency_code",
        columns=(Column("order_platform_id", "receipt_id", Kind.TEXT), *LINE_ITEM_COLUMNS),
        keep=_LINE_ITEM_MEMBERS,
    ),
)

# getListingsByShop: one state a call, and only `active` by default (sheet 7.4).
LISTINGS = Stream(
    name="listings",
    path="/shops/{shop_id}/listings",
    parts=tuple({"state": state} for state in ("active", "inactive", "sold_out", "draft", "expired")),
    records=Records(
        name="listings",
        table="listings",
        key="listing_id",
        updated=("updated_timestamp", "last_modified_timestamp", "state_timestamp", "created_timestamp"),
        currency="price.currency_code",
        columns=(
            Column("title", "title", Kind.HTML),
            Column("state", "state", Kind.LOWER),
            Column("url", "url", Kind.TEXT),
            Column("skus", "skus", Kind.TEXTS),
            Column("quantity", "quantity", Kind.INTEGER),
            Column("price_amount", "price", Kind.MONEY),
            Column("has_variations", "has_variations", Kind.BOOLEAN),
            Column("listed_at", "original_creation_timestamp", Kind.EPOCH),
            Column("ends_at", "ending_timestamp", Kind.EPOCH),
        ),
    ),
)

# getShopPaymentAccountLedgerEntries: both dates required, at most 31 days apart (sheet 7.2). The order of results
# is not documented; the balance is proven by sequence_number.
LEDGER_ENTRIES = Stream(
    name="ledger_entries",
    path="/shops/{shop_id}/payment-account/ledger-entries",
    pages=OffsetPages(),
    window=Window(
        min_param="min_created",
        max_param="max_created",
        time_at="created_timestamp",
        grid_seconds=30 * 86_400,
        from_shop_creation=True,
    ),
    records=Records(
        name="ledger_entries",
        table="payments",
        key="entry_id",
        updated=("created_timestamp", "create_date"),
        currency="currency",
        columns=(
            Column("sequence_number", "sequence_number", Kind.INTEGER),
            Column("entry_type", "ledger_type", Kind.TEXT),
            Column("description", "description", Kind.HTML),
            Column("entry_amount", "amount", Kind.HUNDREDTHS),
            Column("balance_amount", "balance", Kind.HUNDREDTHS),
            Column("reference_type", "reference_type", Kind.TEXT),
            Column("reference_id", "reference_id", Kind.TEXT),
            Column("parent_platform_id", "parent_entry_id", Kind.TEXT),
            Column("order_platform_id", "reference_id", Kind.TEXT, only_if=("reference_type", "receipt")),
            Column("occurred_at", "created_timestamp", Kind.EPOCH),
        ),
    ),
)

# getPayments: which receipt a payment belongs to, for ledger entries that name only the payment (sheet 7.3).
PAYMENTS = Lookup(
    name="payments",
    path="/shops/{shop_id}/payments",
    param="payment_ids",
    batch=100,
    fallback=25,
    records=Records(
        name="payments",
        table="order_payments",
        key="payment_id",
        updated=("updated_timestamp", "update_timestamp", "created_timestamp"),
        currency="amount_gross.currency_code",
        leave_out=("shipping_address_id", "billing_address_id"),
        columns=(
            Column("order_platform_id", "receipt_id", Kind.TEXT),
            Column("status", "status", Kind.LOWER),
            Column("gross_amount", "amount_gross", Kind.MONEY),
            Column("fees_amount", "amount_fees", Kind.MONEY),
            Column("net_amount", "amount_net", Kind.MONEY),
            Column("paid_at", "created_timestamp", Kind.EPOCH),
        ),
    ),
)

PAYMENT_ORDERS = Derivation(name="payment_orders")

# getShopReceipts by their last change: what was sold, shipped and edited since. Neither a refund nor a cancellation
# nor a new ship date moves that time (sheet 7.1, 12).
CHANGED_RECEIPTS = replace(
    RECEIPTS,
    params={"was_paid": "true", "sort_on": "updated", "sort_order": "asc"},
    window=Window(min_param="min_last_modified", max_param="max_last_modified", time_at="updated_timestamp"),
)

# getShopReceipt: receipts of which the ledger has just booked a refund.
REFUNDED_RECEIPTS = Lookup(
    name="receipts",
    path="/shops/{shop_id}/receipts/{id}",
    records=RECEIPT_RECORDS,
    pending="refunded_receipts",
    single=True,
)

ENTITIES = (
    Entity(
        name="orders",
        table="orders",
        steps=(RECEIPTS, TRANSACTIONS),
        time_column="ordered_at",
        proofs=("line_items",),
        complete_read=True,
        # Entries of the ledger that name a line alone came before it.
        round=Round(steps=(CHANGED_RECEIPTS, TRANSACTIONS, Derivation(name="line_payments"))),
    ),
    Entity(name="listings", table="listings", steps=(LISTINGS,), complete_read=True),
    Entity(
        name="payments",
        table="payments",
        steps=(LEDGER_ENTRIES, PAYMENTS, PAYMENT_ORDERS),
        time_column="occurred_at",
        proofs=("balance", "references"),
        # The ledger is the pulse of a shop: one call shows every sale, refund, fee and payout, and an unbroken chain of
        # balances that none is missing (docs/decisions/029).
        round=Round(
            steps=(LEDGER_ENTRIES, PAYMENTS, PAYMENT_ORDERS, REFUNDED_RECEIPTS),
            proofs=("new_balance",),
            doubt_seconds=14 * 86_400,
        ),
    ),
    # Buyers come with the receipts: no call of their own, only the proof that none is missing.
    Entity(name="customers", table="customers", steps=(), proofs=("buyers",)),
)
