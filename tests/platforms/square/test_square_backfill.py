"""A whole Square shop: every table equals the source, proven, at the least calls."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.standins.square import COMPLETE, Square
from tests.worlds.world import World

WorldOf = Callable[..., World]


@pytest.mark.parametrize("kind", ["shop", "salon"])
def test_everything_that_a_seller_has_is_copied_and_proven(square: Square, world_of: WorldOf, kind: str) -> None:
    world = world_of(square.shop(150, kind=kind))

    world.run()

    assert world.statuses() == COMPLETE
    assert world.wrong() == []
    assert world.rejected() == []
