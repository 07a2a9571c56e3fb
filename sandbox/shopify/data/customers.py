"""Who buys: each customer's name, address and contact are the same in every order of theirs."""

from __future__ import annotations

import html
from typing import NamedTuple

from sandbox.parts.sample_people import ABROAD, COUNTRIES, NAMES, Country
from sandbox.parts.seeded_random import SeededRandom

_DOMAINS = ("example.com", "example.org", "mail.example.net", "münchen.example")
_TAGS = ("vip", "wholesale", "newsletter", "repeat", "Großhandel", "お得意様")
_NOTES = ("Allergic to lavender", "Prefers evening delivery", "Rechnung bitte per Post", "請勿電話聯絡")


class Person(NamedTuple):
    """One customer, in plain text: Shopify does not encode HTML."""

    number: int
    first: str | None
    last: str | None
    email: str | None
    phone: str | None
    street: str
    second_line: str | None
    city: str
    province: str | None
    zip: str
    country_code: str
    country: Country
    tags: tuple[str, ...]
    note: str | None
    state: str
    subscribed: bool
    locale: str

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.first, self.last) if part)

    @property
    def display_name(self) -> str:
        """Who has no name is shown by what else is known."""
        return self.name or self.email or self.phone or ""


def make_person(seed: int, home: str, number: int) -> Person:
    """Three in five live in the shop's country; one in thirty writes a name that no form expected."""
    rng = SeededRandom(f"{seed}:customer:{number}")
    code = home if rng.chance(600) else rng.pick(ABROAD)
    country = COUNTRIES[code]
    given, tree, _ = NAMES["emoji" if rng.chance(33) else country.script]
    city, province, postcode = rng.pick(country.cities)
    first = None if rng.chance(15) else html.unescape(rng.pick(given))
    last = None if rng.chance(25) else html.unescape(rng.pick(tree))
    by_phone = rng.chance(60)
    tags = sorted({rng.pick(_TAGS) for _ in range(rng.below(3))}) if rng.chance(250) else []
    return Person(
        number=number,
        first=first,
        last=last,
        email=None if by_phone else f"buyer{number}@{rng.pick(_DOMAINS)}",
        phone=f"+1555{number % 10_000_000:07d}" if by_phone or rng.chance(200) else None,
        street=f"{rng.between(1, 240)} {html.unescape(rng.pick(country.streets))}",
        second_line=f"Apt {rng.between(1, 60)}" if rng.chance(180) else None,
        city=html.unescape(city),
        province=province,
        zip=postcode,
        country_code=code,
        country=country,
        tags=tuple(tags),
        note=rng.pick(_NOTES) if rng.chance(40) else None,
        state=("DISABLED", "ENABLED", "INVITED", "DECLINED")[(0, 0, 0, 0, 0, 1, 1, 2, 3, 0)[rng.below(10)]],
        subscribed=rng.chance(420),
        locale=("en", "de", "fr", "es", "ja")[rng.below(5)],
    )
