"""What seldom befalls an order befalls one of these shops, whatever their lots were."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

_DAY = 86_400


def borders(zone: str, ends_at: int, dice: random.Random) -> list[int]:
    """Seconds around which days change: of those of 23 and 25 hours of the year before, or of any two."""
    here = ZoneInfo(zone)
    last = datetime.fromtimestamp(ends_at - _DAY, UTC).astimezone(here).date()
    begins = [_begin(last - timedelta(days=number), here) for number in range(330)]
    odd = [day for day in zip(begins[1:], begins, strict=False) if day[1] - day[0] != _DAY]
    days = odd or dice.sample(list(zip(begins[1:], begins, strict=False)), 2)
    return sorted({second for first, after in days for second in (first - 1, first, (first + after) // 2, after - 1)})


def _begin(day: Any, zone: ZoneInfo) -> int:
    """The first second at which the zone's calendar shows the day."""
    noon = int(datetime(day.year, day.month, day.day, 12, tzinfo=zone).timestamp())
    low, high = noon - 2 * _DAY, noon
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (
            (middle, high) if datetime.fromtimestamp(middle, UTC).astimezone(zone).date() < day else (low, middle)
        )
    return high


def turns_at_etsys(etsy: Any, shop: Any, dice: random.Random, ends_at: int, at_borders: list[int]) -> None:
    """Orders and refunds at the ends of odd days, refunds in parts, and entries that are put into the past: payouts
    that bounce, reserves, what was taken back, late fees.
    """
    made = [
        etsy.mutate(shop, "new_order", at=second)["result"]["receipt_id"]
        for second in (*at_borders, ends_at - 5 * _DAY)
    ]
    left = {r["receipt_id"]: r["grandtotal"]["amount"] for r in etsy.truth(shop, "receipts") if r["receipt_id"] in made}
    for receipt, second in zip(made, (*at_borders[1:], ends_at - 4 * _DAY, ends_at - 4 * _DAY), strict=True):
        parts = sorted(dice.sample(range(1, max(left[receipt], 3)), 2))
        way = dice.randrange(3)
        if way == 0 and left[receipt]:
            etsy.mutate(shop, "refund_order", receipt_id=receipt, at=second)
        elif left[receipt] > parts[1]:
            etsy.mutate(shop, "refund_order", receipt_id=receipt, at=second, amount=parts[0])
            etsy.mutate(shop, "refund_order", receipt_id=receipt, at=second + 1, amount=parts[1] - parts[0])
    hundred = 100 * dice.randrange(1, 90)
    for kind, amount in (
        ("DISBURSE2", -hundred), ("ADYENBALANCE_REVERSAL", hundred), ("RESERVE", -hundred), ("RECOUP", hundred),
        # Kept back and let go; taken back for a chargeback that was lost, and another one that was won after all.
        ("RESERVE", hundred), ("recoupment", -hundred), ("recoupment", -2 * hundred), ("recoupment", 2 * hundred),
        # Fees that come late, and one that is given back.
        ("PAYMENT_PROCESSING_FEE", -hundred), ("transaction", -2 * hundred), ("transaction_refund", hundred),
        ("offsite_ads_fee_refund", hundred), ("seller_credit", hundred), ("of_tomorrow", -hundred),
    ):  # fmt: skip
        at = dice.choice(at_borders)
        etsy.mutate(shop, "backdated_ledger_entry", at=at, amount=amount, ledger_type=kind)


def turns_at_shopifys(shopify: Any, shop: Any, dice: random.Random, ends_at: int, at_borders: list[int]) -> None:
    """Edits, exchanges, returns with a fee, refunds without goods and of shipping alone, disputes, tests, tips."""
    turns: list[tuple[str, dict[str, Any]]] = [
        ("exchange_order", {}),
        ("edit_order", {"lines": [[0, 0]]}),
        ("refund_order", {"amount": dice.randrange(1, 300)}),
        ("refund_order", {"lines": [[0, 1]]}),
        ("refund_order", {"lines": [[0, 1]], "fee": 100}),
        ("refund_order", {"shipping": True}),
        ("refund_order", {}),
        ("cancel_order", {}),
        ("update_order", {"fields": {"test": True}}),
        ("dispute_order", {"as": "CHARGEBACK", "status": "WON"}),
        ("dispute_order", {"as": "CHARGEBACK", "status": "LOST"}),
        ("dispute_order", {"as": "INQUIRY"}),
        ("dispute_order", {"as": "INQUIRY", "status": "LOST"}),
        ("dispute_order", {"as": "CHARGEBACK", "status": "PREVENTED"}),
        ("pay_order", {"unpaid": True}),
        ("fulfill_order", {"unpaid": True}),
    ]
    moments = [*at_borders, *(ends_at - dice.randrange(_DAY, 9 * _DAY) for _ in turns)][: len(turns)]
    dice.shuffle(moments)
    for (kind, fields), second in zip(turns, moments, strict=True):
        what = {"lines": dice.choice((1, 2, 3)), "tip": dice.choice((0, 250)), "gift_card": dice.random() < 0.2}
        order = _sold(shopify, shop, at=second, paid=not fields.pop("unpaid", False), **what)
        after = dice.choice([other for other in (*moments, ends_at - 3600) if other > second] or [ends_at - 3600])
        if fields.get("shipping") or "fee" in fields:
            # What is given back has to have been paid.
            order = _sold(shopify, shop, at=second, lines=2)
        shopify.mutate(shop, kind, order_id=order, at=after, **fields)
    for what in ({"tip": 333}, {"gift_card": True, "lines": 2}, {"gift_card": True, "tip": 120, "lines": 1}):
        order = _sold(shopify, shop, at=dice.choice(moments), **what)
        if dice.random() < 0.5:
            shopify.mutate(shop, "refund_order", order_id=order, at=ends_at - 3000)


def _sold(shopify: Any, shop: Any, **fields: Any) -> Any:
    order = shopify.mutate(shop, "new_order", **fields)["result"]["order_id"]
    # By lot some are tests.
    shopify.mutate(shop, "update_order", order_id=order, at=fields["at"], fields={"test": False})
    return order
