"""The addresses that others reach us at, asked as they ask; and what is to be known of the database's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import httpx

from execution.certificates import why_unreached
from execution.doctor.lines import Line, failed, not_checked, ok, warning
from execution.settings import LOCAL, Settings
from execution.trust import trusted

_ANSWER_S = 10.0
_DIRECT = re.compile(r"db\.[a-z0-9]+\.supabase\.(co|com|in|net)")
_TRANSACTION_POOLER = 6543
_OURS = "Point PUBLIC_URL at the web process, and see that the host's router leads there."


def of_settings(settings: Settings) -> Iterator[Line]:
    """What is not needed to start and missed later; and the addresses as they are written."""
    yield _database_address(settings)
    yield _supabase_address(settings)
    for name, value, why in (
        ("METRICS_TOKEN", settings.metrics_token, "Set it, or nobody can read /metrics."),
        ("WEBHOOK_SECRET", settings.webhook_secret, "Set it where a service delivers onboarding.completed."),
    ):
        yield ok(name, "set") if value else not_checked(name, "not set", why)


def _database_address(settings: Settings) -> Line:
    if settings.database_url is None:
        return not_checked("DATABASE_URL", "not set", "Only `keeper migrate` needs it: the session pooler's address.")
    parts = urlsplit(settings.database_url.get_secret_value())
    if _DIRECT.fullmatch(parts.hostname or ""):
        return warning(
            "DATABASE_URL", "the direct address, which is IPv6", "Take the session pooler's, unless this host has IPv6."
        )
    if parts.port == _TRANSACTION_POOLER:
        return failed(
            "DATABASE_URL",
            "the transaction pooler, which cannot migrate",
            "Take the session pooler's (port 5432).",
        )
    return ok("DATABASE_URL", "set")


def _supabase_address(settings: Settings) -> Line:
    parts = urlsplit(settings.supabase_url)
    if parts.scheme == "http" and parts.hostname not in LOCAL:
        return failed("SUPABASE_URL", "not encrypted: the key goes over the wire as it is", "Begin it with https://.")
    return ok("SUPABASE_URL", "on this machine" if parts.hostname in LOCAL else "encrypted")


def of_public_url(settings: Settings, webhooks: Sequence[str]) -> Iterator[Line]:
    """`/health/live`, and every path that is delivered to: our web process refuses what nobody signed."""
    if settings.public_url is None and settings.is_embedded:
        yield not_checked("PUBLIC_URL", "not set", "The embedded stack takes the address that a request names.")
        return
    if settings.public_url is None:
        yield warning("PUBLIC_URL", "not set", "Set the web process's own https:// address: nobody can connect a shop.")
        return
    base = settings.public_url.rstrip("/")
    parts = urlsplit(base)
    if parts.scheme == "http" and parts.hostname not in LOCAL:
        yield failed("PUBLIC_URL", "not encrypted", "Begin it with https://: platforms deliver to nothing else.")
    with httpx.Client(
        base_url=base, timeout=_ANSWER_S, verify=trusted(), trust_env=False, follow_redirects=False
    ) as client:
        live = _asked(client, "GET", "/health/live")
        if isinstance(live, str):
            yield failed("web address", live, _OURS)
            yield from (not_checked(f"webhook {path}", "the web process is not reached") for path in webhooks)
            return
        if live.status_code != httpx.codes.OK or _member(live, "status") != "live":
            yield failed("web address", f"/health/live answers {_told(live)}, which is not our web process", _OURS)
            yield from (not_checked(f"webhook {path}", "the web process is not reached") for path in webhooks)
            return
        yield ok("web address", "reaches the web process")
        for path in webhooks:
            yield _webhook(client, path)


def _webhook(client: httpx.Client, path: str) -> Line:
    name = f"webhook {path}"
    answer = _asked(client, "POST", path)
    if isinstance(answer, str):
        return failed(name, answer, _OURS)
    if answer.status_code == httpx.codes.UNAUTHORIZED and _member(answer, "code") == "not_signed":
        return ok(name, "reached; refuses what nobody signed")
    advice = "Let the host's router and firewall pass POST to this path as it comes."
    return failed(name, f"answers {_told(answer)} to what nobody signed", advice)


def _asked(client: httpx.Client, method: str, path: str) -> httpx.Response | str:
    """The answer, or why there is none."""
    try:
        return client.request(method, path, content=b"{}" if method == "POST" else None)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return f"does not answer ({why_unreached(error)})"


def _told(answer: httpx.Response) -> str:
    """The status, and where it leads: no more of what a stranger may have written."""
    if answer.is_redirect:
        return f"{answer.status_code}, to another address"
    return str(answer.status_code)


def _member(answer: httpx.Response, name: str) -> object:
    try:
        body = answer.json()
    except ValueError:
        return None
    return body.get(name) if isinstance(body, dict) else None
