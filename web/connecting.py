"""Connecting a user's shop by the platform's consent page, or by a pasted token; and disconnecting it."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import structlog

from execution import time_zones
from execution.catalog import PLATFORMS
from execution.connections import consent as consents
from execution.connections.choice import listed
from execution.connections.connector import NOTHING_READABLE, Connection, ConnectRequest
from execution.connections.consent import ConsentRefused
from execution.errors import StoreError, UserError
from execution.platform_settings import PlatformSettings
from execution.platforms.consent import Consent
from execution.tokens.rules import IssuedTokens
from web.auth import rate_limits
from web.backfills import BackfillRequest, job_rows, shops_of
from web.context import Web
from web.problems import Problem, refusal_of
from web.user_facts import status_of

STATE_SECONDS = 600
HOME = "/settings/connections"
# A path of ours in plain letters: no host, no scheme, nothing that a browser reads as either. Possessive, because a
# pattern that tries every way to divide a text holds the whole process for as long as the text's author likes.
_PATH = re.compile(r"/(?:[A-Za-z0-9_-]++/?)*+", re.ASCII)

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class ConsentResult:
    """How a callback ended: where the seller goes, and the code of what went wrong."""

    return_to: str
    problem: str = ""


def begin(web: Web, user_id: str, platform: str, *, base_url: str, shop: str = "", return_to: str = HOME) -> str:
    """The address of the platform's consent page, for this user alone, for ten minutes, once."""
    consent, settings = _consent(web, platform)
    rate_limits.count_action(web.app.store, user_id, rate_limits.CONNECT)
    try:
        host = consents.check_shop(consent, shop)
    except ConsentRefused as refused:
        raise Problem(422, refused.code, refused.message) from None
    redirect_uri = f"{base_url}/oauth/{platform}/callback"
    pending = consents.begin(_key(web), redirect_uri=redirect_uri, shop=host)
    details = {"redirect_uri": redirect_uri, "shop": host, "return_to": local_path(return_to)}
    try:
        web.app.store.rpc(
            "begin_oauth",
            p_state_hash=consents.state_hash(pending.state),
            p_user_id=user_id,
            p_platform=platform,
            p_details=details,
            p_seconds=STATE_SECONDS,
        )
    except StoreError as error:
        raise refusal_of(error) from None
    return consents.authorize_url(consent, settings, pending)


def finish(web: Web, user_id: str, platform: str, query: Mapping[str, str]) -> ConsentResult:
    """The platform sent the seller back. Whatever fails is a code for the page; only a wrong state is an error."""
    consent, _ = _consent(web, platform)
    # First of all, and in one statement: a state works once, for its own user and platform, within its time.
    details = web.app.store.rpc(
        "finish_oauth",
        p_state_hash=consents.state_hash(query.get("state", "")),
        p_user_id=user_id,
        p_platform=platform,
    )
    if details is None:
        raise Problem(400, "wrong_state")
    try:
        _check_callback(consent, web.app.settings.client_secrets(platform), details, query)
        _connect(web, user_id, platform, details, query)
    except ConsentRefused as refused:
        return ConsentResult(return_to=details["return_to"], problem=refused.code)
    except UserError as error:
        # What the platform itself answered: for people on call, not for the page's address.
        log.warning("shop_not_connected", platform=platform, user_id=user_id, reason=error.message)
        return ConsentResult(return_to=details["return_to"], problem=_code_of(error))
    return ConsentResult(return_to=details["return_to"])


def connect_by_token(web: Web, user_id: str, platform: str, access_token: str, shop_id: str) -> dict[str, Any]:
    """A token that the seller made and pasted: tried before it is stored."""
    _consent(web, platform)
    rate_limits.count_action(web.app.store, user_id, rate_limits.CONNECT)
    expiry = PLATFORMS[platform].tokens.expiry_of(access_token)
    request = ConnectRequest(
        platform=platform, user_id=user_id, shop_id=shop_id, access_token=access_token, expires_at=expiry
    )
    try:
        connection = web.app.connector.connect(request)
    except UserError as error:
        log.warning("shop_not_connected", platform=platform, user_id=user_id, reason=error.message)
        raise Problem(422, _code_of(error)) from None
    start_backfill(web, user_id, connection)
    named = {"platform": platform, "connection_id": connection.connection_id}
    return {**named, "shop_id": connection.shop_id, "shop_name": connection.shop_name}


def disconnect_shop(web: Web, user_id: str, platform: str, shop_id: str | None) -> dict[str, Any]:
    """`disconnect` of the shop that is named; without a name, of the only one that is connected."""
    rate_limits.count_action(web.app.store, user_id, rate_limits.DISCONNECT)
    shops = shops_of(status_of(web, user_id), platform=platform, shop_id=shop_id)
    if len(shops) > 1:
        # What was disconnected before is not meant, as long as another one is left.
        shops = [one for one in shops if one["status"] != "disconnected"] or shops[:1]
    if len(shops) > 1:
        raise Problem(422, "ambiguous_shop", f"Name the shop, one of: {listed(shops)}.")
    return _disconnect(web, user_id, shops[0]["connection_id"])


