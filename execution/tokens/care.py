"""Keeps alive the pairs that nobody uses: an idle refresh token dies (Etsy and Shopify: after 90 days).

The clock calls `once` until nothing is due. Two clocks at once do no harm: each pair is claimed like any refresh.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from execution.errors import Signal, UserError
from execution.keyring import Keyring, TokenUnreadable
from execution.store import Rpc
from execution.tokens.refresh import REFRESH_TIMES, Refresher, RefreshTimes
from execution.tokens.rules import TokenIssuer
from execution.tokens.stored_pair import opened

# Sellers are told a month before a pasted token ends.
EXPIRES_SOON = timedelta(days=30)

log = structlog.get_logger()


def ending_soon(store: Rpc, user_id: str | None = None) -> list[dict[str, Any]]:
    """The connections whose token ends within a month and cannot be refreshed; one user's, or all."""
    within = EXPIRES_SOON.total_seconds()
    found: list[dict[str, Any]] = store.rpc("expiring_tokens", p_within_seconds=within, p_user_id=user_id)
    return found


@dataclass(frozen=True, kw_only=True)
class TokenCare:
    """Looks after the pairs of all platforms that this process is set up for."""

    store: Rpc
    keyring: Keyring
    platforms: Mapping[str, TokenIssuer]
    # Raises UserError where this process lacks the platform's credentials.
    refresher_of: Callable[[str], Refresher]
    times: RefreshTimes = REFRESH_TIMES

    def once(self) -> bool:
        """Refresh one pair that is old enough; False when none is. What fails is logged and left for later."""
        ready = self._ready()
        ages = {
            name: rules.keep_alive.total_seconds()
            for name, rules in ((name, self.platforms[name].tokens) for name in ready)
            if rules.keep_alive is not None and rules.refresh is not None
        }
        fence = str(uuid.uuid4())
        row: dict[str, Any] | None = self.store.rpc(
            "claim_token_care", p_fence=fence, p_ages=ages, p_patience_seconds=self.times.claim_s
        )
        if row is None:
            return False
        with structlog.contextvars.bound_contextvars(user_id=row["user_id"]):
            self._refresh(row, fence, ready[row["platform"]])
        return True

    def warn(self) -> int:
        """Log the connections whose token ends soon and cannot be refreshed; how many there are."""
        soon = ending_soon(self.store)
        for row in soon:
            log.warning(
                "token_ends_soon",
                platform=row["platform"],
                connection_id=row["connection_id"],
                user_id=row["user_id"],
                expires_at=row["expires_at"],
                advice="only the seller can connect again with a fresh token",
            )
        return len(soon)

    def _ready(self) -> dict[str, Refresher]:
        """The platforms whose credentials this process has; the others are looked after elsewhere."""
        found = {}
        for name in self.platforms:
            try:
                found[name] = self.refresher_of(name)
            except UserError:
                continue
        return found

    def _refresh(self, row: dict[str, Any], fence: str, refresher: Refresher) -> None:
        platform = row["platform"]
        try:
            refresher.run(opened(row, self.keyring), fence)
        except Signal as signal:
            log.warning("care_failed", platform=platform, connection_id=row["connection_id"], reason=signal.reason)
        except TokenUnreadable as error:
            self.store.rpc("fail_token_refresh", p_fence=fence, p_reason=str(error), p_final=False)
            reason = str(error)
            log.error("token_unreadable", platform=platform, connection_id=row["connection_id"], reason=reason)  # noqa: TRY400
