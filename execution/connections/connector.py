"""Connecting a shop: what the platform itself says about a token is checked before anything is written."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NoReturn

from execution.catalog import platform_named
from execution.errors import Fatal, Signal, StoreError, UserError
from execution.http.messages import Send
from execution.ids import user_id_in
from execution.keyring import AssociatedData, Field, Keyring
from execution.platform_client import PlatformClient
from execution.platform_settings import PlatformSettings
from execution.platforms.api import ShopIdentity
from execution.platforms.platform import Platform
from execution.platforms.rights import missing_rights
from execution.store import Rpc
from execution.streams import Entity
from execution.tokens.refresh import Refresher
from execution.tokens.rules import TokenSource, held
from execution.tokens.stored_pair import Pair

# Why a shop is refused of which not one entity could be read.
NOTHING_READABLE = "nothing_readable"


@dataclass(frozen=True, kw_only=True)
class ConnectRequest:
    """What the command line or a consent page told. Without a `shop_id` it is the token's own shop."""

    platform: str
    user_id: str
    shop_id: str
    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    refresh_expires_at: datetime | None = None
    # What the answer that brought the tokens says was granted.
    rights: frozenset[str] | None = None
    # What the seller says the amounts are in, for a platform whose answers never do.
    currency: str | None = None


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A connected shop, as stored."""

    connection_id: str
    platform: str
    user_id: str
    shop_id: str
    shop_name: str
    currency: str | None
    shop_created_at: datetime | None
    # Rights that some of it needs and that were not granted.
    missing_rights: tuple[str, ...] = ()


class _HeldToken:
    """A token in memory: it is nobody's yet, so there is nothing to refresh and nothing to mark."""

    def __init__(self, platform: Platform, access_token: str) -> None:
        self._platform = platform
        self._access_token = access_token

    def access_token(self) -> str:
        return self._access_token

    def renew(self, rejected: str) -> str:  # noqa: ARG002
        raise UserError(
            f"{self._platform.title} rejects the access token (expired, revoked or mistyped):",
            hint="connect again with a fresh one.",
            code="token_rejected",
        )

    def give_up(self, reason: str) -> None:
        pass


