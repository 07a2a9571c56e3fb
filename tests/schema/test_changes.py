"""What a run changes is on record, once, with what stood before; a rollback says why it does not, or does all of it."""

from __future__ import annotations

import json
import uuid
from typing import Any

import psycopg
import pytest

from tests.schema.jobworld import claim, queue
from tests.schema.rows import Connection
from tests.schema.test_conversions import RECEIPT
from tests.schema.test_stays_erased import erase, land
from tests.worlds.users import make_seller

RECORDS = """
    select c.run_id::text, c.kind, c.keys, c.before ->> 'status' from private.row_changes as c
    where c.table_name = 'orders' order by c.id"""
STATUS = "select status, sync_run_id::text from public.orders where platform_id = '7'"


@pytest.fixture(name="shop")
def _shop(clean: None, db: Connection) -> str:
    return make_seller(db, "etsy")


def begin(db: Connection, user: str, *, job_type: str = "backfill", entity: str = "orders") -> tuple[str, str]:
    """A job of a new run: its lease, and its run."""
    lease = str(uuid.uuid4())
    queue(db, user, ("etsy", entity), job_type=job_type, again=True)
    claim(db, lease)
    return lease, str(db.execute("select run_id from public.sync_jobs where lease_id = %s", [lease]).fetchone()[0])


def end(db: Connection, lease: str) -> None:
    db.execute("select public.freeze_window(%s, '2020-01-01', now())", [lease])
    db.execute(
        "select public.complete_job(%s, %s, now() - interval '1 hour')",
        [lease, json.dumps({"distinct_keys": 1, "checks": []})],
    )


def receipt(status: str, *, updated: int = 1_770_000_000) -> dict[str, Any]:
    return {**RECEIPT, "receipt_id": 7, "status": status, "updated_timestamp": updated}


def a_run(db: Connection, user: str, status: str, *, fetched: str, updated: int, **kind: str) -> str:
    lease, run = begin(db, user, **kind)
    land(db, lease, "receipts", receipt(status, updated=updated), fetched=fetched)
    end(db, lease)
    return run


def roll_back(db: Connection, run: str, **more: Any) -> dict[str, Any]:
    named = "".join(f", {name} => {value}" for name, value in more.items())
    return db.execute(f"select public.roll_back('{run}'{named})").fetchone()[0]


def refused(db: Connection, run: str, **more: Any) -> tuple[str, str]:
    with pytest.raises(psycopg.Error) as error, db.transaction():
        roll_back(db, run, **more)
    return error.value.diag.message_primary or "", error.value.diag.message_detail or ""


def three_runs(db: Connection, user: str) -> tuple[str, str, str]:
    """The one that brought the order, and two that changed it."""
    return (
        a_run(db, user, "Paid", fetched="2026-02-01", updated=1_770_000_000),
        a_run(db, user, "Completed", fetched="2026-02-02", updated=1_770_000_100),
        a_run(db, user, "Canceled", fetched="2026-02-03", updated=1_770_000_200, job_type="incremental"),
    )


def test_each_run_has_one_record_of_a_row_and_what_is_unchanged_has_none(db: Connection, shop: str) -> None:
    lease, first = begin(db, shop)
    for status, updated in (("Paid", 1_770_000_000), ("Paid", 1_770_000_000), ("Completed", 1_770_000_100)):
        land(db, lease, "receipts", receipt(status, updated=updated))
    end(db, lease)
    second = a_run(db, shop, "Completed", fetched="2026-02-02", updated=1_770_000_100)
    third = a_run(db, shop, "Canceled", fetched="2026-02-03", updated=1_770_000_200)

    assert db.execute(RECORDS).fetchall() == [(first, "created", ["7"], None), (third, "changed", ["7"], "completed")]
    assert second not in str(
        db.execute("select * from private.row_changes where table_name <> 'sync_cursors'").fetchall()
    )


def test_a_run_is_kept_where_later_ones_rest_on_it_unless_they_go_too(db: Connection, shop: str) -> None:
    first, second, third = three_runs(db, shop)

    assert refused(db, first) == ("later_runs", f"{second} {third}")
    assert refused(db, second) == ("later_runs", third)
    planned = roll_back(db, first, p_dry_run=True, p_with_later=True)
    assert planned["undone"] == [first, second, third]
    assert planned["run_id"] is None
    assert db.execute(STATUS).fetchone() == ("canceled", third)

    told = roll_back(db, second, p_with_later=True, p_actor="'ada'")

    assert told["undone"] == [second, third]
    assert told["tables"]["orders"] == {"removed": 0, "restored": 1}
    assert db.execute(STATUS).fetchone() == ("paid", first)
    assert refused(db, third) == ("already_undone", third)
    # Nothing of it counts any more: the first one is alone again.
    roll_back(db, first)
    assert db.execute("select count(*) from public.orders").fetchone() == (0,)
    assert db.execute("select action, details ->> 'by' from private.admin_actions order by id limit 1").fetchone() == (
        "rollback",
        "ada",
    )


def test_a_rollback_is_taken_back_and_what_came_since_is_named(db: Connection, shop: str) -> None:
    first, _, third = three_runs(db, shop)
    undo = roll_back(db, first, p_with_later=True)["run_id"]
    back = roll_back(db, undo)["run_id"]
    assert db.execute(STATUS).fetchone() == ("canceled", third)
    roll_back(db, back)
    again = a_run(db, shop, "Paid", fetched="2026-02-04", updated=1_770_000_300)

    # What it had removed was read anew.
    assert refused(db, back) == ("already_undone", back)
    (last,) = db.execute("select id::text from public.sync_runs where undoes = array[%s::uuid]", [back]).fetchone()
    assert refused(db, last) == ("later_runs", again)


