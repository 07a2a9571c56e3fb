"""A loyalty programme: a point for every unit spent; every third customer collects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sandbox.parts.money import minor_units
from sandbox.parts.responses import Doc
from sandbox.square.data.money import money, of
from sandbox.square.data.people import phone
from sandbox.square.data.sales import Sale
from sandbox.square.data.shop import Shop
from sandbox.square.data.timestamps import MINUTE, parsed, plain

REWARD = 100


class Collected(NamedTuple):
    """Points of one order."""

    at: int
    order_id: str
    location_id: str
    points: int


def collects(number: int) -> bool:
    return number % 3 == 0


def collected(shop: Shop, sale: Sale) -> Collected | None:
    order = sale.order
    points = of(order["total_money"]) // minor_units(shop.currency)
    if order["state"] != "COMPLETED" or sale.buyer is None or not collects(sale.buyer) or points < 1:
        return None
    return Collected(parsed(order["closed_at"]), order["id"], order["location_id"], points)


def program(shop: Shop) -> Doc:
    return {
        "id": shop.ids.loyalty_program,
        "status": "ACTIVE",
        "terminology": {"one": "Point", "other": "Points"},
        "location_ids": list(shop.location_ids),
        "created_at": plain(shop.opened_ms),
        "updated_at": plain(shop.opened_ms),
        "accrual_rules": [
            {
                "accrual_type": "SPEND",
                "points": 1,
                "spend_data": {
                    "amount_money": money(minor_units(shop.currency), shop.currency),
                    "tax_mode": "AFTER_TAX",
                },
            }
        ],
    }


def account(shop: Shop, number: int, found: list[Collected]) -> tuple[Doc, list[Doc]]:
    """The account and its ledger; who has enough has taken a reward once."""
    key = shop.ids.loyalty("account", number)
    first, last = found[0].at, found[-1].at
    events = list(_events(shop, key, found))
    lifetime = sum(each.points for each in found)
    rewarded = lifetime >= 3 * REWARD
    if rewarded:
        reward = {"loyalty_program_id": shop.ids.loyalty_program, "points": -REWARD}
        events.append(_event(shop, key, len(events), ("CREATE_REWARD", last), {"create_reward": reward}))
    mapping = {
        "id": shop.ids.loyalty("mapping", number),
        "phone_number": phone(shop, number),
        "created_at": plain(first),
    }
    return (
        {
            "id": key,
            "program_id": shop.ids.loyalty_program,
            "balance": lifetime - (REWARD if rewarded else 0),
            "lifetime_points": lifetime,
            "customer_id": shop.ids.customer(number),
            "enrolled_at": plain(first),
            "created_at": plain(first),
            "updated_at": plain(last if last + MINUTE > shop.end_ms else last + MINUTE),
            "mapping": mapping,
        },
        events,
    )


def _events(shop: Shop, key: str, found: list[Collected]) -> Iterator[Doc]:
    for place, each in enumerate(found):
        told = {"loyalty_program_id": shop.ids.loyalty_program, "points": each.points, "order_id": each.order_id}
        made = _event(shop, key, place, ("ACCUMULATE_POINTS", each.at), {"accumulate_points": told})
        yield made | {"location_id": each.location_id}


def _event(shop: Shop, account_id: str, place: int, what: tuple[str, int], told: Doc) -> Doc:
    kind, at = what
    key = shop.ids.entry(f"{account_id}:{place}")
    made = {"id": key, "type": kind, "created_at": plain(at), "loyalty_account_id": account_id, "source": "SQUARE"}
    return made | told
