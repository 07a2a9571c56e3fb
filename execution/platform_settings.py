"""What one platform reads of the environment: which variables, as data, and what a process has of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, SecretStr

from execution.currencies import digits

_SHORTEST_SECRET = 16
_WEB = ("http", "https")


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A variable of the environment: its type as pydantic checks it, and what it is where nobody sets it."""

    name: str
    type: Any
    default: Any = None


@dataclass(frozen=True, kw_only=True)
class PlatformVariables:
    """Names of the variables that one platform reads, beside <PLATFORM>_API_BASE_URL and <PLATFORM>_TOKEN_URL.

    `client_secret` and `webhook_secret` are empty where the vendor gives none. `more` are those that no other platform
    has: `currency` names the one that says what amounts are taken to be in, `scopes` which rights each asks for that is
    true, `reading` the one that chooses among the ways to read the platform.
    """

    client_id: str
    client_secret: str = ""
    webhook_secret: str = ""
    more: tuple[Variable, ...] = ()
    currency: str = ""
    scopes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reading: str = ""

    def all_of(self, platform: str) -> tuple[Variable, ...]:
        """Every variable that is read for the platform of this name, each once."""
        prefix, secret = platform.upper(), Variable(name=self.webhook_secret, type=Secrets)
        found = {
            variable.name: variable
            for variable in (
                secret,
                Variable(name=f"{prefix}_API_BASE_URL", type=WebAddress),
                Variable(name=f"{prefix}_TOKEN_URL", type=WebAddress),
                Variable(name=self.client_id, type=Key),
                Variable(name=self.client_secret, type=Key),
                *self.more,
            )
            if variable.name
        }
        return tuple(found.values())


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

    @property
    def secret(self) -> str:
        """The client secret in the clear; empty where the vendor gives none."""
        return self.client_secret.get_secret_value() if self.client_secret else ""

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


def with_origin(url: str, origin: str | None) -> str:
    """`url` with scheme and host of `origin`; unchanged without one."""
    if origin is None:
        return url
    new, old = urlsplit(origin), urlsplit(url)
    return urlunsplit((new.scheme, new.netloc, old.path, old.query, ""))


def address(*schemes: str) -> AfterValidator:
    """The check of a variable that holds an address with one of these schemes."""
    wanted = " or ".join(f"{scheme}://" for scheme in schemes)

    def check(value: str | SecretStr) -> str | SecretStr:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        try:
            parts = urlsplit(text)
            parts.port  # noqa: B018 (reading it is the check)
        except ValueError:
            raise ValueError(f"is not a {wanted} address") from None
        if parts.scheme not in schemes or not (_is_host(parts.hostname or "") or "unix" in parts.scheme):
            raise ValueError(f"is not a {wanted} address")
        if parts.scheme in _WEB and (parts.query or parts.fragment or "@" in parts.netloc):
            raise ValueError("has a user, a query or a fragment, which no address of the web takes here")
        return value

    return AfterValidator(check)


def _is_host(name: str) -> bool:
    try:
        return re.fullmatch(r"[A-Za-z0-9._:%-]+", name.encode("idna").decode()) is not None
    except UnicodeError:
        return False


def _sendable(value: SecretStr) -> SecretStr:
    # It goes into a header, where a dash that a word processor made breaks the call, and a line end the next one.
    if not re.fullmatch(r"[!-~]+(?:[\s,]+[!-~]+)*", value.get_secret_value()):
        raise ValueError("has a character that no key has: copy it once more, as plain text")
    return value


def _currency(value: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", value.strip().upper()):
        raise ValueError("is not a currency like USD")
    # Assumed of amounts in hundredths: of a currency that is not counted so nobody says what those are.
    if digits(value.strip().upper()) != 2:
        raise ValueError("is not a currency that is counted in hundredths, like USD")
    return value.strip().upper()


def secrets_of(value: SecretStr | None) -> list[str]:
    """The secrets of a variable: several while one is rotated out, separated by spaces or commas."""
    return [] if value is None else [secret for secret in re.split(r"[\s,]+", value.get_secret_value()) if secret]


def _strong_secrets(value: SecretStr) -> SecretStr:
    # `whsec_` alone would be an empty key, with which anybody can sign.
    if any(len(secret.removeprefix("whsec_")) < _SHORTEST_SECRET for secret in secrets_of(value)):
        raise ValueError(f"has a secret of less than {_SHORTEST_SECRET} characters, which can be guessed")
    return value


Secrets = Annotated[SecretStr, AfterValidator(_strong_secrets)]
Key = Annotated[SecretStr, AfterValidator(_sendable)]
Currency = Annotated[str, AfterValidator(_currency)]
WebAddress = Annotated[str, address(*_WEB)]
