"""Looks after a connection at its platform: the rights that it has now, and the subscriptions to its webhooks.

Neither ever ends a connection: what may not be done is noted by name, and looked at again the next day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import structlog

from execution.catalog import platform_named
from execution.errors import Refusal
from execution.platforms.rights import RIGHT_MISSING, missing_rights
from execution.platforms.subscriptions import (
    Plan,
    Registered,
    Registration,
    Subscriptions,
    Wanted,
    end,
    noted,
    plan,
)
from execution.platforms.upkeep import RIGHTS
from execution.slices.cursor import Cursor
from execution.slices.job_slice import JobSlice
from execution.streams import Upkeep
from execution.tokens.rules import held

# What says that the token itself is over: the seller has to connect again, and nothing is noted beside it.
_ENDS = "reconnect_needed"

log = structlog.get_logger()


class UpkeepStep:
    """One of the two. Each can be done again at any time: what is as it should be is left alone."""

    def __init__(self, in_slice: JobSlice, upkeep: Upkeep, cursor: Cursor) -> None:
        self._slice = in_slice
        self._upkeep = upkeep
        self._cursor = cursor
        self._job = in_slice.job
        self._platform = platform_named(in_slice.job.platform)

    def run(self) -> Cursor:
        """Where the job stands afterwards."""
        if self._upkeep == RIGHTS:
            self._ask_rights()
        else:
            self._subscribe()
        following = self._cursor.next_step()
        self._slice.save(following)
        return following

    def _ask_rights(self) -> None:
        """What the shop says that it grants, whatever a webhook said of it; and in which zone its days begin."""
        shop = self._platform.api.identify(self._slice.send, self._job.shop_id, "")
        if shop.time_zone:
            self._slice.store.rpc("tell_time_zone", p_lease_id=self._job.lease_id, p_zone=shop.time_zone)
        if shop.rights is None:
            return
        entities = self._platform.entities()
        self._slice.store.rpc(
            "change_rights",
            p_lease_id=self._job.lease_id,
            p_rights=sorted(shop.rights),
            p_uses={entity.name: self._platform.rights.used_by(entity) for entity in entities},
        )

    def _subscribe(self) -> None:
        webhooks, there = self._platform.webhooks, self._slice.hears_at
        assert webhooks is not None  # noqa: S101  (the entity has this step where there are any)
        how = webhooks.subscriptions
        assert how is not None  # noqa: S101
        granted = self._granted()
        missing = missing_rights(how.needs, granted)
        if there is None:
            self._note("not_set_up", reason="PUBLIC_URL or the secret of its webhooks is not set")
        elif missing:
            self._note("right_missing", missing=missing)
        else:
            self._settle(how, there, granted)

    def _granted(self) -> frozenset[str] | None:
        """As the step before has noted it, where the shop can be asked; else as it was when the job was claimed."""
        rights: Sequence[str] | None = self._slice.store.rpc("rights_of", p_lease_id=self._job.lease_id)
        return None if rights is None else held(rights)

    def _settle(self, how: Subscriptions, there: Registration, granted: frozenset[str] | None) -> None:
        lacking = {topic: missing_rights(rights, granted) for topic, rights in how.topics.items()}
        topics = [topic for topic, rights in lacking.items() if not rights]
        ours = noted(self._slice.store.rpc("registered_webhooks", p_lease_id=self._job.lease_id))
        try:
            found = plan(how.listed(self._slice.send, self._job.shop_id), ours, topics, there)
            made = [self._made(how, topic, there) for topic in found.make]
            for one in found.end:
                end(how, self._slice.send, self._job.shop_id, one)
        except Refusal as refusal:
            # Said once it is asked again; said twice it is noted, and the shop goes on without.
            if refusal.code == _ENDS or self._job.refused_code != refusal.code:
                raise
            missing = [refusal.facts.get("right") or ", ".join(how.needs)] if refusal.code == RIGHT_MISSING else ()
            self._note("refused", reason=refusal.reason, missing=missing)
            return
        wanting = sorted({right for rights in lacking.values() for right in rights})
        self._note(
            "right_missing" if wanting else "working",
            missing=wanting,
            registered=[*_kept(found, there), *made],
        )
        if made or found.end:
            about = {"platform": self._job.platform, "job_id": self._job.id}
            log.info("webhooks_mended", **about, made=len(made), ended=len(found.end))

    def _made(self, how: Subscriptions, topic: str, there: Registration) -> Registered:
        wanted = Wanted(topic=topic, address=there.address, secret=there.secret)
        made = Registered(id=how.make(self._slice.send, self._job.shop_id, wanted), topic=topic, mark=there.mark)
        # At once: a slice may end before all are made, and what is not known as ours would be made again.
        self._slice.store.rpc("note_webhook", p_lease_id=self._job.lease_id, p_made=asdict(made))
        return made

    def _note(
        self,
        state: str,
        *,
        missing: Sequence[str] = (),
        reason: str = "",
        registered: Sequence[Registered] | None = None,
    ) -> None:
        self._slice.store.rpc(
            "note_webhooks",
            p_lease_id=self._job.lease_id,
            p_state=state,
            p_missing=list(missing),
            p_reason=reason[:500],
            p_registered=None if registered is None else [asdict(one) for one in registered],
        )


def _kept(found: Plan, there: Registration) -> list[Registered]:
    return [Registered(id=one.id, topic=topic, mark=there.mark) for topic, one in found.keep.items()]
