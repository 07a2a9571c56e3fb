"""Promise 7 where fetches overlap: of two pages with the same version of a record, the later fetch is the truth.

Pages may commit in another order than they were fetched (private.keys_seen_later).
"""

from __future__ import annotations

import json
import uuid

import pytest

from tests.schema.jobworld import call, claim, queue
from tests.schema.test_conversions import RECEIPT
from tests.worlds.users import make_seller

EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z"


@pytest.fixture
def job(clean, db):
    seller, lease = make_seller(db, "etsy"), str(uuid.uuid4())
    queue(db, seller, ("etsy", "orders"))
    claim(db, lease)
    return lease


def commit(db, lease, seq, fetched_at, *receipts):
    envelope = {
        "page_id": str(uuid.uuid4()), "lease_id": lease, "stream": "receipts",
        "shape": "receipts", "records_at": "results", "seq": seq, "fetched_at": fetched_at,
        "part": 0, "pass": 1, "position": 0, "cursor": {},
    }  # fmt: skip
    page = json.dumps({"page": {"count": 1, "results": receipts}, "envelope": envelope})
    return db.execute("select public.commit_page(%s)", [page]).fetchone()[0]


def status(db):
    return db.execute("select status from public.orders").fetchall()


def test_an_earlier_fetch_that_commits_later_changes_nothing(db, job):
    """Same version, other content: a refund leaves Etsy's updated_timestamp alone."""
    commit(db, job, 0, LATE, RECEIPT | {"status": "Partially Refunded"})

    answer = commit(db, job, 1, EARLY, RECEIPT | {"status": "Paid"})

    assert (answer["stale"], status(db)) == (1, [("partially refunded",)])


def test_an_earlier_fetch_is_stale_even_where_the_later_one_changed_nothing(db, job):
    """A -> B -> A: the row's own fetch time did not move with the last read, but its page knows of it."""
    commit(db, job, 0, EARLY, RECEIPT | {"status": "Paid"})
    commit(db, job, 1, LATE, RECEIPT | {"status": "Paid"})

    answer = commit(db, job, 2, "2026-01-01T00:00:03Z", RECEIPT | {"status": "Completed"})

    assert (answer["stale"], status(db)) == (1, [("paid",)])


def test_a_later_fetch_wins_at_equal_versions_and_a_higher_version_wins_whenever_it_was_fetched(db, job):
    commit(db, job, 0, EARLY, RECEIPT | {"status": "Paid"})
    commit(db, job, 1, LATE, RECEIPT | {"status": "Completed"})
    assert status(db) == [("completed",)]

    newer = RECEIPT["updated_timestamp"] + 1
    commit(db, job, 2, EARLY, RECEIPT | {"status": "Canceled", "updated_timestamp": newer})
    assert status(db) == [("canceled",)]

    answer = commit(db, job, 3, "2026-01-02T00:00:00Z", RECEIPT | {"status": "Paid"})
    assert (answer["stale"], status(db)) == (1, [("canceled",)])


def test_pages_of_another_user_or_entity_are_not_looked_at(db, job):
    commit(db, job, 0, LATE, RECEIPT)
    other, lease = make_seller(db, "etsy"), str(uuid.uuid4())
    queue(db, other, ("etsy", "orders"))
    claim(db, lease)

    answer = commit(db, lease, 0, EARLY, RECEIPT)

    assert answer["created"] == 1


def test_an_unchanged_record_costs_no_write(db, job):
    commit(db, job, 0, EARLY, RECEIPT)
    before = db.execute("select xmin::text, ctid::text from public.orders").fetchall()

    answer = commit(db, job, 1, LATE, RECEIPT)

    assert (answer["unchanged"], answer["updated"]) == (1, 0)
    assert db.execute("select xmin::text, ctid::text from public.orders").fetchall() == before


def test_a_page_whose_answer_was_lost_is_answered_again_and_lands_once(db, job):
    envelope = {
        "page_id": str(uuid.uuid4()), "lease_id": job, "stream": "receipts",
        "shape": "receipts", "records_at": "results", "seq": 0, "fetched_at": EARLY,
        "part": 0, "pass": 1, "position": 0, "cursor": {"offset": 1},
    }  # fmt: skip
    page = json.dumps({"page": {"count": 1, "results": [RECEIPT]}, "envelope": envelope})

    first = db.execute("select public.commit_page(%s)", [page]).fetchone()
    call(db, "hand_back_job", p_lease_id=job)
    again = db.execute("select public.commit_page(%s)", [page]).fetchone()

    assert again == first
    assert db.execute("select page_seq, records_done from public.sync_jobs").fetchall() == [(1, 1)]
