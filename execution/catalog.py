"""Which platforms there are: how each is called, and what it holds. Adding one is its files and two lines here."""

from __future__ import annotations

from typing import Literal

from execution import changes, sync_etsy, sync_printify, sync_shopify, sync_shopify_rest
from execution.door.etsy_api import ETSY
from execution.door.printify_api import PRINTIFY
from execution.door.shopify_api import SHOPIFY
from execution.errors import UserError
from execution.platforms import Platform
from execution.streams import Entity

PLATFORMS: dict[str, Platform] = {platform.name: platform for platform in (ETSY, PRINTIFY, SHOPIFY)}
ENTITIES: dict[str, tuple[Entity, ...]] = {
    ETSY.name: sync_etsy.ENTITIES,
    PRINTIFY.name: sync_printify.ENTITIES,
    SHOPIFY.name: sync_shopify.ENTITIES,
}


def read_shopify_by(way: Literal["graphql", "rest"]) -> None:
    """Which of its two APIs this process reads Shopify's orders and customers from (SHOPIFY_READ)."""
    ENTITIES[SHOPIFY.name] = sync_shopify_rest.ENTITIES if way == "rest" else sync_shopify.ENTITIES


def platform_named(name: str) -> Platform:
    """The platform, or a UserError that names those there are."""
    if name not in PLATFORMS:
        raise UserError(f"Unknown platform {name!r}.", hint=f"Choose one of: {', '.join(sorted(PLATFORMS))}.")
    return PLATFORMS[name]


def platform_entities(platform: str) -> tuple[Entity, ...]:
    """The entities of a platform, in their order, or a UserError that lists the platforms there are."""
    return ENTITIES[platform_named(platform).name]


def find_entity(platform: str, name: str) -> Entity:
    """One entity of a platform, or a UserError that lists the entities there are."""
    entities = platform_entities(platform)
    if name == changes.NAME:
        return changes.entity_of(platform, entities)
    for entity in entities:
        if entity.name == name:
            return entity
    known = ", ".join(entity.name for entity in entities)
    raise UserError(f"Unknown entity {name!r} of {platform}.", hint=f"Choose one of: {known}.")
