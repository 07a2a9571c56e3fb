"""How much of what came may be rejected before an entity is not called complete: declared in directives/backfill.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from execution.errors import Fatal
from execution.front_matter import front_matter
from execution.shipped import folder

DIRECTIVE = folder("directives") / "backfill.md"


@dataclass(frozen=True, kw_only=True)
class RejectLimits:
    """The most that may be kept aside of what a stream or a look-up brought, as a share and as a number."""

    share: float
    number: int

    @classmethod
    def load(cls, path: Path = DIRECTIVE) -> Self:
        """As the directive's front matter declares it. Raises UserError where that cannot be used."""
        with front_matter(path, "`rejects`") as declared:
            rejects = declared["rejects"]
            share, number = float(rejects["share"]), int(rejects["number"])
            if not 0 <= share <= 1 or number < 0:
                raise ValueError("a share from 0 to 1, a number from 0 on")
        return cls(share=share, number=number)

    def allow(self, *, read: int, rejected: int) -> bool:
        """Never where nothing of it is held."""
        return not rejected or (rejected < read and rejected <= min(self.number, self.share * read))

    def shortfall(self, entity: str, found: Sequence[Mapping[str, Any]]) -> Fatal | None:
        """Why this is not all of an entity: `found` as SQL `job_rejects` tells it."""
        if all(self.allow(read=one["read"], rejected=one["rejected"]) for one in found):
            return None
        read, rejected = (sum(int(one[name]) for one in found) for name in ("read", "rejected"))
        return Fatal(
            f"{entity}: {rejected} of {read} records that came could not be mapped",
            code="records_rejected",
            facts={"read": f"{read:,}", "rejected": f"{rejected:,}"},
        )
