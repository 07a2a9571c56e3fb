"""What can be set at run time, with Square's own values where they are known (docs/sandbox-square.md lists them)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from sandbox.parts.settings import RuntimeSettings
from sandbox.square.api_versions import NEWEST, is_version


@dataclass(kw_only=True)
class Settings(RuntimeSettings):
    """Changed as a whole by `change`, which refuses what makes no sense."""

    choices: ClassVar = {
        "consent": ("grant", "deny", "ask"),
        "unknown_parameters": ("refuse", "ignore"),
        "appointments_plan": ("plus", "free"),
        "updated_window": ("cut", "free"),
        "webhook_token": ("application", "any"),
    }

    per_second: int = 20
    retry_after: int | None = None
    default_version: str = NEWEST
    cursor_seconds: int = 300
    access_token_seconds: int = 30 * 86_400
    pkce_refresh_token_seconds: int = 90 * 86_400
    token_error_probability: float = 0.0
    token_delay_seconds: float = 0.0
    consent: str = "grant"
    redirect_uris: list[str] = field(default_factory=list)
    unknown_parameters: str = "refuse"
    appointments_plan: str = "plus"
    updated_window: str = "cut"
    bookings_page: int = 100
    vendors_page: int = 50
    catalog_page: int = 1000
    webhook_token: str = "application"  # noqa: S105 - a word
    webhook_retry_seconds: list[float] = field(default_factory=lambda: [60.0 * 2**step for step in range(10)])
    gzip: bool = False

    def check(self, name: str, value: Any, kind: str) -> None:
        super().check(name, value, kind)
        if name == "default_version" and not is_version(value):
            raise ValueError("default_version must be a date, YYYY-MM-DD")
        if name == "retry_after" and not (value is None or (isinstance(value, int) and value >= 0)):
            raise ValueError("retry_after must be a whole number of seconds, or null")
        if name == "catalog_page" and value > 1000:
            raise ValueError("catalog_page must be at most 1000")
