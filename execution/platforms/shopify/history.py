"""How far back Shopify shows a shop's records to us, and how its APIs take a moment."""

from __future__ import annotations

from datetime import UTC, datetime

from execution.errors import Refusal
from execution.pagination.paginator import Bounds, Send
from execution.platforms.shopify.graphql import GRANTED, data_of, granted_in, graphql
from execution.streams import Stream

# Orders older than this are absent, without a word, unless the scope was granted (sheet 0.7).
_SEEN_WITHOUT_SCOPE_S = 60 * 86_400
_SCOPES = f"query KeeperScopes {{ {GRANTED} }}"


def demand_history(stream: Stream, scope: str, granted: set[str], bounds: Bounds) -> None:
    """What we may not see is absent without a word: everything that came is stored, and this is not complete."""
    if scope in granted or bounds.end - bounds.start <= _SEEN_WITHOUT_SCOPE_S:
        return
    raise Refusal(
        f"{stream.name}: without {scope} only the last 60 days are shown",
        code="history_limited",
        facts={"scope": scope},
        of_shop=False,
    )


def scopes(send: Send) -> set[str]:
    """What the seller granted, as Shopify says."""
    return granted_in(data_of(send(graphql(_SCOPES, points=15))))


def iso_time(seconds: int) -> str:
    """A moment as both of Shopify's APIs take it: in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
