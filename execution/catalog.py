"""Which platforms there are: how each is called, and what it holds. Adding one is its files and two lines here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from execution.errors import UserError
from execution.platforms import changed_objects as changes
from execution.platforms.etsy import streams as sync_etsy
from execution.platforms.etsy.api import ETSY
from execution.platforms.platform import Platform
from execution.platforms.printify import streams as sync_printify
from execution.platforms.printify.api import PRINTIFY
from execution.platforms.shopify import rest_streams as sync_shopify_rest
from execution.platforms.shopify import streams as sync_shopify
from execution.platforms.shopify.api import SHOPIFY
from execution.streams import Entity, Step

PLATFORMS: dict[str, Platform] = {platform.name: platform for platform in (ETSY, PRINTIFY, SHOPIFY)}


def platform_named(name: str) -> Platform:
    """The platform, or a UserError that names those there are."""
    if name not in PLATFORMS:
        raise UserError(f"Unknown platform {name!r}.", hint=f"Choose one of: {', '.join(sorted(PLATFORMS))}.")
    return PLATFORMS[name]


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """What the platforms hold, as one process reads it. Entities have the same names whichever way they are read."""

    entities: Mapping[str, tuple[Entity, ...]]

    @classmethod
    def reading(cls, *, shopify_by: Literal["graphql", "rest"]) -> Self:
        """`shopify_by`: which of its two APIs Shopify's orders and customers are read from (SHOPIFY_READ)."""
        shopify = sync_shopify_rest if shopify_by == "rest" else sync_shopify
        return cls(
            entities={
                ETSY.name: sync_etsy.ENTITIES,
                PRINTIFY.name: sync_printify.ENTITIES,
                SHOPIFY.name: shopify.ENTITIES,
            }
        )

    def of(self, platform: str) -> tuple[Entity, ...]:
        """The entities of a platform, in their order, or a UserError that lists the platforms there are."""
        return self.entities[platform_named(platform).name]

    def find(self, platform: str, name: str) -> Entity:
        """One entity of a platform, or a UserError that lists the entities there are."""
        entities = self.of(platform)
        if name == changes.NAME:
            return changes.entity_of(platform, entities)
        for entity in entities:
            if entity.name == name:
                return entity
        known = ", ".join(entity.name for entity in entities)
        raise UserError(f"Unknown entity {name!r} of {platform}.", hint=f"Choose one of: {known}.")


# As the settings have it unless they say otherwise.
CATALOG = Catalog.reading(shopify_by="graphql")


def steps_of(platform: str) -> tuple[Step, ...]:
    """The steps of a platform's entities, whichever way they are read: the database has functions for all of them."""
    ways = (CATALOG, Catalog.reading(shopify_by="rest"))
    named = {step.name: step for way in ways for entity in way.of(platform) for step in entity.steps}
    return tuple(named.values())
