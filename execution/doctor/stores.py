"""The database, the key ring, Valkey, the clocks of all three machines, and who gives signs of life."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import redis

from execution.clock import Clock
from execution.doctor.lines import Line, failed, not_checked, ok, warning
from execution.doctor.tenants import of_returned
from execution.errors import KeeperError, StoreError, StoreUnavailable, UserError
from execution.keyring import Keyring
from execution.process import boot
from execution.schema.migration_files import newest_version
from execution.settings import LOCAL, Settings
from execution.store import Rpc
from execution.tokens.key_rotation import keys_status
from execution.valkey import Valkey, why_away

# Windows overlap by a minute, and signed deliveries may be five minutes old.
_CLOCK_WARNS_S, _CLOCK_FAILS_S = 5.0, 60.0
_PROCESSES = {"clock": "keeper clock", "web": "keeper web", "worker": "keeper worker"}

Look = Callable[[], Iterator[Line]]


def of_database(store: Rpc, keyring: Keyring, clock: Clock) -> Iterator[Line]:
    """Everything that is asked of the database; where it does not answer, what that leaves open is named."""
    try:
        recorded: dict[str, Any] = store.rpc("check_in", p_environment=keyring.environment)
    except StoreUnavailable as error:
        yield failed("database", error.message, error.hint or "Check SUPABASE_URL, and that the project is not paused.")
        yield from (not_checked(name, "the database does not answer") for name in ("schema", "keys", "processes"))
        return
    except StoreError as error:
        yield failed("database", error.message, "Check SUPABASE_SERVICE_ROLE_KEY, then run `keeper migrate`.")
        yield from (not_checked(name, "the database refuses") for name in ("schema", "keys", "processes"))
        return
    yield ok("database", "answers, and takes our key")
    yield _judged("environment", f"it is '{keyring.environment}'", lambda: boot.check_environment(recorded, keyring))
    yield _judged("schema", f"is at {recorded['schema']}", lambda: boot.check_schema(recorded, newest_version()))
    looks: tuple[Look, ...] = (
        lambda: of_keys(store, keyring),
        lambda: of_processes(store, clock),
        lambda: of_returned(store),
    )
    for look in looks:
        try:
            yield from look()
        except KeeperError as error:
            yield failed("database", error.message, error.hint or "Run `keeper migrate`.")


def _judged(name: str, found: str, check: Callable[[], None]) -> Line:
    try:
        check()
    except UserError as error:
        return failed(name, error.message.rstrip(":"), error.hint)
    return ok(name, found)


def of_keys(store: Rpc, keyring: Keyring) -> Iterator[Line]:
    """Each key of the ring, by opening something; and keys that tokens need and the ring has not."""
    stands = keys_status(store, keyring)
    for key in stands["keys"]:
        name = f"key {key['id']}"
        if key["id"] in stands["wrong"]:
            yield failed(name, f"opens none of the {key['tokens']} tokens under its name", "Put the right key back.")
        elif key["tokens"]:
            yield ok(name, f"opens what is stored under it ({key['tokens']} tokens)")
        else:
            yield ok(name, "encrypts; nothing is stored under it yet" if key["first"] else "nothing needs it any more")
    for key in stands["missing"]:
        yield failed(
            f"key {key['id']}", f"{key['tokens']} tokens need it, and TOKEN_KEYS lacks it", "Put it back at the end."
        )


def of_processes(store: Rpc, clock: Clock) -> Iterator[Line]:
    """Who gave a sign of life within half a minute, and how far the database's clock is from ours."""
    before = clock.now()
    facts: dict[str, Any] = store.rpc("pipeline_health")
    yield _apart("clock of the database", datetime.fromisoformat(facts["now"]).timestamp(), before, clock)
    for kind, beats in sorted(facts["heartbeats"].items()):
        yield _alive(kind, beats)


def _alive(kind: str, beats: Mapping[str, Any]) -> Line:
    if beats["alive"]:
        return ok(f"process {kind}", f"{beats['alive']} seen within half a minute")
    age = beats["age_seconds"]
    seen = "none was ever seen" if age is None else f"the last one was seen {age:.0f} s ago"
    return failed(f"process {kind}", seen, f"Start `{_PROCESSES[kind]}`, and look into its log.")


def of_valkey(settings: Settings, valkey: Valkey, clock: Clock) -> Iterator[Line]:
    """Whether it answers, keeps what it is given, and is spoken with over TLS."""
    try:
        memory = valkey.info("memory")
        before = clock.now()
        seconds, micros = valkey.time()
    except (redis.RedisError, OSError) as error:
        yield failed("valkey", why_away(error), "Check REDIS_URL.")
        yield not_checked("valkey policy", "Valkey does not answer")
        return
    yield ok("valkey", "answers")
    yield _judged("valkey policy", "noeviction", lambda: boot.check_policy(memory))
    yield _apart("clock of Valkey", seconds + micros / 1e6, before, clock)
    yield _encryption(settings)


def _encryption(settings: Settings) -> Line:
    parts = urlsplit(settings.redis_url.get_secret_value())
    if parts.scheme == "rediss":
        if "ssl_cert_reqs=none" in parts.query:
            return warning("valkey TLS", "encrypted, with a certificate that nobody checks", "Give ?ssl_ca_certs=FILE.")
        return ok("valkey TLS", "encrypted, and its certificate is checked")
    if parts.scheme == "unix" or parts.hostname in LOCAL:
        return ok("valkey TLS", "on this machine")
    return warning("valkey TLS", "not encrypted", "Begin REDIS_URL with rediss:// unless the network is your own.")


def _apart(name: str, theirs: float, before: datetime, clock: Clock) -> Line:
    """A clock against ours, which was read before and after: what lies between the two is no difference."""
    first, last = before.timestamp(), clock.now().timestamp()
    apart = theirs - min(max(theirs, first), last)
    found = f"{abs(apart):.1f} s {'ahead of' if apart > 0 else 'behind'} this machine's"
    if abs(apart) >= _CLOCK_FAILS_S:
        return failed(name, found, "Set the clocks by NTP: signatures and windows go by them.")
    if abs(apart) >= _CLOCK_WARNS_S:
        return warning(name, found, "Set the clocks by NTP.")
    return ok(name, "agrees with this machine's")
