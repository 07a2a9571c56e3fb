"""The environment, read once into a frozen object that reports every mistake together.

Only what every process needs is required here. A platform's credentials are checked when the platform is used,
so that a worker for one platform starts without the others.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Self, cast
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    create_model,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from execution.api_key import public_role
from execution.catalog import PLATFORMS, shown
from execution.errors import UserError
from execution.keyring import Keyring
from execution.platform_settings import (
    Key,
    PlatformSettings,
    PlatformVariables,
    Secrets,
    Variable,
    WebAddress,
    address,
    secrets_of,
)
from execution.valkey import address_fault

# Hosts of this machine: nothing leaves it.
LOCAL = ("localhost", "127.0.0.1", "::1")
PRODUCTION = "production"
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


def _key_ring(value: SecretStr) -> SecretStr:
    try:
        Keyring.parse(value.get_secret_value(), environment="")
    except UserError as error:
        raise ValueError(error.message) from None
    return value


def _valkey_options(value: SecretStr) -> SecretStr:
    if fault := address_fault(value.get_secret_value()):
        raise ValueError(fault)
    return value


def _whole_project(value: str) -> str:
    if re.search(r"/(rest|auth|storage|functions|graphql)/v1/?$", value):
        raise ValueError("is the address of one service: leave out what follows the project's own")
    return value


def _secret_key(value: SecretStr) -> SecretStr:
    if role := public_role(value.get_secret_value()):
        raise ValueError(f"is the project's {role} key, which everybody may see: take the secret one")
    return value


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("has a character that nobody can read: it is part of every token, write it in letters")
    return value


def _events_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" and parts.hostname not in LOCAL:
        raise ValueError("is not an https:// address, and not on this machine")
    return value


def _signing_secrets(value: SecretStr) -> SecretStr:
    for secret in secrets_of(value):
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            key = b""
        if not secret.startswith("whsec_") or not 24 <= len(key) <= 64:
            raise ValueError("has a secret that is not whsec_ and 24 to 64 bytes in base64")
    return value


@dataclass(frozen=True, kw_only=True)
class EventsSettings:
    """Where events go, what they are signed with, and whether that may be in a network of the operator's own."""

    url: str
    secrets: Sequence[str] = field(repr=False)
    allow_private: bool
    is_development: bool


RedisAddress = Annotated[SecretStr, address("redis", "rediss", "unix"), AfterValidator(_valkey_options)]
DatabaseAddress = Annotated[SecretStr, address("postgres", "postgresql")]
_DATABASE: TypeAdapter[SecretStr] = TypeAdapter(DatabaseAddress)


