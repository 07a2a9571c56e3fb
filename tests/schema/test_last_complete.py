"""The status of a second reading says what the first one proved: until the new one ends, that is what there is."""

from __future__ import annotations

import uuid

from tests.schema.jobworld import CERTIFICATE, call, claim, fail, queue
from tests.worlds.users import make_seller


def last_complete(db, seller):
    (job,) = call(db, "backfill_status", p_user_id=seller)["jobs"]
    return job["last_complete"]


def read_whole(db, seller, *, held):
    lease = str(uuid.uuid4())
    queue(db, seller, ("etsy", "orders"), again=True)
    claim(db, lease)
    certificate = CERTIFICATE | {"distinct_keys": held + 1, "rejected": 1}
    call(db, "complete_job", p_lease_id=lease, p_certificate=certificate, p_watermark=None)


def test_what_was_proven_stands_while_it_is_read_once_more(clean, db):
    seller, other = make_seller(db, "etsy"), make_seller(db, "etsy")
    read_whole(db, other, held=99)
    queue(db, seller, ("etsy", "orders"))
    before = last_complete(db, seller)
    read_whole(db, seller, held=4)
    read_whole(db, seller, held=7)
    done = last_complete(db, seller)

    queue(db, seller, ("etsy", "orders"), again=True)

    assert (before, done) == (None, None), "a first reading has none, a finished one its own certificate"
    assert last_complete(db, seller)["held"] == 7


def test_a_second_reading_that_failed_takes_nothing_back(clean, db):
    seller = make_seller(db, "etsy")
    read_whole(db, seller, held=7)
    lease = str(uuid.uuid4())
    queue(db, seller, ("etsy", "orders"), again=True)
    claim(db, lease)

    fail(db, lease)

    assert last_complete(db, seller)["held"] == 7
