"""How each field of an order and of what hangs on it is read from the order's document.

Parts of an order are tuples that begin with the order: (order, number of the line), (order, transaction), …
"""

from __future__ import annotations

from typing import Any

from sandbox.parts.money import RATES
from sandbox.parts.responses import Doc
from sandbox.shopify.data.agreements import agreements
from sandbox.shopify.data.ids import gid
from sandbox.shopify.data.money import ZERO, Pair, decimal, padded
from sandbox.shopify.data.order_histories import fee, has_fee
from sandbox.shopify.data.orders import line_discount
from sandbox.shopify.data.timestamps import utc
from sandbox.shopify.graphql.compiler import Resolvers, WithArgs
from sandbox.shopify.graphql.context import Context
from sandbox.shopify.graphql.errors import customer_denied
from sandbox.shopify.graphql.pagination import Page, slice_page

Bag = tuple[Any, str, str]


def bag(order: Doc, amount: Any, ctx: Context) -> Bag:
    return (amount, ctx.live_shop.shop.currency, order["currency"])


def _set(name: str) -> Any:
    return lambda o, ctx: (o[name], ctx.live_shop.shop.currency, o["currency"])


def _time(name: str) -> Any:
    return lambda o, _ctx: utc(o[name])


def _plain(name: str) -> Any:
    return lambda o, _ctx: o[name]


def _customer(order: Doc, ctx: Context) -> Any:
    ctx.need("read_customers", "customer")
    if ctx.settings.customer_data == "denied":
        raise customer_denied("Customer")
    return None if order["customer"] is None else ctx.live_shop.customer(order["customer"])


def _private(value: Any, ctx: Context) -> Any:
    """Personal fields come back empty without the level-2 approval (sheet section 2.5)."""
    return value if ctx.settings.customer_data == "open" else None


def _person(order: Doc, ctx: Context) -> Any:
    return ctx.live_shop.shop.person(order["buyer"])


def _address(order: Doc, ctx: Context) -> Any:
    if ctx.settings.customer_data != "open":
        return None
    return (_person(order, ctx), gid("MailingAddress", ctx.live_shop.shop.ids.order(order["pos"])))


def _tax_lines(order: Doc, amount: Any) -> list[Any]:
    return [(order, amount)] if order["tax_rate"] else []


def _lines(order: Doc, _ctx: Context, args: dict[str, Any]) -> Page:
    return slice_page([(order, number) for number in range(len(order["lines"]))], args)


def _first(name: str) -> WithArgs:
    """A plain list cut at `first`: it says nothing of what it leaves out (issue: nested lists never silently cut)."""

    def read(order: Doc, _ctx: Context, args: dict[str, Any]) -> list[Any]:
        found = [(order, each) for each in order[name]]
        return found if args.get("first") is None else found[: args["first"]]

    return WithArgs(read)


def _shipping_lines(order: Doc) -> list[Any]:
    return [(order,)] if order["ships"] else []


def _count(name: str) -> Any:
    return lambda o, _ctx: (len(o[name]), "EXACT")


def _outstanding(order: Doc, ctx: Context) -> Bag:
    owed = Pair(*order["current_total"]) - (Pair(*order["received"]) - Pair(*order["refunded"]))
    return bag(order, owed if owed.shop > 0 and not order["cancelled"] else ZERO, ctx)


def _net(order: Doc, ctx: Context) -> Bag:
    return bag(order, Pair(*order["received"]) - Pair(*order["refunded"]), ctx)


def _retail(order: Doc, ctx: Context) -> Any:
    return ctx.live_shop.shop.locations[1] if order["source"] == "pos" else None


