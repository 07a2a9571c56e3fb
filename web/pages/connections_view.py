"""The settings page: which platforms there are, who is connected, when synced, what failed, what to do. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from execution.catalog import PLATFORMS, shown
from execution.jobs import CERTIFIED, FAILED, OPEN, WITH_REJECTS
from execution.platforms.words import SellerWords
from execution.reports import progress, sampled_truth
from execution.seller_messages import MESSAGES
from web import messages
from web.pages.formats import Formats
from web.pages.progress_view import counts
from web.pages.shop_names import keys_of, name_of, titles_of

Job = Mapping[str, Any]
NOTHING: Mapping[str, str] = MappingProxyType({})
NO_WEBHOOKS: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
NONE_HELD: Mapping[str, Sequence[Mapping[str, Any]]] = MappingProxyType({})
# How changes are heard of, by how a shop's webhooks stand; nothing where nobody can say yet.
_HEARD = {
    "working": "At once",
    "right_missing": "In part at once, the rest when we look",
    "refused": "When we look: it does not tell us",
    "by_hand": "When we look, and at once where our app is told",
}


@dataclass(frozen=True, kw_only=True)
class EntityFact:
    """What is held of one entity."""

    name: str
    text: str


@dataclass(frozen=True, kw_only=True)
class HeldView:
    """Records of which so many seem to be gone that the seller is asked."""

    number: int
    text: str


@dataclass(frozen=True, kw_only=True)
class ConnectionView:
    """A shop's card, or that of a platform without one. `state`: connected, reconnect_needed, disconnected,
    not_connected or soon.
    """

    # Of the page's element: the platform, and a number behind it from its second shop on.
    key: str
    platform: str
    # Empty where there is no shop yet.
    connection_id: str
    title: str
    brings: str
    state: str
    pill: str
    pill_text: str
    shop: str
    shop_id: str
    synced: str
    # The same in the middle of a sentence.
    synced_inside: str
    # When something of it was last looked at for news; empty before the first round.
    looked: str
    # How its platform tells us of changes.
    heard: str
    # Empty unless a sync is under way: "Syncing: 45% of 4 parts done".
    running: str
    percent: int
    entities: tuple[EntityFact, ...]
    warning: str
    # The access ends soon, and only the seller can give another.
    advice: str
    # The seller may paste a token in place of confirming at a consent page; has something to type, one or the other.
    takes_token: bool
    has_form: bool
    failures: tuple[str, ...]
    can_resume: bool
    # What becomes of what was loaded, said before and after the shop is disconnected.
    farewell: str
    afterwards: str
    # What the seller is asked before it goes.
    held: tuple[HeldView, ...]
    # What random old pages prove of it.
    sampled: tuple[EntityFact, ...]
    # Connected, but with too little: connecting again is what helps.
    asks_reconnect: bool
    # In which zone its days begin, and whether that is the seller's to say; `zone` stands in the form.
    days: str = ""
    zone: str = ""
    says_zone: bool = False

    @property
    def is_connected(self) -> bool:
        return self.state in ("connected", "reconnect_needed")


def connections_view(
    facts: Mapping[str, Any],
    formats: Formats,
    *,
    available: Sequence[str],
    token_ends: Mapping[str, str] = NOTHING,
    webhooks: Mapping[str, Mapping[str, Any]] = NO_WEBHOOKS,
    held: Mapping[str, Sequence[Mapping[str, Any]]] = NONE_HELD,
    zones: Mapping[str, Mapping[str, Any]] = NO_WEBHOOKS,
) -> tuple[ConnectionView, ...]:
    """A card for every shop, and one for every platform without. `available` are the platforms that this service has an
    application key for, `token_ends` by connection the times at which pasted tokens end, where that is soon, `webhooks`
    how each shop's stand, `held` what the seller is asked before it goes, `zones` in which each shop's days begin.
    """
    shops = facts["connections"]
    keys, titles = keys_of(shops), titles_of(shops)
    cards = [
        replace(
            _connection(
                shop["platform"],
                shop,
                [job for job in facts["jobs"] if job["connection_id"] == shop["connection_id"]],
                formats,
                available,
            ),
            key=keys[shop["connection_id"]],
            title=titles[shop["connection_id"]],
            advice=_advice(shop["platform"], token_ends.get(shop["connection_id"]), formats),
            heard=_heard(webhooks.get(shop["connection_id"])),
            held=tuple(_held_back(one, formats) for one in held.get(shop["connection_id"], ())),
            **_zone(shop, zones.get(shop["connection_id"])),
        )
        for shop in shops
    ]
    bare = set(shown()) - {shop["platform"] for shop in shops}
    cards += [_connection(name, None, (), formats, available) for name in bare]
    return tuple(sorted(cards, key=lambda card: messages.sort_key(card.platform)))


def _zone(shop: Mapping[str, Any], known: Mapping[str, Any] | None) -> dict[str, Any]:
    if known is None:
        return {}
    days = messages.days_begin(shop["platform"], known["zone"], known["said_by"])
    return {"days": days, "zone": known["zone"] or "", "says_zone": known["said_by"] != "platform"}


def _connection(
    name: str, shop: Mapping[str, Any] | None, jobs: Sequence[Job], formats: Formats, available: Sequence[str]
) -> ConnectionView:
    state = shop["status"] if shop else ("not_connected" if name in available else "soon")
    is_open = any(job["status"] in OPEN for job in jobs)
    failed = [job for job in jobs if job["status"] in (*FAILED, WITH_REJECTS)]
    pill, text = _pill(state, is_open=is_open, has_failed=bool(failed))
    if state == "connected" and shop and shop.get("paused_at"):
        pill, text = "parked", "Paused"
    synced, words = _synced(jobs, formats), _words(name)
    share = sum(map(progress.share, jobs)) / len(jobs) if jobs else 0.0
    return ConnectionView(
        key=name,
        platform=name,
        connection_id=shop["connection_id"] if shop else "",
        title=messages.platform_title(name),
        brings=words.brings,
        state=state,
        pill=pill,
        pill_text=text,
        shop=name_of(shop) if shop else "",
        shop_id=shop["shop_id"] if shop else "",
        synced=synced[0].upper() + synced[1:],
        synced_inside=synced,
        looked=_looked(jobs, formats),
        heard="",
        held=(),
        sampled=tuple(
            EntityFact(name=messages.entity_title(job["entity"]), text=told[0].upper() + told[1:])
            for job in jobs
            if (told := sampled_truth.words(job.get("sampled"), messages.platform_title(name)))
        ),
        running=f"{'Paused' if text == 'Paused' else 'Syncing'}: {formats.percent(share)} done" if is_open else "",
        percent=int(share * 100),
        entities=tuple(EntityFact(name=messages.entity_title(job["entity"]), text=_held(job, formats)) for job in jobs),
        warning=_warning(name, shop),
        advice="",
        takes_token=words.pasted is not None,
        has_form=words.has_form,
        # Who disconnected a shop knows why nothing comes from it any more.
        failures=tuple(
            f"{messages.entity_title(job['entity'])}: {messages.failure(job)}"
            for job in failed
            if state != "disconnected"
        ),
        farewell=farewell_of(name),
        afterwards=afterwards_of(name),
        asks_reconnect=any(messages.needs_reconnect(job) for job in failed),
        can_resume=any(job["status"] != "completed" for job in jobs) or not jobs,
    )


def farewell_of(name: str) -> str:
    """Where we can take leave, the platform asks for the data to be erased; where we cannot, the seller has to."""
    title = messages.platform_title(name)
    if _takes_leave(name):
        return (
            "We delete our keys and, if nobody else here has connected this shop, our app is taken out of it. "
            f"{title} then asks us to erase what was loaded, about two days later: download it first if you want to "
            "keep it. Until then you can connect the same shop again, and all is as it was."
        )
    return (
        f"We delete our keys. We cannot give the access back for you: take it away in your {title} account as well. "
        "What was loaded stays here until you erase it or the platform asks for that, and you can connect the same "
        "shop again at any time."
    )


def afterwards_of(name: str) -> str:
    if _takes_leave(name):
        title = messages.platform_title(name)
        return f"What was loaded is still here until {title} asks us to erase it, about two days after you left."
    return "What was loaded is still here until you erase it."


def _takes_leave(name: str) -> bool:
    known = PLATFORMS.get(name)
    return known is not None and known.revoke is not None


def _words(name: str) -> SellerWords:
    """What a platform says of itself; nothing of one that is not known here any more."""
    known = shown().get(name)
    return known.words if known else SellerWords(brings="")


_PILLS = {
    "connected": ("connected", "Connected"),
    "reconnect_needed": ("failed", "Reconnect needed"),
    "disconnected": ("waiting", "Disconnected"),
    "not_connected": ("waiting", "Not connected"),
    "soon": ("waiting", "Not available yet"),
}


def _pill(state: str, *, is_open: bool, has_failed: bool) -> tuple[str, str]:
    if state == "connected" and is_open:
        return "running", "Syncing"
    if state == "connected" and has_failed:
        return "failed", "Needs a look"
    return _PILLS[state]


def _synced(jobs: Sequence[Job], formats: Formats) -> str:
    """When the whole was last proven: the oldest of its parts says it. What is read once more was proven before."""
    if not jobs:
        return "never"
    proven = [at for job in jobs if (at := _proven_at(job))]
    if len(proven) < len(jobs):
        return "not yet"
    return formats.ago(min(datetime.fromisoformat(at) for at in proven))


def _heard(webhooks: Mapping[str, Any] | None) -> str:
    return _HEARD.get(webhooks["state"], "") if webhooks else ""


def _held_back(one: Mapping[str, Any], formats: Formats) -> HeldView:
    title, held, stored = (
        messages.entity_title(one["entity"]),
        formats.number(one["held"]),
        formats.number(one["stored"]),
    )
    return HeldView(number=one["id"], text=f"{title}: {held} of {stored}. {MESSAGES['deletion_brake']}")


def _looked(jobs: Sequence[Job], formats: Formats) -> str:
    """The newest round of any part: most platforms tell all news by one of them."""
    rounds = [at for job in jobs if (at := job.get("looked_at"))]
    if not rounds:
        return ""
    newest = formats.ago(max(datetime.fromisoformat(at) for at in rounds))
    return newest[0].upper() + newest[1:]


def _proven_at(job: Job) -> str | None:
    if job["status"] == "completed":
        return str(job["finished_at"])
    before = job.get("last_complete")
    return str(before["at"]) if before else None


def _held(job: Job, formats: Formats) -> str:
    if job["status"] in CERTIFIED:
        return formats.number(progress.rows_held(job["certificate"]))
    if before := job.get("last_complete"):
        return formats.number(before["held"])
    return counts(job, formats) or "–"


def _advice(name: str, ends_at: str | None, formats: Formats) -> str:
    """What only the seller can do, said while there is time."""
    if ends_at is None:
        return ""
    moment = datetime.fromisoformat(ends_at)
    ends = f"{'ended' if moment <= formats.now else 'ends'} on {formats.day(moment)}"
    when = "to go on" if moment <= formats.now else "before, so that no order is missed"
    if _words(name).pasted is not None:
        return f"The token that you pasted {ends}. Paste a new one {when}."
    return f"Our access to {messages.platform_title(name)} {ends}. Connect again {when}."


def _warning(name: str, shop: Mapping[str, Any] | None) -> str:
    if shop is None:
        return ""
    if shop["status"] == "reconnect_needed":
        return (
            f"{messages.platform_title(name)} no longer accepts our access. "
            "Connect again to go on; nothing that is here is lost."
        )
    return ""
