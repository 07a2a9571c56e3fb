"""Random shops and salons at a till: every figure of every day is the oracle's, to the cent.

`KEEPER_HISTORIES` plays as many as of the other platforms (tests/money/test_oracle.py).
"""

from __future__ import annotations

from typing import Any

import pytest

from execution import daily_financial_roll
from tests.money.books import books, say_zone
from tests.money.test_oracle import ENDS_AT, SHOPS, Draw, _built_anew, names, wrong
from tests.worlds.world import make_world

# Two and no decimals; taxes on top, inside and in both ways.
CURRENCIES = ("USD", "JPY", "EUR", "GBP", "AUD", "CAD")
# What has to be in the books, or the stand-in shows less than it did.
ALWAYS = {"order", "gross_sales", "discount", "other_income", "tip", "tax_seller", "payment", "fee_payment", "transfer"}
TURNED = {"reversal_goods", "reversal_adjustment", "refund_paid", "dispute", "fees_unknown"}


def turns(square: Any, shop: Any) -> None:
    """What befalls orders: fees that are not told yet, every way of giving back, and disputes."""
    sales = []
    for number in range(9):
        told = {"at": ENDS_AT - 86_400 * number, "tip": 120 * (number % 2), "fee": number % 3 != 0}
        sales.append(square.mutate(shop, "new_order", **told)["result"]["order_id"])
    square.mutate(shop, "refund_order", order_id=sales[0], at=ENDS_AT - 600)
    square.mutate(shop, "refund_order", order_id=sales[1], at=ENDS_AT - 3000, lines="one")
    square.mutate(shop, "refund_order", order_id=sales[2], at=ENDS_AT - 500, amount=50)
    for number, status in ((3, "PENDING"), (4, "FAILED"), (5, "REJECTED")):
        square.mutate(shop, "refund_order", order_id=sales[number], at=ENDS_AT - 400, status=status)
    for order, state in ((6, "EVIDENCE_REQUIRED"), (7, "INQUIRY_PROCESSING"), (8, "LOST")):
        payment = next(one for one in square.truth(shop, "payments") if one["order_id"] == sales[order])
        square.mutate(shop, "open_dispute", payment_id=payment["id"], at=ENDS_AT - 7000, state=state)
        if state == "EVIDENCE_REQUIRED":
            square.mutate(shop, "close_dispute", at=ENDS_AT - 300, state="WON")
    square.mutate(shop, "new_payout", at=ENDS_AT - 100)


@pytest.mark.parametrize("number", SHOPS)
def test_a_shop_and_a_salon_at_a_till(platforms: Any, app: Any, db: Any, number: int) -> None:
    draw = Draw.of(number, CURRENCIES)
    square, kind = platforms.square, ("shop", "salon")[number % 2]
    plan = {"seed": square.seeds.draw(), "ends_at": ENDS_AT, "currency": draw.currency, "kind": kind}
    shop = square.shop(260, **plan)
    turns(square, shop)
    world = make_world(app, db, (square, shop), expires_in=3600)
    zone = square.truth(shop, "locations")[0]["timezone"]
    say_zone(world.shops[0], zone, said_by="platform")
    world.run()

    found = books(world, (float("-inf"), zone))
    assert wrong(world, found) == {}
    assert names(found[world.shops[0].connection_id]) >= ALWAYS | TURNED
    checked = daily_financial_roll.certificates(app.store, world.user_id)
    assert checked["days"] > 100
    assert checked["differing"] == []
    _built_anew(app, world)
