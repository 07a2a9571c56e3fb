"""Which platforms there are. Adding one is a file of streams and a line here."""

from __future__ import annotations

from execution import sync_etsy
from execution.errors import UserError
from execution.streams import Entity

ENTITIES: dict[str, tuple[Entity, ...]] = {
    "etsy": sync_etsy.ENTITIES,
}


def platform_entities(platform: str) -> tuple[Entity, ...]:
    """The entities of a platform, in their order, or a UserError that lists the platforms there are."""
    try:
        return ENTITIES[platform]
    except KeyError:
        known = ", ".join(sorted(ENTITIES))
        raise UserError(f"Unknown platform {platform!r}.", hint=f"Choose one of: {known}.") from None


def find_entity(platform: str, name: str) -> Entity:
    """One entity of a platform, or a UserError that lists the entities there are."""
    entities = platform_entities(platform)
    for entity in entities:
        if entity.name == name:
            return entity
    known = ", ".join(entity.name for entity in entities)
    raise UserError(f"Unknown entity {name!r} of {platform}.", hint=f"Choose one of: {known}.")
