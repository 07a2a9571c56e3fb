"""Keeper as a library: load a seller's whole history, prove it complete, keep it fresh.

    from keeper import Keeper

    with Keeper() as keeper:
        user = keeper.users.create("ada@example.com", plan="pro")
        keeper.connections.connect("etsy", user.user_id, shop_id="12345", access_token=token)
        keeper.backfills.start(user.user_id)

What stands here is the public interface, described in docs/api.md; all else may change.
"""

from execution.errors import KeeperError, StoreError, StoreUnavailable, UserError
from keeper.client import Keeper
from keeper.events import BackfillTold, ConnectionTold, EntityTold, Event, HeldTold, SyncTold, TenantTold, ToldEntity
from keeper.parts import Backfills, Connections, Events, Refreshes, Runs, Users
from keeper.results import (
    Backfill,
    Certificate,
    Changed,
    Connection,
    Costs,
    CostTotal,
    Disconnected,
    Estimate,
    EstimatedJob,
    Failure,
    FullRefresh,
    Job,
    Queued,
    QueuedJob,
    RefreshStarted,
    Restored,
    RolledBack,
    Run,
    Synced,
    SyncedEntity,
    ToldEvent,
    User,
    Verification,
    VerifiedEntity,
    Worked,
)

__all__ = [
    "Backfill",
    "BackfillTold",
    "Backfills",
    "Certificate",
    "Changed",
    "Connection",
    "ConnectionTold",
    "Connections",
    "CostTotal",
    "Costs",
    "Disconnected",
    "EntityTold",
    "Estimate",
    "EstimatedJob",
    "Event",
    "Events",
    "Failure",
    "FullRefresh",
    "HeldTold",
    "Job",
    "Keeper",
    "KeeperError",
    "Queued",
    "QueuedJob",
    "RefreshStarted",
    "Refreshes",
    "Restored",
    "RolledBack",
    "Run",
    "Runs",
    "StoreError",
    "StoreUnavailable",
    "SyncTold",
    "Synced",
    "SyncedEntity",
    "TenantTold",
    "ToldEntity",
    "ToldEvent",
    "User",
    "UserError",
    "Users",
    "Verification",
    "VerifiedEntity",
    "Worked",
]
