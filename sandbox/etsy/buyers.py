"""Who buys: each buyer's name and address are the same in every order of theirs."""

from __future__ import annotations

from typing import NamedTuple

from sandbox.parts.sample_people import ABROAD, COUNTRIES, NAMES, Country
from sandbox.parts.seeded_random import SeededRandom


class Buyer(NamedTuple):
    """One buyer. Text is HTML-encoded, as Etsy sends it."""

    number: int
    name: str
    first_line: str
    second_line: str | None
    city: str
    state: str | None
    zip: str
    country_iso: str
    country: Country


def make_buyer(seed: int, home: str, number: int) -> Buyer:
    """Three in five live in the shop's country; one in thirty writes a name that no form expected."""
    rng = SeededRandom(f"{seed}:buyer:{number}")
    iso = home if rng.chance(600) else rng.pick(ABROAD)
    country = COUNTRIES[iso]
    given, family, order = NAMES["emoji" if rng.chance(33) else country.script]
    city, state, postcode = rng.pick(country.cities)
    return Buyer(
        number=number,
        name=order.format(rng.pick(given), rng.pick(family)),
        first_line=f"{rng.between(1, 240)} {rng.pick(country.streets)}",
        second_line=f"Apt {rng.between(1, 60)}" if rng.chance(180) else None,
        city=city,
        state=state,
        zip=postcode,
        country_iso=iso,
        country=country,
    )
