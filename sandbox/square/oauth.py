"""OAuth: the seller's consent, tokens, their status and their end (sheet section 2).

What Square answers where a code or a refresh token is no good is not documented: 401 UNAUTHORIZED here.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from urllib.parse import urlencode

from sandbox.parts import consent
from sandbox.parts.responses import HTML, Doc, HttpResponse, ok, redirect
from sandbox.square.data.timestamps import SECOND, plain
from sandbox.square.responses import SquareError, invalid, unauthorized
from sandbox.square.tokens import SCOPES, Access, Code
from sandbox.square.world import World

AUTHORIZE = "/oauth2/authorize"
TOKEN = "/oauth2/token"  # noqa: S105 - a path
REVOKE = "/oauth2/revoke"
STATUS = "/oauth2/token/status"
PATHS = (AUTHORIZE, TOKEN, REVOKE, STATUS)
_CODE_SECONDS = 300


def authorize(world: World, query: dict[str, str]) -> HttpResponse:
    """The seller's consent, given at once or on a page; a redirect that is not registered never happens."""
    registered = world.settings.redirect_uris
    to = query.get("redirect_uri") or (registered[0] if registered else "")
    if query.get("client_id") != world.app_id:
        return _page("The client_id is not known.")
    if not to.startswith(("http://localhost", "http://127.0.0.1", "https://")) or (registered and to not in registered):
        return _page("The redirect URL is not that of the application.")
    scopes = tuple(query.get("scope", "MERCHANT_PROFILE_READ").split())
    state = {"state": query["state"]} if "state" in query else {}
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        return _page(f"Unknown scope: {unknown[0]}.")
    if world.settings.consent == "deny" or not world.live_shops or consent.is_denied(query):
        refusal = {"error": "access_denied", "error_description": "user_denied"}
        return redirect(to, urlencode(refusal | state))
    if world.settings.consent == "ask" and consent.is_asked(query):
        sellers = [(str(number), each.shop.name) for number, each in world.live_shops.items()]
        return HttpResponse(body=consent.page("Square", query, scopes=scopes, sellers=sellers), content_type=HTML)
    code = f"sq0cgp-{secrets.token_urlsafe(22)}"
    world.tokens.codes[code] = Code(
        owner=_consenting(world, query),
        scopes=scopes,
        redirect_uri=query.get("redirect_uri", ""),
        challenge=query.get("code_challenge", ""),
        expires_at=world.clock.now() + _CODE_SECONDS,
    )
    return redirect(to, urlencode({"code": code, "response_type": "code"} | state))


def _consenting(world: World, query: dict[str, str]) -> int:
    """Who consents: whom the page was told, else the owner of the youngest account."""
    chosen = consent.seller_of(query)
    if chosen.isdecimal() and int(chosen) in world.live_shops:
        return int(chosen)
    return list(world.live_shops)[-1]


def token(world: World, body: Doc) -> HttpResponse:
    """A code or a refresh token for an access token; PKCE needs no secret."""
    if world.chance.random() < world.settings.token_error_probability:
        raise SquareError(500, "API_ERROR", "INTERNAL_SERVER_ERROR", "An internal error has occurred.")
    for name in ("client_id", "grant_type"):
        if not isinstance(body.get(name), str):
            raise invalid("MISSING_REQUIRED_PARAMETER", "Field must be set.", name)
    if body["client_id"] != world.app_id:
        raise unauthorized(detail="The client_id is not known.")
    secret = body.get("client_secret")
    if secret is not None and secret != world.app_secret:
        raise unauthorized(detail="The client_secret is wrong.")
    if body["grant_type"] == "refresh_token":
        scopes = body.get("scopes")
        wanted = tuple(scopes) if isinstance(scopes, list) else None
        answer = world.tokens.refresh(_field(body, "refresh_token"), wanted, pkce=secret is None, short=_short(body))
    elif body["grant_type"] == "authorization_code":
        answer = _exchange(world, body, _field(body, "code"))
    else:
        raise invalid("INVALID_VALUE", "grant_type must be authorization_code or refresh_token.", "grant_type")
    return ok(answer)


def _exchange(world: World, body: Doc, text: str) -> Doc:
    """Once, within five minutes, at the address for which it was asked."""
    code = world.tokens.codes.pop(text, None)
    if code is None or code.expires_at <= world.clock.now():
        raise unauthorized(detail="The authorization code is invalid, used or expired.")
    if code.redirect_uri and code.redirect_uri != body.get("redirect_uri"):
        raise unauthorized(detail="The redirect_uri is not that of the authorization.")
    if code.challenge:
        digest = hashlib.sha256(_field(body, "code_verifier").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != code.challenge:
            raise unauthorized(detail="The code_verifier is wrong.")
    elif body.get("client_secret") is None:
        raise invalid("MISSING_REQUIRED_PARAMETER", "Field must be set.", "client_secret")
    return world.tokens.issue(code.owner, code.scopes, pkce=bool(code.challenge), short=_short(body))


def revoke(world: World, authorization: str, body: Doc) -> tuple[HttpResponse, int | None]:
    """By the application's secret: every token of the seller, or the one that is named. Tells whose, if all went."""
    if authorization != f"Client {world.app_secret}" or body.get("client_id") != world.app_id:
        raise unauthorized(detail="The application could not be authorized.")
    access, merchant_id = body.get("access_token"), body.get("merchant_id")
    if (access is None) == (merchant_id is None):
        raise invalid("CONFLICTING_PARAMETERS", "Exactly one of access_token and merchant_id must be set.")
    if access is not None and body.get("revoke_only_access_token") is True:
        if not world.tokens.revoke_access(str(access)):
            raise unauthorized(detail="The access token is not known.")
        return ok({"success": True}), None
    owner = _owner(world, access, merchant_id)
    if owner is None:
        raise unauthorized(detail="The seller is not known.")
    world.tokens.revoke(owner)
    return ok({"success": True}), owner


def _owner(world: World, access: object, merchant_id: object) -> int | None:
    if access is not None:
        return world.tokens.owner_of(str(access))
    live_shop = world.of_merchant(str(merchant_id))
    return live_shop.shop.ids.shop if live_shop else None


def status(world: World, access: Access) -> HttpResponse:
    return ok(
        {
            "scopes": list(access.scopes),
            "expires_at": plain(int(access.expires_at) * SECOND),
            "client_id": world.app_id,
            "merchant_id": world.live_shops[access.owner].shop.ids.merchant,
        }
    )


def _field(body: Doc, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise invalid("MISSING_REQUIRED_PARAMETER", "Field must be set.", name)
    return value


def _short(body: Doc) -> bool:
    return body.get("short_lived") is True


def _page(text: str) -> HttpResponse:
    return HttpResponse(status=400, body=f"<html><body><h1>{text}</h1></body></html>".encode(), content_type=HTML)
