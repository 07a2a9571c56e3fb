"""A tenant's life: left alone and taken up again, and the end of it, in all stores."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from execution import backfill_manager, workers
from execution.app import App
from execution.connections.choice import chosen
from execution.errors import UserError

_DIGEST = re.compile(r"[0-9a-f]{64}")
_ROWS = 2000


def pause(
    app: App, *, user_id: str, platform: str | None = None, shop_id: str | None = None, by: str
) -> dict[str, Any]:
    """Leave a user alone, or some of the user's shops: no call is made and nothing is lost. Twice is as good as once.

    Answers {user_id, stopped}: how many jobs were under way. Raises UserError for an unknown user, platform or shop.
    """
    shops = _named(app, user_id, platform, shop_id)
    return {"user_id": user_id, **app.store.rpc("pause_user", p_user_id=user_id, p_by=by, p_connection_ids=shops)}


def resume(
    app: App, *, user_id: str, platform: str | None = None, shop_id: str | None = None, by: str, ring: bool = True
) -> dict[str, Any]:
    """Take up again what was paused: the user with all shops, or some shops.

    Answers {user_id, queued}: how many jobs can go on now. Raises as `pause` does.
    """
    shops = _named(app, user_id, platform, shop_id)
    facts = {"user_id": user_id, **app.store.rpc("resume_user", p_user_id=user_id, p_by=by, p_connection_ids=shops)}
    if ring:
        workers.ring(workers.make_broker(app.settings, []))
    return facts


def _named(app: App, user_id: str, platform: str | None, shop_id: str | None) -> list[str] | None:
    """The shops that are meant; None for all that the user has and will have."""
    facts = backfill_manager.status(app.store, user_id)
    if platform is None and shop_id is None:
        return None
    return [str(shop["connection_id"]) for shop in chosen(facts, platform=platform, shop_id=shop_id)]


def delete(app: App, *, user_id: str, by: str, told: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Delete a user in all stores, for good: platforms are told where they can be, then every row goes, in steps, then
    the account. Whoever dies in between leaves the rest to the clock.

    Answers {user_id, shops, revoked}. Raises UserError for an unknown user.
    """
    shops = backfill_manager.status(app.store, user_id)["connections"]
    if not app.store.rpc("begin_deletion", p_user_id=user_id, p_by=by):
        raise UserError(f"There is no user {user_id}.", hint="See `keeper user find`.")
    revoked = 0
    for shop in shops:
        told(f"Disconnecting {shop['platform']} shop {shop['shop_id']} …")
        ended = app.disconnector.disconnect(user_id=user_id, connection_id=shop["connection_id"])
        revoked += bool(ended["revoked"])
    told("Deleting what was loaded …")
    _finish(app, user_id)
    return {"user_id": user_id, "shops": len(shops), "revoked": revoked}


def _finish(app: App, user_id: str) -> None:
    while not app.store.rpc("delete_user", p_user_id=user_id, p_rows=_ROWS):
        pass


def tombstones(app: App) -> list[dict[str, Any]]:
    """Digests of all who were deleted, with the time: to be kept beside backups."""
    found: list[dict[str, Any]] = []
    while True:
        page = app.store.rpc("tombstones", p_after=found[-1]["digest"] if found else "")
        found += page
        if not page:
            return found


def returned(app: App, digests: Sequence[str] = ()) -> list[str]:
    """Users who are here although they were deleted: by our own tombstones, or by digests that were kept elsewhere."""
    found: list[str] = app.store.rpc("returned_users", p_digests=list(digests))
    return found


def purge(app: App, digests: Sequence[str] = (), *, by: str) -> dict[str, Any]:
    """Delete again all who came back, after a backup was restored. No platform is told: its access was given back then.

    Answers {deleted: ids}.
    """
    gone = []
    for user_id in returned(app, digests):
        if app.store.rpc("begin_deletion", p_user_id=user_id, p_by=by):
            _finish(app, user_id)
            gone.append(user_id)
    return {"deleted": gone}


def digests_in(lines: Iterable[str]) -> list[str]:
    """What a list of deleted users says: digests as `keeper user tombstones` prints them, or ids as `tenant.deleted`
    told them; one a line, whatever stands behind it. Raises UserError for a line that is neither.
    """
    found = []
    for number, line in enumerate(lines, 1):
        word = line.split()[0].lower() if line.split() else ""
        if _DIGEST.fullmatch(word):
            found.append(word)
        elif word:
            found.append(_digest_of(word, number))
    return found


def _digest_of(word: str, number: int) -> str:
    try:
        return hashlib.sha256(str(uuid.UUID(word)).encode()).hexdigest()
    except ValueError:
        raise UserError(
            f"Line {number} is neither a user's id nor a digest.", hint="Take the list of `keeper user tombstones`."
        ) from None
