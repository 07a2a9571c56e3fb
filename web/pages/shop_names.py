"""How a seller's shops are told apart on a page: by platform, and by name where a platform has two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from web import messages

Shop = Mapping[str, Any]


def name_of(shop: Shop) -> str:
    return str(shop["shop_name"] or shop["shop_id"])


def keys_of(shops: Sequence[Shop]) -> dict[str, str]:
    """By connection: what its elements of the page are called: the platform, numbered from its second shop on."""
    seen: dict[str, int] = {}
    keys = {}
    for shop in shops:
        number = seen[shop["platform"]] = seen.get(shop["platform"], 0) + 1
        keys[shop["connection_id"]] = shop["platform"] if number == 1 else f"{shop['platform']}-{number}"
    return keys


def titles_of(shops: Sequence[Shop]) -> dict[str, str]:
    """By connection: what it is called in a sentence."""
    platforms = [platform for platform, _ in {(shop["platform"], shop["connection_id"]) for shop in shops}]
    return {
        shop["connection_id"]: messages.platform_title(shop["platform"])
        + (f" ({name_of(shop)})" if platforms.count(shop["platform"]) > 1 else "")
        for shop in shops
    }
