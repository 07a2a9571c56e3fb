"""The secrets of a data folder, made once; and the environment that other processes need."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import jwt

from sandbox.stack.errors import UnusableFolder

TEN_YEARS_S = 10 * 365 * 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Keys:
    """Secrets that live as long as the data does: another token key would make stored tokens unreadable."""

    jwt_secret: str
    anon_key: str
    service_role_key: str
    superuser_password: str
    owner_password: str
    authenticator_password: str
    auth_admin_password: str
    valkey_password: str
    token_keys: str
    webhook_secret: str

    @property
    def by_name(self) -> dict[str, str]:
        """The newer keys, which are no tokens, each with the token that the gateway puts in its place."""
        return {self.secret_key: self.service_role_key, self.publishable_key: self.anon_key}

    @property
    def secret_key(self) -> str:
        return f"sb_secret_{self._derived('secret')}"

    @property
    def publishable_key(self) -> str:
        return f"sb_publishable_{self._derived('publishable')}"

    def _derived(self, kind: str) -> str:
        # Not stored: folders that were made before have them, too.
        return hmac.new(self.jwt_secret.encode(), kind.encode(), hashlib.sha256).hexdigest()[:31]


def load_or_make(path: Path) -> Keys:
    """The keys of a data folder, made at its first start; readable by the owner only."""
    if path.exists():
        return _load(path)
    keys = _make()
    write_private(path, json.dumps(asdict(keys), indent=2) + "\n")
    return keys


def _load(path: Path) -> Keys:
    try:
        stored = json.loads(path.read_text())
        return Keys(**{field.name: str(stored[field.name]) for field in fields(Keys)})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableFolder(
            f"{path} cannot be read ({error}): restore it, or start with another --data folder."
        ) from error


def _make() -> Keys:
    jwt_secret = secrets.token_urlsafe(48)
    return Keys(
        jwt_secret=jwt_secret,
        anon_key=role_token("anon", jwt_secret),
        service_role_key=role_token("service_role", jwt_secret),
        superuser_password=secrets.token_urlsafe(24),
        owner_password=secrets.token_urlsafe(24),
        authenticator_password=secrets.token_urlsafe(24),
        auth_admin_password=secrets.token_urlsafe(24),
        valkey_password=secrets.token_urlsafe(24),
        token_keys=f"k1:{secrets.token_urlsafe(32)}",
        # As Standard Webhooks write secrets: their libraries want base64.
        webhook_secret=f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}",
    )


def role_token(role: str, jwt_secret: str) -> str:
    """A key as hosted Supabase's `anon` and `service_role` keys are: a JWT naming a role, good for ten years."""
    now = int(time.time())
    claims = {"iss": "supabase", "ref": "embedded", "role": role, "iat": now, "exp": now + TEN_YEARS_S}
    return jwt.encode(claims, jwt_secret, algorithm="HS256")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def env_text(env: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in env.items())


def read_env(path: Path) -> dict[str, str]:
    lines = path.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)
