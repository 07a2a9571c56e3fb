"""How a backfill looks to a seller: facts of `operations.status` in, text and bars out. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from execution.jobs import CERTIFIED, FAILED, OPEN, WITH_REJECTS
from execution.reports import progress
from web import messages
from web.pages.formats import Formats, span
from web.pages.shop_names import keys_of, name_of, titles_of

# A shorter wait is no news to a seller: the bar stands still for a moment.
_SHORT_WAIT = timedelta(minutes=1)
# What is read aloud changes in steps of this much, or a listener would hear nothing else.
_SPOKEN_STEP = 25


@dataclass(frozen=True, kw_only=True)
class EntityView:
    """One line of a shop: what is happening, how far it is, what comes next."""

    entity: str
    state: str
    label: str
    detail: str
    # None where nothing is known yet: the bar is empty.
    percent: int | None
    percent_text: str
    is_open: bool


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What failed in a seller's words, and what the seller can do."""

    platform: str
    connection_id: str
    # Of its card on the page of connections.
    key: str
    title: str
    what: str
    message: str
    action: str  # 'connect' (it was disconnected), 'reconnect' or 'retry'


@dataclass(frozen=True, kw_only=True)
class CertificateLine:
    """One entity's proof."""

    entity: str
    # Empty where the platform tells none.
    announced: str
    held: str
    aside: str
    span: str
    checks: tuple[str, ...]
    issued: str


@dataclass(frozen=True, kw_only=True)
class ShopView:
    # Of the page's elements: the platform, and a number behind it from its second shop on.
    key: str
    platform: str
    connection_id: str
    title: str
    # In a sentence, and where a section is named: with the shop's name, where the platform has two.
    full_title: str
    shop_name: str
    state: str
    state_text: str
    entities: tuple[EntityView, ...]
    certificate: tuple[CertificateLine, ...]
    is_proven: bool
    # Too much of something was kept aside.
    is_short: bool = False

    @property
    def is_partly_counted(self) -> bool:
        return any(not line.announced for line in self.certificate)

    @property
    def checks(self) -> tuple[str, ...]:
        """What was checked for any of its entities, each once; of two that say more and less, what holds for all."""
        found = dict.fromkeys(check for line in self.certificate for check in line.checks)
        if messages.CHECKS["rejects"] in found:
            found.pop(messages.ALL_READ, None)
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class ProgressView:
    """The whole page. `is_open`: something may still change by itself."""

    headline: str
    subline: str
    percent: int
    state: str
    is_open: bool
    spoken: str
    shops: tuple[ShopView, ...]
    troubles: tuple[Trouble, ...]


def progress_view(facts: Mapping[str, Any], formats: Formats) -> ProgressView:
    jobs = facts["jobs"]
    connections = sorted(facts["connections"], key=lambda shop: messages.sort_key(shop["platform"]))
    keys, titles = keys_of(connections), titles_of(connections)
    shown, still = [shop for shop in connections if _is_shown(shop, jobs)], bool(facts.get("stands_still"))
    shops = tuple(
        sorted(
            (
                _shop(shop, keys[shop["connection_id"]], titles[shop["connection_id"]], jobs, formats, still=still)
                for shop in shown
            ),
            # What moves stands first: nobody looks for it below the certificates of what has ended.
            key=lambda shop: shop.state not in ("running", "parked"),
        )
    )
    away = {shop["connection_id"] for shop in connections if shop["status"] == "disconnected"}
    failed = [job for job in jobs if job["status"] in (*FAILED, WITH_REJECTS)]
    troubles = tuple(
        replace(
            trouble,
            key=keys.get(trouble.connection_id, trouble.platform),
            title=titles.get(trouble.connection_id, trouble.title),
        )
        for trouble in _troubles(failed, away)
    )
    share, state = _share(jobs), _state(jobs)
    unread = [titles[shop.connection_id] for shop in shops if not shop.entities]
    is_partly = state == "completed" and bool(unread)
    headline = _headline(state, jobs)
    paused = [titles[shop["connection_id"]] for shop in shown if shop.get("paused_at")]
    is_paused = bool(paused) and len(paused) == len(shown)
    left = [titles[shop.connection_id] for shop in shops if shop.connection_id in away]
    if state == "completed" and left:
        headline = _LEFT if len(left) == len(shops) else _LEFT_PARTLY
    if is_paused:
        headline, subline = _PAUSED, _PAUSED_LINE
    else:
        subline = _STANDS_STILL if facts.get("stands_still") else _subline(state, jobs, formats)
    return ProgressView(
        headline=_PARTLY if is_partly and not is_paused else headline,
        subline=subline
        + (f" Paused: {', '.join(paused)}." if paused and not is_paused else "")
        + (f" Not read yet: {', '.join(unread)}." if is_partly else "")
        + (f" Disconnected, so that nothing new arrives: {', '.join(left)}." if left else ""),
        percent=int(share * 100),
        state=state,
        is_open=any(job["status"] in OPEN for job in jobs),
        spoken=_spoken(headline, state, share, troubles),
        shops=shops,
        troubles=troubles,
    )


