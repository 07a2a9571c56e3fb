"""Whether shops tell us what changes: the webhooks that we asked for, and those that are made by hand."""

from __future__ import annotations

from collections.abc import Iterator

from execution.app import App
from execution.catalog import PLATFORMS
from execution.connections.registration import registrable
from execution.doctor.lines import Line, not_checked, ok, warning
from execution.errors import KeeperError

_ADVICE = "See `keeper webhooks list --user ID`: without them changes are found by rounds, later."


def of_shops(app: App) -> Iterator[Line]:
    """As the last look found them: nothing is asked of a platform here."""
    able = registrable(app.settings)
    try:
        counts = app.store.rpc("webhook_counts")
    except KeeperError:
        counts = None
    for name in sorted(PLATFORMS):
        webhooks, label = PLATFORMS[name].webhooks, f"{name} webhooks"
        if webhooks is None:
            continue
        if webhooks.subscriptions is None:
            yield not_checked(label, "made by hand", webhooks.by_hand)
        elif name not in able:
            yield not_checked(label, "not asked for", "Set PUBLIC_URL and the platform's webhook secret.")
        elif counts is None:
            yield not_checked(label, "the database does not answer")
        else:
            shops, working = (counts.get(name, {}).get(part, 0) for part in ("shops", "working"))
            told = f"{working} of {shops} shops have all of theirs"
            yield ok(label, told) if working == shops else warning(label, told, _ADVICE)
