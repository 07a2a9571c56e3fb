"""Leases that a process could not give back when it ended: noted in Valkey, given back by the clock.

A lease that lapses says that a worker died on its page, and the third death quarantines the job. Whoever was told to
end while the database did not answer has not died. Where Valkey is away too, the lease lapses and counts: one death
an outage at most, since nobody claims without the database, and the next page forgives it.
"""

from __future__ import annotations

from typing import cast

import redis
import structlog

from execution.errors import LeaseLost, StoreError, StoreUnavailable
from execution.store import Rpc
from execution.valkey import Valkey, why_away

_NAME = "lease-returns"
_AT_ONCE = 100
# Every lease has long lapsed by then.
_KEPT_S = 86_400

log = structlog.get_logger()


def note(valkey: Valkey, lease_id: str) -> None:
    """Leave word that nobody works under this lease any more. Never fails."""
    try:
        valkey.sadd(valkey.key(_NAME), lease_id)
        valkey.expire(valkey.key(_NAME), _KEPT_S)
    except redis.RedisError as error:
        log.warning("lease_not_noted", lease_id=lease_id, error=why_away(error))


def settle(store: Rpc, valkey: Valkey) -> int:
    """Give back what was noted; how many. Raises StoreUnavailable while the database is away: nothing is forgotten."""
    try:
        noted = cast("list[bytes]", valkey.srandmember(valkey.key(_NAME), _AT_ONCE))
        for lease_id in noted:
            _give_back(store, lease_id.decode(errors="replace"))
            valkey.srem(valkey.key(_NAME), lease_id)
    except redis.RedisError:
        return 0
    return len(noted)


def _give_back(store: Rpc, lease_id: str) -> None:
    try:
        store.rpc("hand_back_job", p_lease_id=lease_id)
    except StoreUnavailable:
        raise
    except LeaseLost:
        log.info("returned_lease_was_over", lease_id=lease_id)
    except StoreError as error:
        log.warning("lease_return_refused", lease_id=lease_id, error=str(error))
    else:
        log.warning("lease_returned", lease_id=lease_id)