ORDER: dict[str, Any] = {
    "id": lambda o, ctx: gid("Order", ctx.live_shop.shop.ids.order(o["pos"])),
    "legacyResourceId": lambda o, ctx: str(ctx.live_shop.shop.ids.order(o["pos"])),
    "name": lambda o, ctx: ctx.live_shop.shop.ids.order_name(o["pos"]),
    "number": lambda o, _ctx: 1 + o["pos"],
    "confirmationNumber": lambda o, _ctx: f"SB{o['pos']:07X}",
    "createdAt": _time("created"),
    "processedAt": _time("processed"),
    "updatedAt": _time("updated"),
    "cancelledAt": _time("cancelled"),
    "closedAt": _time("closed"),
    "cancelReason": _plain("cancel_reason"),
    "test": _plain("test"),
    "confirmed": lambda o, _ctx: o["financial"] != "PENDING",
    "closed": lambda o, _ctx: o["closed"] is not None,
    "edited": _plain("edited"),
    "unpaid": lambda o, _ctx: o["financial"] in ("PENDING", "AUTHORIZED", "PARTIALLY_PAID"),
    "fullyPaid": lambda o, _ctx: o["financial"] in ("PAID", "PARTIALLY_REFUNDED", "REFUNDED"),
    "requiresShipping": _plain("ships"),
    "currencyCode": lambda _o, ctx: ctx.live_shop.shop.currency,
    "presentmentCurrencyCode": _plain("currency"),
    "displayFinancialStatus": _plain("financial"),
    "displayFulfillmentStatus": _plain("fulfillment"),
    "returnStatus": _plain("returned"),
    "email": lambda o, ctx: _private(_person(o, ctx).email, ctx),
    "phone": lambda o, ctx: _private(_person(o, ctx).phone, ctx),
    "note": _plain("note"),
    "tags": _plain("tags"),
    "sourceName": _plain("source"),
    "sourceIdentifier": lambda _o, _ctx: None,
    "taxesIncluded": lambda _o, ctx: ctx.live_shop.shop.taxes_included,
    "customer": _customer,
    "customerLocale": lambda o, ctx: _person(o, ctx).locale,
    "shippingAddress": lambda o, ctx: _address(o, ctx) if o["ships"] else None,
    "billingAddress": _address,
    "retailLocation": _retail,
    "totalPriceSet": _set("total"),
    "originalTotalPriceSet": _set("total"),
    "currentTotalPriceSet": _set("current_total"),
    "subtotalPriceSet": _set("subtotal"),
    "currentSubtotalPriceSet": _set("current_subtotal"),
    "totalTaxSet": _set("tax"),
    "currentTotalTaxSet": _set("current_tax"),
    "totalDiscountsSet": _set("discounts"),
    "currentTotalDiscountsSet": _set("current_discounts"),
    "totalShippingPriceSet": _set("shipping"),
    "currentShippingPriceSet": _set("current_shipping"),
    "totalRefundedSet": _set("refunded"),
    "totalRefundedShippingSet": lambda o, ctx: bag(o, sum((Pair(*r["shipping"]) for r in o["refunds"]), ZERO), ctx),
    "totalReceivedSet": _set("received"),
    "totalOutstandingSet": _outstanding,
    "totalTipReceivedSet": _set("tip"),
    "netPaymentSet": _net,
    "totalPrice": lambda o, ctx: padded(o["total"][0], ctx.live_shop.shop.currency),
    "discountCode": lambda o, _ctx: o["codes"][0] if o["codes"] else None,
    "discountCodes": _plain("codes"),
    "paymentGatewayNames": lambda o, _ctx: [o["gateway"]],
    "subtotalLineItemsQuantity": lambda o, _ctx: sum(line["quantity"] for line in o["lines"]),
    "currentSubtotalLineItemsQuantity": lambda o, _ctx: sum(line["current"] for line in o["lines"]),
    "taxLines": lambda o, _ctx: _tax_lines(o, o["tax"]),
    "currentTaxLines": lambda o, _ctx: _tax_lines(o, o["current_tax"]),
    "shippingLine": lambda o, _ctx: next(iter(_shipping_lines(o)), None),
    "shippingLines": WithArgs(lambda o, _ctx, args: slice_page(_shipping_lines(o), args)),
    "lineItems": WithArgs(_lines),
    "transactions": _first("transactions"),
    "transactionsCount": _count("transactions"),
    "refunds": _first("refunds"),
    "fulfillments": _first("fulfillments"),
    "fulfillmentsCount": _count("fulfillments"),
    "agreements": WithArgs(lambda o, _ctx, args: slice_page([(a.kind, (o, a)) for a in agreements(o)], args)),
    "disputes": lambda o, _ctx: [(o, each) for each in o["disputes"]],
}


# --- lines ----------------------------------------------------------------------------------------------

Line = tuple[Doc, int]


def line_of(value: Line) -> Doc:
    found: Doc = value[0]["lines"][value[1]]
    return found


def _of_line(name: str) -> Any:
    return lambda v, _ctx: v[0]["lines"][v[1]][name]


