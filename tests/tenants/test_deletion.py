"""The end of a tenant: nothing of it is left in any store, nobody else's rows change, and nothing brings it back."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
import pytest

from execution import operations, tenants
from execution.app import App
from execution.doctor import tenants as doctor_tenants
from execution.errors import UserError
from tests.schema.jobworld import call, claim, commit_empty_page, queue, refusal
from tests.schema.test_conversions import RECEIPT
from tests.schema.test_forgetting import mentions
from tests.worlds.users import make_seller, make_user

Db = psycopg.Connection[Any]


def told(db: Db) -> list[tuple[str, str]]:
    return db.execute("select type, user_id::text from private.outbox order by seq").fetchall()


def test_who_dies_in_between_leaves_it_to_the_clock(clean: None, app: App, db: Db) -> None:
    user, other = make_seller(db, "etsy"), make_seller(db, "etsy")
    queue(db, user, ("etsy", "orders"))
    job = claim(db)
    assert job is not None
    for seq in range(3):
        commit_empty_page(db, job["lease_id"], seq, [RECEIPT | {"receipt_id": seq + 1}])

    call(db, "begin_deletion", p_user_id=user, p_by="test")
    steps = 0
    while operations.keep_house(app)["deleting"]:
        steps += 1
        assert steps < 50

    assert mentions(db, user, job["connection_id"]) == []
    assert db.execute("select user_id::text from public.profiles").fetchall() == [(other,)]


def test_what_is_late_is_refused(clean: None, app: App, db: Db) -> None:
    """A page, a webhook, a job, a sign-up of the same id, an event: none makes the tenant again."""
    user = make_seller(db, "etsy")
    queue(db, user, ("etsy", "orders"))
    job = claim(db)
    assert job is not None

    tenants.delete(app, user_id=user, by="test")

    with pytest.raises(psycopg.Error, match="lease_lost"):
        commit_empty_page(db, job["lease_id"], 0, [RECEIPT])
    queued = {"p_user_id": user, "p_job_type": "backfill", "p_trigger": "x", "p_jobs": []}
    assert refusal(db, "queue_jobs", **queued) == "unknown_user"
    delivered = call(
        db, "accept_platform_event", p_platform="etsy", p_delivery_id="late", p_shop_id="1", p_topic="t",
        p_effect="read", p_kind="receipts",
    )  # fmt: skip
    assert delivered["connections"] == 0
    late = {"p_source": "s", "p_delivery_id": "late", "p_user_id": user, "p_trigger": "x", "p_jobs": []}
    assert refusal(db, "accept_delivery", **late) == "unknown_user"
    make_user(db, user)
    assert db.execute("select from public.profiles").fetchall() == []
    assert told(db)[-1] == ("tenant.deleted", user)
    with pytest.raises(UserError, match="There is no user"):
        tenants.delete(app, user_id=user, by="test")


def test_whom_a_backup_brings_back_is_found_and_deleted_again(clean: None, app: App, db: Db) -> None:
    """One whose tombstone is here, and one who was deleted after the backup, so that only a list knows of it."""
    known, listed, other = make_user(db), make_user(db), make_user(db)
    for user in (known, listed):
        tenants.delete(app, user_id=user, by="test")
    kept = tenants.tombstones(app)
    db.execute("delete from auth.users where id = any (%s)", [[known, listed]])
    # The backup is older than one of the tombstones.
    db.execute("delete from private.tombstones where digest = private.digest_of(%s)", [listed])
    for user in (known, listed):
        db.execute("insert into auth.users (id, email) values (%s, %s)", [user, f"{user}@example.com"])
        db.execute("insert into public.profiles (user_id) values (%s) on conflict do nothing", [user])

    assert tenants.returned(app) == [known]
    assert [line.status for line in doctor_tenants.of_returned(app.store)] == ["failed"]
    first = tenants.purge(app, by="test")
    second = tenants.purge(app, tenants.digests_in([one["digest"] for one in kept]), by="test")

    assert (first, second) == ({"deleted": [known]}, {"deleted": [listed]})
    assert db.execute("select user_id::text from public.profiles").fetchall() == [(other,)]
    assert [line.status for line in doctor_tenants.of_returned(app.store)] == ["ok"]
    assert tenants.purge(app, tenants.digests_in([known, f"{listed} at noon", ""]), by="test") == {"deleted": []}


def test_a_list_that_is_none_is_refused() -> None:
    with pytest.raises(UserError, match="Line 2 is neither"):
        tenants.digests_in([str(uuid.uuid4()), "bob@example.com"])


def test_the_record_of_it_outlives_the_account_and_names_nobody(clean: None, app: App, db: Db) -> None:
    user = make_seller(db, "etsy")

    tenants.delete(app, user_id=user, by="test")

    actions = db.execute(
        "select actor, action, user_id, subject_id from private.admin_actions where subject = private.pseudonym(%s)"
        " order by id",
        [user],
    ).fetchall()
    assert actions == [("test", "pause", None, None), ("test", "delete", None, None)]
    assert [one["digest"] for one in tenants.tombstones(app)] == [
        db.execute("select private.digest_of(%s)", [user]).fetchone()[0]  # type: ignore[index]
    ]
