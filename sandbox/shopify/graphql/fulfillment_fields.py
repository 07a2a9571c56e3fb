"""How fields of refunds and fulfillments are read."""

from __future__ import annotations

from typing import Any

from sandbox.parts.responses import Doc
from sandbox.shopify.data.ids import gid
from sandbox.shopify.data.money import ZERO, Pair
from sandbox.shopify.data.order_histories import refund_transactions
from sandbox.shopify.data.timestamps import utc
from sandbox.shopify.graphql.compiler import Resolvers, WithArgs
from sandbox.shopify.graphql.context import Context
from sandbox.shopify.graphql.order_fields import bag, whole
from sandbox.shopify.graphql.pagination import slice_page

_DAY = 86_400


def _part_id(kind: str) -> Any:
    return lambda v, ctx: gid(kind, ctx.live_shop.shop.ids.part(v[0]["pos"], v[1]["n"]))


def _legacy(value: Any, ctx: Context) -> str:
    return str(ctx.live_shop.shop.ids.part(value[0]["pos"], value[1]["n"]))


def _refund_lines(value: Any, _ctx: Context, args: dict[str, Any]) -> Any:
    order, refund = value
    return slice_page([(order, refund, number) for number in range(len(refund["lines"]))], args)


def _adjustments(value: Any) -> list[Any]:
    """Money given back without goods is an adjustment (sheet section 5)."""
    order, refund = value
    return [(order, refund)] if any(refund["adjust"]) else []


def _shipping(value: Any) -> list[Any]:
    order, refund = value
    return [(order, refund)] if any(refund["shipping"]) else []


def _refund_transactions(value: Any, _ctx: Context, args: dict[str, Any]) -> Any:
    return slice_page(refund_transactions(*value), args)


REFUND: dict[str, Any] = {
    "id": _part_id("Refund"),
    "legacyResourceId": _legacy,
    "createdAt": lambda v, _ctx: utc(v[1]["at"]),
    "processedAt": lambda v, _ctx: utc(v[1]["at"]),
    "updatedAt": lambda v, _ctx: utc(v[1]["at"]),
    "note": lambda v, _ctx: v[1]["note"],
    "order": lambda v, _ctx: v[0],
    "totalRefundedSet": lambda v, ctx: bag(v[0], v[1]["amount"], ctx),
    "refundLineItems": WithArgs(_refund_lines),
    "refundShippingLines": WithArgs(lambda v, _ctx, args: slice_page(_shipping(v), args)),
    "orderAdjustments": WithArgs(lambda v, _ctx, args: slice_page(_adjustments(v), args)),
    "transactions": WithArgs(_refund_transactions),
}


def _refund_line(value: Any) -> Doc:
    found: Doc = value[1]["lines"][value[2]]
    return found


def _refund_line_id(value: Any, ctx: Context) -> str:
    order, refund, number = value
    return gid("RefundLineItem", ctx.live_shop.shop.ids.refund_line(order["pos"], refund["n"], number))


def _restocked(value: Any, _ctx: Context) -> bool:
    return _refund_line(value)["restock"] in ("RETURN", "CANCEL")


REFUND_LINE: dict[str, Any] = {
    "id": _refund_line_id,
    "lineItem": lambda v, _ctx: (v[0], _refund_line(v)["line"]),
    "quantity": lambda v, _ctx: _refund_line(v)["quantity"],
    "restockType": lambda v, _ctx: _refund_line(v)["restock"],
    "restocked": _restocked,
    "location": lambda v, ctx: ctx.live_shop.shop.locations[0] if _restocked(v, ctx) else None,
    "priceSet": lambda v, ctx: bag(v[0], v[0]["lines"][_refund_line(v)["line"]]["price"], ctx),
    "subtotalSet": lambda v, ctx: bag(v[0], _refund_line(v)["subtotal"], ctx),
    "totalTaxSet": lambda v, ctx: bag(v[0], _refund_line(v)["tax"], ctx),
}
REFUND_SHIPPING: dict[str, Any] = {
    "id": _part_id("RefundShippingLine"),
    "shippingLine": lambda v, _ctx: (v[0],),
    "subtotalAmountSet": lambda v, ctx: bag(v[0], v[1]["shipping"], ctx),
    "taxAmountSet": lambda v, ctx: bag(v[0], v[1]["shipping_tax"], ctx),
}
ADJUSTMENT: dict[str, Any] = {
    "id": _part_id("OrderAdjustment"),
    "amountSet": lambda v, ctx: bag(v[0], v[1]["adjust"], ctx),
    "reason": lambda _v, _ctx: "REFUND_DISCREPANCY",
    "taxAmountSet": lambda v, ctx: bag(v[0], ZERO, ctx),
}


