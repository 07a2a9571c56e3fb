"""What sellers read of a platform: what it brings, and the form that connects it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ShopField:
    """The seller names the shop before the consent page: a field with what stands behind it."""

    label: str
    suffix: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class PastedToken:
    """The seller may paste a token in place of confirming at a consent page."""

    heading: str
    label: str
    hint: str
    # Of a platform where one token covers several shops; each is known by a number there.
    shop_label: str = ""


@dataclass(frozen=True, kw_only=True)
class Colour:
    """Of a platform's mark and bars, on a light page and on a dark one: `#` and six digits each."""

    light: str
    dark: str


GREY = Colour(light="#4c5a67", dark="#a3b0bc")


@dataclass(frozen=True, kw_only=True)
class SellerWords:
    """`brings`: what connecting is good for, in a line. `lead` stands above the form that connects, where there is one.

    `shop_form`: how the platform itself writes a shop's id, for whoever has to type one. `failures`: texts by code,
    where there is no usual one (`execution/seller_messages.py`) or it does not fit.
    """

    brings: str
    lead: str = ""
    consent_heading: str = ""
    consent_hint: str = ""
    shop: ShopField | None = None
    pasted: PastedToken | None = None
    shop_form: str = ""
    colour: Colour = GREY
    failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_form(self) -> bool:
        """Whether the seller has something to type before the platform's consent page, or in place of it."""
        return self.shop is not None or self.pasted is not None
