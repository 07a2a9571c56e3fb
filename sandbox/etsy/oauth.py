"""The OAuth pages: consent and the token endpoint (sheet sections 4.1 to 4.3)."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from urllib.parse import urlencode

from sandbox.etsy.responses import EtsyError
from sandbox.etsy.tokens import SCOPES, Code
from sandbox.etsy.world import World
from sandbox.parts import consent
from sandbox.parts.responses import HTML, HttpResponse, ok, redirect

TOKEN_PATH = "/v3/public/oauth/token"  # noqa: S105 - a path
CONNECT_PATH = "/oauth/connect"
KNOWN_SCOPES = frozenset(
    f"{thing}_{right}"
    for thing, rights in {
        "address": "rw",
        "email": "r",
        "listings": "drw",
        "profile": "rw",
        "shops": "rw",
        "transactions": "rw",
    }.items()
    for right in rights
)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CODE_SECONDS = 60


def connect(world: World, query: dict[str, str]) -> HttpResponse:
    """The seller's consent, given at once or on a page; a redirect that is not registered never happens."""
    to = query.get("redirect_uri", "")
    registered = world.settings.redirect_uris
    if not to.startswith(("http://", "https://")) or (registered and to not in registered):
        return _page("The requested redirect URL is not permitted.")
    if query.get("client_id") != world.keystring:
        return _page("The client_id is not known.")
    if problem := _problem(world, query):
        return redirect(to, urlencode({**problem, "state": query.get("state", "")}), content_type=b"text/html")
    if world.settings.consent == "ask" and consent.is_asked(query):
        return HttpResponse(body=_ask(world, query), content_type=HTML)
    user_id = _consenting(world, query)
    code = secrets.token_urlsafe(24)
    world.tokens.codes[code] = Code(
        owner=user_id,
        scopes=tuple(query.get("scope", " ".join(SCOPES)).split()),
        redirect_uri=to,
        challenge=query["code_challenge"],
        expires_at=world.clock.now() + _CODE_SECONDS,
    )
    return redirect(to, urlencode({"code": code, "state": query["state"]}), content_type=b"text/html")


def _problem(world: World, query: dict[str, str]) -> dict[str, str] | None:
    """RFC 6749's words for what is wrong with the request."""
    error, text = "", ""
    if query.get("response_type") != "code":
        error, text = "unsupported_response_type", "response_type must be code"
    elif not query.get("state") or query.get("code_challenge_method") != "S256" or not query.get("code_challenge"):
        error, text = "invalid_request", "state, code_challenge and code_challenge_method=S256 are required"
    elif not set(query.get("scope", "").split()) <= KNOWN_SCOPES:
        error, text = "invalid_scope", "a scope is not known"
    elif world.settings.consent == "deny" or not world.live_shops or consent.is_denied(query):
        error, text = "access_denied", "the user denied the request"
    return {"error": error, "error_description": text} if error else None


def _ask(world: World, query: dict[str, str]) -> bytes:
    sellers = [(str(live_shop.shop.ids.user), live_shop.shop.name) for live_shop in world.live_shops.values()]
    return consent.page("Etsy", query, scopes=query.get("scope", "").split(), sellers=sellers)


def _consenting(world: World, query: dict[str, str]) -> int:
    """Who consents: whom the page was told, else the setting, else the owner of the youngest shop."""
    owners = [live_shop.shop.ids.user for live_shop in world.live_shops.values()]
    chosen = consent.seller_of(query)
    if chosen.isdecimal() and int(chosen) in owners:
        return int(chosen)
    return world.settings.consent_user_id or owners[-1]


def token(world: World, form: dict[str, str]) -> HttpResponse:
    """Code or refresh token for a new pair; needs no API key header and no secret."""
    if world.chance.random() < world.settings.token_error_probability:
        raise EtsyError(500, "Server Error")
    if form.get("client_id") != world.keystring:
        raise EtsyError(400, "invalid_client", "client_id is invalid")
    grant = form.get("grant_type", "")
    if grant == "refresh_token":
        return ok(world.tokens.refresh(form.get("refresh_token", "")))
    if grant == "authorization_code":
        return ok(_exchange(world, form))
    raise EtsyError(400, "unsupported_grant_type", "grant_type must be authorization_code or refresh_token")


def _exchange(world: World, form: dict[str, str]) -> object:
    code = world.tokens.codes.pop(form.get("code", ""), None)
    if code is None or code.expires_at <= world.clock.now():
        raise EtsyError(400, "invalid_grant", "code is invalid or expired")
    if code.redirect_uri != form.get("redirect_uri"):
        raise EtsyError(400, "invalid_grant", "redirect_uri does not match")
    verifier = form.get("code_verifier", "")
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    if not _VERIFIER.fullmatch(verifier) or digest != code.challenge:
        raise EtsyError(400, "invalid_grant", "code_verifier is invalid")
    return world.tokens.issue(code.owner, code.scopes)


def _page(text: str) -> HttpResponse:
    return HttpResponse(
        status=400, body=f"<html><body><h1>{text}</h1></body></html>".encode(), content_type=b"text/html"
    )
