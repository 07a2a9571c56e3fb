"""How many calls a platform allows, as `directives/rate_budgets.md` declares it, and who shares them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import frontmatter
import yaml

from execution.errors import UserError

CallClass = Literal["live", "incremental", "backfill"]

DIRECTIVE = Path(__file__).parents[1] / "directives" / "rate_budgets.md"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Limits of one platform, until its headers say otherwise."""

    shared_by: str
    per_second: int
    per_day: int
    safety_margin: float
    backfill_share: float
    block_calls: int

    def __post_init__(self) -> None:
        if self.per_second < 1 or self.per_day < 1 or self.block_calls < 1:
            raise ValueError("per_second, per_day and block_calls must be 1 or more")
        if not 0 <= self.safety_margin < 1 or not 0 < self.backfill_share <= 1:
            raise ValueError("safety_margin must be in [0, 1) and backfill_share in (0, 1]")


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whose calls are counted together. `key` names a hash, so that neither ledger nor Valkey holds an app key."""

    platform: str
    key: str


def scope_of_app(platform: str, client_id: str) -> Scope:
    """The scope of everything that one application key calls."""
    digest = hashlib.sha256(f"{platform}:{client_id}".encode()).hexdigest()[:16]
    return Scope(platform=platform, key=f"{platform}:app:{digest}")


def load_budgets(path: Path = DIRECTIVE) -> Mapping[str, Budget]:
    """The budgets by platform; a directive that cannot be used is one clear line."""
    try:
        declared: dict[str, dict[str, Any]] = frontmatter.load(str(path))["budgets"]  # type: ignore[assignment]
        return {platform: Budget(**fields) for platform, fields in declared.items()}
    except FileNotFoundError:
        raise UserError(f"{path.name} is missing:", hint="restore the folder directives/.") from None
    except (OSError, AttributeError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"The front matter of {path.name} cannot be used ({error}):", hint="correct it.") from None