# Nobody works at the moment: then nothing "starts in a moment".
_STANDS_STILL = "Nothing moves at the moment. That is on our side, and nothing of yours is lost: it goes on by itself."
_WAITS_FOR_US = "Waits for us"
# Whoever runs the service has paused it: it does not go on by itself.
_PAUSED = "Syncing is paused"
_PAUSED_LINE = (
    "Nothing is read from your shops for now. What is here stays here, and what happens meanwhile is read later."
)


def _share(jobs: Sequence[Mapping[str, Any]]) -> float:
    """Of the whole; what failed is not done, however much of it was read."""
    done = [0.0 if job["status"] in FAILED else progress.share(job) for job in jobs]
    return sum(done) / len(done) if done else 0.0


# It comes with another entity, which failed.
_FOLLOWS = "source_incomplete"
_HEADLINES = {
    "empty": "Nothing to sync yet",
    "open": "Your history is on its way",
    "parked": "Paused, and going on by itself",
    "completed": "Everything is here, and proven",
    WITH_REJECTS: "Some of it could not be read",
    "failed": "Some of it needs a look",
}


# Nothing is claimed of a shop that was never read.
_LEFT = "Disconnected: nothing new arrives"
_LEFT_PARTLY = "Here and proven, but for what is disconnected"
_ONCE_MORE = "Everything is being read once more"
_PARTLY = "What was read is here, and proven"


def _state(jobs: Sequence[Mapping[str, Any]]) -> str:
    """Of the whole: open as long as anything moves; what failed is said when the rest is over."""
    if not jobs:
        return "empty"
    statuses = {job["status"] for job in jobs}
    if statuses & {"queued", "running"}:
        return "open"
    if statuses & {"parked", "waiting"}:
        return "parked"
    if statuses & set(FAILED):
        return "failed"
    return WITH_REJECTS if WITH_REJECTS in statuses else "completed"


def _subline(state: str, jobs: Sequence[Mapping[str, Any]], formats: Formats) -> str:
    if state == "completed":
        held = sum(progress.rows_held(job["certificate"]) for job in jobs)
        return f"{formats.number(held)} records, held against what each platform counts."
    if state in ("failed", WITH_REJECTS):
        here = any(job["status"] in CERTIFIED and progress.rows_held(job["certificate"]) for job in jobs)
        return ("The rest is here. " if here else "") + "What to do is said below."
    if state == "parked":
        return "You need not do anything: we are told when we may read on."
    if state == "open" and is_once_more(jobs):
        return "What is here stays here, and what has changed since is brought up to date."
    if state == "open":
        return "You can leave this page. It goes on without you, and figures fill in as they arrive."
    return "Connect a shop, and its whole history is loaded."


