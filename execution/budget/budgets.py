"""How many calls a platform allows, as a directive declares it (`directives/rate_budgets.md`), and who shares them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import frontmatter
import yaml

from execution.errors import UserError
from execution.platform_settings import PlatformSettings
from execution.shipped import folder

CallClass = Literal["live", "incremental", "backfill", "sample"]
SharedBy = Literal["app", "account", "shop"]

DIRECTIVE = folder("directives") / "rate_budgets.md"


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket that a call empties and time fills: GraphQL points, or calls of a leaky bucket."""

    maximum: float
    restore_per_s: float

    def __post_init__(self) -> None:
        if self.maximum <= 0 or self.restore_per_s <= 0:
            raise ValueError("a bucket needs a maximum and restore_per_s above 0")


@dataclass(frozen=True, kw_only=True)
class ErrorShare:
    """How large a share of all answers may be errors: `pause` holds the scope for a while, `stop` for long."""

    pause: float
    stop: float

    def __post_init__(self) -> None:
        if not 0 < self.pause < self.stop < 1:
            raise ValueError("error_share needs 0 < pause < stop < 1")


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Limits of one platform, until its answers say otherwise. None: the platform has no such limit."""

    shared_by: SharedBy
    per_second: int | None = None
    per_minute: int | None = None
    per_day: int | None = None
    points: Bucket | None = None
    calls: Bucket | None = None
    safety_margin: float
    day_margin: float = 0.0
    backfill_share: float = 0.5
    live_share: float = 0.0
    # Of the day: what one person's questions may take, and those of all persons that could as well not be asked.
    person_share: float = 1.0
    people_share: float = 1.0
    block_calls: int = 20
    error_share: ErrorShare | None = None

    def __post_init__(self) -> None:
        if self.shared_by not in ("app", "account", "shop"):
            raise ValueError("shared_by must be app, account or shop")
        if any(limit is not None and limit < 1 for limit in (self.per_second, self.per_minute, self.per_day)):
            raise ValueError("per_second, per_minute and per_day must be 1 or more, or null")
        if self.block_calls < 1:
            raise ValueError("block_calls must be 1 or more")
        if not 0 <= self.safety_margin < 1 or not 0 <= self.day_margin < 1:
            raise ValueError("safety_margin and day_margin must be in [0, 1)")
        if not 0 < self.backfill_share <= 1 or not 0 <= self.live_share <= 1 - self.backfill_share:
            raise ValueError("backfill_share must be in (0, 1] and live_share in what it leaves")
        if not 0 < self.person_share <= self.people_share <= 1:
            raise ValueError("person_share must be above 0 and at most people_share, and that at most 1")

    @property
    def pace(self) -> float | None:
        """Calls per second that the limits per second and per minute allow together; None without either."""
        limits = [self.per_second, None if self.per_minute is None else self.per_minute / 60]
        return min((limit for limit in limits if limit is not None), default=None)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whose calls are counted together. `key` names a hash, so that neither ledger nor Valkey holds an app key."""

    platform: str
    key: str


def scope_of(budget: Budget, settings: PlatformSettings, *, account: str = "", shop: str = "") -> Scope:
    """The scope that a connection's calls count against, by the directive's `shared_by`."""
    whose = {"app": "", "account": account, "shop": shop}[budget.shared_by]
    if budget.shared_by != "app" and not whose:
        raise ValueError(f"the budget of {settings.name} is shared by {budget.shared_by}, and none was named")
    parts = [settings.name, settings.client_id, *([whose] if whose else [])]
    digest = hashlib.sha256(":".join(parts).encode()).hexdigest()[:16]
    return Scope(platform=settings.name, key=f"{settings.name}:{budget.shared_by}:{digest}")


def load_budgets(*pages: Path) -> Mapping[str, Budget]:
    """The budgets by platform: the directive's, and those of platforms that bring a page of their own."""
    return {platform: budget for page in (DIRECTIVE, *pages) for platform, budget in budgets_in(page).items()}


def budgets_in(path: Path) -> Mapping[str, Budget]:
    """The budgets that one page declares; a page that cannot be used is one clear line."""
    try:
        declared: dict[str, dict[str, Any]] = frontmatter.load(str(path))["budgets"]  # type: ignore[assignment]
        return {platform: _budget(fields) for platform, fields in declared.items()}
    except FileNotFoundError:
        raise UserError(f"{path.name} is missing:", hint="restore the folder directives/.") from None
    except (OSError, AttributeError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"The front matter of {path.name} cannot be used ({error}):", hint="correct it.") from None


def _budget(fields: Mapping[str, Any]) -> Budget:
    made: dict[str, Any] = {"points": Bucket, "calls": Bucket, "error_share": ErrorShare}
    values = {name: made[name](**value) if name in made and value else value for name, value in fields.items()}
    return Budget(**values)
