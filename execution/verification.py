"""The certificate: the proof that an entity is complete, or the windows that are doubtful, with numbers.

Checks (design P5): the provider's count, asked once more after the reading, against the distinct keys that came; every
window closed, without a gap; every key a row, or a rejected record; the newest record of the provider among ours;
gaps that are long for this shop's own rhythm, asked for; the proofs that the entity declares; and how much of what came
could not be mapped, held against what the directive allows.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from execution.brake import DeletionBrake
from execution.errors import Fatal
from execution.jobs import Job
from execution.pagination.paginator import Bounds, Paginator, Probe, ReadWindow, Send
from execution.pagination.registry import paginator_of
from execution.pieces import Questions
from execution.rejects import RejectLimits
from execution.store import Store
from execution.streams import Lookup, Sample, Stream

# A gap is long when it is thirty times the shop's median gap, and two weeks at least.
_LONG_GAP_FACTOR, _LONG_GAP_SECONDS = 30, 14 * 86_400
_MOST_GAPS_ASKED = 3
_PROOF_LEASE_SECONDS = 300

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """Why completeness is not proven, and what to read again: windows of a stream, or what lookups still lack.

    With neither nothing can be mended.
    """

    reason: str
    step: int = 0
    windows: tuple[ReadWindow, ...] = ()
    lookups: bool = False


@dataclass(frozen=True, kw_only=True)
class Check:
    name: str
    ok: bool
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What came, with everything that proves it. `shortfall`: too much of it could not be mapped."""

    provider_count: int | None
    distinct_keys: int
    rejected: int
    earliest: str | None
    latest: str | None
    checks: tuple[Check, ...]
    watermark: datetime | None
    shortfall: Fatal | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "provider_count": self.provider_count,
            "distinct_keys": self.distinct_keys,
            "rejected": self.rejected,
            "earliest": self.earliest,
            "latest": self.latest,
            "checks": [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in self.checks],
        }


def stream_bounds(stream: Stream, shop_created_at: datetime | None, window: Bounds) -> Bounds:
    """The part of the job's window in which this stream can have records."""
    if stream.window is None:
        return window
    start = max(window.start, stream.window.earliest)
    if stream.window.from_shop_creation and shop_created_at is not None:
        start = max(start, calendar.timegm(shop_created_at.utctimetuple()))
    return Bounds(start=start, end=window.end)


def verify(
    questions: Questions, send: Send, window: Bounds, limits: RejectLimits, brake: DeletionBrake
) -> Certificate | Doubt:
    """Prove the entity complete, or say what is doubtful. Raises Fatal where a proof fails and nothing can mend it, and
    Snooze where the slice is over before the proofs are.
    """
    store, job = questions.store, questions.job
    if job.job_type == "sample":
        return _judge_sample(store, job)
    if job.entity.in_round:
        return _verify_round(questions, window, limits)
    # Proofs over a whole shop may take longer than a page does.
    store.rpc("extend_lease", p_lease_id=job.lease_id, p_lease_seconds=_PROOF_LEASE_SECONDS)
    checks: list[Check] = []
    facts: Mapping[str, Any] = {}
    provider_count = None
    listing = job.entity.listing
    if listing is not None:
        bounds, paginator = stream_bounds(listing, job.shop_created_at, window), paginator_of(listing)
        newest = paginator.probe_newest(send, bounds)
        facts = questions.ask(
            # What was found out about another newest record says nothing of this one.
            f"audit {newest.newest if newest else ''}",
            "audit_read",
            p_stream=listing.name,
            p_table=job.entity.table,
            p_time_column=job.entity.time_column,
            p_newest=newest.newest if newest else None,
        )
        probe = newest or paginator.probe_count(send, bounds, _windows(facts))
        if probe.past_end and probe.count is not None:
            probe = replace(probe, count=probe.count + _new_among(store, job, listing, probe.past_end))
        provider_count = probe.count
        doubt = _judge_read(job, listing, probe, facts, paginator.gap(bounds, _windows(facts)), checks)
        if doubt is None:
            doubt = _judge_gaps(job, paginator, send, facts, checks)
        if doubt is not None:
            return doubt
    if job.entity.complete_read and listing is not None:
        # Before the proofs: what a record must have is asked of those that are left. One that went between its page and
        # the look-up of its children would be missing them for good.
        last_pass = facts["last_pass_keys"] == provider_count
        checks.append(_sweep(questions, listing, window, brake, last_pass=last_pass))
    doubt = _judge_proofs(questions, facts, checks)
    if doubt is not None:
        return doubt
    if partial := int(facts.get("partial", 0)):
        # They are here, without a member that nothing stands or falls with: said, and no doubt.
        checks.append(Check(name="members", ok=True, detail={"partial": partial}))
    keys = int(facts.get("union_keys", 0)) if listing else _proven_rows(checks)
    shortfall = _judge_rejects(store, job, limits, checks)
    return Certificate(
        provider_count=provider_count,
        distinct_keys=keys,
        rejected=int(facts.get("rejected", 0)),
        earliest=facts.get("earliest"),
        latest=facts.get("latest"),
        checks=tuple(checks),
        watermark=_watermark(job, window),
        shortfall=shortfall,
    )


