"""Square: the shapes of its records, and the columns that they fill.

Source of every field: the vendor's OpenAPI document and the list of types of 2026-09; sections in the comments are the
sheet's. Money is `{amount, currency}` in the smallest unit; quantities are decimals in a text; a field without a value
is left out. Of what names a person only what a report needs is stored: records that do are stored by allow-list.
"""

from __future__ import annotations

from functools import partial

from execution.streams import Children, Column, Kind, Records, reference

_records = partial(Records, key="id", updated=("updated_at", "created_at"), updated_as=Kind.ISO_TIME)


def _money(name: str, path: str) -> Column:
    return Column(name, path, Kind.MINOR)


def _text(name: str, path: str, **more: str) -> Column:
    return Column(name, path, Kind.TEXT, **more)  # type: ignore[arg-type]  # `or_at` alone


def _at(name: str, path: str) -> Column:
    return Column(name, path, Kind.ISO_TIME)


_VERSION = Column("version", "version", Kind.INTEGER)

# Section 6. It has no time of change: the later fetch wins.
LOCATIONS = Records(
    name="locations",
    table="locations",
    key="id",
    updated=(),
    currency="currency",
    keep=("business_name", "capabilities", "mcc", "merchant_id", "business_hours", "coordinates"),
    columns=(
        _text("title", "name"),
        Column("status", "status", Kind.LOWER),
        Column("location_type", "type", Kind.LOWER),
        _text("time_zone", "timezone"),
        _text("country", "country"),
        _text("city", "address.locality"),
        _text("language", "language_code"),
        _at("opened_at", "created_at"),
    ),
)

# Section 7.
CATEGORIES = _records(
    name="categories",
    table="catalog_categories",
    updated=("updated_at",),
    columns=(
        _VERSION,
        _text("title", "category_data.name"),
        Column("category_type", "category_data.category_type", Kind.LOWER),
        _text("parent_platform_id", "category_data.parent_category.id"),
        Column("is_top_level", "category_data.is_top_level", Kind.BOOLEAN),
    ),
)

ITEMS = _records(
    name="items",
    table="catalog_items",
    updated=("updated_at",),
    # They come by a list of their own.
    leave_out=("item_data.variations",),
    columns=(
        _VERSION,
        _text("title", "item_data.name"),
        Column("item_type", "item_data.product_type", Kind.LOWER),
        # `category_id` is what it was before 2023-12.
        _text("category_platform_id", "item_data.reporting_category.id", or_at="item_data.categories.0.id"),
        Column("is_archived", "item_data.is_archived", Kind.BOOLEAN),
        Column("is_taxable", "item_data.is_taxable", Kind.BOOLEAN),
        Column("at_all_locations", "present_at_all_locations", Kind.BOOLEAN),
    ),
)

VARIATIONS = _records(
    name="variations",
    table="catalog_variations",
    updated=("updated_at",),
    currency="item_variation_data.price_money.currency",
    columns=(
        _VERSION,
        _text("item_platform_id", "item_variation_data.item_id"),
        _text("title", "item_variation_data.name"),
        _text("sku", "item_variation_data.sku"),
        _text("barcode", "item_variation_data.upc"),
        Column("sort_order", "item_variation_data.ordinal", Kind.INTEGER),
        Column("pricing_type", "item_variation_data.pricing_type", Kind.LOWER),
        # Absent where the price is told at the till.
        _money("price_amount", "item_variation_data.price_money"),
        Column("tracks_inventory", "item_variation_data.track_inventory", Kind.BOOLEAN),
        Column("is_sellable", "item_variation_data.sellable", Kind.BOOLEAN),
        Column("is_stockable", "item_variation_data.stockable", Kind.BOOLEAN),
        Column("is_bookable", "item_variation_data.available_for_booking", Kind.BOOLEAN),
        # Milliseconds; appointments count minutes.
        Column("service_milliseconds", "item_variation_data.service_duration", Kind.INTEGER),
        Column("at_all_locations", "present_at_all_locations", Kind.BOOLEAN),
    ),
    children=(
        Children(
            table="catalog_location_overrides",
            at="item_variation_data.location_overrides",
            key=("location_id",),
            unique=False,
            parent_column="variation_platform_id",
            currency="price_money.currency",
            keep=("inventory_alert_type", "inventory_alert_threshold", "sold_out_valid_until"),
            columns=(
                _text("location_platform_id", "location_id"),
                _money("price_amount", "price_money"),
                Column("pricing_type", "pricing_type", Kind.LOWER),
                Column("tracks_inventory", "track_inventory", Kind.BOOLEAN),
                Column("is_sold_out", "sold_out", Kind.BOOLEAN),
            ),
        ),
        # Shown since 2026, to sellers on some plans.
        Children(
            table="catalog_vendor_info",
            at="item_variation_data.vendor_information",
            key=("vendor_id",),
            unique=False,
            parent_column="variation_platform_id",
            currency="unit_cost_money.currency",
            columns=(
                _text("vendor_platform_id", "vendor_id"),
                _text("vendor_code", "vendor_code"),
                _money("unit_cost_amount", "unit_cost_money"),
            ),
        ),
    ),
)

