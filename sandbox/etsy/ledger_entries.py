"""What the payment account books for an order: groups of ledger entries (sheet section 7.2, the pairs of types)."""

from __future__ import annotations

from typing import NamedTuple

from sandbox.etsy.money import ledger_cents, share, whole
from sandbox.etsy.orders import Order, Refund
from sandbox.etsy.shop import Shop
from sandbox.parts.money import from_dollar_cents, rounded
from sandbox.parts.order_times import DAY
from sandbox.parts.seeded_random import SeededRandom

# (ledger_type, reference_type); a row on disk keeps the place in this tuple.
KINDS = (
    ("PAYMENT_GROSS", "shop_payment"),
    ("PAYMENT_PROCESSING_FEE", "processing_fee"),
    ("transaction", "transaction"),
    ("transaction_quantity", "transaction"),
    ("shipping_transaction", "receipt"),
    ("sales_tax", "receipt"),
    ("vat_tax_ep", "receipt"),
    ("regulatory_operating_fee", "receipt"),
    ("offsite_ads_fee", "receipt"),
    ("renew_sold_auto", "listing"),
    ("vat_seller_services", "etsy"),
    ("shipping_labels", "shipping_label"),
    ("REFUND_GROSS", "shop_payment"),
    ("REFUND_PROCESSING_FEE", "processing_fee"),
    ("transaction_refund", "transaction"),
    ("climate_contribution", "receipt"),  # a type that no list of types knows
    ("listing", "listing"),
    ("prolist", "prolist"),
    ("DISBURSE2", "disbursement"),
    ("auto_renew_expired", "listing"),
    ("sales_tax_refund", "receipt"),
    ("VAT_REFUND_EP", "receipt"),
    ("buyer_fee", "receipt"),
    ("buyer_fee_refund", "receipt"),
    ("RESERVE", "reserve"),
    ("RECOUP", "recoupment"),
    ("ADYENBALANCE_REVERSAL", "disbursement"),
    ("shipping_label_usps_adjustment", "shipping_label"),
    ("shipping_label_usps_adjustment_credit", "shipping_label"),
)
_NUMBER = {name: number for number, (name, _) in enumerate(KINDS)}
_REGULATED = frozenset({"GB", "FR", "IT", "ES", "CA"})


class Booking(NamedTuple):
    """One entry to be: `parent_back` points so many entries back in its group, 0 to none."""

    kind: int
    amount: int
    reference: int
    parent_back: int = 0
    extra: str | None = None


class Group(NamedTuple):
    """Entries booked in the same second. `pos` is the order they are about, or -1."""

    at: int
    pos: int
    bookings: tuple[Booking, ...]


def kind(name: str) -> int:
    return _NUMBER[name]


def processing_fee(gross: int, payout: str) -> int:
    """3 % and a quarter of a dollar, never more than the payment."""
    fixed = ledger_cents(from_dollar_cents(25, payout), payout, payout, 0)
    return min(whole(share(gross, 30, payout) + fixed, payout), gross)


def returned_fee(refunded: int, gross: int, fee: int, payout: str) -> int:
    """Etsy gives the processing fee back in proportion."""
    return whole(rounded(fee * refunded, gross), payout) if gross else 0


def order_groups(shop: Shop, order: Order) -> list[Group]:
    """All that is booked for an order: at payment, at posting, at each refund."""
    if not order.paid_at:
        return []
    rng = SeededRandom(f"{shop.seed}:ledger:{order.pos}")
    groups = [payment_group(shop, order, rng)]
    if order.shipped_at and not order.digital and rng.chance(300):
        cost = _cents(shop, from_dollar_cents(rng.between(320, 1450), shop.currency), order.shipped_at)
        label = Booking(kind("shipping_labels"), -cost, shop.ids.label(order.pos))
        groups.append(Group(order.shipped_at, order.pos, (label,)))
        if rng.chance(100):
            groups.append(_label_adjustment(shop, order, rng))
    groups += [refund_group(shop, order, refund) for refund in order.refunds]
    return groups


