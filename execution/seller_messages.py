"""What sellers read, by code: when an entity has failed for good, or when nobody can say how much there is to read.

A platform's package may bring words of its own for a code (`Platform.seller_messages`); they go before these. A code
with no words at all still says something true.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Protocol

from execution.errors import Fatal

_OUR_FAULT = "Something is wrong on our side. Our engineers have been told; you need not do anything."

# {platform} is the platform's title; other names are facts of the failure.
MESSAGES: Mapping[str, str] = {
    "access_denied": "{platform} does not let us read this part. Please reconnect your shop, and allow everything that "
    "is asked for.",
    # Codes of endings that the database decides: whoever calls it brings the text along.
    "attempts_exhausted": "The platform did not answer properly for too long. You can start this again.",
    "cancelled": "Whoever runs this service has ended it. What was read stays; you can start it again.",
    "disconnected": "You disconnected this shop. Connect it again to go on.",
    "quarantined": "Something in this part of your shop stops our sync. Our engineers have been told.",
    "deletion_brake": "Much of your shop seems to be gone. Please check it; nothing was removed here.",
    "gone": "The platform no longer shows this shop.",
    "incomplete": "We could not prove that everything was copied. Our engineers have been told.",
    "no_shop": "This shop's address is not one that we may ask. Please connect it again.",
    "not_shown": "The platform did not show us everything that it announces. You can start this again.",
    # `page_too_big`, `search_warning`: a request of ours, however a platform says that it is wrong.
    **dict.fromkeys(("page_too_big", "platform_key_refused", "request_wrong", "search_warning"), _OUR_FAULT),
    "reconnect_needed": "{platform} no longer accepts our access. Please reconnect your shop.",
    "records_rejected": (
        "{rejected} of {read} records could not be read and are kept aside, so this is not all of it. "
        "Our engineers have been told; you can start this again."
    ),
    "right_missing": "{platform} has not given us the right {right}, which this part needs. Please reconnect your shop "
    "and allow it; the other parts go on.",
    "source_incomplete": "They come with the {source}, and follow once those are complete.",
    "wrong_address": "The platform sent us to an unknown address. Our engineers have been told.",
    # Why an estimate is not known.
    "ask_later": "Nothing more may be asked of the platform just now. Try again in a few minutes.",
    "count_not_told": "The platform did not tell us how much there is. The first pages will tell.",
    "just_begun": "It has just begun. The next pages will tell.",
    "not_connected": "Connect again first.",
    "paused": "Syncing is paused, so nothing is asked of the platform.",
    "platform_away": "The platform does not answer just now. Try again in a few minutes.",
    "renewed_first": "Our access has to be renewed first. The first pages will tell.",
}
OTHER = "This did not work. You can start it again."
# Only the seller can help, by connecting again: the access is gone, or too little was allowed.
RECONNECT_HELPS = frozenset(
    {"access_denied", "gone", "history_limited", "no_shop", "not_your_shop", "reconnect_needed", "right_missing"}
)


class Speaker(Protocol):
    """What a platform says of itself to sellers."""

    @property
    def title(self) -> str: ...
    @property
    def seller_messages(self) -> Mapping[str, str]: ...


def message_of(signal: Fatal, platform: Speaker) -> str:
    """What the seller reads of a failure: the platform's own text for its code, or ours."""
    text = platform.seller_messages.get(signal.words) or MESSAGES.get(signal.words, OTHER)
    facts = {"platform": platform.title, **signal.facts}
    return text.format_map(facts) if _names(text) <= facts.keys() else OTHER


def _names(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}
