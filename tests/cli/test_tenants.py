"""`keeper user pause|resume|export|delete|tombstones|purge-tombstoned`, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg

from tests.cli.conftest import Keeper
from tests.schema.jobworld import queue
from tests.worlds.users import make_seller

Db = psycopg.Connection[Any]


def test_a_user_is_paused_and_resumed(keeper: Keeper, db: Db) -> None:
    user = make_seller(db, "etsy")
    queue(db, user, ("etsy", "orders"))

    paused = keeper(f"user pause {user}").out
    told = keeper(f"backfill status --user {user}").out
    resumed = keeper(f"user resume {user}").out

    assert paused == "Paused; 1 jobs were under way and wait.\n"
    assert "is paused; `keeper user resume` goes on." in told
    assert resumed == "Resumed; 1 jobs go on.\n"
    assert "is paused" not in keeper(f"backfill status --user {user}").out
    assert "not a user id" in keeper("user pause ada").refusal()


def test_a_user_is_exported(keeper: Keeper, db: Db, tmp_path: Path) -> None:
    user = make_seller(db, "etsy")
    queue(db, user, ("etsy", "orders"))

    written = keeper(f"user export {user} {tmp_path / 'new'}")
    streamed = keeper(f"user export {user} -").out.splitlines()
    again = keeper(f"user export {user} {tmp_path / 'new'}")

    assert written.out == "4 rows of 4 tables; manifest.json proves them.\n"
    assert [json.loads(line).get("table") for line in streamed] == [
        "connected_accounts", "profiles", "sync_jobs", "sync_runs", None,
    ]  # fmt: skip
    assert {path.name for path in (tmp_path / "new").iterdir()} == {
        "connected_accounts.ndjson", "profiles.ndjson", "sync_jobs.ndjson", "sync_runs.ndjson", "manifest.json",
    }  # fmt: skip
    assert "is not empty" in again.refusal()


def test_a_user_is_deleted_and_deleted_again_after_a_restore(keeper: Keeper, db: Db, tmp_path: Path) -> None:
    user = make_seller(db, "etsy")
    asked_nobody = keeper(f"user delete {user}")

    deleted = keeper(f"user delete {user} --yes").out
    kept = keeper("user tombstones").out
    (tmp_path / "kept").write_text(kept)
    db.execute("delete from auth.users")
    db.execute("truncate private.tombstones")
    make_seller_again = "insert into auth.users (id, email) values (%s, 'ada@example.com')"
    db.execute(make_seller_again, [user])

    assert "Say --yes where it is meant." in asked_nobody.refusal()
    assert deleted == "Deleted, with 1 shops; 0 platforms were told.\n"
    assert len(kept.split()[0]) == 64
    assert keeper("user purge-tombstoned").out == "Nobody who was deleted is here.\n"
    assert keeper(f"user purge-tombstoned --from {tmp_path / 'kept'}").out == f"deleted again: {user}\n"
    assert "cannot be read" in keeper(f"user purge-tombstoned --from {tmp_path / 'none'}").refusal()