def payment_group(shop: Shop, order: Order, rng: SeededRandom) -> Group:
    """The credit and every fee that comes with a sale."""
    at, payout, ids = order.paid_at, shop.payout, shop.ids
    receipt, payment = ids.receipt(order.pos), ids.payment(order.pos)
    gross = _cents(shop, order.grand_total, at)
    fee = processing_fee(gross, payout)
    found = [Booking(0, gross, payment), Booking(1, -fee, payment)]
    quantity_fee = ledger_cents(from_dollar_cents(20, payout), payout, payout, 0)
    for number, line in enumerate(order.lines):
        transaction = ids.transaction(order.pos, number)
        goods = _cents(shop, line.price * line.quantity - line.coupon, at)
        found.append(Booking(2, -share(goods, 65, payout), transaction))
        if line.quantity > 1:
            found.append(Booking(3, -quantity_fee * (line.quantity - 1), transaction))
        if rng.chance(400):
            found.append(Booking(9, -quantity_fee, ids.listing(line.listing.number)))
    amounts = [
        (4, share(_cents(shop, order.shipping, at), 65, payout)),
        (5, _cents(shop, order.tax, at)),
        (6, _cents(shop, order.vat, at)),
        (7, share(gross, 4, payout) if shop.home in _REGULATED else 0),
        (8, share(gross, 150, payout) if rng.chance(60) else 0),
        (15, share(gross, 5, payout) if rng.chance(3) else 0),
        (kind("buyer_fee"), _cents(shop, order.delivery_fee, at)),
    ]
    found += [Booking(number, -amount, receipt) for number, amount in amounts if amount]
    if shop.home not in {"US", "CA"}:
        found.append(Booking(10, -share(fee, 200, payout), 0, parent_back=len(found) - 1))
    return Group(at, order.pos, tuple(found))


def refund_group(shop: Shop, order: Order, refund: Refund) -> Group:
    """The refund at the rate of the payment, so that a whole refund returns exactly what came in."""
    gross = _cents(shop, order.grand_total, order.paid_at)
    first = order.lines[0]
    goods = _cents(shop, first.price * first.quantity - first.coupon, order.paid_at)
    return refund_bookings(
        shop,
        pos=order.pos,
        at=refund.at,
        gross=gross,
        refunded=_cents(shop, refund.amount, order.paid_at),
        goods=goods,
        taxes=(
            _cents(shop, order.tax, order.paid_at),
            _cents(shop, order.vat, order.paid_at),
            _cents(shop, order.delivery_fee, order.paid_at),
        ),
    )


def refund_bookings(
    shop: Shop, *, pos: int, at: int, gross: int, refunded: int, goods: int, taxes: tuple[int, int, int]
) -> Group:
    """`taxes`: sales tax, VAT and the state's fee of the order; they come back with their share of the refund."""
    receipt = shop.ids.receipt(pos)
    payment = shop.ids.payment(pos)
    fee = processing_fee(gross, shop.payout)
    back = share(min(goods, refunded), 65, shop.payout)
    bookings = [
        Booking(12, -refunded, payment),
        Booking(13, returned_fee(refunded, gross, fee, shop.payout), payment, parent_back=1),
        Booking(14, back, shop.ids.transaction(pos, 0), parent_back=2),
    ]
    for name, tax in zip(("sales_tax_refund", "VAT_REFUND_EP", "buyer_fee_refund"), taxes, strict=True):
        if returned := returned_fee(refunded, gross, tax, shop.payout):
            bookings.append(Booking(kind(name), returned, receipt))
    return Group(at, pos, tuple(bookings))


def _label_adjustment(shop: Shop, order: Order, rng: SeededRandom) -> Group:
    """The carrier weighed the parcel: some days later the label is found to have cost more, or less."""
    cents = _cents(shop, from_dollar_cents(rng.between(15, 220), shop.currency), order.shipped_at)
    is_credit = rng.chance(400)
    name = "shipping_label_usps_adjustment_credit" if is_credit else "shipping_label_usps_adjustment"
    booking = Booking(kind(name), cents if is_credit else -cents, shop.ids.label(order.pos))
    return Group(order.shipped_at + 9 * DAY, order.pos, (booking,))


def _cents(shop: Shop, amount: int, at: int) -> int:
    return ledger_cents(amount, shop.currency, shop.payout, at)
