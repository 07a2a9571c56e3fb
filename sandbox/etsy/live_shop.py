"""A shop as it stands now: the shop from the seed, its records on disk, and what has been changed since."""

from __future__ import annotations

from pathlib import Path

from sandbox.etsy.ledger import Entry, entry_doc
from sandbox.etsy.ledger_entries import KINDS
from sandbox.etsy.listings import render_inventory, render_listing
from sandbox.etsy.payments import adjustments, render_payment, was_ever_paid
from sandbox.etsy.shop import Shop
from sandbox.etsy.shop_store import PAID, ShopStore
from sandbox.parts.responses import Doc

_REFUND = 12


class LiveShop:
    """What the operations ask."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self.store = ShopStore(shop, folder)
        self._edited: dict[int, Doc] = {}
        self._removed: set[int] = set()

    # --- listings ---------------------------------------------------------------------------------------

    def listing(self, number: int) -> Doc | None:
        if number in self._removed or number >= len(self.shop.listings):
            return None
        listing = self.shop.listings[number]
        if listing.gone:
            return None
        doc = render_listing(listing, self.shop.ids, self.shop.currency, self.shop.url)
        return {**doc, **self._edited.get(number, {})}

    def listing_by_id(self, listing_id: int) -> Doc | None:
        number = self.shop.ids.listing_number(listing_id)
        return None if number is None else self.listing(number)

    def inventory(self, listing_id: int) -> Doc:
        number = self.shop.ids.listing_number(listing_id) or 0
        return render_inventory(self.shop.listings[number], self.shop.ids, self.shop.currency)

    def listing_numbers(self, state: str | None = None) -> list[int]:
        """Numbers of the listings that are there, oldest first."""
        found = [
            (listing.created, listing.number)
            for listing in self.shop.listings
            if not listing.gone
            and listing.number not in self._removed
            and state in (None, self._edited.get(listing.number, {}).get("state", listing.state))
        ]
        return [number for _, number in sorted(found)]

    def edit_listing(self, number: int, fields: Doc) -> None:
        self.store.version += 1
        self._edited.setdefault(number, {}).update(fields)

    def remove_listing(self, number: int) -> None:
        self.store.version += 1
        self._removed.add(number)

    # --- money ------------------------------------------------------------------------------------------

    def entry(self, row: tuple[int, int, int, int, int, int, int, int, str | None]) -> Doc:
        """A row of the book as Etsy writes it."""
        entry = Entry(*row)
        ledger_type, reference_type = KINDS[entry.kind]
        doc = entry_doc(entry, self.shop.ids, self.shop.payout, entry.extra or ledger_type, reference_type)
        if entry.kind == _REFUND:
            doc["payment_adjustments"] = self._adjustments(entry)
        return doc

    def payment(self, pos: int) -> Doc | None:
        receipt = self.store.receipt(pos)
        if receipt is None or not was_ever_paid(receipt):
            return None
        return render_payment(self.shop, pos, receipt)

    def _adjustments(self, entry: Entry) -> list[Doc]:
        receipt = self.store.receipt(entry.pos)
        if receipt is None:
            return []
        found = adjustments(self.shop, entry.pos, receipt)
        return [doc for doc in found if doc["created_timestamp"] == entry.created]

    # --- the shop itself --------------------------------------------------------------------------------

    def shop_doc(self) -> Doc:
        """A Shop (spec Shop)."""
        shop, plan = self.shop, self.shop.plan
        active = self.listing_numbers("active")
        sold = self.store.count("sum(lines) FROM receipts", "WHERE flags & ? != 0", (PAID,))
        return {
            "shop_id": shop.ids.shop,
            "user_id": shop.ids.user,
            "shop_name": shop.name,
            "create_date": shop.opened,
            "created_timestamp": shop.opened,
            "title": f"{shop.name} &amp; friends: handmade &quot;small batch&quot; goods",
            "announcement": "Orders ship in 1-3 days. Thanks for supporting a small shop!",
            "currency_code": shop.currency,
            "is_vacation": False,
            "vacation_message": None,
            "sale_message": "Thank you! Your order is on my bench.",
            "digital_sale_message": None,
            "update_date": plan.ends_at,
            "updated_timestamp": plan.ends_at,
            "listing_active_count": len(active),
            "digital_listing_count": sum(shop.listings[number].product.digital for number in active),
            "login_name": shop.name.lower(),
            "accepts_custom_requests": True,
            **_policies(shop.opened),
            "url": shop.url,
            "image_url_760x100": None,
            "num_favorers": plan.orders // 3,
            "languages": ["en-US"],
            "icon_url_fullxfull": None,
            "is_using_structured_policies": True,
            "has_onboarded_structured_policies": True,
            "include_dispute_form_link": False,
            "is_direct_checkout_onboarded": True,
            "is_etsy_payments_onboarded": True,
            "is_calculated_eligible": True,
            "is_opted_in_to_buyer_promise": False,
            "is_shop_us_based": shop.home == "US",
            "transaction_sold_count": sold,
            "shipping_from_country_iso": shop.home,
            "shop_location_country_iso": shop.home,
            "review_count": None,
            "review_average": 4.8,
        }


def _policies(opened: int) -> Doc:
    names = ("welcome", "payment", "shipping", "refunds", "additional", "seller_info", "privacy")
    return {
        **{f"policy_{name}": None for name in names},
        "policy_update_date": opened,
        "policy_has_private_receipt_info": False,
        "has_unstructured_policies": False,
        "vacation_autoreply": None,
    }