def _line_name(value: Line, _ctx: Context) -> str:
    line = line_of(value)
    return f"{line['title']} - {line['variant_title']}" if line["variant_title"] else str(line["title"])


def _line_product(value: Line, ctx: Context) -> Any:
    ctx.need("read_products", "product")
    number = line_of(value)["product"]
    return None if number is None else ctx.live_shop.product(number)


def _line_variant(value: Line, ctx: Context) -> Any:
    ctx.need("read_products", "variant")
    line = line_of(value)
    return None if line["product"] is None else ctx.live_shop.variant(line["product"], line["variant"])


def whole(line: Doc) -> Pair:
    return Pair(*line["price"]) * int(line["quantity"])


def _discounted(value: Line, ctx: Context, args: dict[str, Any]) -> Bag:
    """Codes count as discounts of the line only when asked for; ours are all codes (sheet section 5)."""
    line = line_of(value)
    return bag(value[0], whole(line) - line["discount"] if args.get("withCodeDiscounts") else whole(line), ctx)


def _unit_after(value: Line, ctx: Context) -> Bag:
    line = line_of(value)
    return bag(value[0], (whole(line) - line["discount"]).part(1, line["quantity"]), ctx)


def _allocations(value: Line, _ctx: Context) -> list[Any]:
    line = line_of(value)
    return [(value[0], line["discount"])] if any(line["discount"]) else []


LINE: dict[str, Any] = {
    "id": lambda v, ctx: gid("LineItem", ctx.live_shop.shop.ids.line(v[0]["pos"], v[1])),
    "title": _of_line("title"),
    "name": _line_name,
    "variantTitle": _of_line("variant_title"),
    "sku": _of_line("sku"),
    "vendor": _of_line("vendor"),
    "quantity": _of_line("quantity"),
    "currentQuantity": _of_line("current"),
    "refundableQuantity": _of_line("current"),
    "unfulfilledQuantity": lambda v, _ctx: max(line_of(v)["current"] - line_of(v)["fulfilled"], 0),
    "nonFulfillableQuantity": lambda v, _ctx: line_of(v)["quantity"] - line_of(v)["current"],
    "isGiftCard": _of_line("gift_card"),
    "taxable": lambda v, _ctx: not line_of(v)["gift_card"],
    "requiresShipping": _of_line("ships"),
    "restockable": lambda v, _ctx: line_of(v)["variant"] is not None,
    "product": _line_product,
    "variant": _line_variant,
    "originalUnitPriceSet": lambda v, ctx: bag(v[0], line_of(v)["price"], ctx),
    "originalTotalSet": lambda v, ctx: bag(v[0], whole(line_of(v)), ctx),
    "discountedTotalSet": WithArgs(_discounted),
    "discountedUnitPriceSet": lambda v, ctx: bag(v[0], line_of(v)["price"], ctx),
    "discountedUnitPriceAfterAllDiscountsSet": _unit_after,
    "totalDiscountSet": lambda v, ctx: bag(v[0], line_discount(v[0], line_of(v)), ctx),
    "taxLines": WithArgs(lambda v, _ctx, args: _tax_lines(v[0], line_of(v)["tax"])[: args.get("first")]),
    "discountAllocations": _allocations,
    "customAttributes": lambda v, _ctx: _attributes(v),
}


def _attributes(value: Line) -> list[Doc]:
    order, number = value
    return [{"key": "Engraving", "value": order["note"]}] if order["note"] and number == 0 else []


def _rate(value: Any) -> float:
    return float(value[0]["tax_rate"] / 1000)


TAX_LINE: dict[str, Any] = {
    "title": lambda v, _ctx: v[0]["tax_title"],
    "rate": lambda v, _ctx: _rate(v),
    "ratePercentage": lambda v, _ctx: v[0]["tax_rate"] / 10,
    "source": lambda _v, _ctx: "Shopify",
    "channelLiable": lambda v, _ctx: v[0]["channel_liable"],
    "priceSet": lambda v, ctx: bag(v[0], v[1], ctx),
}
SHIPPING_LINE: dict[str, Any] = {
    "id": lambda v, ctx: gid("ShippingLine", ctx.live_shop.shop.ids.order(v[0]["pos"])),
    "title": lambda v, _ctx: v[0]["shipping_title"],
    "code": lambda v, _ctx: v[0]["shipping_title"],
    "source": lambda _v, _ctx: "shopify",
    "custom": lambda _v, _ctx: False,
    "isRemoved": lambda _v, _ctx: False,
    "originalPriceSet": lambda v, ctx: bag(v[0], v[0]["shipping"], ctx),
    "discountedPriceSet": lambda v, ctx: bag(v[0], v[0]["shipping"], ctx),
    "currentDiscountedPriceSet": lambda v, ctx: bag(v[0], v[0]["current_shipping"], ctx),
    "taxLines": lambda v, _ctx: _tax_lines(v[0], v[0]["shipping_tax"]) if any(v[0]["shipping_tax"]) else [],
}