class Settings(BaseSettings):
    """Every setting of Keeper. `Settings.load()` is the one way to make it outside of tests.

    Here stands what no platform brings; the variables of each join when the environment is read.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    supabase_url: Annotated[WebAddress, AfterValidator(_whole_project)]
    supabase_service_role_key: Annotated[Key, AfterValidator(_secret_key)]
    redis_url: RedisAddress
    token_keys: Annotated[SecretStr, AfterValidator(_key_ring)]
    supabase_anon_key: SecretStr | None = None
    supabase_jwt_secret: SecretStr | None = None
    # The issuer of users' tokens, where it is not SUPABASE_URL/auth/v1 (a custom domain).
    supabase_jwt_issuer: WebAddress | None = None
    # Each may hold several secrets, separated by spaces or commas, while one is rotated out.
    webhook_secret: Secrets | None = None
    supabase_webhook_secret: Secrets | None = None
    metrics_token: SecretStr | None = None
    # The web process's own address, as browsers and platforms see it: https://keeper.example.com
    public_url: WebAddress | None = None
    database_url: DatabaseAddress | None = None
    # Bound into every token ciphertext: a laptop pointed at production's database cannot read its tokens.
    keeper_environment: Annotated[str, AfterValidator(_printable)] = PRODUCTION
    # What this installation is called in Valkey, where its processes reach one database by several addresses.
    keeper_installation: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] | None = None
    history_window: Annotated[HistoryWindow, BeforeValidator(_history_window)] = HistoryWindow()
    # Who is told what became of tenants (docs/events.md). Several secrets while one is rotated out.
    events_url: Annotated[WebAddress, AfterValidator(_events_address)] | None = None
    events_secret: Annotated[SecretStr, AfterValidator(_signing_secrets)] | None = None
    events_allow_private: bool = False
    # For tuning: budgets count and log what they would refuse, and refuse nothing.
    budget_shadow: bool = False

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
        # One model of all: what is wrong with a platform's variables is told beside what is wrong with ours.
        fields: dict[str, Any] = {v.name.lower(): (v.type | None, v.default) for v in _of_platforms()}
        whole = create_model(cls.__name__, __base__=cls, **fields)
        try:
            return whole(**cast("dict[str, Any]", _known(environ, whole)))
        except ValidationError as error:
            mistakes = ", ".join(_mistake(dict(part)) for part in error.errors(include_url=False))
            raise UserError(f"{mistakes}:", hint=_ADVICE) from None

    @classmethod
    def variables(cls) -> frozenset[str]:
        """The names of all variables that are read."""
        return frozenset({name.upper() for name in cls.model_fields} | {v.name for v in _of_platforms()})

    def platform(self, name: str) -> PlatformSettings:
        """The credentials of a platform, or a UserError that names every variable that is missing."""
        names = _variables_of(name)
        self._demand_all(names)
        return PlatformSettings(
            name=name,
            client_id=self.variable(names.client_id).get_secret_value(),
            # While it is rotated: calls use the first, what either has signed is accepted.
            client_secret=next(map(SecretStr, self.client_secrets(name)), None),
            api_base_url=self.variable(f"{name}_api_base_url"),
            token_url=self.variable(f"{name}_token_url"),
            assumed_currency=self.variable(names.currency),
            extra_scopes=tuple(
                scope for variable, scopes in names.scopes.items() if self.variable(variable) for scope in scopes
            ),
        )

    def client_secrets(self, platform: str) -> list[str]:
        """What a platform signs with that uses the application's own secret: the one in use, and older ones."""
        return secrets_of(self.variable(_variables_of(platform).client_secret))

    def webhook_secrets(self, platform: str) -> list[str]:
        """What a platform's webhooks are signed with; none where it is not set."""
        return secrets_of(self.variable(_variables_of(platform).webhook_secret))

    def events(self) -> EventsSettings | None:
        """Where events go; None where nobody is told. Raises UserError where only half of it is set."""
        if self.events_url is None and self.events_secret is None:
            return None
        if self.events_url is None or self.events_secret is None:
            words = "EVENTS_SECRET", "EVENTS_URL"
            there, missing = words if self.events_url is None else reversed(words)
            raise UserError(f"{there} is set without {missing}:", hint="set both, or none.")
        return EventsSettings(
            url=self.events_url,
            secrets=secrets_of(self.events_secret),
            allow_private=self.events_allow_private,
            is_development=self.keeper_environment != PRODUCTION,
        )

    def readings(self) -> dict[str, str]:
        """Which way each platform is read that can be read in several."""
        names = {name: platform.variables.reading for name, platform in PLATFORMS.items()}
        return {name: self.variable(variable) for name, variable in names.items() if variable}

    def variable(self, name: str) -> Any:
        """The value of a platform's variable; None for one that is not set, or has no name."""
        return getattr(self, name.lower(), None) if name else None

    def keyring(self) -> Keyring:
        return Keyring.parse(self.token_keys.get_secret_value(), environment=self.keeper_environment)

    @property
    def is_embedded(self) -> bool:
        """Whether this is the embedded stack, on somebody's own machine."""
        return self.keeper_environment == "embedded"

    @property
    def installation(self) -> str:
        """Tells it from others on one Valkey: its name, or the environment and a hash of the database's address."""
        if self.keeper_installation:
            return self.keeper_installation
        address = self.supabase_url.rstrip("/").lower()
        return f"{self.keeper_environment}-{hashlib.sha256(address.encode()).hexdigest()[:12]}"

    def _demand_all(self, names: PlatformVariables) -> None:
        wanted = [variable for variable in (names.client_id, names.client_secret) if variable]
        missing = [variable for variable in wanted if self.variable(variable) is None]
        present = [variable for variable in wanted if variable not in missing]
        if missing and present:
            raise UserError(f"{' and '.join(present)} is set without {' and '.join(missing)}:", hint="set both.")
        if missing:
            verb = "is" if len(missing) == 1 else "are"
            raise UserError(
                f"{' and '.join(missing)} {verb} missing:", hint="set the key of your app with the platform."
            )


def _variables_of(name: str) -> PlatformVariables:
    known = shown()
    if name not in known:
        raise UserError(f"'{name}' is not a platform that Keeper knows:", hint=f"use {', '.join(sorted(known))}.")
    return known[name].variables


def _of_platforms() -> Iterator[Variable]:
    for platform in shown().values():
        yield from platform.variables.all_of(platform.name)


def database_url(environ: Mapping[str, str] | None = None) -> str:
    """DATABASE_URL alone, for `keeper migrate`, which needs nothing else."""
    value = (os.environ if environ is None else environ).get("DATABASE_URL", "").strip()
    try:
        return _DATABASE.validate_python(value).get_secret_value()
    except ValidationError:
        # What is wrong is said by us: a parser quotes what it could not read, and that may be the password.
        fault = "is not a postgresql:// address" if value else "is missing"
    raise UserError(f"DATABASE_URL {fault}:", hint="set it right, or take it from `keeper up --print-env`.")


def _known(environ: Mapping[str, str] | None, cls: type[BaseSettings]) -> dict[str, str]:
    # An empty variable is an unset one: `SHOPIFY_API_BASE_URL=` means "the shop's own domain".
    source = os.environ if environ is None else environ
    values = {field: source.get(field.upper(), "").strip() for field in cls.model_fields}
    return {field: value for field, value in values.items() if value}


def _mistake(part: Mapping[str, Any]) -> str:
    variable = str(part["loc"][0]).upper()
    if part["type"] == "missing":
        return f"{variable} is missing"
    return f"{variable} {str(part['msg']).removeprefix('Value error, ').replace('Input should', 'should', 1)}"
