"""Each platform's application key: proven by the one call that it alone answers, where the platform has such a call."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from execution.app import App
from execution.catalog import PLATFORMS
from execution.doctor.lines import Line, failed, not_checked, ok, warning
from execution.errors import Fatal, KeeperError, Signal, Snooze, UserError
from execution.http.messages import Request


def of_platforms(app: App) -> Iterator[Line]:
    try:
        for name in sorted(PLATFORMS):
            yield _key(app, name)
            if PLATFORMS[name].webhooks is not None:
                yield _webhook_secret(app, name)
    finally:
        _give_back(app)


def _give_back(app: App) -> None:
    """What of a block nobody used; where it cannot be given back, it ends with its hour."""
    with contextlib.suppress(KeeperError):
        app.limiter.give_back()
        app.call_record.flush()


def _key(app: App, name: str) -> Line:
    platform, variables = PLATFORMS[name], PLATFORMS[name].variables
    label = f"{name} key"
    named = " and ".join(filter(None, (variables.client_id, variables.client_secret)))
    try:
        app.settings.platform(name)
    except UserError as error:
        if any(app.settings.variable(one) for one in (variables.client_id, variables.client_secret) if one):
            return failed(label, error.message.rstrip(":"), error.hint)
        return not_checked(label, "not set", f"Set {named}, unless no {platform.title} shop is to be connected.")
    probe = platform.api.key_probe
    if probe is None:
        return not_checked(label, "set; cannot be proven without a seller", "It is proven by the first shop connected.")
    return _proven(
        app, name, Request(path=probe.path), label, f"Check {named} with the platform: no shop can be synced."
    )


def _proven(app: App, name: str, request: Request, label: str, advice: str) -> Line:
    """By a live call, permitted and booked as every other."""
    try:
        app.key_client(name).send(request)
    except Fatal as refused:
        return failed(label, refused.reason, advice)
    except Snooze as later:
        return not_checked(label, f"not asked now: {later.reason}", "Try again later.")
    except Signal as away:
        return warning(label, f"set, and not proven: {away.reason}", "Try again; look at the platform's status page.")
    except KeeperError as error:
        return not_checked(label, error.message, "Mend the database first: calls are booked there.")
    return ok(label, f"{PLATFORMS[name].title} takes it")


def _webhook_secret(app: App, name: str) -> Line:
    variable = PLATFORMS[name].variables.webhook_secret
    if app.settings.webhook_secrets(name):
        return ok(f"{name} webhook secret", "set")
    return not_checked(f"{name} webhook secret", "not set", f"Set {variable}, or changes are heard of later.")
