"""Every part in turn; each line is told as soon as it is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from execution.app import App
from execution.catalog import PLATFORMS
from execution.doctor import addresses, events, lookbacks, platform_keys, stores, subscriptions
from execution.doctor.lines import Line, failed, not_checked, ok
from execution.errors import UserError
from execution.settings import Settings
from execution.store import Patience

# A person waits.
_PATIENCE = Patience(attempts=2, answer_s=8.0)
_EVERYTHING = ("database", "keys", "valkey", "platforms", "events endpoint", "addresses")


def examine() -> Iterator[Line]:
    """Nothing raises: what is wrong with one part says nothing of the others."""
    try:
        settings = Settings.load()
    except UserError as error:
        yield failed("settings", error.message.rstrip(":"), error.hint)
        yield from (not_checked(name, "the settings are not whole") for name in _EVERYTHING)
        return
    yield ok("settings", "complete")
    app = App(settings=settings, patience=_PATIENCE)
    try:
        yield from addresses.of_settings(settings)
        yield from stores.of_database(app.store, app.keyring, app.clock)
        yield from stores.of_valkey(settings, app.valkey, app.clock)
        yield from platform_keys.of_platforms(app)
        yield from events.of_endpoint(app)
        yield from addresses.of_public_url(settings, _webhooks())
        yield from subscriptions.of_shops(app)
        yield from lookbacks.of_rounds(app.store)
    finally:
        app.close()


def _webhooks() -> list[str]:
    """Where deliveries come: the service's own, and those of platforms."""
    return ["/webhooks/onboarding", *(f"/webhooks/{name}" for name in sorted(PLATFORMS) if PLATFORMS[name].webhooks)]


def is_well(lines: Iterable[Line]) -> bool:
    return all(line.status != "failed" for line in lines)


def as_facts(lines: Iterable[Line]) -> dict[str, Any]:
    told = list(lines)
    return {"ok": is_well(told), "checks": [asdict(line) for line in told]}


def as_text(line: Mapping[str, Any]) -> str:
    """A line for a person, and below it what to do."""
    advice = f"\n{'':13}{line['advice']}" if line["advice"] else ""
    return f"{line['status']:<12} {line['name']}: {line['found']}{advice}"
