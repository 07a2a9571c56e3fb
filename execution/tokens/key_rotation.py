"""Rotating the key ring while workers run: who still needs which key, and encrypting with the first one what is not.

Steps: put the new key at the end of TOKEN_KEYS everywhere, then in front; `keeper keys rotate`; when `keeper keys
status` shows nothing under the old key, take it out. Between the first two every process reads both.
"""

from __future__ import annotations

from typing import Any

from execution.keyring import Keyring, TokenUnreadable
from execution.store import Rpc
from execution.tokens.stored_pair import associated_data, rewrap

_BATCH = 200
_SAMPLES = 3


def keys_status(store: Rpc, keyring: Keyring) -> dict[str, Any]:
    """The ring's keys with the number of ciphertexts under each, and keys that tokens need and the ring lacks.

    A key is the right one where it opens something: `wrong` are those that open nothing of what is under their name.
    """
    held: dict[str, int] = store.rpc("token_keys")
    samples: dict[str, list[dict[str, Any]]] = store.rpc("key_samples", p_each=_SAMPLES)
    missing = sorted(held.keys() - keyring.keys.keys())
    return {
        "keys": [
            {"id": key_id, "tokens": held.get(key_id, 0), "first": key_id == keyring.newest} for key_id in keyring.keys
        ],
        "missing": [{"id": key_id, "tokens": held[key_id]} for key_id in missing],
        "removable": [key_id for key_id in keyring.keys if key_id != keyring.newest and not held.get(key_id)],
        "wrong": (wrong := [key_id for key_id in keyring.keys if not _opens(keyring, samples.get(key_id, []))]),
        "ok": not missing and not wrong,
    }


def _opens(keyring: Keyring, rows: list[dict[str, Any]]) -> bool:
    """Whether one of these ciphertexts can be read, or there are none. One that was damaged says nothing of the key."""
    for row in rows:
        try:
            keyring.decrypt(row["access_token"], associated_data(row, "access_token"))
        except TokenUnreadable:
            continue
        return True
    return not rows


def rotate_keys(store: Rpc, keyring: Keyring) -> dict[str, Any]:
    """Encrypt every token anew that is not under the first key. What cannot be read is left alone and reported.

    Safe while workers refresh: a ciphertext is replaced only where it is still the one that was read.
    """
    replaced, unreadable, after = 0, [], None
    while rows := store.rpc("tokens_of_other_keys", p_key_id=keyring.newest, p_after=after, p_limit=_BATCH):
        for row in rows:
            try:
                replaced += rewrap(store, keyring, [row])
            except TokenUnreadable as error:
                unreadable.append(
                    {"connection_id": row["connection_id"], "platform": row["platform"], "reason": str(error)}
                )
        after = rows[-1]["connection_id"]
    return {"replaced": replaced, "unreadable": unreadable, **keys_status(store, keyring), "ok": not unreadable}


def as_text(facts: dict[str, Any]) -> str:
    """The ring in lines, for a person."""
    lines = [f"{key['id']}: {key['tokens']} tokens{' (encrypts)' if key['first'] else ''}" for key in facts["keys"]]
    lines += [
        f"{key['id']}: {key['tokens']} tokens, and TOKEN_KEYS lacks it: put it back at the end."
        for key in facts["missing"]
    ]
    lines += [
        f"{row['platform']} connection {row['connection_id']}: {row['reason']}" for row in facts.get("unreadable", [])
    ]
    lines += [
        f"{key_id}: opens nothing of what is stored under its name: put the right key back."
        for key_id in facts["wrong"]
    ]
    if "replaced" in facts:
        lines.append(f"{facts['replaced']} tokens were encrypted anew.")
    if facts["removable"]:
        lines.append(f"Nothing needs {', '.join(facts['removable'])} any more.")
    return "\n".join(lines)