def test_what_is_open_too_old_too_much_or_being_read_is_refused_by_name(db: Connection, shop: str) -> None:
    lease, first = begin(db, shop)
    land(db, lease, "receipts", receipt("Paid"))
    assert refused(db, first) == ("run_is_open", first)
    end(db, lease)
    assert refused(db, first, p_most=1)[0] == "too_many_rows"
    assert refused(db, str(uuid.uuid4()))[0] == "unknown_run"
    assert refused(db, first, p_user_id=f"'{uuid.uuid4()}'")[0] == "unknown_run"

    lease, _ = begin(db, shop)
    assert refused(db, first) == ("entity_is_read", "orders")
    db.execute("select public.fail_job(%s, 'x', 'x', 'x')", [lease])
    db.execute("update public.sync_runs set created_at = created_at - interval '31 days' where id = %s", [first])
    assert refused(db, first) == ("record_is_over", first)


def test_a_watermark_goes_back_to_where_the_run_began_although_a_later_one_moved_it_on(
    db: Connection, shop: str
) -> None:
    first, second, _ = three_runs(db, shop)
    watermark = "select watermark, run_id::text from public.sync_cursors where entity = 'orders'"
    db.execute("update public.sync_cursors set watermark = '2026-01-03'")
    db.execute(
        "update private.row_changes set before = before || '{\"watermark\": \"2026-01-01\"}'"
        " where table_name = 'sync_cursors' and run_id = %s", [second],
    )  # fmt: skip
    # The third one's own row is another: it does not rest on the second.
    db.execute("delete from private.row_changes where table_name <> 'sync_cursors' and run_id <> %s", [second])

    undo = roll_back(db, second)["run_id"]

    assert db.execute(watermark).fetchone()[0].isoformat().startswith("2026-01-01")
    assert db.execute(watermark).fetchone()[1] == undo
    # What loaded the entity takes the whole watermark along, and the next start reads it again.
    roll_back(db, first)
    assert db.execute(watermark).fetchone() is None
    assert db.execute("select doubted_at is not null from public.sync_jobs where run_id = %s", [first]).fetchone() == (
        True,
    )
    assert db.execute("select backfill_status from public.profiles where user_id = %s", [shop]).fetchone() == (
        "not_started",
    )


def test_what_is_erased_is_erased_of_the_record_and_a_rollback_brings_back_no_name(db: Connection, shop: str) -> None:
    first = a_run(db, shop, "Paid", fetched="2026-02-01", updated=1_770_000_000)
    second = a_run(db, shop, "Completed", fetched="2026-02-02", updated=1_770_000_100)
    # Taken away by a rollback, so that only the record knows the buyer.
    undo = roll_back(db, first, p_with_later=True)["run_id"]
    lease, _ = begin(db, shop)
    buyer = str(RECEIPT["buyer_user_id"])

    erase(db, lease, buyer)
    db.execute("select public.fail_job(%s, 'x', 'x', 'x')", [lease])
    roll_back(db, undo)

    assert db.execute(STATUS).fetchone() == ("completed", second)
    assert db.execute(
        "select distinct raw::text from public.orders union select raw::text from public.line_items"
    ).fetchall() == [("{}",)]


def test_a_buyer_whom_only_a_record_knows_is_found_by_address(db: Connection, shop: str) -> None:
    """A rollback took them and their order away: both are erased of what it could bring back."""
    first = a_run(db, shop, "Paid", fetched="2026-02-01", updated=1_770_000_000)
    buyer = str(RECEIPT["buyer_user_id"])
    db.execute("update public.customers set email = 'ada@example.com', name = 'Ada' where platform_id = %s", [buyer])
    undo = roll_back(db, first)["run_id"]
    assert db.execute("select count(*) from public.customers").fetchone() == (0,)
    lease, _ = begin(db, shop)

    db.execute(
        "select public.erase_buyer(%s, j.connection_id, null, 'ADA@example.com')"
        " from public.sync_jobs as j where j.lease_id = %s",
        [shop, lease],
    )

    db.execute("select public.fail_job(%s, 'x', 'x', 'x')", [lease])
    roll_back(db, undo)
    assert db.execute("select email, name from public.customers").fetchall() == [(None, None)]
    assert db.execute("select raw::text from public.orders").fetchall() == [("{}",)]


def test_a_round_that_only_moved_its_watermark_leaves_no_record(db: Connection, shop: str) -> None:
    a_run(db, shop, "Paid", fetched="2026-02-01", updated=1_770_000_000)
    counts = []
    for _ in range(4):
        lease, _ = begin(db, shop, job_type="incremental")
        end(db, lease)
        counts.append(db.execute("select count(*) from private.row_changes").fetchone()[0])

    assert counts[1:] == [counts[1]] * 3


def test_a_rollback_whose_answer_was_lost_is_answered_the_same_again(db: Connection, shop: str) -> None:
    first, _, _ = three_runs(db, shop)
    its = f"'{uuid.uuid4()}'"

    told = roll_back(db, first, p_with_later=True, p_rollback_id=its)

    assert roll_back(db, first, p_with_later=True, p_rollback_id=its) == told
    assert db.execute("select count(*) from public.sync_runs where undoes <> '{}'").fetchone() == (1,)