def _judge_sample(store: Store, job: Job) -> Certificate:
    """What a random page showed. It proves nothing of the whole, and moves no watermark."""
    found: dict[str, Any] = {"compared": 0, "differences": 0, "news": 0}
    for step in job.entity.steps:
        if isinstance(step, Sample):
            children = {child.table: child.parent_column for child in step.stream.records.children}
            table = step.stream.records.table
            found = store.rpc("audit_sample", p_lease_id=job.lease_id, p_table=table, p_children=children)
    if found["differences"]:
        log.error("sample_differed", job_id=job.id, platform=job.platform, entity=job.entity.name, **found)
    return Certificate(
        provider_count=None,
        distinct_keys=found["compared"],
        rejected=0,
        earliest=None,
        latest=None,
        checks=(Check(name="sample", ok=True, detail=found),),
        watermark=None,
    )


def _watermark(job: Job, window: Bounds) -> datetime:
    return datetime.fromtimestamp(window.end, UTC) - job.lookback


def _judge_rejects(store: Store, job: Job, limits: RejectLimits, checks: list[Check]) -> Fatal | None:
    """What is missing of the entity because too much could not be mapped."""
    rejects = store.rpc("rejects_of", p_lease_id=job.lease_id)
    shortfall = limits.shortfall(job.entity.name, rejects)
    allowed = {"share": limits.share, "number": limits.number}
    checks.append(Check(name="rejects", ok=shortfall is None, detail={"rejected": rejects, "allowed": allowed}))
    return shortfall


def _verify_round(questions: Questions, window: Bounds, limits: RejectLimits) -> Certificate | Doubt:
    """Prove that what the platform shows since the watermark is here. No call: each window closed by its count."""
    store, job = questions.store, questions.job
    checks: list[Check] = []
    facts: Mapping[str, Any] = {}
    listing = job.entity.listing
    provider_count = None
    if listing is not None:
        bounds, paginator = stream_bounds(listing, job.shop_created_at, window), paginator_of(listing)
        facts = store.rpc("audit_round", p_lease_id=job.lease_id, p_stream=listing.name, p_table=listing.records.table)
        windows = _windows(facts)
        # Where there are no windows, what was announced is the whole list and not what a round reads of it.
        provider_count = sum(one.provider_count for one in windows) if listing.window else None
        gap = paginator.gap(bounds, windows)
        counts = {name: facts[name] for name in ("union_keys", "missing_rows", "rejected")}
        checks.append(Check(name="windows", ok=gap is None, detail={"windows": len(windows), "gap": gap}))
        checks.append(Check(name="rows", ok=facts["missing_rows"] == 0, detail=counts))
        if failed := [check.name for check in checks if not check.ok]:
            reason = f"{job.entity.name}: {facts['missing_rows']} records that came are no rows ({', '.join(failed)})"
            return Doubt(reason=reason, step=job.entity.steps.index(listing), windows=windows)
    doubt = _judge_proofs(questions, facts, checks)
    if doubt is not None:
        return _further_back(job, doubt, facts, window)
    shortfall = _judge_rejects(store, job, limits, checks)
    return Certificate(
        provider_count=provider_count,
        distinct_keys=int(facts.get("union_keys", 0)),
        rejected=int(facts.get("rejected", 0)),
        earliest=None,
        latest=None,
        checks=tuple(checks),
        watermark=_watermark(job, window),
        shortfall=shortfall,
    )