def disconnect(web: Web, user_id: str, connection_id: str) -> dict[str, Any]:
    """End it here, and tell the platform. 404 for what is not connected, whoever else has connected it."""
    rate_limits.count_action(web.app.store, user_id, rate_limits.DISCONNECT)
    return _disconnect(web, user_id, connection_id)


def _disconnect(web: Web, user_id: str, connection_id: str) -> dict[str, Any]:
    result = web.app.disconnector.disconnect(user_id=user_id, connection_id=connection_id)
    if not result["disconnected"]:
        raise Problem(404, "not_connected")
    return result


def erase(web: Web, user_id: str, connection_id: str) -> None:
    """The connection and all that was loaded, in steps. 409 for one that is still connected."""
    rate_limits.count_action(web.app.store, user_id, rate_limits.DISCONNECT)
    try:
        while not web.app.store.rpc("erase_connection", p_user_id=user_id, p_connection_id=connection_id):
            pass
    except StoreError as error:
        raise refusal_of(error) from None


def say_time_zone(web: Web, user_id: str, connection_id: str, zone: str) -> None:
    """In which zone a shop's days begin, as its seller says. 404: another's shop; 409: the platform tells it."""
    rate_limits.count_action(web.app.store, user_id, rate_limits.CONNECT)
    try:
        time_zones.say(web.app.store, user_id=user_id, connection_id=connection_id, zone=zone)
    except UserError as error:
        raise Problem(409 if error.code == "time_zone_told" else 422, error.code) from None
    except StoreError as error:
        raise refusal_of(error) from None


def start_backfill(web: Web, user_id: str, connection: Connection) -> None:
    """A connected shop is loaded at once; what is complete already is left alone."""
    request = BackfillRequest(platform=connection.platform, shop_id=connection.shop_id)
    rows = job_rows(web, status_of(web, user_id), request)
    web.app.store.rpc(
        "queue_backfill", p_user_id=user_id, p_trigger="connect", p_jobs=rows, p_rerun=False, p_since=None
    )
    web.manager.ring()


def local_path(path: str) -> str:
    """A path of our own, or the page of connections: never another site."""
    return path if _PATH.fullmatch(path) and not path.startswith("//") else HOME


def _check_callback(
    consent: Consent, secrets: Sequence[str], details: Mapping[str, str], query: Mapping[str, str]
) -> None:
    """The platform sent it, about the shop that was asked for, and the seller said yes."""
    if not consent.is_genuine(query, secrets, time.time()) or query.get("shop", "") != details["shop"]:
        raise ConsentRefused("not_genuine", "The platform did not send this.")
    if query.get("error") or not query.get("code"):
        raise ConsentRefused("declined", "You did not allow it.")


def _connect(web: Web, user_id: str, platform: str, details: Mapping[str, str], query: Mapping[str, str]) -> None:
    """The code becomes tokens, the tokens are tried and stored, and the backfill starts."""
    consent, settings = _consent(web, platform)
    pending = consents.pending(_key(web), query["state"], redirect_uri=details["redirect_uri"], shop=details["shop"])
    tokens = consents.exchange(consent, settings, web.app.transport, pending, query["code"])
    connection = web.app.connector.connect(_request(user_id, platform, details["shop"], tokens))
    start_backfill(web, user_id, connection)


def _request(user_id: str, platform: str, shop: str, tokens: IssuedTokens) -> ConnectRequest:
    now = datetime.now(UTC)
    return ConnectRequest(
        platform=platform,
        user_id=user_id,
        shop_id=shop,
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        expires_at=tokens.ends_at(now),
        refresh_expires_at=tokens.refresh_ends_at(now),
        rights=tokens.rights,
    )


def _consent(web: Web, platform: str) -> tuple[Consent, PlatformSettings]:
    """404 for platforms that there are none of, 503 for one whose application key is not set here."""
    known = PLATFORMS.get(platform)
    consent = known.consent if known else None
    if consent is None:
        raise Problem(404, "unknown_platform")
    try:
        settings = web.app.settings.platform(platform)
    except UserError:
        raise Problem(503, "platform_not_set_up") from None
    return replace(consent, scopes=(*consent.scopes, *settings.extra_scopes)), settings


def _key(web: Web) -> bytes:
    """Of PKCE's verifiers; every process of the service derives the same, and none stores it."""
    secret = web.app.settings.supabase_service_role_key.get_secret_value().encode()
    return hmac.digest(secret, b"keeper oauth v1", hashlib.sha256)


def _code_of(error: UserError) -> str:
    return error.code if error.code in ("other_shop", NOTHING_READABLE) else "refused"
