"""What a platform is: one value that says all that is particular to it. Each platform's package makes one.

Nothing outside the packages names a platform; what differs between them is asked of these values (CONTRIBUTING.md says
how one is added).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from execution.pagination.paginator import Paginator
from execution.platform_settings import PlatformSettings, PlatformVariables
from execution.platforms.api import Api, Revoke
from execution.platforms.changed_objects import Changes
from execution.platforms.consent import Consent
from execution.platforms.rights import Rights
from execution.platforms.webhooks import Webhooks
from execution.platforms.words import SellerWords
from execution.streams import Entity, Pages
from execution.tokens.rules import TokenRules, with_shop


@dataclass(frozen=True, kw_only=True)
class Announced:
    """A platform that sellers are told of. Alone: one that cannot be connected yet."""

    name: str
    title: str
    words: SellerWords
    variables: PlatformVariables
    tokens: TokenRules

    @property
    def seller_messages(self) -> Mapping[str, str]:
        """Its own texts for sellers, by code."""
        return self.words.failures


@dataclass(frozen=True, kw_only=True)
class Profit:
    """Which entities a profit needs: the one that brings fees, the one that brings what sold goods cost."""

    fees: str = ""
    costs: str = ""


@dataclass(frozen=True, kw_only=True)
class Platform(Announced):
    """A platform that is read.

    `readings`: its entities by the way they are read; the first is the usual one, and `PlatformVariables.reading` names
    the variable that chooses another. Entities have the same names whichever way they are read.
    `paginators`: its own ways of paging. `directive`: a page with its own front matter, `budgets` and `jobs` as in
    directives/rate_budgets.md and directives/backfill.md, for a platform that does not stand there.
    """

    api: Api
    rights: Rights
    readings: Mapping[str, tuple[Entity, ...]]
    consent: Consent | None = None
    revoke: Revoke | None = None
    webhooks: Webhooks | None = None
    changes: Changes = field(default_factory=Changes)
    profit: Profit = field(default_factory=Profit)
    paginators: Mapping[type[Pages], type[Paginator[Any]]] = field(default_factory=dict)
    directive: Path | None = None

    def entities(self, reading: str | None = None) -> tuple[Entity, ...]:
        """What it holds, read the usual way or this one."""
        return self.readings[reading] if reading else next(iter(self.readings.values()))

    def base_url(self, settings: PlatformSettings, shop_id: str) -> str:
        """Where this shop's calls go: the vendor's address, or what the settings put in its place."""
        return settings.api_url(with_shop(self.api.base_url, shop_id, self.tokens.shop_host)).rstrip("/")