# --- money moved ----------------------------------------------------------------------------------------


def _fees(value: Any, ctx: Context) -> list[Any]:
    """Not told at once."""
    order, each = value
    return [value] if has_fee(order, each) and each["at"] + ctx.settings.fees_after_seconds <= ctx.now else []


def _is_settled(value: Any) -> bool:
    order, each = value
    return bool(order["gateway"] == "shopify_payments" and each["status"] == "SUCCESS")


def _settlement_rate(value: Any, ctx: Context) -> str | None:
    """What one of the buyer's is of the shop's currency; none where they are one."""
    order, own = value[0], ctx.live_shop.shop.currency
    if not _is_settled(value) or order["currency"] == own:
        return None
    return f"{RATES[own] / RATES[order['currency']]:.6f}"


def _parent(value: Any, _ctx: Context) -> Any:
    order, each = value
    return None if each["parent"] is None else (order, order["transactions"][each["parent"]])


def _transaction_gid(value: Any, ctx: Context) -> str:
    return gid("OrderTransaction", ctx.live_shop.shop.ids.part(value[0]["pos"], value[1]["n"]))


TRANSACTION: dict[str, Any] = {
    "id": _transaction_gid,
    "kind": lambda v, _ctx: v[1]["kind"],
    "status": lambda v, _ctx: v[1]["status"],
    "gateway": lambda v, _ctx: v[0]["gateway"],
    "formattedGateway": lambda v, _ctx: v[0]["gateway"].replace("_", " ").title(),
    "amountSet": lambda v, ctx: bag(v[0], v[1]["amount"], ctx),
    "createdAt": lambda v, _ctx: utc(v[1]["at"]),
    "processedAt": lambda v, _ctx: utc(v[1]["at"]),
    "test": lambda v, _ctx: v[0]["test"],
    "manualPaymentGateway": lambda v, _ctx: v[0]["gateway"] == "manual",
    "paymentId": lambda v, _ctx: f"SB{v[0]['pos']}.{v[1]['n']}",
    "parentTransaction": _parent,
    "order": lambda v, _ctx: v[0],
    "fees": _fees,
    # Cash is rounded where the smallest coin is more than a cent; ours has one.
    "amountRoundingSet": lambda _v, _ctx: None,
    "settlementCurrency": lambda v, ctx: ctx.live_shop.shop.currency if _is_settled(v) else None,
    "settlementCurrencyRate": _settlement_rate,
}
FEE: dict[str, Any] = {
    "id": lambda v, ctx: gid("TransactionFee", ctx.live_shop.shop.ids.part(v[0]["pos"], v[1]["n"])),
    "amount": lambda v, ctx: (fee(v[1]["amount"][0]), ctx.live_shop.shop.currency),
    "flatFee": lambda _v, ctx: (0, ctx.live_shop.shop.currency),
    "flatFeeName": lambda _v, _ctx: None,
    "rate": lambda _v, _ctx: "0.029",
    "rateName": lambda _v, _ctx: "Standard",
    "taxAmount": lambda _v, ctx: (0, ctx.live_shop.shop.currency),
    "type": lambda _v, _ctx: "processing_fee",
}

MONEY: dict[str, dict[str, Any]] = {
    "MoneyBag": {
        "shopMoney": lambda v, _ctx: (v[0][0], v[1]),
        "presentmentMoney": lambda v, _ctx: (v[0][1], v[2]),
    },
    "MoneyV2": {
        "amount": lambda v, _ctx: decimal(v[0], v[1]),
        "currencyCode": lambda v, _ctx: v[1],
    },
}


# --- the journal of sales -------------------------------------------------------------------------------


