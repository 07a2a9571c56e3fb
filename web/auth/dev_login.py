"""The development login: on the embedded stack an address is enough. Nowhere else does it exist."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request

from execution import operations
from execution.app import App
from execution.settings import Settings
from web.auth.sessions import Sessions
from web.problems import Problem

SESSION_SECONDS = 8 * 3600
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
# What a proxy or a tunnel on this machine says of whom it speaks for: the line comes from here, and the person not.
_FORWARDED = ("forwarded", "via", "x-real-ip", "true-client-ip", "cf-connecting-ip", "client-ip")


def dev_login_exists(settings: Settings) -> bool:
    """On the embedded stack alone: its name, database and pages on this machine, and a secret to sign with."""
    addresses = (settings.supabase_url, settings.public_url or "http://localhost")
    return (
        settings.is_embedded
        and all(urlsplit(address).hostname in _LOOPBACK for address in addresses)
        and settings.supabase_jwt_secret is not None
    )


def demand_loopback(request: Request) -> None:
    """404 for who is not at this machine: on the network, through a tunnel, or a name that was pointed at it.

    An address is enough to be anybody here; so a stack that listens to all must not sign in whoever comes.
    """
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname
    except ValueError:
        host = None
    forwarded = any(name in _FORWARDED or name.startswith("x-forwarded") for name in request.headers)
    if forwarded or host not in _LOOPBACK or request.client is None or request.client.host not in _LOOPBACK:
        raise Problem(404, "not_found")


def dev_token(app: App, sessions: Sessions, email: str) -> str:
    """A token for an address, whose user is made if nobody has it yet. 404 anywhere but on the embedded stack."""
    if not dev_login_exists(app.settings):
        raise Problem(404, "not_found")
    return sessions.issue(_user_with(app, email), email, seconds=SESSION_SECONDS)


def _user_with(app: App, email: str) -> str:
    found = app.store.rpc("user_by_email", p_email=email)
    return str(found or operations.create_user(app, email=email, plan="pro")["user_id"])