# Section 8. A count has no id: object, location and state tell it apart (`SquarePages.made_of`).
COUNTS = _records(
    name="counts",
    table="inventory_counts",
    updated=("calculated_at",),
    columns=(
        _text("variation_platform_id", "catalog_object_id"),
        _text("location_platform_id", "location_id"),
        Column("state", "state", Kind.LOWER),
        Column("quantity", "quantity", Kind.DECIMAL),
        Column("is_estimated", "is_estimated", Kind.BOOLEAN),
        _at("counted_at", "calculated_at"),
    ),
)

# Section 9. Who is asked at a vendor is nobody's business here.
VENDORS = _records(
    name="vendors",
    table="vendors",
    keep=(),
    columns=(
        _VERSION,
        _text("title", "name"),
        Column("status", "status", Kind.LOWER),
        _text("account_number", "account_number"),
    ),
)

# Section 10. No name, address, phone or note: fulfillments, tenders and lines are stored by allow-list, as orders are.
ORDERS = _records(
    name="orders",
    table="orders",
    currency="total_money.currency",
    keep=(
        *("reference_id", "taxes", "discounts", "rounding_adjustment", "net_amounts", "return_amounts"),
        *("net_amount_due_money", "pricing_options", "rewards", "state"),
    ),
    columns=(
        _VERSION,
        Column("status", "state", Kind.LOWER),
        _text("location_platform_id", "location_id"),
        _text("source_name", "source.name"),
        reference("buyer_platform_id", "customer_id", Kind.TEXT),
        _at("ordered_at", "created_at"),
        _at("closed_at", "closed_at"),
        Column("cancelled_at", "closed_at", Kind.ISO_TIME, only_if=("state", "CANCELED")),
        _money("discount_amount", "total_discount_money"),
        _money("service_charge_amount", "total_service_charge_money"),
        _money("tax_amount", "total_tax_money"),
        _money("tip_amount", "total_tip_money"),
        _money("total_amount", "total_money"),
        _money("current_total_amount", "net_amounts.total_money"),
    ),
    children=(
        Children(
            table="line_items",
            at="line_items",
            # Unique only within the order.
            key=("uid",),
            unique=False,
            currency="base_price_money.currency",
            keep=("item_type", "catalog_version", "applied_taxes", "applied_discounts", "quantity_unit"),
            columns=(
                reference("product_platform_id", "catalog_object_id", Kind.TEXT),
                _text("title", "name"),
                _text("variation_title", "variation_name"),
                Column("item_type", "item_type", Kind.LOWER),
                Column("quantity", "quantity", Kind.WHOLE),
                Column("exact_quantity", "quantity", Kind.DECIMAL),
                _money("price_amount", "base_price_money"),
                _money("gross_amount", "gross_sales_money"),
                _money("discount_amount", "total_discount_money"),
                _money("tax_amount", "total_tax_money"),
                _money("service_charge_amount", "total_service_charge_money"),
                _money("total_amount", "total_money"),
            ),
        ),
        Children(
            table="order_line_modifiers",
            at="line_items",
            inside="modifiers",
            key=("of.uid", "uid"),
            unique=False,
            currency="total_price_money.currency",
            columns=(
                _text("line_uid", "of.uid"),
                reference("modifier_platform_id", "catalog_object_id", Kind.TEXT),
                _text("title", "name"),
                Column("quantity", "quantity", Kind.DECIMAL),
                _money("price_amount", "base_price_money"),
                _money("total_amount", "total_price_money"),
            ),
        ),
        Children(
            table="order_service_charges",
            at="service_charges",
            key=("uid",),
            unique=False,
            currency="total_money.currency",
            columns=(
                _text("title", "name"),
                Column("charge_type", "type", Kind.LOWER),
                Column("phase", "calculation_phase", Kind.LOWER),
                _money("applied_amount", "applied_money"),
                _money("tax_amount", "total_tax_money"),
                _money("total_amount", "total_money"),
            ),
        ),
        Children(
            table="order_fulfillments",
            at="fulfillments",
            key=("uid",),
            unique=False,
            columns=(
                Column("fulfillment_type", "type", Kind.LOWER),
                Column("status", "state", Kind.LOWER),
                _text("carrier", "shipment_details.carrier"),
                _text("tracking_code", "shipment_details.tracking_number"),
                _at("shipped_at", "shipment_details.shipped_at"),
            ),
        ),
        # Its id is the payment's; what came back may show it once more.
        Children(
            table="tenders",
            at="tenders",
            key=("id",),
            unique=False,
            currency="amount_money.currency",
            columns=(
                Column("tender_type", "type", Kind.LOWER),
                _text("payment_platform_id", "payment_id"),
                _text("location_platform_id", "location_id"),
                _money("tender_amount", "amount_money"),
                _money("tip_amount", "tip_money"),
                # Told some seconds later: none told is not none taken.
                _money("fees_amount", "processing_fee_money"),
                _at("tendered_at", "created_at"),
            ),
        ),
        Children(
            table="order_refunds",
            at="refunds",
            key=("id",),
            unique=False,
            currency="amount_money.currency",
            keep=("tender_id", "transaction_id", "location_id"),
            columns=(
                _money("refund_amount", "amount_money"),
                _text("reason", "reason"),
                Column("status", "status", Kind.LOWER),
                _at("refunded_at", "created_at"),
            ),
        ),
        Children(
            table="order_returns",
            at="returns",
            key=("uid",),
            unique=False,
            currency="return_amounts.total_money.currency",
            keep=("rounding_adjustment", "return_taxes", "return_discounts", "return_tips", "return_service_charges"),
            columns=(
                _text("source_order_platform_id", "source_order_id"),
                _money("tax_amount", "return_amounts.tax_money"),
                _money("discount_amount", "return_amounts.discount_money"),
                _money("tip_amount", "return_amounts.tip_money"),
                _money("service_charge_amount", "return_amounts.service_charge_money"),
                _money("total_amount", "return_amounts.total_money"),
            ),
        ),
        Children(
            table="order_return_lines",
            at="returns",
            inside="return_line_items",
            key=("of.uid", "uid"),
            unique=False,
            currency="total_money.currency",
            keep=("item_type", "return_modifiers", "applied_taxes", "applied_discounts"),
            columns=(
                _text("source_order_platform_id", "of.source_order_id"),
                _text("source_line_uid", "source_line_item_uid"),
                reference("product_platform_id", "catalog_object_id", Kind.TEXT),
                _text("title", "name"),
                Column("quantity", "quantity", Kind.DECIMAL),
                _money("gross_amount", "gross_return_money"),
                _money("discount_amount", "total_discount_money"),
                _money("tax_amount", "total_tax_money"),
                _money("total_amount", "total_money"),
            ),
        ),
    ),
)

