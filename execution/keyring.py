"""Encrypts tokens so that a stolen or moved ciphertext is useless.

AES-256-GCM. The associated data names environment, user, platform, connection and field, so a blob copied to another
row, column, tenant or environment does not decrypt (reliability finding 9, rows 49 and 76). The key's id travels in
the blob: keys rotate by putting a new one first in the ring, and the old ones keep decrypting.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from execution.errors import KeeperError, UserError

Field = Literal["access_token", "refresh_token"]

_FORMAT = "v1"
_NONCE_BYTES = 12
_KEY_ID = re.compile(r"[A-Za-z0-9_.-]{1,32}")


class TokenUnreadable(KeeperError):
    """A stored token does not decrypt here; the message says why, the hint what to do. The data is left alone."""


@dataclass(frozen=True, kw_only=True)
class AssociatedData:
    """Where a ciphertext belongs; it decrypts nowhere else."""

    user_id: str
    platform: str
    connection_id: str
    field: Field


@dataclass(frozen=True, kw_only=True)
class Keyring:
    """Keys by id. The first one encrypts, every one decrypts."""

    environment: str
    keys: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def parse(cls, ring: str, *, environment: str) -> Self:
        """Read `kid:base64url32[,kid2:...]`, new key first. The message never shows a key."""
        keys: dict[str, bytes] = {}
        for number, entry in enumerate(ring.split(","), start=1):
            key_id, _, encoded = entry.strip().partition(":")
            if not _KEY_ID.fullmatch(key_id) or key_id in keys:
                raise UserError(f"has no usable or a repeated id in entry {number}; write id:key,older-id:older-key")
            keys[key_id] = _decode_key(key_id, encoded)
        return cls(environment=environment, keys=keys)

    @property
    def newest(self) -> str:
        return next(iter(self.keys))

    def encrypt(self, secret: str, place: AssociatedData) -> str:
        """The blob as text: `v1|kid|nonce|ciphertext`. A fresh nonce each time."""
        nonce = os.urandom(_NONCE_BYTES)
        cipher = AESGCM(self.keys[self.newest]).encrypt(nonce, secret.encode(), self._bound_to(place))
        return "|".join((_FORMAT, self.newest, _to_text(nonce), _to_text(cipher)))

    def decrypt(self, blob: str, place: AssociatedData) -> str:
        key_id, nonce, cipher = _parts(blob)
        if key_id not in self.keys:
            raise TokenUnreadable(
                f"A token is encrypted with key '{key_id}', which TOKEN_KEYS no longer has:",
                hint="put it back at the end of the ring.",
            )
        try:
            return AESGCM(self.keys[key_id]).decrypt(nonce, cipher, self._bound_to(place)).decode()
        except InvalidTag:
            raise TokenUnreadable(
                f"The stored {place.field} of connection {place.connection_id} was changed, moved from another row, "
                f"or written in another environment than '{self.environment}':",
                hint="check KEEPER_ENVIRONMENT and TOKEN_KEYS, or connect the shop again.",
            ) from None

    def _bound_to(self, place: AssociatedData) -> bytes:
        parts = (self.environment, place.user_id, place.platform, place.connection_id, place.field, _FORMAT)
        # Lengths keep ("a|b", "c") apart from ("a", "b|c").
        return "|".join(f"{len(part)}:{part}" for part in parts).encode()


def key_id_of(blob: str) -> str:
    """Which key a blob was encrypted with: the proof, before a key is retired, that no blob needs it."""
    return _parts(blob)[0]


def _decode_key(key_id: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise UserError(f"holds a key '{key_id}' that is not 32 bytes in base64url")
    return key


def _parts(blob: str) -> tuple[str, bytes, bytes]:
    pieces = blob.split("|")
    try:
        version, key_id, nonce, cipher = pieces
        decoded = _from_text(nonce), _from_text(cipher)
    except (ValueError, binascii.Error):
        version, key_id, decoded = "", "", (b"", b"")
    if version != _FORMAT or len(decoded[0]) != _NONCE_BYTES:
        raise TokenUnreadable("A stored token is not in a form that Keeper writes:", hint="connect the shop again.")
    return key_id, *decoded


def _to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _from_text(text: str) -> bytes:
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _to_text(data) != text:  # the last character has spare bits: only one spelling is ours
        raise ValueError("not canonical")
    return data
