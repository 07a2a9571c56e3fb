"""What can be set at run time, with Printify's own values where known (docs/sandbox-printify.md lists them)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sandbox.parts.settings import RuntimeSettings


@dataclass(kw_only=True)
class Settings(RuntimeSettings):
    """Changed as a whole by `change`, which refuses what makes no sense."""

    choices: ClassVar = {
        "minute_window": ("sliding", "fixed"),
        "refresh_token": ("rotate", "same"),
        "reuse_old_refresh_token": ("allow", "deny"),
        "consent": ("grant", "deny", "ask"),
        "orders_over_maximum": ("clamp", "error"),
        "products_over_maximum": ("error", "clamp"),
        "envelope": ("whole", "short"),
        "error_share": ("report", "block"),
        "cost_is": ("unit", "line"),
    }

    per_minute: int = 600
    catalog_per_minute: int = 100
    publish_per_half_hour: int = 200
    minute_window: str = "sliding"
    rejected_calls_count: bool = True
    retry_after: bool = False
    error_share: str = "report"
    max_error_share: float = 0.05
    error_window_seconds: int = 3600
    error_share_from: int = 100
    access_token_seconds: int = 21_600
    refresh_token: str = "rotate"  # noqa: S105 - a word
    reuse_old_refresh_token: str = "deny"  # noqa: S105 - a word
    token_error_probability: float = 0.0
    token_delay_seconds: float = 0.0
    consent: str = "grant"
    orders_over_maximum: str = "clamp"
    products_over_maximum: str = "error"
    envelope: str = "whole"
    cost_is: str = "unit"
    webhook_retry_seconds: float = 1.0
    webhook_block_seconds: int = 3600
    gzip: bool = False
