"""Looking after a connection: an entity of its own, which every platform has and which brings no records.

Which rights the seller grants now is asked of the shop (`Rights.may_change`), and the subscriptions to its webhooks are
made, and mended (`Webhooks.subscriptions`). As a job it is leased, budgeted, parked and tried again as any other.
"""

from __future__ import annotations

from execution.platforms.platform import Platform
from execution.streams import Entity, Step, Upkeep

NAME = "connection"
RIGHTS = Upkeep(name="rights")
WEBHOOKS = Upkeep(name="webhooks")


def entity_of(platform: Platform) -> Entity:
    """The steps that there are something to do for."""
    steps: list[Step] = [RIGHTS] if platform.rights.may_change else []
    if platform.webhooks is not None and platform.webhooks.subscriptions is not None:
        steps.append(WEBHOOKS)
    return Entity(name=NAME, table="", steps=tuple(steps))
