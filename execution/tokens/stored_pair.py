"""Tokens as the database keeps them: rows of ciphertext, opened with the key ring, encrypted anew for its first key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from execution.keyring import AssociatedData, Field, Keyring, key_id_of
from execution.store import Rpc

_FIELDS: tuple[Field, ...] = ("access_token", "refresh_token")


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The tokens of one account as stored, decrypted, with what is known of the refresh token's fate."""

    version: int
    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    user_id: str
    platform: str
    account_id: str
    shop_id: str
    lost_answers: int = 0
    refusals: int = 0


def opened(row: dict[str, Any], keyring: Keyring) -> Pair:
    """A row of `tokens_as_json`, decrypted. Raises TokenUnreadable."""
    return Pair(
        version=row["version"],
        access=keyring.decrypt(row["access_token"], associated_data(row, "access_token")),
        refresh=keyring.decrypt(row["refresh_token"], associated_data(row, "refresh_token"))
        if row["refresh_token"]
        else None,
        user_id=row["user_id"],
        platform=row["platform"],
        account_id=row["account_id"],
        shop_id=row["shop_id"],
        lost_answers=row["lost_answers"],
        refusals=row["refusals"],
    )


def associated_data(row: dict[str, Any], name: Field) -> AssociatedData:
    return AssociatedData(user_id=row["user_id"], platform=row["platform"], account_id=row["account_id"], field=name)


def sealed(pair: Pair, name: Field, secret: str, keyring: Keyring) -> str:
    """A secret encrypted for this account's column, with the first key."""
    bound_to = AssociatedData(user_id=pair.user_id, platform=pair.platform, account_id=pair.account_id, field=name)
    return keyring.encrypt(secret, bound_to)


def rewrap(store: Rpc, keyring: Keyring, rows: Iterable[dict[str, Any]]) -> int:
    """Encrypt with the first key what another key encrypted; how many ciphertexts were replaced.

    Each is replaced only where it is still the one that was read: a refresh that came between wins. Raises
    TokenUnreadable, and replaces nothing, where one cannot be read.
    """
    changes = [
        {"account_id": row["account_id"], "field": name, "old": row[name], "new": _anew(row, name, keyring)}
        for row in rows
        for name in _FIELDS
        if row[name] and key_id_of(row[name]) != keyring.newest
    ]
    return int(store.rpc("rewrap_tokens", p_changes=changes)) if changes else 0


def _anew(row: dict[str, Any], name: Field, keyring: Keyring) -> str:
    bound_to = associated_data(row, name)
    return keyring.encrypt(keyring.decrypt(row[name], bound_to), bound_to)
