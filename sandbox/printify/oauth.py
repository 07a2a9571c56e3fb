"""Consent and the token endpoints of a platform app (sheet section 3.2). No PKCE, no secret."""

from __future__ import annotations

import secrets
from urllib.parse import urlencode

import orjson

from sandbox.parts import consent
from sandbox.parts.responses import HTML, ApiError, Doc, HttpResponse, ok, redirect
from sandbox.parts.tokens import BaseCode
from sandbox.printify.responses import OAuthError
from sandbox.printify.tokens import APP_SCOPES
from sandbox.printify.world import World

CONNECT_PATH = "/app/authorize"
TOKEN_PATH = "/v1/app/oauth/tokens"  # noqa: S105 - a path
REFRESH_PATH = "/v1/app/oauth/tokens/refresh"
PATHS = (CONNECT_PATH, TOKEN_PATH, REFRESH_PATH)
_CODE_SECONDS = 600


def connect(world: World, query: dict[str, str]) -> HttpResponse:
    """The seller's consent, given at once by the owner of the youngest shop, or on a page."""
    accept, decline, state = query.get("accept_url", ""), query.get("decline_url", ""), query.get("state", "")
    if query.get("app_id") != world.app_id or not _allowed(accept):
        return HttpResponse(
            status=400, body=b"<html><body>This app cannot be connected.</body></html>", content_type=HTML
        )
    if world.settings.consent == "deny" or not world.live_shops or consent.is_denied(query):
        fields = {"error": "access_denied", "error_description": "The merchant declined.", "state": state}
        return redirect(decline if _allowed(decline) else accept, urlencode(fields))
    if world.settings.consent == "ask" and consent.is_asked(query):
        return HttpResponse(body=_ask(world, query), content_type=HTML)
    code = secrets.token_urlsafe(24)
    account_id = _consenting(world, query)
    world.tokens.codes[code] = BaseCode(
        owner=account_id, scopes=APP_SCOPES, expires_at=world.clock.now() + _CODE_SECONDS
    )
    return redirect(accept, urlencode({"code": code, "state": state}))


def _ask(world: World, query: dict[str, str]) -> bytes:
    sellers = {str(live_shop.account_id): live_shop.shop.plan.title for live_shop in world.live_shops.values()}
    return consent.page("Printify", query, scopes=APP_SCOPES, sellers=list(sellers.items()))


def _consenting(world: World, query: dict[str, str]) -> int:
    """Whose account: the one that the page was told, else that of the youngest shop."""
    accounts = [live_shop.account_id for live_shop in world.live_shops.values()]
    chosen = consent.seller_of(query)
    return int(chosen) if chosen.isdecimal() and int(chosen) in accounts else accounts[-1]


def token(world: World, path: str, body: bytes) -> HttpResponse:
    """A code or a refresh token for an access token with the date of its end."""
    if world.chance.random() < world.settings.token_error_probability:
        raise ApiError("server error", HttpResponse(status=500, body=orjson.dumps({"error": "Server Error"})))
    doc = _read(body)
    if doc.get("app_id") != world.app_id:
        raise OAuthError("invalid_client", "The app_id is invalid.")
    if path == REFRESH_PATH:
        return ok(world.tokens.refresh(str(doc.get("refresh_token", ""))))
    code = world.tokens.codes.pop(str(doc.get("code", "")), None)
    if code is None or code.expires_at <= world.clock.now():
        raise OAuthError("invalid_grant", "The code is invalid or expired.")
    return ok(world.tokens.issue(code.owner, code.scopes))


def _read(body: bytes) -> Doc:
    try:
        doc = orjson.loads(body)
    except orjson.JSONDecodeError:
        doc = None
    if not isinstance(doc, dict):
        raise OAuthError("invalid_request", "The body must be a JSON object.")
    return doc


def _allowed(url: str) -> bool:
    """https, or http to localhost alone; no addresses in numbers, except those of this very machine."""
    return url.startswith(("https://", "http://localhost", "http://127.0.0.1"))
