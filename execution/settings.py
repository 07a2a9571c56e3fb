"""The environment, read once into a frozen object that reports every mistake together.

Only what every process needs is required here. A platform's credentials are checked when the platform is used,
so that a worker for one platform starts without the others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal, Self, cast
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from execution.errors import UserError
from execution.keyring import Keyring

_ADVICE = "set it right, or take a whole set from `keeper up --print-env`."


@dataclass(frozen=True, kw_only=True)
class HistoryWindow:
    """How far back a backfill reads; `months` and `days` are both 0 for all time."""

    months: int = 0
    days: int = 0

    def start(self, before: datetime) -> datetime | None:
        """The first moment inside the window that ends at `before`; None for all time."""
        if not (self.months or self.days):
            return None
        years, month = divmod(before.year * 12 + before.month - 1 - self.months, 12)
        # The 29th to 31st do not exist in every month: the 28th reads a little more, never less.
        day = before.day if before.day <= 28 or not self.months else 28
        return before.replace(year=years, month=month + 1, day=day) - timedelta(days=self.days)


@dataclass(frozen=True, kw_only=True)
class PlatformSettings:
    """One platform's credentials and, where set, the addresses that replace the vendor's."""

    name: str
    client_id: str
    client_secret: SecretStr | None = None
    api_base_url: str | None = None
    token_url: str | None = None
    # What a platform's amounts are taken to be in that never says it; the owner may say otherwise.
    assumed_currency: str | None = None
    # Rights to ask a seller for beside those that every app may have.
    extra_scopes: tuple[str, ...] = ()

    def api_url(self, vendor_url: str) -> str:
        """The vendor's URL with scheme and host replaced; the path stays the vendor's."""
        return with_origin(vendor_url, self.api_base_url)

    def refresh_url(self, vendor_url: str) -> str:
        """Where tokens are refreshed.

        Without its own address it follows the API's, so that a sandbox's refresh token is never sent to the vendor.
        """
        if self.token_url is None:
            return with_origin(vendor_url, self.api_base_url)
        if urlsplit(self.token_url).path in ("", "/"):
            return with_origin(vendor_url, self.token_url)
        return self.token_url


@dataclass(frozen=True, kw_only=True)
class _PlatformVariables:
    """Names of the variables that one platform reads. `client_secret` is empty where the vendor gives none."""

    client_id: str
    client_secret: str = ""


_SHORTEST_SECRET = 16
_PLATFORMS: Mapping[str, _PlatformVariables] = {
    "etsy": _PlatformVariables(client_id="ETSY_KEYSTRING", client_secret="ETSY_SHARED_SECRET"),  # noqa: S106
    "printify": _PlatformVariables(client_id="PRINTIFY_APP_ID"),
    "shopify": _PlatformVariables(client_id="SHOPIFY_CLIENT_ID", client_secret="SHOPIFY_CLIENT_SECRET"),  # noqa: S106
    "square": _PlatformVariables(client_id="SQUARE_APP_ID", client_secret="SQUARE_APP_SECRET"),  # noqa: S106
}


def with_origin(url: str, origin: str | None) -> str:
    """`url` with scheme and host of `origin`; unchanged without one."""
    if origin is None:
        return url
    new, old = urlsplit(origin), urlsplit(url)
    return urlunsplit((new.scheme, new.netloc, old.path, old.query, ""))


def _address(*schemes: str) -> AfterValidator:
    wanted = " or ".join(f"{scheme}://" for scheme in schemes)

    def check(value: str | SecretStr) -> str | SecretStr:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        try:
            parts = urlsplit(text)
            parts.port  # noqa: B018 (reading it is the check)
        except ValueError:
            raise ValueError(f"is not a {wanted} address") from None
        if parts.scheme not in schemes or not (parts.hostname or "unix" in parts.scheme):
            raise ValueError(f"is not a {wanted} address")
        return value

    return AfterValidator(check)


def _history_window(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value.strip().lower() == "all":
        return HistoryWindow()
    parsed = re.fullmatch(r"([1-9]\d{0,3})(y|mo|d)", value.strip().lower())
    if parsed is None:
        raise ValueError("is not a window like all, 2y, 18mo or 90d")
    count, unit = int(parsed[1]), parsed[2]
    months = {"y": 12 * count, "mo": count, "d": 0}[unit]
    if months > 12 * 100:
        raise ValueError("is longer than 100 years: say all")
    return HistoryWindow(months=months, days=count if unit == "d" else 0)


def _currency(value: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", value.strip().upper()):
        raise ValueError("is not a currency like USD")
    return value.strip().upper()


def _key_ring(value: SecretStr) -> SecretStr:
    try:
        Keyring.parse(value.get_secret_value(), environment="")
    except UserError as error:
        raise ValueError(error.message) from None
    return value


def secrets_of(value: SecretStr | None) -> list[str]:
    """The secrets of a variable: several while one is rotated out, separated by spaces or commas."""
    return [] if value is None else [secret for secret in re.split(r"[\s,]+", value.get_secret_value()) if secret]


def _strong_secrets(value: SecretStr) -> SecretStr:
    # `whsec_` alone would be an empty key, with which anybody can sign.
    if any(len(secret.removeprefix("whsec_")) < _SHORTEST_SECRET for secret in secrets_of(value)):
        raise ValueError(f"has a secret of less than {_SHORTEST_SECRET} characters, which can be guessed")
    return value


Secrets = Annotated[SecretStr, AfterValidator(_strong_secrets)]
WebAddress = Annotated[str, _address("http", "https")]
RedisAddress = Annotated[SecretStr, _address("redis", "rediss", "unix")]
DatabaseAddress = Annotated[SecretStr, _address("postgres", "postgresql")]


class Settings(BaseSettings):
    """Every setting of Keeper. `Settings.load()` is the one way to make it outside of tests."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    supabase_url: WebAddress
    supabase_service_role_key: SecretStr
    redis_url: RedisAddress
    token_keys: Annotated[SecretStr, AfterValidator(_key_ring)]
    supabase_anon_key: SecretStr | None = None
    supabase_jwt_secret: SecretStr | None = None
    # The issuer of users' tokens, where it is not SUPABASE_URL/auth/v1 (a custom domain).
    supabase_jwt_issuer: str | None = None
    # Each may hold several secrets, separated by spaces or commas, while one is rotated out.
    webhook_secret: Secrets | None = None
    supabase_webhook_secret: Secrets | None = None
    etsy_webhook_secret: Secrets | None = None
    printify_webhook_secret: Secrets | None = None
    metrics_token: SecretStr | None = None
    # The web process's own address, as browsers and platforms see it: https://keeper.example.com
    public_url: WebAddress | None = None
    database_url: DatabaseAddress | None = None
    # Bound into every token ciphertext: a laptop pointed at production's database cannot read its tokens.
    keeper_environment: str = "production"
    history_window: Annotated[HistoryWindow, BeforeValidator(_history_window)] = HistoryWindow()
    # For tuning: budgets count and log what they would refuse, and refuse nothing.
    budget_shadow: bool = False

    etsy_api_base_url: WebAddress | None = None
    etsy_token_url: WebAddress | None = None
    etsy_keystring: SecretStr | None = None
    etsy_shared_secret: SecretStr | None = None
    printify_api_base_url: WebAddress | None = None
    printify_token_url: WebAddress | None = None
    printify_app_id: SecretStr | None = None
    # Printify's amounts name no currency: this one is assumed until a seller states another (docs/decisions/013).
    printify_currency: Annotated[str, AfterValidator(_currency)] = "USD"
    shopify_api_base_url: WebAddress | None = None
    shopify_token_url: WebAddress | None = None
    shopify_client_id: SecretStr | None = None
    shopify_client_secret: SecretStr | None = None
    # Which of Shopify's APIs orders and customers are read from; GraphQL knows more and costs less.
    shopify_read: Literal["graphql", "rest"] = "graphql"
    # Shopify shows the last sixty days of orders unless it has approved the app for all (sheet 0.7).
    shopify_all_orders: bool = False
    square_api_base_url: WebAddress | None = None
    square_token_url: WebAddress | None = None
    square_app_id: SecretStr | None = None
    square_app_secret: SecretStr | None = None

    platform_names: ClassVar[frozenset[str]] = frozenset(_PLATFORMS)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """`load` hands the environment over, so nothing reads it a second time."""
        return (init_settings,)

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the environment; every missing or ill-formed variable is named in one UserError."""
        try:
            return cls(**cast("dict[str, Any]", _known(environ, cls)))
        except ValidationError as error:
            mistakes = ", ".join(_mistake(dict(part)) for part in error.errors(include_url=False))
            raise UserError(f"{mistakes}:", hint=_ADVICE) from None

    def platform(self, name: str) -> PlatformSettings:
        """The credentials of a platform, or a UserError that names every variable that is missing."""
        names = _PLATFORMS.get(name)
        if names is None:
            raise UserError(
                f"'{name}' is not a platform that Keeper knows:", hint=f"use {', '.join(sorted(_PLATFORMS))}."
            )
        self._demand_all(names)
        return PlatformSettings(
            name=name,
            client_id=cast("SecretStr", self._value(names.client_id)).get_secret_value(),
            client_secret=self._value(names.client_secret) if names.client_secret else None,
            api_base_url=getattr(self, f"{name}_api_base_url"),
            token_url=getattr(self, f"{name}_token_url"),
            assumed_currency=getattr(self, f"{name}_currency", None),
            extra_scopes=("read_all_orders",) if name == "shopify" and self.shopify_all_orders else (),
        )

    def keyring(self) -> Keyring:
        return Keyring.parse(self.token_keys.get_secret_value(), environment=self.keeper_environment)

    def _demand_all(self, names: _PlatformVariables) -> None:
        wanted = [variable for variable in (names.client_id, names.client_secret) if variable]
        missing = [variable for variable in wanted if self._value(variable) is None]
        present = [variable for variable in wanted if variable not in missing]
        if missing and present:
            raise UserError(f"{' and '.join(present)} is set without {' and '.join(missing)}:", hint="set both.")
        if missing:
            verb = "is" if len(missing) == 1 else "are"
            raise UserError(
                f"{' and '.join(missing)} {verb} missing:", hint="set the key of your app with the platform."
            )

    def _value(self, variable: str) -> SecretStr | None:
        return cast("SecretStr | None", getattr(self, variable.lower()))


def database_url(environ: Mapping[str, str] | None = None) -> str:
    """DATABASE_URL alone, for `keeper migrate`, which needs nothing else."""
    value = (os.environ if environ is None else environ).get("DATABASE_URL", "").strip()
    if urlsplit(value).scheme not in ("postgres", "postgresql"):
        fault = "is missing" if not value else "is not a postgresql:// address"
        raise UserError(f"DATABASE_URL {fault}:", hint="set it right, or take it from `keeper up --print-env`.")
    return value


def _known(environ: Mapping[str, str] | None, cls: type[BaseSettings]) -> dict[str, str]:
    # An empty variable is an unset one: `SHOPIFY_API_BASE_URL=` means "the shop's own domain".
    source = os.environ if environ is None else environ
    values = {field: source.get(field.upper(), "").strip() for field in cls.model_fields}
    return {field: value for field, value in values.items() if value}


def _mistake(part: Mapping[str, Any]) -> str:
    variable = str(part["loc"][0]).upper()
    if part["type"] == "missing":
        return f"{variable} is missing"
    return f"{variable} {str(part['msg']).removeprefix('Value error, ')}"
