"""What is new is inserted plainly; what stands there although it was believed new lands all the same."""

from __future__ import annotations

import base64
import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.schema.jobworld import call, claim, queue, refusal
from tests.schema.test_conversions import RECEIPT
from tests.schema.test_fetch_order import EARLY, LATE, commit
from tests.schema.test_job_races import wait_until_blocked, worker
from tests.worlds.users import make_seller


@pytest.fixture
def seller(clean, db):
    return make_seller(db, "etsy")


@pytest.fixture
def job(seller, db):
    lease = str(uuid.uuid4())
    queue(db, seller, ("etsy", "orders"))
    claim(db, lease)
    return lease


def lines(db):
    return db.execute("select platform_id, order_platform_id, is_deleted from public.line_items").fetchall()


def test_a_line_that_came_with_another_order_before_moves_to_the_new_one(db, job):
    """The new order's lines are believed new, too, and are not looked up the first time."""
    commit(db, job, 0, EARLY, RECEIPT)

    answer = commit(db, job, 1, LATE, RECEIPT | {"receipt_id": 17})

    assert (answer["created"], answer["rejected"]) == (1, 0)
    assert lines(db) == [("8", "17", False)]
    assert db.execute("select platform_id from public.orders order by 1").fetchall() == [("17",), ("7",)]


def test_a_line_that_two_known_orders_show_does_not_wander_between_them(db, job):
    commit(db, job, 0, EARLY, RECEIPT)
    commit(db, job, 1, LATE, RECEIPT | {"receipt_id": 17})

    answer = commit(db, job, 2, "2026-01-02T00:00:00Z", RECEIPT, RECEIPT | {"receipt_id": 17})

    assert lines(db) == [("8", "17", False)]
    assert answer["unchanged"] == 2


def test_a_record_twice_in_a_page_is_for_the_worker_to_take_apart(db, job):
    with pytest.raises(psycopg.errors.UniqueViolation):
        commit(db, job, 0, EARLY, RECEIPT, RECEIPT | {"status": "Canceled"})

    assert lines(db) == []
    assert db.execute("select page_seq from public.sync_jobs").fetchall() == [(0,)]


def test_an_order_that_somebody_else_commits_meanwhile_is_updated(db, job, seller, env):
    """Both believe it new. The second waits for the first, and finds it."""
    with worker(env) as other, ThreadPoolExecutor(1) as pool:
        with db.transaction():
            db.execute(
                "insert into public.orders (connection_id, user_id, platform, platform_id, ordered_at, currency,"
                " total_amount, raw, source_updated_at, fetched_at, content_hash, sync_run_id)"
                " select connection_id, %s, 'etsy', '7', now(), 'JPY', 0, '{}', %s, %s, 0, run_id"
                " from public.sync_jobs",
                [seller, "2001-01-01", EARLY],
            )
            pid = other.info.backend_pid
            landing = pool.submit(commit, other, job, 0, LATE, RECEIPT)
            wait_until_blocked(db, pid, landing)
        answer = landing.result()

    assert (answer["created"], answer["updated"]) == (0, 1)
    assert db.execute("select platform_id, status, raw ->> 'receipt_id' from public.orders").fetchall() == [
        ("7", "paid", "7")
    ]
    assert lines(db) == [("8", "7", False)]


@pytest.mark.parametrize("again", [EARLY, LATE])
def test_what_landed_is_counted_by_what_became_of_it(db, job, again):
    commit(db, job, 0, EARLY, RECEIPT, RECEIPT | {"receipt_id": 17, "transactions": []})
    newer = RECEIPT | {"receipt_id": 17, "transactions": [], "status": "Canceled"}
    older = RECEIPT | {"updated_timestamp": RECEIPT["updated_timestamp"] - 1, "created_timestamp": 1_600_000_000}

    answer = commit(db, job, 1, again, older, newer, RECEIPT | {"receipt_id": 27, "transactions": []})

    result = {name: answer[name] for name in ("created", "updated", "unchanged", "stale", "rejected")}
    assert result == {"created": 1, "updated": 1, "unchanged": 0, "stale": 1, "rejected": 0}


def test_an_empty_page_lands_nothing_and_is_a_page(db, job):
    answer = commit(db, job, 0, EARLY)

    assert answer["created"] == 0
    assert db.execute("select keys from public.sync_pages").fetchone() == ([],)


def test_a_rejected_record_is_replayed_by_its_shape_and_known_by_its_stream(db, job, seller):
    """Several streams bring the same records: the audit tells them apart, the landing does not."""
    broken = base64.b64encode(json.dumps(RECEIPT | {"grandtotal": "much"}).encode()).decode()
    envelope = {
        "page_id": str(uuid.uuid4()), "lease_id": job, "stream": "some_of_them", "shape": "receipts", "seq": 0,
        "fetched_at": EARLY, "part": 0, "pass": 1, "position": 0, "cursor": {},
    }  # fmt: skip
    document = {"records": [{"key": "7", "raw": broken}], "envelope": envelope}
    assert db.execute("select public.commit_page(%s)", [json.dumps(document)]).fetchone()[0]["rejected"] == 1
    mended = json.dumps(RECEIPT).encode()
    db.execute("update public.rejected_records set raw = %s where (stream, shape) = ('some_of_them', 'receipts')",
               [mended])  # fmt: skip

    answer = call(db, "replay_rejected", p_user_id=seller)

    assert (answer["landed"], answer["refused"]) == (1, 0)
    assert db.execute("select platform_id from public.orders").fetchall() == [("7",)]


@pytest.mark.parametrize("table", ["profiles", "sync_jobs", "no_table"])
def test_nothing_but_a_synced_table_is_mapped_again(db, seller, table):
    arguments = {"p_shape": "receipts", "p_table": table, "p_columns": {"status": []}, "p_after": ""}
    ((connection,),) = db.execute("select id from public.connected_accounts where user_id = %s", [seller]).fetchall()

    assert refusal(db, "remap_records", p_user_id=seller, p_connection_id=connection, **arguments) == "not_synced"