# Section 11. No name, address or e-mail of who paid, and of a card nothing but its brand.
PAYMENTS = _records(
    name="payments",
    table="order_payments",
    currency="total_money.currency",
    keep=(
        *("status", "source_type", "approved_money", "refund_ids", "receipt_number", "version_token", "delayed_until"),
        *("application_details", "card_details.status", "card_details.entry_method", "card_details.card.card_brand"),
        *("cash_details", "is_offline_payment", "team_member_id"),
    ),
    columns=(
        _text("order_platform_id", "order_id"),
        _text("location_platform_id", "location_id"),
        reference("buyer_platform_id", "customer_id", Kind.TEXT),
        Column("status", "status", Kind.LOWER),
        Column("payment_method", "source_type", Kind.LOWER),
        # With the tip.
        _money("gross_amount", "total_money"),
        _money("goods_amount", "amount_money"),
        _money("tip_amount", "tip_money"),
        _money("app_fee_amount", "app_fee_money"),
        _money("refunded_amount", "refunded_money"),
        # Told later: none told is not none taken.
        Column("fees_amount", "processing_fee", Kind.MINOR_SUM, each="amount_money"),
        _at("paid_at", "created_at"),
    ),
)

REFUNDS = _records(
    name="refunds",
    table="payment_refunds",
    currency="amount_money.currency",
    keep=("app_fee_money", "destination_type", "team_member_id"),
    columns=(
        _text("payment_platform_id", "payment_id"),
        # The order of what came back, not the one that was sold.
        _text("order_platform_id", "order_id"),
        _text("location_platform_id", "location_id"),
        Column("status", "status", Kind.LOWER),
        Column("is_unlinked", "unlinked", Kind.BOOLEAN),
        _text("refund_reason", "reason"),
        _money("refund_amount", "amount_money"),
        Column("fees_amount", "processing_fee", Kind.MINOR_SUM, each="amount_money"),
        _at("refunded_at", "created_at"),
    ),
)

