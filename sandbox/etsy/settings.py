"""What can be set at run time, with Etsy's own values where they are known (docs/sandbox-etsy.md lists them)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from sandbox.parts.settings import RuntimeSettings

CHECKS = ("key_form", "key", "rate_limit", "bearer_form", "bearer", "scope", "ownership", "parameters")


@dataclass(kw_only=True)
class Settings(RuntimeSettings):
    """Changed as a whole by `change`, which refuses what makes no sense."""

    choices: ClassVar = {
        "second_window": ("fixed", "sliding"),
        "reuse_old_refresh_token": ("deny", "allow"),
        "consent": ("grant", "deny", "ask"),
        "ledger_order": ("desc", "asc"),
        "limit_over_maximum": ("error", "clamp"),
    }

    per_second: int = 10
    per_day: int = 10_000
    second_window: str = "fixed"
    day_bucket_seconds: int = 3600
    rejected_calls_count: bool = True
    misspell_remaining_header: bool = False
    check_order: list[str] = field(default_factory=lambda: list(CHECKS))
    reuse_old_refresh_token: str = "deny"  # noqa: S105 - a word
    access_token_seconds: int = 3600
    refresh_token_seconds: int = 7_776_000
    token_error_probability: float = 0.0
    token_delay_seconds: float = 0.0
    consent: str = "grant"
    consent_user_id: int | None = None
    redirect_uris: list[str] = field(default_factory=list)
    ledger_order: str = "desc"
    limit_over_maximum: str = "error"
    gzip: bool = False

    def check(self, name: str, value: Any, kind: str) -> None:
        super().check(name, value, kind)
        if name == "check_order" and sorted(map(str, value)) != sorted(CHECKS):
            raise ValueError(f"check_order must be a permutation of {', '.join(CHECKS)}")
        if name == "day_bucket_seconds" and 86_400 % value:
            raise ValueError("day_bucket_seconds must divide 86400")
