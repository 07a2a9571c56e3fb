"""Ask for rounds, and say which there are. What is promised, and how often, stands in directives/sync_orchestration.md.

Rounds are queued by the clock when they are due, and here when a person asks (SQL: rounds.sql). What a round reads is
declared with its entity (`streams.Round`); workers work it as any job.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Self

from execution import backfill_manager
from execution.connections.choice import chosen
from execution.errors import StoreError, UserError
from execution.front_matter import front_matter
from execution.shipped import folder
from execution.spans import span
from execution.store import Store

DIRECTIVE = folder("directives") / "sync_orchestration.md"

_DECLARED = "`promises`, `likely`, `least_price`, `rounds`, `lookbacks` and `sampling`"

RoundOutcome = Literal["queued", "already_running", "not_loaded", "not_connected"]
OUTCOME_WORDS: Mapping[RoundOutcome, str] = {
    "queued": "queued",
    "already_running": "already running",
    "not_loaded": "not loaded yet: its backfill comes first",
    "not_connected": "not connected any more",
}


@dataclass(frozen=True, kw_only=True)
class Lookback:
    """How far behind its bound the next round begins: at least, and at most, whatever was learned."""

    floor: timedelta
    cap: timedelta

    def __post_init__(self) -> None:
        if not timedelta() <= self.floor <= self.cap:
            raise ValueError("a lookback needs 0 <= floor <= cap")


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Of a day that all shops share: how much samples take, and how much has to be left over beside. Of any platform:
    how often an entity of a shop is sampled, and how many jobs may be open for it.
    """

    share: float
    reserve: float
    every: timedelta
    most: int

    def __post_init__(self) -> None:
        if not 0 <= self.share <= self.reserve < 1:
            raise ValueError("sampling needs 0 <= share <= reserve < 1")


@dataclass(frozen=True, kw_only=True)
class RoundRules:
    """As declared: how old a shop may be, by plan; by platform and entity how often it is read at most, and how often
    all of it is read; by platform and pulse of which entities it tells the news, and how long without any is believed.
    `likely`: changes a day of a shop that is not known yet, by plan; `least_price`: what a call has to save at least.
    `lookbacks`: how far behind its bound the next round begins, by platform and entity; `learning`: how it is learned.
    `sampling`: how many random old pages are read again; `sampled_from`: from which age on records are compared.
    """

    promises: Mapping[str, timedelta]
    likely: Mapping[str, float]
    least_price: float
    seldom: Mapping[str, Mapping[str, timedelta]]
    whole: Mapping[str, Mapping[str, timedelta]]
    pulses: Mapping[str, Mapping[str, Mapping[str, timedelta]]]
    lookbacks: Mapping[str, Mapping[str, Lookback]]
    learning: Mapping[str, float]
    sampling: Sampling
    sampled_from: Mapping[str, Mapping[str, timedelta]]

    @classmethod
    def load(cls, path: Path = DIRECTIVE) -> Self:
        """Read the directive's front matter. Raises UserError where it cannot be used."""
        with front_matter(path, _DECLARED) as declared:
            seldom = _spans(declared["rounds"])
            return cls(
                promises={str(plan): span(text) for plan, text in declared["promises"].items()},
                likely={str(plan): float(number) for plan, number in declared["likely"].items()},
                least_price=float(declared["least_price"]),
                seldom=seldom,
                whole=_spans(declared.get("whole", {})),
                pulses={str(platform): _spans(told) for platform, told in declared.get("pulses", {}).items()},
                lookbacks={
                    platform: {entity: _lookback(declared, platform, entity) for entity in entities}
                    for platform, entities in seldom.items()
                },
                learning={name: float(declared["lookbacks"][name]) for name in ("share", "margin", "fewest")},
                sampling=_sampling(declared["sampling"]),
                sampled_from=_spans(declared["sampled_from"]),
            )

    def check(self, platforms: Collection[str], entities: Sequence[str]) -> None:
        """Raises UserError for an entity that none of these platforms has rounds of."""
        known = dict.fromkeys(entity for platform in sorted(platforms) for entity in self.seldom.get(platform, {}))
        for entity in entities:
            if entity not in known:
                raise UserError(f"{entity!r} has no rounds of its own.", hint=f"Choose one of: {', '.join(known)}.")


def _lookback(declared: Mapping[str, Any], platform: str, entity: str) -> Lookback:
    own = declared.get("own_lookbacks", {}).get(platform, {}).get(entity, {})
    one = {**declared["lookbacks"], **own}
    return Lookback(floor=span(one["floor"]), cap=span(one["cap"]))


def _sampling(declared: Mapping[str, Any]) -> Sampling:
    share, reserve = float(declared["share"]), float(declared["reserve"])
    return Sampling(share=share, reserve=reserve, every=span(declared["every"]), most=int(declared["most"]))


def _spans(declared: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, timedelta]]:
    return {
        str(platform): {str(entity): span(text) for entity, text in entities.items()}
        for platform, entities in declared.items()
    }


@dataclass(frozen=True, kw_only=True)
class SyncOrchestrator:
    """The one that the settings page, the command line and the library call."""

    store: Store
    rules: RoundRules
    ring: Callable[[], None]

    def sync(
        self,
        user_id: str,
        *,
        platform: str | None = None,
        shop_id: str | None = None,
        entities: Sequence[str] = (),
        trigger: str,
    ) -> dict[str, Any]:
        """Queue a round of everything, or of what is named, now, and ring. What is open is left alone.

        Answers {jobs: [{platform, connection_id, shop_id, entity, outcome}]} with a RoundOutcome for each. Raises
        UserError for an unknown user, platform, shop or entity, and where nothing is connected.
        """
        shops = chosen(backfill_manager.status(self.store, user_id), platform=platform, shop_id=shop_id)
        return self.sync_shops(user_id, shops, entities=entities, trigger=trigger)

    def sync_shops(
        self, user_id: str, shops: Sequence[Mapping[str, Any]], *, entities: Sequence[str] = (), trigger: str
    ) -> dict[str, Any]:
        """`sync`, of connections that are chosen already."""
        self.rules.check({shop["platform"] for shop in shops}, entities)
        try:
            answer: dict[str, Any] = self.store.rpc(
                "queue_rounds",
                p_user_id=user_id,
                p_trigger=trigger,
                p_connection_ids=[shop["connection_id"] for shop in shops],
                p_entities=list(entities),
            )
        except StoreError as error:
            raise UserError(error.message, hint=error.hint) from None
        self.ring()
        return answer
