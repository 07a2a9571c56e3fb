"""What can be set at run time, with Shopify's own values where they are known (docs/sandbox-shopify.md lists them)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from sandbox.parts.settings import RuntimeSettings

# Whole numbers that may be nought.
_FROM_ZERO = ("fees_after_seconds", "bulk_created_polls", "bulk_running_polls", "bulk_partial_polls")


@dataclass(kw_only=True)
class Settings(RuntimeSettings):
    """The control plane changes these while the sandbox runs."""

    choices: ClassVar[dict[str, tuple[str, ...]]] = {
        "customer_data": ("open", "redacted", "denied"),
        "past_most_paged": ("stop", "error"),
        "consent": ("grant", "deny", "ask"),
        "bulk_permission": ("granted", "denied"),
        "bulk_partial": ("late", "at_once", "never"),
        "bulk_cancel_result": ("partial", "none"),
        "bulk_order": ("shuffled", "grouped"),
        "bulk_agreements": ("taken", "refused"),
    }

    order_days: int = 60
    most_paged: int = 25_000
    past_most_paged: str = "stop"
    most_points: int = 1000
    points_scale: float = 1.0
    customer_data: str = "open"
    product_costs: bool = True
    fees_after_seconds: int = 0
    access_token_seconds: int = 3600
    refresh_token_seconds: int = 7_776_000
    token_error_probability: float = 0.0
    token_delay_seconds: float = 0.0
    consent: str = "grant"
    redirect_uris: list[str] = field(default_factory=list)
    rest: bool = True
    gzip: bool = False
    bulk_permission: str = "granted"
    bulk_slots: int = 5
    bulk_created_polls: int = 0
    bulk_running_polls: int = 1
    bulk_created_seconds: float = 0.0
    bulk_running_seconds: float = 0.0
    bulk_survives_token: bool = True
    bulk_order: str = "shuffled"
    bulk_agreements: str = "taken"
    bulk_partial: str = "late"
    bulk_partial_polls: int = 2
    bulk_cancel_result: str = "partial"
    bulk_url_seconds: int = 604_800
    bulk_finish_webhook: bool = True
    webhook_retry_seconds: list[float] = field(
        default_factory=lambda: [10.0, 30.0, 120.0, 600.0, 1800.0, 3000.0, 3600.0, 3600.0]
    )

    def check(self, name: str, value: Any, kind: str) -> None:
        if name in _FROM_ZERO and value == 0 and not isinstance(value, bool):
            return
        super().check(name, value, kind)
        if kind.startswith("list") and not isinstance(value, list):
            raise ValueError(f"{name} must be a list")
        if name == "points_scale" and value <= 0:
            raise ValueError("points_scale must be above 0")