PAYOUTS = _records(
    name="payouts",
    table="payouts",
    currency="amount_money.currency",
    keep=("payout_fee", "end_to_end_id", "destination.type"),
    columns=(
        _VERSION,
        Column("status", "status", Kind.LOWER),
        Column("payout_type", "type", Kind.LOWER),
        _text("location_platform_id", "location_id"),
        # Negative: taken from the seller's account.
        _money("payout_amount", "amount_money"),
        _text("arrival_date", "arrival_date"),
        _at("paid_out_at", "created_at"),
    ),
)

PAYOUT_ENTRIES = _records(
    name="payout_entries",
    table="payout_entries",
    updated=("effective_at",),
    currency="net_amount_money.currency",
    columns=(
        _text("payout_platform_id", "payout_id"),
        Column("entry_type", "type", Kind.LOWER),
        _text("payment_platform_id", "type_charge_details.payment_id", or_at="type_refund_details.payment_id"),
        _money("gross_amount", "gross_amount_money"),
        _money("fee_amount", "fee_amount_money"),
        _money("net_amount", "net_amount_money"),
        _at("effective_at", "effective_at"),
    ),
)

DISPUTES = _records(
    name="disputes",
    table="payment_disputes",
    currency="amount_money.currency",
    keep=("card_brand", "evidence_ids"),
    columns=(
        _VERSION,
        _text("payment_platform_id", "disputed_payment.payment_id"),
        _text("location_platform_id", "location_id"),
        Column("dispute_reason", "reason", Kind.LOWER),
        Column("status", "state", Kind.LOWER),
        _money("disputed_amount", "amount_money"),
        _at("due_at", "due_at"),
        _at("disputed_at", "created_at"),
    ),
)

# Section 12. No phone, birthday, note or street.
CUSTOMERS = _records(
    name="customers",
    table="customers",
    keep=("company_name", "creation_source", "version", "preferences.email_unsubscribed", "created_at"),
    columns=(
        Column("name", "given_name", Kind.TEXT, and_at="family_name", or_at="company_name"),
        _text("email", "email_address"),
        _text("country", "address.country"),
    ),
)

# No phone, e-mail or pay.
TEAM_MEMBERS = _records(
    name="team_members",
    table="team_members",
    keep=("assigned_locations",),
    columns=(
        Column("name", "given_name", Kind.TEXT, and_at="family_name"),
        Column("status", "status", Kind.LOWER),
        Column("is_owner", "is_owner", Kind.BOOLEAN),
        _text("reference", "reference_id"),
        Column("assignment", "assigned_locations.assignment_type", Kind.LOWER),
        Column("location_platform_ids", "assigned_locations.location_ids", Kind.TEXTS),
        _at("joined_at", "created_at"),
    ),
)

# A phone number is how its owner is found at the till: not stored.
LOYALTY_ACCOUNTS = _records(
    name="loyalty_accounts",
    table="loyalty_accounts",
    keep=("expiring_point_deadlines",),
    columns=(
        _text("program_platform_id", "program_id"),
        reference("buyer_platform_id", "customer_id", Kind.TEXT),
        # May be below zero.
        Column("points", "balance", Kind.INTEGER),
        Column("lifetime_points", "lifetime_points", Kind.INTEGER),
        _at("enrolled_at", "enrolled_at"),
        _at("opened_at", "created_at"),
    ),
)

# Section 5. No notes: customers write there what nobody else should read. It has no end, no price and no payment.
BOOKINGS = _records(
    name="bookings",
    table="bookings",
    keep=("creator_details",),
    columns=(
        _VERSION,
        Column("status", "status", Kind.LOWER),
        _text("location_platform_id", "location_id"),
        reference("buyer_platform_id", "customer_id", Kind.TEXT),
        Column("is_all_day", "all_day", Kind.BOOLEAN),
        Column("place", "location_type", Kind.LOWER),
        Column("source", "source", Kind.LOWER),
        Column("transition_minutes", "transition_time_minutes", Kind.INTEGER),
        _at("starts_at", "start_at"),
        _at("booked_at", "created_at"),
    ),
    children=(
        Children(
            table="booking_segments",
            at="appointment_segments",
            key=("service_variation_id",),
            unique=False,
            parent_column="booking_platform_id",
            columns=(
                reference("team_member_platform_id", "team_member_id", Kind.TEXT),
                reference("variation_platform_id", "service_variation_id", Kind.TEXT),
                Column("variation_version", "service_variation_version", Kind.INTEGER),
                Column("duration_minutes", "duration_minutes", Kind.INTEGER),
                Column("intermission_minutes", "intermission_minutes", Kind.INTEGER),
                Column("any_team_member", "any_team_member", Kind.BOOLEAN),
            ),
        ),
    ),
)
