"""How fields of refunds, fulfillments, addresses and customers are read."""

from __future__ import annotations

from typing import Any

from sandbox.parts.answer import Doc
from sandbox.shopify.compile import Resolvers, WithArgs
from sandbox.shopify.context import Context
from sandbox.shopify.front import Customer
from sandbox.shopify.ids import gid
from sandbox.shopify.listings import ORDERS
from sandbox.shopify.money import NOTHING, Pair
from sandbox.shopify.order_fields import bag, whole
from sandbox.shopify.pages import read_page, slice_page
from sandbox.shopify.search import Sql
from sandbox.shopify.times import utc

_DAY = 86_400


def _part_id(kind: str) -> Any:
    return lambda v, ctx: gid(kind, ctx.front.shop.ids.part(v[0]["pos"], v[1]["n"]))


def _legacy(value: Any, ctx: Context) -> str:
    return str(ctx.front.shop.ids.part(value[0]["pos"], value[1]["n"]))


def _refund_lines(value: Any, _ctx: Context, args: dict[str, Any]) -> Any:
    order, refund = value
    return slice_page([(order, refund, number) for number in range(len(refund["lines"]))], args)


def _adjustments(value: Any) -> list[Any]:
    """Money given back without goods is an adjustment (sheet section 5)."""
    order, refund = value
    return [] if refund["lines"] else [(order, refund)]


def _shipping(value: Any) -> list[Any]:
    order, refund = value
    return [(order, refund)] if any(refund["shipping"]) else []


def _refund_transactions(value: Any, _ctx: Context, args: dict[str, Any]) -> Any:
    order, refund = value
    return slice_page([(order, order["transactions"][refund["transaction"]])], args)


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
    return gid("RefundLineItem", ctx.front.shop.ids.part(order["pos"], number) + refund["n"] * 10**15)


def _restocked(value: Any, _ctx: Context) -> bool:
    return _refund_line(value)["restock"] in ("RETURN", "CANCEL")


REFUND_LINE: dict[str, Any] = {
    "id": _refund_line_id,
    "lineItem": lambda v, _ctx: (v[0], _refund_line(v)["line"]),
    "quantity": lambda v, _ctx: _refund_line(v)["quantity"],
    "restockType": lambda v, _ctx: _refund_line(v)["restock"],
    "restocked": _restocked,
    "location": lambda v, ctx: ctx.front.shop.places[0] if _restocked(v, ctx) else None,
    "priceSet": lambda v, ctx: bag(v[0], v[0]["lines"][_refund_line(v)["line"]]["price"], ctx),
    "subtotalSet": lambda v, ctx: bag(v[0], _refund_line(v)["subtotal"], ctx),
    "totalTaxSet": lambda v, ctx: bag(v[0], _refund_line(v)["tax"], ctx),
}
REFUND_SHIPPING: dict[str, Any] = {
    "id": _part_id("RefundShippingLine"),
    "shippingLine": lambda v, _ctx: (v[0],),
    "subtotalAmountSet": lambda v, ctx: bag(v[0], v[1]["shipping"], ctx),
    "taxAmountSet": lambda v, ctx: bag(v[0], v[0]["shipping_tax"], ctx),
}
ADJUSTMENT: dict[str, Any] = {
    "id": _part_id("OrderAdjustment"),
    "amountSet": lambda v, ctx: bag(v[0], NOTHING - Pair(*v[1]["amount"]), ctx),
    "reason": lambda _v, _ctx: "REFUND_DISCREPANCY",
    "taxAmountSet": lambda v, ctx: bag(v[0], NOTHING, ctx),
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
    "name": lambda v, ctx: f"{ctx.front.shop.ids.order_name(v[0]['pos'])}.{v[1]['n'] + 1}",
    "status": lambda v, _ctx: v[1]["status"],
    "displayStatus": _display,
    "createdAt": lambda v, _ctx: utc(v[1]["at"]),
    "updatedAt": lambda v, _ctx: utc(v[1]["updated"]),
    "deliveredAt": _delivered,
    "totalQuantity": lambda v, _ctx: sum(quantity for _, quantity in v[1]["lines"]),
    "requiresShipping": lambda v, _ctx: v[0]["ships"],
    "location": lambda v, ctx: ctx.front.shop.places[1 if v[0]["source"] == "pos" else 0],
    "order": lambda v, _ctx: v[0],
    "trackingInfo": WithArgs(_tracking),
    "fulfillmentLineItems": WithArgs(_sent_lines),
}
SENT_LINE: dict[str, Any] = {
    "id": lambda v, ctx: gid("FulfillmentLineItem", ctx.front.shop.ids.line(v[0]["pos"], v[1]) + v[3] * 10**15),
    "lineItem": lambda v, _ctx: (v[0], v[1]),
    "quantity": lambda v, _ctx: v[2],
    "originalTotalSet": lambda v, ctx: bag(v[0], _sent(v), ctx),
    "discountedTotalSet": lambda v, ctx: bag(v[0], _sent_less_discount(v), ctx),
}
TRACKING: dict[str, Any] = {name: (lambda v, _ctx, name=name: v[name]) for name in ("company", "number", "url")}


