"""What a process makes sure of before it works: its database, its schema, its keys, its Valkey.

What is wrong for certain is refused in one line; what cannot be asked now is waited for elsewhere: workers get along
without Valkey, and the database is asked again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import redis
import structlog

from execution.clock import Clock
from execution.errors import StoreUnavailable, UserError
from execution.keyring import Keyring
from execution.schema.migration_files import known_versions, newest_version
from execution.store import Rpc
from execution.tokens.key_rotation import keys_status
from execution.valkey import why_away

log = structlog.get_logger()


def check(store: Rpc, valkey: redis.Redis, keyring: Keyring, *, code: str | None = None) -> None:
    """Raise UserError where this process must not work here. `code` is the newest migration that this code brings."""
    recorded: dict[str, Any] = store.rpc("check_in", p_environment=keyring.environment)
    check_environment(recorded, keyring)
    check_schema(recorded, code or newest_version())
    _check_keys(store, keyring)
    _check_valkey(valkey)


def wait(check_in: Callable[[], None], clock: Clock, *, most_seconds: float = 60.0) -> None:
    """Refuse what is wrong for certain (UserError); a database that does not answer is asked again for a minute."""
    ends_at = clock.monotonic() + most_seconds
    while True:
        try:
            return check_in()
        except StoreUnavailable as error:
            if clock.monotonic() >= ends_at:
                raise
            log.warning("database_not_ready", error=error.message)
            clock.sleep(2.0)


def check_environment(recorded: dict[str, Any], keyring: Keyring) -> None:
    theirs, ours = recorded["environment"], keyring.environment
    if theirs != ours:
        raise UserError(
            f"This database belongs to the environment '{theirs}', and KEEPER_ENVIRONMENT says '{ours}':",
            hint="point SUPABASE_URL at the right project, or correct KEEPER_ENVIRONMENT.",
        )


def check_schema(recorded: dict[str, Any], code: str) -> None:
    """Migrations go before code. A newer schema is fine as long as it says so: old and new code run side by side."""
    # Ours alone: in a project that others share, the newest row of the record may be theirs. A schema that is older
    # than this question tells only the newest of all.
    applied = recorded.get("applied")
    newest = recorded["schema"] if applied is None else max(set(applied) & set(known_versions()), default=None)
    schema, oldest = newest or "none", recorded["oldest_code"]
    if schema < code:
        raise UserError(
            f"The database's schema is at {schema}, and this code needs {code}:", hint="run `keeper migrate` first."
        )
    # An older one may have come with a later release: the newest alone says nothing of it.
    lacking = [version for version in known_versions() if version <= code and version not in (applied or [version])]
    if lacking:
        raise UserError(
            f"The database lacks the migration {', '.join(lacking)}, although newer ones are applied:",
            hint="run `keeper migrate` first.",
        )
    if code < oldest:
        raise UserError(
            f"This code brings migrations up to {code}; the schema at {schema} needs {oldest} or newer:",
            hint="deploy the current release.",
        )


def _check_keys(store: Rpc, keyring: Keyring) -> None:
    stands = keys_status(store, keyring)
    missing, wrong = stands["missing"], stands["wrong"]
    if missing:
        named = ", ".join(f"'{key['id']}' ({key['tokens']} tokens)" for key in missing)
        raise UserError(
            f"TOKEN_KEYS lacks {named}, which stored tokens need:", hint="put it back at the end of the ring."
        )
    if wrong:
        raise UserError(
            f"TOKEN_KEYS has another key under the name {' and '.join(map(repr, wrong))} than stored tokens need, "
            "or KEEPER_ENVIRONMENT is not theirs:",
            hint="put the right key back under that name; a new key takes a new name.",
        )


def _check_valkey(valkey: redis.Redis) -> None:
    try:
        memory = valkey.info("memory")
    except (redis.RedisError, OSError) as error:
        log.warning("valkey_not_asked", error=why_away(error))
        return
    check_policy(memory)


def check_policy(memory: Mapping[str, Any]) -> None:
    """A Valkey that evicts forgets bells and, worse, the pace of the second without an error (reliability row 16)."""
    policy = str(memory.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        raise UserError(
            f"Valkey evicts keys (maxmemory-policy {policy}), so limits could be forgotten:",
            hint="set maxmemory-policy to noeviction.",
        )
