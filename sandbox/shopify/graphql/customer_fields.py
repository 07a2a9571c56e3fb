"""How fields of customers and their addresses are read."""

from __future__ import annotations

from typing import Any

from sandbox.shopify.data.ids import gid
from sandbox.shopify.data.live_shop import Customer
from sandbox.shopify.data.timestamps import utc
from sandbox.shopify.graphql.compiler import Resolvers, WithArgs
from sandbox.shopify.graphql.context import Context
from sandbox.shopify.graphql.pagination import read_page, slice_page
from sandbox.shopify.graphql.record_tables import ORDERS
from sandbox.shopify.graphql.search import Sql


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
    return bool(ctx.settings.customer_data == "open")


def _own(name: str) -> Any:
    return lambda c, ctx: getattr(c.person, name) if _open(ctx) else None


def _display_name(customer: Customer, ctx: Context) -> str:
    return customer.person.display_name if _open(ctx) else f"Customer {customer.person.number}"


def _email(customer: Customer, ctx: Context) -> Any:
    return customer.person if customer.person.email and _open(ctx) else None


def _phone(customer: Customer, ctx: Context) -> Any:
    return customer.person if customer.person.phone and _open(ctx) else None


def _addresses(customer: Customer, ctx: Context) -> list[Any]:
    found = (customer.person, gid("MailingAddress", ctx.live_shop.shop.ids.customer(customer.person.number)))
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
    "id": lambda c, ctx: gid("Customer", ctx.live_shop.shop.ids.customer(c.person.number)),
    "legacyResourceId": lambda c, ctx: str(ctx.live_shop.shop.ids.customer(c.person.number)),
    "firstName": _own("first"),
    "lastName": _own("last"),
    "displayName": _display_name,
    "email": _own("email"),
    "phone": _own("phone"),
    "defaultEmailAddress": _email,
    "defaultPhoneNumber": _phone,
    "state": lambda c, _ctx: c.person.state,
    "numberOfOrders": lambda c, _ctx: str(c.orders),
    "amountSpent": lambda c, ctx: (c.spent, ctx.live_shop.shop.currency),
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
    "MailingAddress": ADDRESS,
    "Customer": CUSTOMER,
    "CustomerEmailAddress": {
        "emailAddress": lambda p, _ctx: p.email,
        "marketingState": lambda p, _ctx: "SUBSCRIBED" if p.subscribed else "NOT_SUBSCRIBED",
        "validFormat": lambda _p, _ctx: True,
    },
    "CustomerPhoneNumber": {"phoneNumber": lambda p, _ctx: p.phone},
}