# --- people ---------------------------------------------------------------------------------------------


def _of_person(name: str) -> Any:
    return lambda v, _ctx: getattr(v[0], name)


ADDRESS: dict[str, Any] = {
    "id": lambda v, _ctx: v[1],
    "name": lambda v, _ctx: v[0].name or None,
    "firstName": _of_person("first"),
    "lastName": _of_person("last"),
    "company": lambda _v, _ctx: None,
    "address1": _of_person("street"),
    "address2": _of_person("second_line"),
    "city": _of_person("city"),
    "province": _of_person("province"),
    "provinceCode": _of_person("province"),
    "zip": _of_person("zip"),
    "country": lambda v, _ctx: v[0].country.name,
    "countryCodeV2": _of_person("country_code"),
    "phone": _of_person("phone"),
    "coordinatesValidated": lambda _v, _ctx: False,
}


def _open(ctx: Context) -> bool:
    return bool(ctx.world.settings.customer_data == "open")


def _own(name: str) -> Any:
    return lambda c, ctx: getattr(c.person, name) if _open(ctx) else None


def _display_name(customer: Customer, ctx: Context) -> str:
    return customer.person.display_name if _open(ctx) else f"Customer {customer.person.number}"


def _email(customer: Customer, ctx: Context) -> Any:
    return customer.person if customer.person.email and _open(ctx) else None


def _phone(customer: Customer, ctx: Context) -> Any:
    return customer.person if customer.person.phone and _open(ctx) else None


def _addresses(customer: Customer, ctx: Context) -> list[Any]:
    found = (customer.person, gid("MailingAddress", ctx.front.shop.ids.customer(customer.person.number)))
    return [found] if _open(ctx) else []


def _orders(customer: Customer, ctx: Context, args: dict[str, Any]) -> Any:
    ctx.need("read_orders", "orders")
    return read_page(ctx, ORDERS, args, Sql("customer = ?", [customer.person.number]))


def _last_order(customer: Customer, ctx: Context) -> Any:
    ctx.need("read_orders", "lastOrder")
    args = {"first": 1, "sortKey": "CREATED_AT", "reverse": True, "_path": ()}
    page = read_page(ctx, ORDERS, args, Sql("customer = ?", [customer.person.number]))
    return page.nodes[0] if page.nodes else None


CUSTOMER: dict[str, Any] = {
    "id": lambda c, ctx: gid("Customer", ctx.front.shop.ids.customer(c.person.number)),
    "legacyResourceId": lambda c, ctx: str(ctx.front.shop.ids.customer(c.person.number)),
    "firstName": _own("first"),
    "lastName": _own("last"),
    "displayName": _display_name,
    "email": _own("email"),
    "phone": _own("phone"),
    "defaultEmailAddress": _email,
    "defaultPhoneNumber": _phone,
    "state": lambda c, _ctx: c.person.state,
    "numberOfOrders": lambda c, _ctx: str(c.orders),
    "amountSpent": lambda c, ctx: (c.spent, ctx.front.shop.currency),
    "tags": lambda c, _ctx: sorted(c.person.tags),
    "note": lambda c, _ctx: c.person.note,
    "taxExempt": lambda _c, _ctx: False,
    "verifiedEmail": lambda c, _ctx: c.person.email is not None,
    "locale": lambda c, _ctx: c.person.locale,
    "createdAt": lambda c, _ctx: utc(c.created),
    "updatedAt": lambda c, _ctx: utc(c.updated),
    "defaultAddress": lambda c, ctx: next(iter(_addresses(c, ctx)), None),
    "addressesV2": WithArgs(lambda c, ctx, args: slice_page(_addresses(c, ctx), args)),
    "lastOrder": _last_order,
    "orders": WithArgs(_orders),
}

FIELDS: Resolvers = {
    "Refund": REFUND,
    "RefundLineItem": REFUND_LINE,
    "RefundShippingLine": REFUND_SHIPPING,
    "OrderAdjustment": ADJUSTMENT,
    "Fulfillment": FULFILLMENT,
    "FulfillmentLineItem": SENT_LINE,
    "FulfillmentTrackingInfo": TRACKING,
    "MailingAddress": ADDRESS,
    "Customer": CUSTOMER,
    "CustomerEmailAddress": {
        "emailAddress": lambda p, _ctx: p.email,
        "marketingState": lambda p, _ctx: "SUBSCRIBED" if p.subscribed else "NOT_SUBSCRIBED",
        "validFormat": lambda _p, _ctx: True,
    },
    "CustomerPhoneNumber": {"phoneNumber": lambda p, _ctx: p.phone},
}
