"""The OAuth pages: consent, tokens, scopes (sheet section 2)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import orjson

from sandbox.parts import consent
from sandbox.parts.responses import HTML, Doc, HttpResponse, ok, redirect
from sandbox.shopify.data.live_shop import LiveShop
from sandbox.shopify.responses import ShopifyError
from sandbox.shopify.tokens import SCOPES, Code, InvalidGrant
from sandbox.shopify.world import World

AUTHORIZE = "/admin/oauth/authorize"
TOKEN = "/admin/oauth/access_token"  # noqa: S105 - a path
ACCESS_SCOPES = "/admin/oauth/access_scopes.json"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - a name
_CODE_SECONDS = 600
_ONLINE_SECONDS = 86_399


class OAuthError(ShopifyError):
    """RFC 6749's form of an error; the texts are unconfirmed (sheet section 2.2)."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(status, error)
        self.response = ok({"error": error, "error_description": description}, status)


def authorize(world: World, domain: str | None, query: list[tuple[str, str]]) -> HttpResponse:
    """The merchant's consent, given at once or on a page; a redirect that is not registered never happens."""
    given = dict(query)
    to, registered = given.get("redirect_uri", ""), world.settings.redirect_uris
    if given.get("client_id") != world.client_id:
        return _page("Oauth error invalid_client: Could not find Shopify API application")
    if not to.startswith(("http://", "https://")) or (registered and to not in registered):
        return _page("Oauth error invalid_request: The redirect_uri is not whitelisted")
    live_shop = _shop(world, domain or given.get("shop"), given)
    if live_shop is None:
        return _page("404: this shop does not exist")
    if world.settings.consent == "ask" and consent.is_asked(given):
        return HttpResponse(body=_ask(world, live_shop, given), content_type=HTML)
    if world.settings.consent == "deny" or consent.is_denied(given):
        # Unconfirmed: the merchant is left in the admin. A redirect with an error lets a client be tested.
        return _redirect(to, [("error", "access_denied"), ("state", given.get("state", ""))])
    wanted = tuple(scope for scope in given.get("scope", ",".join(SCOPES)).split(",") if scope)
    code = secrets.token_hex(16)
    world.tokens.codes[code] = Code(
        owner=live_shop.shop.ids.shop,
        scopes=_without_implied(wanted),
        expires_at=world.clock.now() + _CODE_SECONDS,
        online=("grant_options[]", "per-user") in query,
    )
    return _redirect(to, signed(world, live_shop, {"code": code, "state": given.get("state", "")}))


def signed(world: World, live_shop: LiveShop, values: dict[str, str]) -> list[tuple[str, str]]:
    """The callback's query: HMAC-SHA256 in hex over the sorted rest, keyed by the secret (sheet section 2.1, 4)."""
    host = (
        base64.b64encode(f"admin.shopify.com/store/{live_shop.shop.domain.split('.')[0]}".encode()).decode().rstrip("=")
    )
    rest = {**values, "host": host, "shop": live_shop.shop.domain, "timestamp": str(world.clock.seconds())}
    message = urlencode(sorted(rest.items()), quote_via=quote)
    return [
        *rest.items(),
        ("hmac", hmac.new(world.client_secret.encode(), message.encode(), hashlib.sha256).hexdigest()),
    ]


def token(world: World, domain: str | None, body: bytes, content_type: bytes) -> tuple[HttpResponse, str]:
    """The answer, and which grant it was for the ledger. JSON and form bodies are both read."""
    form = _form(body, content_type)
    grant = str(form.get("grant_type") or "authorization_code")
    name = "token_exchange" if grant == EXCHANGE else grant
    try:
        return ok(_granted(world, domain, form, grant)), name
    except ShopifyError as refusal:
        return refusal.response, name


def _granted(world: World, domain: str | None, form: Doc, grant: str) -> Doc:
    if world.chance.random() < world.settings.token_error_probability:
        raise OAuthError(500, "server_error", "Something went wrong")
    if form.get("client_id") != world.client_id or form.get("client_secret") != world.client_secret:
        raise OAuthError(401, "invalid_client", "The client credentials are invalid")
    live_shop = world.live_shop_of_domain(domain) if domain else None
    if domain and live_shop is None:
        raise ShopifyError(404, "Not Found")
    shop_id = live_shop.shop.ids.shop if live_shop else None
    if grant == "authorization_code":
        return _by_code(world, shop_id, form)
    if grant == "refresh_token":
        return _grant_or_refuse(lambda: world.tokens.refresh(str(form.get("refresh_token", "")), shop_id))
    if grant == EXCHANGE:
        return _exchanged(world, shop_id, form)
    raise OAuthError(400, "unsupported_grant_type", f"grant_type {grant} is not supported")


