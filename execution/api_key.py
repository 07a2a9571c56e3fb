"""How a project's key is sent: a JWT also as bearer, one of the newer keys (`sb_secret_…`) as `apikey` alone."""

from __future__ import annotations

from execution.jwt_claims import jwt_claims

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
    role = str(jwt_claims(key).get("role", ""))
    return role if role in _PUBLIC else ""