def is_once_more(jobs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether all that is being read was here, and proven, before: then nothing is missing while it runs."""
    open_ = [job for job in jobs if job["status"] in OPEN]
    return bool(open_) and all(job.get("last_complete") for job in open_)


def _headline(state: str, jobs: Sequence[Mapping[str, Any]]) -> str:
    return _ONCE_MORE if state == "open" and is_once_more(jobs) else _HEADLINES[state]


def _spoken(headline: str, state: str, share: float, troubles: Sequence[Trouble]) -> str:
    if state in ("open", "parked"):
        step = int(share * 100) // _SPOKEN_STEP * _SPOKEN_STEP
        return f"{headline}. More than {step} percent done." if step else f"{headline}."
    return " ".join([headline + ".", *(f"{t.title}: {t.message}" for t in troubles)])


def _is_shown(shop: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]]) -> bool:
    """A shop that was disconnected and never read has nothing to say here."""
    return shop["status"] != "disconnected" or any(job["connection_id"] == shop["connection_id"] for job in jobs)


def _shop(
    shop: Mapping[str, Any],
    key: str,
    full_title: str,
    all_jobs: Sequence[Mapping[str, Any]],
    formats: Formats,
    *,
    still: bool,
) -> ShopView:
    jobs = [job for job in all_jobs if job["connection_id"] == shop["connection_id"]]
    state, text = _badge(shop, jobs)
    lines = tuple(_certificate(job, formats) for job in jobs if job["certificate"])
    return ShopView(
        key=key,
        platform=shop["platform"],
        connection_id=shop["connection_id"],
        title=messages.platform_title(shop["platform"]),
        full_title=full_title,
        shop_name=name_of(shop),
        state=state,
        state_text=text,
        entities=tuple(_entity(job, formats, still=still, is_paused=bool(shop.get("paused_at"))) for job in jobs),
        certificate=lines,
        is_proven=bool(jobs) and all(job["status"] == "completed" for job in jobs),
        is_short=any(job["status"] == WITH_REJECTS for job in jobs),
    )


def _badge(shop: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    if shop["status"] == "reconnect_needed":
        return "failed", "Reconnect needed"
    if shop["status"] == "disconnected":
        return "waiting", "Disconnected"
    if shop.get("paused_at"):
        return "parked", "Paused"
    return {
        "empty": ("waiting", "Not synced yet"),
        "open": ("running", "Syncing"),
        "parked": ("parked", "Paused"),
        "completed": ("completed", "Complete"),
        WITH_REJECTS: ("failed", "Not all of it"),
        "failed": ("failed", "Needs a look"),
    }[_state(jobs)]


def _entity(job: Mapping[str, Any], formats: Formats, *, still: bool, is_paused: bool) -> EntityView:
    share = progress.share(job)
    is_known = job["status"] in CERTIFIED or share > 0 or bool(job["records_total"])
    label, detail = _LINES[job["status"]](job, formats)
    if still and job["status"] == "queued":
        detail = _WAITS_FOR_US
    if is_paused and job["status"] == "waiting":
        detail = "Paused"
    return EntityView(
        entity=job["entity"],
        state=job["status"],
        label=label,
        detail=detail,
        percent=int(share * 100) if is_known else None,
        percent_text=_percent_text(job, share, formats) if is_known else "not started",
        is_open=job["status"] in OPEN,
    )


def _percent_text(job: Mapping[str, Any], share: float, formats: Formats) -> str:
    if job["status"] == WITH_REJECTS:
        return "not all of it"
    return "stopped" if job["status"] in FAILED else formats.percent(share)


def counts(job: Mapping[str, Any], formats: Formats) -> str:
    """`450/1,200`, or as much of it as is known."""
    if job["records_total"]:
        # Pages overlap, so more may have been read than there is.
        return (
            f"{formats.number(min(job['records_done'], job['records_total']))}/{formats.number(job['records_total'])}"
        )
    # Without a total it is a sign of life, not a number of rows: what is looked up again is counted again.
    return f"{formats.number(job['records_done'])} read" if job["records_done"] else ""


def _waiting(job: Mapping[str, Any], _: Formats) -> tuple[str, str]:
    return messages.entity_title(job["entity"]), "Next in line"


def _running(job: Mapping[str, Any], formats: Formats) -> tuple[str, str]:
    name = messages.entity_title(job["entity"])
    if not job["started_at"]:
        return name, "Starts in a moment"
    to_come = progress.rest(job, formats.now)
    if progress.share(job) >= 1:
        return f"Checking {name.lower()}… {counts(job, formats)}".rstrip(), "Held against what the platform counts"
    label = f"Syncing {name.lower()}… {counts(job, formats)}".rstrip()
    return label, f"{span(to_come)} left".capitalize() if to_come is not None else "Just started"


def _parked(job: Mapping[str, Any], formats: Formats) -> tuple[str, str]:
    name, resumes = messages.entity_title(job["entity"]), datetime.fromisoformat(job["run_after"])
    why, wait = messages.why_waiting(job["platform"], job["park_code"]), max(resumes - formats.now, timedelta())
    if wait < _SHORT_WAIT:
        return f"Syncing {name.lower()}… {counts(job, formats)}".rstrip(), f"{why} Continues in a few seconds."
    to_come = progress.rest(job, formats.now)
    ready = f" Ready in {span(wait + to_come)}." if to_come is not None else ""
    return f"{name} paused {_at(job, formats)}".rstrip(), f"{why} Continues {formats.when(resumes)}.{ready}"


def _at(job: Mapping[str, Any], formats: Formats) -> str:
    read = counts(job, formats)
    return f"at {read}" if read else ""


def _completed(job: Mapping[str, Any], formats: Formats) -> tuple[str, str]:
    certificate = job["certificate"]
    held = progress.rows_held(certificate)
    detail = f"{formats.number(held)} {'record' if held == 1 else 'records'}"
    if reach := _reach(certificate, formats):
        detail += f", {reach}"
    for said in _asides(certificate, formats):
        detail += f"; {said}"
    return f"{messages.entity_title(job['entity'])} complete", detail


def _with_rejects(job: Mapping[str, Any], formats: Formats) -> tuple[str, str]:
    held = formats.number(progress.rows_held(job["certificate"]))
    return f"{messages.entity_title(job['entity'])} not complete: {held} here", messages.failure(job)


def _failed(job: Mapping[str, Any], formats: Formats) -> tuple[str, str]:
    at = _at(job, formats) if progress.share(job) < 1 else ""
    return f"{messages.entity_title(job['entity'])} stopped {at}".rstrip(), messages.failure(job)


_LINES = {
    "waiting": _waiting,
    "queued": _running,
    "running": _running,
    "parked": _parked,
    "completed": _completed,
    WITH_REJECTS: _with_rejects,
    "failed": _failed,
    "quarantined": _failed,
}


def _troubles(failed: Sequence[Mapping[str, Any]], away: Collection[str]) -> tuple[Trouble, ...]:
    """What failed for one reason stands once: a lost access stops every entity of its shop, and what comes with
    another entity follows it. `away`: connections that the seller has ended, where nothing can be tried again.
    """
    entities: dict[tuple[str, str, str, str], list[str]] = {}
    sources = {job["connection_id"] for job in failed if job["error_code"] != _FOLLOWS}
    for job in failed:
        if job["error_code"] == _FOLLOWS and job["connection_id"] in sources:
            continue
        action = "reconnect" if messages.needs_reconnect(job) else "retry"
        if job["connection_id"] in away:
            action = "connect"
        reason = (job["platform"], job["connection_id"], action, messages.failure(job))
        entities.setdefault(reason, []).append(messages.entity_title(job["entity"]))
    return tuple(
        Trouble(
            platform=platform,
            connection_id=connection_id,
            key=platform,
            title=messages.platform_title(platform),
            what=", ".join(names),
            message=message,
            action=action,
        )
        for (platform, connection_id, action, message), names in entities.items()
    )


def _certificate(job: Mapping[str, Any], formats: Formats) -> CertificateLine:
    certificate = job["certificate"]
    announced = certificate["provider_count"]
    return CertificateLine(
        entity=messages.entity_title(job["entity"]),
        announced=formats.number(announced) if announced is not None else "",
        held=formats.number(progress.rows_held(certificate)),
        aside="; ".join(_asides(certificate, formats)),
        span=_reach(certificate, formats),
        checks=_checks(certificate),
        issued=formats.moment(datetime.fromisoformat(certificate["issued_at"])),
    )


def _checks(certificate: Mapping[str, Any]) -> tuple[str, ...]:
    """What was checked and held, in a seller's words."""
    words = messages.CHECKS if certificate["rejected"] else {**messages.CHECKS, "rejects": messages.ALL_READ}
    return tuple(words[c["name"]] for c in certificate["checks"] if c["ok"] and c["name"] in words)


def _asides(certificate: Mapping[str, Any], formats: Formats) -> list[str]:
    """What is not here as it came: whole records, and parts of records that are here without them."""
    said = []
    if count := certificate["rejected"]:
        verb = "record was" if count == 1 else "records were"
        said.append(f"{formats.number(count)} {verb} unreadable and kept aside")
    if count := progress.in_part(certificate):
        verb = "record has a detail" if count == 1 else "records have a detail"
        said.append(f"{formats.number(count)} {verb} that could not be read and was kept aside")
    return said


def _reach(certificate: Mapping[str, Any], formats: Formats) -> str:
    first, last = (certificate[name] for name in ("earliest", "latest"))
    if not (first and last):
        return ""
    return f"{formats.day(datetime.fromisoformat(first))} to {formats.day(datetime.fromisoformat(last))}"