def _by_code(world: World, shop_id: int | None, form: Doc) -> Doc:
    code = world.tokens.codes.pop(str(form.get("code", "")), None)
    if code is None or code.expires_at <= world.clock.now() or shop_id not in (None, code.owner):
        text = "The authorization code was not found or was already used"
        raise OAuthError(400, "invalid_request", text)
    if code.online:
        return _online(world, code)
    expiring = str(form.get("expiring", "0")) in ("1", "true", "True")
    return world.tokens.issue(code.owner, code.scopes, expiring=expiring)


def _online(world: World, code: Code) -> Doc:
    made = world.tokens.issue(code.owner, code.scopes, expires_in=_ONLINE_SECONDS)
    shop = world.live_shops[code.owner].shop
    first, _, last = shop.plan.owner.partition(" ")
    user = {
        "id": shop.ids.installation,
        "first_name": first,
        "last_name": last,
        "email": f"owner@{shop.domain}",
        "email_verified": True,
        "account_owner": True,
        "locale": "en",
        "collaborator": False,
    }
    kept = {name: made[name] for name in ("access_token", "scope", "expires_in")}
    return {**kept, "associated_user_scope": made["scope"], "associated_user": user}


def _exchanged(world: World, shop_id: int | None, form: Doc) -> Doc:
    """An old everlasting token for an expiring pair, or a session token (ours: `session:SHOP_ID`) for a token."""
    subject, kind = str(form.get("subject_token", "")), form.get("subject_token_type")
    if kind == _OFFLINE:
        return _grant_or_refuse(lambda: world.tokens.migrate(subject))
    named = subject.removeprefix("session:")
    if kind != _ID_TOKEN or not named.isdecimal() or int(named) not in world.live_shops:
        raise OAuthError(400, "invalid_subject_token", "The subject token is not valid")
    if shop_id not in (None, int(named)):
        raise OAuthError(400, "invalid_subject_token", "The subject token is of another shop")
    return world.tokens.issue(int(named), SCOPES, expiring=str(form.get("expiring", "0")) == "1")


def _grant_or_refuse(grant: Any) -> Doc:
    try:
        made: Doc = grant()
    except InvalidGrant as invalid:
        raise OAuthError(400, "invalid_grant", str(invalid)) from invalid
    return made


def access_scopes(scopes: tuple[str, ...]) -> HttpResponse:
    return ok({"access_scopes": [{"handle": scope} for scope in scopes]})


def _without_implied(scopes: tuple[str, ...]) -> tuple[str, ...]:
    """`write_x` implies `read_x`, which is then not listed (sheet section 2.1)."""
    return tuple(s for s in scopes if not (s.startswith("read_") and s.replace("read_", "write_", 1) in scopes))


def _shop(world: World, domain: str | None, given: dict[str, str]) -> LiveShop | None:
    """Whom the page was told, else whom the address names, else the only shop there is."""
    chosen = consent.seller_of(given)
    if chosen.isdecimal() and int(chosen) in world.live_shops:
        return world.live_shops[int(chosen)]
    if domain:
        return world.live_shop_of_domain(domain)
    return next(iter(world.live_shops.values())) if len(world.live_shops) == 1 else None


def _ask(world: World, live_shop: LiveShop, given: dict[str, str]) -> bytes:
    others = [each for each in world.live_shops.values() if each is not live_shop]
    sellers = [(str(each.shop.ids.shop), each.shop.name) for each in [*others, live_shop]]
    return consent.page("Shopify", given, scopes=given.get("scope", "").split(","), sellers=sellers)


def _form(body: bytes, content_type: bytes) -> Doc:
    if content_type.startswith(b"application/json") or body.startswith(b"{"):
        try:
            doc = orjson.loads(body)
        except orjson.JSONDecodeError:
            return {}
        return doc if isinstance(doc, dict) else {}
    return dict(parse_qsl(body.decode("utf-8", "replace")))


def _redirect(to: str, values: list[tuple[str, str]]) -> HttpResponse:
    return redirect(to, urlencode(values, quote_via=quote))


def _page(text: str) -> HttpResponse:
    return HttpResponse(status=400, body=f"<html><body><h1>{text}</h1></body></html>".encode(), content_type=HTML)