class Connector:
    """Connects shops to users. Every call to the platform goes the same way, under the same budget."""

    def __init__(
        self,
        *,
        store: Rpc,
        keyring: Keyring,
        platform_settings: Callable[[str], PlatformSettings],
        client_of: Callable[[ConnectRequest, TokenSource], PlatformClient],
        refresher_of: Callable[[str], Refresher],
        give_back: Callable[[], None],
        check_in: Callable[[], None],
        entities_of: Callable[[str], tuple[Entity, ...]],
        hears_of: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._check_in = check_in
        self._entities_of = entities_of
        self._hears_of = hears_of
        self._store = store
        self._keyring = keyring
        self._platform_settings = platform_settings
        self._client_of = client_of
        self._refresher_of = refresher_of
        self._give_back = give_back

    def connect(self, request: ConnectRequest) -> Connection:
        """Store connection and tokens together, or raise a UserError that says in one line why not.

        With what there is: a right that is missing is no reason to refuse as long as anything can be read.
        """
        _check_form(request)
        platform = platform_named(request.platform)
        settings = self._platform_settings(platform.name)
        # A token that is stored under another environment's name, or another key's, is lost to everybody else.
        self._check_in()
        # Refused early, what the database would refuse at the end: it saves calls to the platform.
        connection_id = self._find(request, request.shop_id)
        try:
            shop = self._identify(request, platform)
        except UserError as error:
            if error.code != "token_rejected" or request.refresh_token is None:
                raise
            # An access token may have ended on its way here; its refresh token lives on.
            request = self._renewed(request, platform)
            shop = self._identify(request, platform)
        if request.shop_id and shop.shop_id != request.shop_id:
            raise UserError(
                f"Shop {request.shop_id} belongs to someone else: this token is for shop {shop.shop_id} ({shop.name}).",
                hint="Use the shop id and the token of the same seller.",
                code="other_shop",
            )
        missing = self._missing(platform, shop.rights)
        if not request.shop_id:
            connection_id = self._find(request, shop.shop_id)
        if shop.currency is None:
            shop = replace(shop, currency=request.currency or settings.assumed_currency)
        if request.currency:
            # Once before, so that a word that is no currency leaves nothing half-written.
            self.state_currency(request.user_id, connection_id, request.currency)
        connection = self._write(request, shop, connection_id)
        if request.currency:
            self.state_currency(request.user_id, connection_id, request.currency)
        if self._hears_of(platform.name):
            self._subscribe(connection)
        return replace(connection, missing_rights=missing)

    def _subscribe(self, connection: Connection) -> None:
        """Webhooks are asked for at once, by a job: a shop is connected although they may not be had."""
        self._store.rpc(
            "check_webhooks",
            p_user_id=connection.user_id,
            p_connection_ids=[connection.connection_id],
            p_platforms=[connection.platform],
            p_trigger="connect",
        )

    def state_currency(self, user_id: str, connection_id: str, currency: str) -> None:
        """The seller says in which currency a shop's amounts are; what was copied already takes it too."""
        try:
            self._store.rpc("state_currency", p_user_id=user_id, p_connection_id=connection_id, p_currency=currency)
        except StoreError as error:
            if error.code == "unknown_currency":
                raise UserError(f"{currency!r} is no currency:", hint="write it like USD.") from None
            if error.code == "currency_without_hundredths":
                raise UserError(
                    f"Amounts that come in hundredths cannot be told in {currency}, which is not counted so:",
                    hint="state the currency in which the platform bills this account.",
                ) from None
            if error.code != "not_connected":
                raise

    def _find(self, request: ConnectRequest, shop_id: str) -> str:
        """The id of the connection that this shop has, or that it will have."""
        found: dict[str, Any] = self._store.rpc(
            "find_connection", p_user_id=request.user_id, p_platform=request.platform, p_shop_id=shop_id
        )
        if not found["user_exists"]:
            _refuse_user(request)
        return found["connection_id"] or str(uuid.uuid4())

    def _renewed(self, request: ConnectRequest, platform: Platform) -> ConnectRequest:
        """The request with a new pair. Should the shop not be connected after all, the old refresh token is used up."""
        if platform.tokens.refresh is None:
            raise UserError(f"{platform.title} rejects the access token:", hint="connect again with a fresh one.")
        refresher = self._refresher_of(platform.name)
        pair = Pair(
            version=0,
            access=request.access_token,
            refresh=request.refresh_token,
            user_id=request.user_id,
            platform=request.platform,
            connection_id="",
            shop_id=request.shop_id,
        )
        now = refresher.clock.now()
        try:
            issued = refresher.renewed(pair)
        except Fatal as signal:
            raise UserError(
                f"{platform.title} rejects the access token and the refresh token ({signal.reason.rstrip('.')}):",
                hint="connect again with fresh ones.",
            ) from None
        except Signal as signal:
            raise UserError(
                f"{platform.title} rejects the access token, and cannot be asked for another ({signal.reason}):",
                hint="try again later.",
            ) from None
        return replace(
            request,
            access_token=issued.access_token,
            refresh_token=issued.refresh_token or request.refresh_token,
            expires_at=issued.ends_at(now),
            refresh_expires_at=issued.refresh_ends_at(now) or request.refresh_expires_at,
            rights=issued.rights,
        )

    def _missing(self, platform: Platform, granted: frozenset[str] | None) -> tuple[str, ...]:
        """The rights that some entity lacks. Raises UserError where none could be read."""
        entities = self._entities_of(platform.name)
        missing = missing_rights(platform.rights.of(s for e in entities for s in e.steps), granted)
        if platform.rights.readable(entities, granted):
            return tuple(missing)
        raise UserError(
            f"{platform.title} has granted none of the rights that reading needs ({', '.join(missing)}):",
            hint="connect again, and allow them.",
            code=NOTHING_READABLE,
        )

    def _identify(self, request: ConnectRequest, platform: Platform) -> ShopIdentity:
        try:
            client = self._client_of(request, _HeldToken(platform, request.access_token))
        except Fatal:
            self._give_back()
            like = f", like {platform.words.shop_form}" if platform.words.shop_form else ""
            raise UserError(
                f"{request.shop_id!r} is no shop at {platform.title}.", hint=f"Write it as the platform does{like}."
            ) from None
        try:
            shop = platform.api.identify(client.send, request.shop_id, request.access_token)
            return replace(shop, rights=_granted(platform, shop, request, client.send))
        except Fatal as signal:
            raise UserError(f"{platform.title} refuses: {signal.reason.rstrip('.')}.", hint=_advice(signal)) from None
        except Signal as signal:
            raise UserError(
                f"{platform.title} cannot be asked now ({signal.reason}):", hint="try again later."
            ) from None
        finally:
            self._give_back()

    def _write(self, request: ConnectRequest, shop: ShopIdentity, connection_id: str) -> Connection:
        refresh, platform = request.refresh_token, platform_named(request.platform)
        try:
            self._store.rpc(
                "connect_shop",
                p_connection_id=connection_id,
                p_user_id=request.user_id,
                p_platform=request.platform,
                p_shop_id=shop.shop_id,
                p_shop_name=shop.name,
                p_currency=shop.currency,
                p_shop_created_at=_text(shop.created_at),
                p_access_token=self._encrypted(request, connection_id, "access_token", request.access_token),
                p_refresh_token=self._encrypted(request, connection_id, "refresh_token", refresh) if refresh else None,
                # A pasted token may say itself when it ends.
                p_expires_at=_text(request.expires_at or self._told_by(request)),
                p_refresh_expires_at=_text(request.refresh_expires_at),
                p_rights=None if shop.rights is None else sorted(shop.rights),
                p_uses={e.name: platform.rights.used_by(e) for e in self._entities_of(platform.name)},
            )
        except StoreError as error:
            self._explain(error, request)
            raise
        if shop.time_zone:
            self._tell_zone(request.user_id, connection_id, shop.time_zone)
        return Connection(
            connection_id=connection_id,
            platform=request.platform,
            user_id=request.user_id,
            shop_id=shop.shop_id,
            shop_name=shop.name,
            currency=shop.currency,
            shop_created_at=shop.created_at,
        )

    def _tell_zone(self, user_id: str, connection_id: str, zone: str) -> None:
        """One that nobody here has heard of is no reason to refuse a shop: its days are asked for later."""
        try:
            self._store.rpc(
                "say_time_zone", p_user_id=user_id, p_connection_id=connection_id, p_zone=zone, p_said_by="platform"
            )
        except StoreError as error:
            if error.code != "unknown_time_zone":
                raise

    @staticmethod
    def _told_by(request: ConnectRequest) -> datetime | None:
        return platform_named(request.platform).tokens.expiry_of(request.access_token)

    def _explain(self, error: StoreError, request: ConnectRequest) -> None:
        """What only the database could see: another connect was quicker."""
        if error.code == "unknown_user":
            _refuse_user(request)
        if error.code == "connection_exists":
            raise UserError("This shop is being connected by someone else right now:", hint="try again.") from None

    def _encrypted(self, request: ConnectRequest, connection_id: str, name: Field, secret: str) -> str:
        position = AssociatedData(
            user_id=user_id_in(request.user_id), platform=request.platform, connection_id=connection_id, field=name
        )
        return self._keyring.encrypt(secret, position)


def _granted(platform: Platform, shop: ShopIdentity, request: ConnectRequest, send: Send) -> frozenset[str] | None:
    """What the token may do, as far as anybody says. Where nobody can be asked the first refusal will tell."""
    try:
        known = [told for told in (shop.rights, request.rights) if told is not None]
        told = known[0] if known else platform.rights.told(send, request.access_token)
    except Signal:
        return None
    return None if told is None else held(told)


def _check_form(request: ConnectRequest) -> None:
    user_id_in(request.user_id)
    for name, token in (("access", request.access_token), ("refresh", request.refresh_token)):
        if token is not None and (not token or not token.isascii() or not token.isprintable() or " " in token):
            raise UserError(f"The {name} token is empty or has characters that no token has:", hint="copy it again.")
    if request.expires_at is not None and request.expires_at.tzinfo is None:
        raise UserError("The time of expiry has no zone:", hint="write it like 2026-11-22T10:00:00Z.")


def _refuse_user(request: ConnectRequest) -> NoReturn:
    raise UserError(f"There is no user {request.user_id}:", hint="create one with `keeper user create`.")


def _advice(signal: Fatal) -> str:
    if signal.code == "platform_key_refused":
        return "Check the application key and its secret."
    return "Check that the token is the seller's own and was granted every scope that Keeper asks for."


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
