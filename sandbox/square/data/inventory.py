"""Stock by location: counted once, two months before the end, and moved by every sale since. Counts add up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sandbox.parts.responses import Doc
from sandbox.parts.seeded_random import SeededRandom
from sandbox.square.data import catalog
from sandbox.square.data.sales import Sale
from sandbox.square.data.shop import Shop
from sandbox.square.data.timestamps import DAY, SECOND, parsed, precise

STOCKTAKE = 60 * DAY
_LOW, _MORE = 200, 2400  # hundredths of a piece
_SOURCE = {"product": "SQUARE_POS", "application_id": "sq0idp-sandbox", "name": "Square Point of Sale"}


def quantity_text(hundredths: int) -> str:
    """A decimal text without zeros that say nothing."""
    return f"{hundredths / 100:g}" if abs(hundredths) < 10**7 else f"{hundredths / 100:.2f}".rstrip("0").rstrip(".")


def hundredths(text: str) -> int:
    return round(float(text) * 100)


@dataclass(kw_only=True)
class Ledger:
    """What lies where, as changes come in the order of time."""

    shop: Shop
    counted_at: int = 0
    stock: dict[tuple[str, str], int] = field(default_factory=dict)
    touched: dict[tuple[str, str], int] = field(default_factory=dict)
    number: int = 0

    def __post_init__(self) -> None:
        self.counted_at = max(self.shop.end_ms - STOCKTAKE, self.shop.start_ms)
        self._tracked = {catalog.variation_id(self.shop, each.number) for each in self.shop.variations if each.tracked}

    def stocktake(self) -> Iterator[Doc]:
        """Every variation that is tracked is counted wherever it can be sold."""
        for item in self.shop.items:
            if item.gone_at is not None:
                continue
            present = catalog.presence(self.shop, item.number)
            for number in item.variations:
                if not self.shop.variations[number].tracked:
                    continue
                rng = SeededRandom(f"{self.shop.seed}:stock:{number}")
                key = catalog.variation_id(self.shop, number)
                for location_id in self.shop.location_ids:
                    if catalog.is_present(present, location_id):
                        yield self.count(key, location_id, rng.between(0, 80) * 100, self.counted_at)

    def sold(self, sale: Sale) -> Iterator[Doc]:
        """What a sale takes out of stock since the stocktake; what runs low is bought again."""
        order = sale.order
        if order["state"] != "COMPLETED" or sale.at < self.counted_at:
            return
        for line in order["line_items"]:
            place = (line.get("catalog_object_id", ""), order["location_id"])
            if place in self.stock:
                at = parsed(order["closed_at"])
                price = line["total_money"]
                yield self.move(
                    place, ("IN_STOCK", "SOLD"), hundredths(line["quantity"]), at, price=price, order=order["id"]
                )
                if self.stock[place] < _LOW and self.number % 3:
                    yield self.move(place, ("NONE", "IN_STOCK"), _MORE, min(at + SECOND, self.shop.end_ms))

    def count(self, key: str, location_id: str, quantity: int, at: int) -> Doc:
        """Somebody counts what is there."""
        self.stock[key, location_id] = quantity
        self.touched[key, location_id] = at
        return {
            "type": "PHYSICAL_COUNT",
            "physical_count": self._told(key, at)
            | {
                "state": "IN_STOCK",
                "location_id": location_id,
                "quantity": quantity_text(quantity),
            },
        }

    def move(
        self,
        place: tuple[str, str],
        states: tuple[str, str],
        quantity: int,
        at: int,
        *,
        price: Doc | None = None,
        order: str | None = None,
    ) -> Doc:
        """From a state to another; what was in stock is less, or more."""
        (key, location_id), (before, after) = place, states
        self.stock[place] += quantity if after == "IN_STOCK" else -quantity
        self.touched[place] = max(self.touched[place], at)
        told = self._told(key, at) | {"from_state": before, "to_state": after, "quantity": quantity_text(quantity)}
        told["to_location_id"] = location_id
        if before != "NONE":
            told["from_location_id"] = location_id
        if price is not None:
            told["total_price_money"] = price
        if order is not None:
            told["transaction_id"] = order
        return {"type": "ADJUSTMENT", "adjustment": told}

    def counts(self) -> Iterator[Doc]:
        for (key, location_id), quantity in self.stock.items():
            yield count_of(key, location_id, "IN_STOCK", quantity, self.touched[key, location_id])

    def _told(self, key: str, at: int) -> Doc:
        self.number += 1
        return {
            "id": self.shop.ids.change(self.number),
            "catalog_object_id": key,
            "catalog_object_type": "ITEM_VARIATION",
            "occurred_at": precise(at),
            "created_at": precise(at),
            "source": _SOURCE,
            "team_member_id": self.shop.ids.team_member(0),
        }


def count_of(key: str, location_id: str, state: str, quantity: int, at: int) -> Doc:
    return {
        "catalog_object_id": key,
        "catalog_object_type": "ITEM_VARIATION",
        "state": state,
        "location_id": location_id,
        "quantity": quantity_text(quantity),
        "calculated_at": precise(at),
    }