def _further_back(job: Job, doubt: Doubt, facts: Mapping[str, Any], window: Bounds) -> Doubt:
    """What a round's proof lacks may have been put into the past, behind the watermark."""
    seconds = job.entity.round.doubt_seconds if job.entity.round else 0
    if doubt.lookups or not seconds or job.entity.listing is None:
        return doubt
    back = stream_bounds(job.entity.listing, job.shop_created_at, replace(window, start=window.end - seconds))
    passes = max((one.passes for one in _windows(facts) if one.start == back.start and one.end == back.end), default=0)
    again = ReadWindow(part=0, start=back.start, end=back.end, passes=passes)
    return replace(doubt, step=job.entity.steps.index(job.entity.listing), windows=(again,))


def _new_among(store: Store, job: Job, stream: Stream, keys: tuple[str, ...]) -> int:
    """How many of these keys came with no page of this job."""
    return int(store.rpc("new_keys", p_lease_id=job.lease_id, p_stream=stream.name, p_keys=keys))


def _judge_read(  # noqa: PLR0917  everything that was found out, and the list of checks that it fills
    job: Job, stream: Stream, probe: Probe, facts: Mapping[str, Any], gap: str | None, checks: list[Check]
) -> Doubt | None:
    windows = _windows(facts)
    checks.append(Check(name="windows", ok=gap is None, detail={"windows": len(windows), "gap": gap}))
    counts = {name: facts[name] for name in ("union_keys", "last_pass_keys", "missing_rows", "stored_rows", "rejected")}
    agrees = probe.count is None or probe.count in (facts["union_keys"], facts["last_pass_keys"])
    checks.append(Check(name="count", ok=agrees, detail={"provider_count": probe.count, **counts, **probe.detail}))
    checks.append(Check(name="rows", ok=facts["missing_rows"] == 0, detail=counts))
    checks.append(Check(name="newest", ok=probe.newest is None or facts["has_newest"], detail={"key": probe.newest}))
    failed = [check for check in checks if not check.ok]
    if not failed:
        return None
    reason = f"{job.entity.name}: the platform announces {probe.count} records, {facts['union_keys']} came, "
    reason += f"{facts['missing_rows']} of them are no rows ({', '.join(c.name for c in failed)})"
    return Doubt(reason=reason, step=job.entity.steps.index(stream), windows=windows)


def _windows(facts: Mapping[str, Any]) -> tuple[ReadWindow, ...]:
    return tuple(
        ReadWindow(
            part=w["part"],
            start=w["start"],
            end=w["end"],
            passes=w["passes"],
            provider_count=w["provider_count"] or 0,
        )
        for w in facts["windows"]
    )


