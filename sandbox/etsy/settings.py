"""What can be set at run time, with Etsy's own values where they are known (docs/sandbox-etsy.md lists them)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

CHECKS = ("key_form", "key", "rate_limit", "bearer_form", "bearer", "scope", "ownership", "parameters")

_CHOICES = {
    "second_window": ("fixed", "sliding"),
    "reuse_old_refresh_token": ("deny", "allow"),
    "consent": ("grant", "deny"),
    "ledger_order": ("desc", "asc"),
    "limit_over_maximum": ("error", "clamp"),
}


@dataclass(kw_only=True)
class Settings:
    """Changed as a whole by `change`, which refuses what makes no sense."""

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

    def change(self, wanted: dict[str, Any]) -> None:
        """Take all of `wanted`, or raise ValueError and take nothing."""
        kinds = {f.name: f.type for f in fields(self)}
        for name, value in wanted.items():
            if name not in kinds:
                raise ValueError(f"unknown setting {name}; known: {', '.join(kinds)}")
            _check(name, value, str(kinds[name]))
        for name, value in wanted.items():
            setattr(self, name, value)


def _check(name: str, value: Any, kind: str) -> None:
    if name in _CHOICES and value not in _CHOICES[name]:
        raise ValueError(f"{name} must be one of {', '.join(_CHOICES[name])}")
    if name == "check_order" and sorted(map(str, value)) != sorted(CHECKS):
        raise ValueError(f"check_order must be a permutation of {', '.join(CHECKS)}")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "int" and not (isinstance(value, int) and number and 0 < value <= 10**12):
        raise ValueError(f"{name} must be a whole number from 1 to 10^12")
    if kind == "float" and not (number and value >= 0):
        raise ValueError(f"{name} must be a number of at least 0")
    if kind == "bool" and not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false")
    if name == "day_bucket_seconds" and 86_400 % value:
        raise ValueError("day_bucket_seconds must divide 86400")
    if name == "token_error_probability" and value > 1:
        raise ValueError("token_error_probability must lie between 0 and 1")
