"""Which of a user's shops is meant: a platform and a shop's id narrow them, and what fits none of them is an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from execution.catalog import platform_named
from execution.errors import UserError

Facts = Mapping[str, Any]
# Of the facts of `backfill_status`: the lists whose rows name their connection.
_LISTS = ("connections", "jobs", "failures")


def chosen(facts: Facts, *, platform: str | None, shop_id: str | None = None) -> list[Facts]:
    """The user's connections that are meant; all of them where nothing narrows them.

    UserError with a code where there is none ('not_connected', 'unknown_shop') and where a shop's id alone means two
    ('ambiguous_shop'); its hint lists the user's shops.
    """
    if platform is not None:
        platform_named(platform)
    found = matching(facts["connections"], platform=platform)
    if not found:
        raise UserError(
            f"User {facts['user_id']} has {f'not connected {platform}' if platform else 'no connected shop'}.",
            hint=f"Run `keeper connect{f' {platform}' if platform else ''}` first.",
            code="not_connected",
        )
    if shop_id is None:
        return found
    shops = matching(found, shop_id=shop_id)
    if not shops:
        raise UserError(
            f"User {facts['user_id']} has no shop {shop_id}{f' at {platform}' if platform else ''}.",
            hint=f"Choose one of: {listed(found)}.",
            code="unknown_shop",
        )
    if len(shops) > 1:
        raise UserError(
            f"Shop {shop_id} is a shop of {' and of '.join(one['platform'] for one in shops)}.",
            hint=f"Name the platform as well, one of: {listed(shops)}.",
            code="ambiguous_shop",
        )
    return shops


def matching(connections: Sequence[Facts], *, platform: str | None = None, shop_id: str | None = None) -> list[Facts]:
    """Those of this platform and of a shop with this id; None narrows nothing, and nothing that fits is no error."""
    return [one for one in connections if platform in (None, one["platform"]) and shop_id in (None, one["shop_id"])]


def listed(connections: Sequence[Facts]) -> str:
    """Shops as a person tells them apart."""
    return ", ".join(
        f"{one['platform']} {one['shop_id']}" + (f" ({one['shop_name']})" if one["shop_name"] else "")
        for one in connections
    )


def narrowed(facts: Facts, connections: Sequence[Facts]) -> dict[str, Any]:
    """A user's status as far as these connections go."""
    ids = {one["connection_id"] for one in connections}
    return {**facts, **{name: [row for row in facts[name] if row["connection_id"] in ids] for name in _LISTS}}


def origins(rows: Sequence[Facts]) -> Callable[[Facts], str]:
    """How a row's origin is called among these: by its platform, and by its shop where two of them share a platform."""
    shops: dict[str, set[str]] = {}
    for row in rows:
        shops.setdefault(row["platform"], set()).add(row["shop_id"])

    def origin(row: Facts) -> str:
        several = len(shops.get(row["platform"], ())) > 1
        return f"{row['platform']} {row['shop_id']}" if several else str(row["platform"])

    return origin
