"""Which platforms there are, and what they hold: the registry. A platform is a package and its name below.

One that is not built in is registered: by an entry point of the group `keeper.platforms`, or by `register`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType

from execution.errors import UserError
from execution.pagination import registry
from execution.platforms import changed_objects, upkeep
from execution.platforms.etsy.platform import ETSY
from execution.platforms.platform import Announced, Platform
from execution.platforms.printify.platform import PRINTIFY
from execution.platforms.shopify.platform import SHOPIFY
from execution.platforms.square.platform import SQUARE
from execution.streams import Entity, Step

# In the order in which a seller thinks of them: where things are sold, then who makes them.
BUILT_IN = (ETSY, SHOPIFY, SQUARE, PRINTIFY)
# Told to sellers as coming; nothing of them is read.
ANNOUNCED: Mapping[str, Announced] = {}

_known: dict[str, Platform] = {}
# Every platform that is known now, by name.
PLATFORMS: Mapping[str, Platform] = MappingProxyType(_known)


class _Registered(AbstractContextManager[Platform]):
    """A registration that lasts, or as long as the block that it is used for."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def __enter__(self) -> Platform:
        return self._platform

    def __exit__(self, *_: object) -> None:
        del _known[self._platform.name]


def register(platform: Platform) -> AbstractContextManager[Platform]:
    """Make a platform known to this process, before its settings are read. As a context manager: until it ends."""
    if platform.name in _known:
        raise ValueError(f"there is a platform {platform.name} already")
    registry.add(platform.paginators)
    _known[platform.name] = platform
    return _Registered(platform)


for _platform in BUILT_IN:
    register(_platform)
for _point in entry_points(group="keeper.platforms"):
    register(_point.load())


def shown() -> Mapping[str, Announced]:
    """Every platform that sellers are shown, by name: those that are read, then those that are announced."""
    return {**_known, **ANNOUNCED}


def platform_named(name: str) -> Platform:
    """The platform, or a UserError that names those there are."""
    if name not in PLATFORMS:
        raise UserError(f"Unknown platform {name!r}.", hint=f"Choose one of: {', '.join(sorted(PLATFORMS))}.")
    return PLATFORMS[name]


def directives() -> tuple[Path, ...]:
    """The pages of platforms that bring their own; budgets and jobs of the others stand in directives/."""
    return tuple(platform.directive for platform in PLATFORMS.values() if platform.directive)


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """What the platforms hold, as one process reads it. `readings`: the way that was chosen for a platform."""

    readings: Mapping[str, str] = field(default_factory=dict)

    def of(self, platform: str) -> tuple[Entity, ...]:
        """The entities of a platform, in their order, or a UserError that lists the platforms there are."""
        return platform_named(platform).entities(self.readings.get(platform))

    def in_round(self, platform: str, name: str) -> Entity:
        """One entity as its rounds read it."""
        return self.find(platform, name).for_round()

    def find(self, platform: str, name: str) -> Entity:
        """One entity of a platform, or a UserError that lists the entities there are."""
        entities = self.of(platform)
        if name == changed_objects.NAME:
            return changed_objects.entity_of(platform_named(platform).changes, entities)
        if name == upkeep.NAME:
            return upkeep.entity_of(platform_named(platform))
        for entity in entities:
            if entity.name == name:
                return entity
        known = ", ".join(entity.name for entity in entities)
        raise UserError(f"Unknown entity {name!r} of {platform}.", hint=f"Choose one of: {known}.")


# As the settings have it unless they say otherwise.
CATALOG = Catalog()


def entity_of_streams(platform: str) -> dict[str, str]:
    """The entity whose stream or lookup each is, whichever way it is read; the first that has it."""
    found: dict[str, str] = {}
    for entity, step in _every_step(platform):
        found.setdefault(step.name, entity.name)
    return found


def steps_of(platform: str) -> tuple[Step, ...]:
    """The steps of a platform's entities, whichever way they are read: the database has functions for all of them."""
    found: list[Step] = []
    for _, step in _every_step(platform):
        if step not in found:
            found.append(step)
    return tuple(found)


def _every_step(platform: str) -> Iterator[tuple[Entity, Step]]:
    """Of a backfill and of rounds, whichever way it is read; a step may come several times."""
    for entities in platform_named(platform).readings.values():
        for entity in entities:
            for step in (*entity.steps, *entity.for_round().steps):
                yield entity, step
