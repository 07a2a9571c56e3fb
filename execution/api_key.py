"""How a project's key is sent: a JWT also as bearer, one of the newer keys (`sb_secret_…`) as `apikey` alone."""

from __future__ import annotations

import base64
import json

# Roles of keys that browsers hold.
_PUBLIC = ("anon", "authenticated")


def key_headers(key: str) -> dict[str, str]:
    """The headers of a call with this key. The newer kind is no token: as bearer it would be refused."""
    headers = {"apikey": key}
    if is_token(key):
        headers["Authorization"] = f"Bearer {key}"
    return headers


def is_token(key: str) -> bool:
    """Whether a key is a JWT, and names its role itself."""
    return not key.startswith("sb_")


def public_role(key: str) -> str:
    """Of a key that everybody may see, what it is: 'publishable', or the role that it names; of others ''."""
    if key.startswith("sb_publishable_"):
        return "publishable"
    role = _role_of(key)
    return role if role in _PUBLIC else ""


def _role_of(token: str) -> str:
    """The role that a token claims; nobody has looked at its signature. Empty where nothing can be read."""
    claims = token.partition(".")[2].partition(".")[0]
    try:
        said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except ValueError:
        return ""
    return str(said.get("role", "")) if isinstance(said, dict) else ""
