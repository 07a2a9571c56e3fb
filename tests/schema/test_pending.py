"""Which payments are still to be looked up: what the answer holds, and that asking stays cheap in a large ledger."""

from __future__ import annotations

import pytest

from tests.schema.crowd import pages_touched
from tests.worlds.users import make_user

# An entry of the payment and one of its fee each, as the ledger has them; and one that names no payment.
ENTRIES = """
    insert into public.payments (connection_id, user_id, platform, platform_id, sequence_number, entry_type, currency,
        entry_amount, balance_amount, reference_type, reference_id, occurred_at, raw, source_updated_at, fetched_at,
        content_hash, sync_run_id)
    select %(user)s, %(user)s, 'etsy', kind || n, n, kind, 'USD', 1, 1, kind,
           case kind when 'bill' then 'x' else '' end || n,
           now(), '{}', now(), now(), 1, %(user)s
    from generate_series(%(first)s::int, %(last)s::int) as n,
         unnest('{shop_payment,processing_fee,bill}'::text[]) as kind"""
FOUND = """
    insert into public.order_payments (connection_id, user_id, platform, platform_id, order_platform_id, currency, raw,
        source_updated_at, fetched_at, content_hash, sync_run_id)
    select %(user)s, %(user)s, 'etsy', n, 'o' || n, 'USD', '{}', now(), now(), 1, %(user)s
    from generate_series(%(first)s::int, %(last)s::int) as n"""
PENDING = """select id from private.pending_etsy_payments(
    jsonb_populate_record(null::public.sync_jobs, jsonb_build_object('connection_id', %s::text)), %s, %s
) as p(id)"""


@pytest.fixture
def user(clean, db):
    return make_user(db)


def test_each_payment_is_asked_for_once_and_not_when_it_was_found(db, user):
    db.execute(ENTRIES, {"user": user, "first": 10, "last": 30})
    db.execute(FOUND, {"user": user, "first": 12, "last": 19})
    db.execute(
        "update public.payments set order_platform_id = 'o' where user_id = %s and reference_id in ('21', '22')", [user]
    )
    # An entry whose reference is no id of a payment.
    db.execute("update public.payments set reference_id = 'a' where user_id = %s and reference_id = '23'", [user])

    def after(start: str, limit: int) -> list[str]:
        return [row[0] for row in db.execute(PENDING, [user, start, limit]).fetchall()]

    assert after("", 3) == ["10", "11", "20"]
    assert after("20", 100) == ["24", "25", "26", "27", "28", "29", "30"]
    assert after("30", 100) == []


def test_a_batch_touches_as_much_of_a_large_ledger_as_of_a_small_one(db, user):
    def batch(after: int) -> int:
        """The dearest of some, in pages of 8 kB: plans are kept from the sixth time on."""
        return max(pages_touched(db, PENDING, user, str(after), 100) for _ in range(8))

    db.execute(ENTRIES, {"user": user, "first": 1001, "last": 2000})
    db.execute(FOUND, {"user": user, "first": 1001, "last": 1500})
    small = batch(1500)
    db.execute(ENTRIES, {"user": user, "first": 2001, "last": 9999})
    db.execute(FOUND, {"user": user, "first": 2001, "last": 5000})

    assert batch(5000) <= 2 * small