def _judge_gaps(
    job: Job, paginator: Paginator[Any], send: Send, facts: Mapping[str, Any], checks: list[Check]
) -> Doubt | None:
    """A gap that is long for this shop is asked for: the platform must show nothing inside it."""
    if not paginator.counts_spans or facts.get("median_gap_seconds") is None:
        return None
    longest = max(_LONG_GAP_FACTOR * facts["median_gap_seconds"], _LONG_GAP_SECONDS)
    long_gaps = [gap for gap in facts["largest_gaps"] if gap["seconds"] > longest][:_MOST_GAPS_ASKED]
    found = []
    for gap in long_gaps:
        inside = Bounds(start=_epoch(gap["since"]) + 1, end=_epoch(gap["until"]) - 1)
        count = paginator.count_between(send, inside)
        found.append({"since": gap["since"], "until": gap["until"], "provider_count": count})
    ok = all(gap["provider_count"] == 0 for gap in found)
    checks.append(Check(name="gaps", ok=ok, detail={"longest_usual_seconds": longest, "asked": found}))
    if ok:
        return None
    reason = f"{job.entity.name}: the platform has records where we have a gap: {found}"
    return Doubt(reason=reason, step=job.entity.steps.index(paginator.stream), windows=_windows(facts))


def _judge_proofs(questions: Questions, facts: Mapping[str, Any], checks: list[Check]) -> Doubt | None:
    job = questions.job
    for name in job.entity.proofs:
        proof = questions.ask(f"proof {name}", "prove", p_name=name)
        checks.append(Check(name=name, ok=proof["ok"], detail=proof["detail"]))
        if proof["ok"]:
            continue
        if source := proof["detail"].get("rests_on"):
            raise Fatal(
                f"{job.entity.name} come with {source}, which are not complete",
                code="source_incomplete",
                facts={"source": str(source)},
            )
        reason = f"{job.entity.name}: {name} does not hold: {proof['detail']}"
        breaks = proof["detail"].get("first_breaks")
        lookup = next((n for n, step in enumerate(job.entity.steps) if isinstance(step, Lookup)), None)
        if breaks is None and lookup is not None:
            # A record that a webhook's job has read since may name what only that job's next slice looks up.
            return Doubt(reason=reason, step=lookup, lookups=True)
        windows = tuple(w for w in _windows(facts) if any(_touches(w, b) for b in breaks or ())) if facts else ()
        step = job.entity.steps.index(job.entity.listing) if job.entity.listing else 0
        return Doubt(reason=reason, step=step, windows=windows)
    return None


def _touches(window: ReadWindow, gap: Mapping[str, Any]) -> bool:
    if window.start is None or window.end is None:
        return True
    return window.start <= _epoch(gap["until"]) and window.end >= _epoch(gap["since"])


def _sweep(questions: Questions, stream: Stream, window: Bounds, brake: DeletionBrake, *, last_pass: bool) -> Check:
    """What a complete read did not show is missing, and gone where another run missed it too; unless that were very
    much at once: then nothing goes, and a person is asked (SQL `held_deletions`).
    """
    job = questions.job
    since = _remembered_since(job, stream, window)
    swept = questions.ask(
        f"gone {last_pass}",
        "sweep_gone",
        p_stream=stream.name,
        p_table=job.entity.table,
        p_time_column=job.entity.time_column,
        p_last_pass=last_pass,
        p_max_share=brake.share,
        p_always_allowed=brake.number,
        p_children={child.table: child.parent_column for child in stream.records.children},
        p_created_at=job.entity.created_at,
        p_since=since.isoformat() if since else None,
    )
    if swept["held_back"]:
        held = {name: swept[name] for name in ("held_back", "stored")}
        log.error("deletions_held_back", job_id=job.id, platform=job.platform, entity=job.entity.name, **held)
    return Check(name="gone", ok=True, detail=swept)


def _remembered_since(job: Job, stream: Stream, window: Bounds) -> datetime | None:
    """What was created before is not shown any more, and nobody can say that it is gone. None: all is remembered.

    A day later than the platform says: its memory moves on while it is read.
    """
    memory = stream.memory
    if memory is None or (memory.unless and job.granted is not None and memory.unless in job.granted):
        return None
    return datetime.fromtimestamp(window.end, UTC) - timedelta(days=memory.days - 1)


def _proven_rows(checks: list[Check]) -> int:
    return next((int(check.detail["buyers"]) for check in checks if "buyers" in check.detail), 0)


def _epoch(text: str) -> int:
    return calendar.timegm(datetime.fromisoformat(text).utctimetuple())