# --- fulfillments ---------------------------------------------------------------------------------------


def _delivered(value: Any, ctx: Context) -> str | None:
    at = value[1]["at"] + 5 * _DAY
    return utc(at) if value[1]["tracking"] and at <= ctx.now and value[1]["status"] == "SUCCESS" else None


def _display(value: Any, ctx: Context) -> str:
    if value[1]["status"] == "CANCELLED":
        return "CANCELED"
    return "DELIVERED" if _delivered(value, ctx) else "FULFILLED"


def _tracking(value: Any, _ctx: Context, args: dict[str, Any]) -> list[Doc]:
    found = value[1]["tracking"]
    if not found:
        return []
    url = f"https://tracking.example.com/{found['number']}"
    return [{"company": found["company"], "number": found["number"], "url": url}][: args.get("first")]


def _sent_lines(value: Any, _ctx: Context, args: dict[str, Any]) -> Any:
    order, fulfillment = value
    return slice_page([(order, line, quantity, fulfillment["n"]) for line, quantity in fulfillment["lines"]], args)


def _sent(value: Any) -> Pair:
    line: Doc = value[0]["lines"][value[1]]
    return whole(line).part(int(value[2]), int(line["quantity"]))


def _sent_less_discount(value: Any) -> Pair:
    line: Doc = value[0]["lines"][value[1]]
    return (whole(line) - Pair(*line["discount"])).part(int(value[2]), int(line["quantity"]))


FULFILLMENT: dict[str, Any] = {
    "id": _part_id("Fulfillment"),
    "legacyResourceId": _legacy,
    "name": lambda v, ctx: f"{ctx.live_shop.shop.ids.order_name(v[0]['pos'])}.{v[1]['n'] + 1}",
    "status": lambda v, _ctx: v[1]["status"],
    "displayStatus": _display,
    "createdAt": lambda v, _ctx: utc(v[1]["at"]),
    "updatedAt": lambda v, _ctx: utc(v[1]["updated"]),
    "deliveredAt": _delivered,
    "totalQuantity": lambda v, _ctx: sum(quantity for _, quantity in v[1]["lines"]),
    "requiresShipping": lambda v, _ctx: v[0]["ships"],
    "location": lambda v, ctx: ctx.live_shop.shop.locations[1 if v[0]["source"] == "pos" else 0],
    "order": lambda v, _ctx: v[0],
    "trackingInfo": WithArgs(_tracking),
    "fulfillmentLineItems": WithArgs(_sent_lines),
}
SENT_LINE: dict[str, Any] = {
    "id": lambda v, ctx: gid("FulfillmentLineItem", ctx.live_shop.shop.ids.line(v[0]["pos"], v[1]) + v[3] * 10**15),
    "lineItem": lambda v, _ctx: (v[0], v[1]),
    "quantity": lambda v, _ctx: v[2],
    "originalTotalSet": lambda v, ctx: bag(v[0], _sent(v), ctx),
    "discountedTotalSet": lambda v, ctx: bag(v[0], _sent_less_discount(v), ctx),
}
TRACKING: dict[str, Any] = {name: (lambda v, _ctx, name=name: v[name]) for name in ("company", "number", "url")}


FIELDS: Resolvers = {
    "Refund": REFUND,
    "RefundLineItem": REFUND_LINE,
    "RefundShippingLine": REFUND_SHIPPING,
    "OrderAdjustment": ADJUSTMENT,
    "Fulfillment": FULFILLMENT,
    "FulfillmentLineItem": SENT_LINE,
    "FulfillmentTrackingInfo": TRACKING,
}