def _sales(value: Any, _ctx: Context, args: dict[str, Any]) -> Page:
    order, agreement = value
    return slice_page([(_SALES[sale.line_type], (order, agreement, sale)) for sale in agreement.sales], args)


_SALES = {
    "PRODUCT": "ProductSale",
    "SHIPPING": "ShippingLineSale",
    "GIFT_CARD": "GiftCardSale",
    "TIP": "TipSale",
    "FEE": "FeeSale",
    "ADJUSTMENT": "AdjustmentSale",
}


def _agreement_id(value: Any, ctx: Context) -> str:
    return gid("SalesAgreement", ctx.live_shop.shop.ids.part(value[0]["pos"], value[1].number))


AGREEMENT: dict[str, Any] = {
    "id": _agreement_id,
    "happenedAt": lambda v, _ctx: utc(v[1].at),
    "reason": lambda v, _ctx: v[1].reason,
    "sales": WithArgs(_sales),
}
_OF_REFUND: dict[str, Any] = {**AGREEMENT, "refund": lambda v, _ctx: (v[0], v[0]["refunds"][v[1].refund])}


def _sale_id(value: Any, ctx: Context) -> str:
    order, agreement, sale = value
    return gid("Sale", ctx.live_shop.shop.ids.refund_line(order["pos"], agreement.number, sale.number))


def _after_taxes(value: Any, ctx: Context) -> Bag:
    order, _, sale = value
    rate = order["tax_rate"] if order["tax_included"] else 0
    return bag(order, sale.discount.part(1000 + rate, 1000), ctx)


SALE: dict[str, Any] = {
    "id": _sale_id,
    "actionType": lambda v, _ctx: v[2].action,
    "lineType": lambda v, _ctx: v[2].line_type,
    "quantity": lambda v, _ctx: v[2].quantity,
    "totalAmount": lambda v, ctx: bag(v[0], v[2].total, ctx),
    "totalTaxAmount": lambda v, ctx: bag(v[0], v[2].tax, ctx),
    "totalDiscountAmountBeforeTaxes": lambda v, ctx: bag(v[0], v[2].discount, ctx),
    "totalDiscountAmountAfterTaxes": _after_taxes,
    "taxes": lambda v, _ctx: [v] if any(v[2].tax) else [],
}
_SOLD: dict[str, Any] = {**SALE, "lineItem": lambda v, _ctx: (v[0], v[2].line)}
SALE_TAX: dict[str, Any] = {
    "id": lambda v, ctx: _sale_id(v, ctx).replace("/Sale/", "/SaleTax/"),
    "amount": lambda v, ctx: bag(v[0], v[2].tax, ctx),
    "taxLine": lambda v, _ctx: (v[0], v[2].tax),
}
DISPUTE: dict[str, Any] = {
    "id": lambda v, ctx: gid("ShopifyPaymentsDispute", ctx.live_shop.shop.ids.part(v[0]["pos"], v[1]["n"])),
    "initiatedAs": lambda v, _ctx: v[1]["initiated_as"],
    "status": lambda v, _ctx: v[1]["status"],
}

FIELDS: Resolvers = {
    "Order": ORDER,
    "LineItem": LINE,
    "TaxLine": TAX_LINE,
    "ShippingLine": SHIPPING_LINE,
    "OrderTransaction": TRANSACTION,
    "TransactionFee": FEE,
    # As a bulk operation walks through the interface: with the name of its type.
    "SalesAgreement": {"sales": WithArgs(lambda v, ctx, args: _sales(v[1], ctx, args))},
    "OrderAgreement": AGREEMENT,
    "OrderEditAgreement": AGREEMENT,
    "RefundAgreement": _OF_REFUND,
    "ReturnAgreement": AGREEMENT,
    "ProductSale": _SOLD,
    "GiftCardSale": _SOLD,
    "ShippingLineSale": {**SALE, "shippingLine": lambda v, _ctx: (v[0],)},
    "TipSale": SALE,
    "FeeSale": SALE,
    "AdjustmentSale": SALE,
    "SaleTax": SALE_TAX,
    "OrderDisputeSummary": DISPUTE,
    "DiscountAllocation": {"allocatedAmountSet": lambda v, ctx: bag(v[0], v[1], ctx)},
    "Attribute": {"key": _plain("key"), "value": _plain("value")},
    **MONEY,
}
