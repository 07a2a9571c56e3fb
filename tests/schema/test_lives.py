"""Every table says whose it is and how long its rows are kept; what has outlived its time goes, in small steps."""

from __future__ import annotations

import pytest

UNDECLARED = """
    select c.oid::regclass::text from pg_class as c
    where c.relkind in ('r', 'p') and c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
      and c.oid not in (select s.oid from private.synced_tables as s)
      and c.oid not in (select l.table_name::regclass from private.lives() as l
                        where (l.life is null) = (l.bounded is not null) and (l.life is null) = (l.aged_by is null))
    order by 1"""
# A table whose rows name a connection goes with it, unless it says otherwise for a reason.
UNOWNED = """
    select c.oid::regclass::text from pg_class as c join pg_attribute as a on a.attrelid = c.oid
    where c.relkind in ('r', 'p') and c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
      and a.attname = 'connection_id' and not a.attisdropped
      and c.oid::regclass::text not in (select b.name::regclass::text from private.of_connections as b)
    order by 1"""
SLOW = """
    select l.table_name from private.lives() as l
    where l.life is not null and not exists (
        select from pg_index as i join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
        where i.indrelid = l.table_name::regclass and a.attname = l.aged_by)"""
# What is kept for a year or more is a record of what was done: it outlives whom it is about.
MORTAL = """
    select l.table_name from private.lives() as l
    where (l.belongs_to = 'record') <> coalesce(l.life >= interval '1 year', false)
       or l.belongs_to = 'record' and exists (
            select from pg_constraint as c
            where c.conrelid = l.table_name::regclass and c.contype = 'f' and c.confdeltype not in ('n', 'd'))
    order by 1"""
AGED = """
    select l.table_name, l.aged_by, l.only_if from private.lives() as l where l.life is not null
    order by l.table_name"""


def found(db, query):
    return [name for (name,) in db.execute(query).fetchall()]


def test_every_table_has_an_owner_and_a_life_or_a_bound(db):
    assert found(db, UNDECLARED) == []
    # A SKU's cost is that of all shops, and a listing's goes by its foreign key. That an obligation was carried out is
    # told after its connection is gone.
    assert found(db, UNOWNED) == ["private.goods_costs", "private.privacy_requests"]
    assert found(db, SLOW) == []
    assert found(db, MORTAL) == []


def test_what_names_people_or_repeats_what_was_sent_is_kept_no_longer_than_this(db):
    """The values themselves: what is declared without a life is no longer looked at by the tests below."""
    lives = dict(db.execute("select table_name, life::text from private.lives() where life is not null").fetchall())

    assert lives == {
        "private.admin_actions": "3 years", "private.tombstones": "3 years",
        "private.oauth_states": "01:00:00",
        "private.privacy_requests": "3 years", "private.person_calls": "25:00:00", "private.tenant_calls": "30 days",
        "private.outbox": "30 days",
        "public.sync_jobs": "180 days", "public.sync_runs": "180 days", "public.rejected_records": "90 days",
        "private.row_changes": "30 days", "private.goods_cost_changes": "90 days",
        "private.missing_records": "90 days", "private.held_deletions": "180 days",
        "private.full_refreshes": "180 days",
        "private.platform_events": "7 days", "private.closed_objects": "90 days",
        "private.webhook_deliveries": "30 days", "private.heartbeats": "1 day", "private.call_minutes": "2 days",
        "private.api_calls": "7 days", "private.api_budgets": "7 days", "private.api_answers": "1 day",
        "private.call_blocks": "1 day", "private.lateness": "90 days",
    }  # fmt: skip


def test_a_table_that_grows_without_a_declared_life_is_found(db):
    with db.transaction(force_rollback=True):
        db.execute("create table private.planted (connection_id uuid, at timestamptz)")

        assert found(db, UNDECLARED) == ["private.planted"]
        assert "private.planted" in found(db, UNOWNED)


def test_a_record_that_dies_with_an_account_is_found(db):
    with db.transaction(force_rollback=True):
        db.execute(
            "alter table private.admin_actions add column planted uuid references public.profiles (user_id)"
            " on delete cascade"
        )

        assert found(db, MORTAL) == ["private.admin_actions"]


def test_a_budget_goes_when_no_call_of_it_is_known_any_more(clean, db):
    """Each shop of a platform that counts by shop is a scope. One that is used, or blocked, stays however old it is."""
    for scope in ("idle", "used", "blocked", "new"):
        db.execute("insert into private.api_budgets (scope) values (%s)", [scope])
    db.execute("update private.api_budgets set made_at = now() - interval '8 days' where scope <> 'new'")
    db.execute("update private.api_budgets set blocked_until = now() + interval '1 hour' where scope = 'blocked'")
    db.execute("insert into private.api_calls (scope, bucket, class, reserved) values ('used', now(), 'live', 1)")

    db.execute("select public.keep_house()")

    assert found(db, "select scope from private.api_budgets order by 1") == ["blocked", "new", "used"]


def test_what_has_outlived_its_time_goes_and_nothing_else(clean, db, tenants):
    """A row of each table, older than any life; those that stay say why."""
    tables = db.execute(AGED).fetchall()
    for name, column, _ in tables:
        db.execute(f"update {name} set {column} = now() - interval '9 years' where {column} is not null")
    db.execute("update private.closed_objects set forgotten_at = null, gone_at = now() - interval '9 years'")
    db.execute("update private.privacy_requests set done_at = now() - interval '9 years'")
    db.execute("update private.platform_events set worked_at = now() - interval '9 years'")
    db.execute("update private.missing_records set gone_at = now() - interval '9 years'")
    db.execute("update private.held_deletions set decision = 'over', decided_at = now() - interval '9 years'")
    db.execute("update private.full_refreshes set status = 'swapped', ended_at = now() - interval '9 years'")
    before = {name: db.execute(f"select count(*) from {name}").fetchone()[0] for name, _, _ in tables}

    (done,) = db.execute("select public.keep_house()").fetchone()

    after = {name: db.execute(f"select count(*) from {name}").fetchone()[0] for name, _, _ in tables}
    kept = {name for name, _, condition in tables if condition and name != "private.closed_objects"}
    assert all(before.values())
    # The newest proof of an entity, and the run that a cursor came from.
    assert {name for name, rows in after.items() if rows} == kept
    assert set(done["pruned"]) == set(before) - kept


def test_it_goes_in_small_steps(clean, db):
    db.execute(
        "insert into private.webhook_deliveries (source, delivery_id, received_at)"
        " select 'etsy', n::text, now() - make_interval(days => n) from generate_series(1, 40) as n"
    )

    steps = [db.execute("select public.keep_house(4) -> 'pruned'").fetchone()[0] for _ in range(4)]

    assert steps == [{"private.webhook_deliveries": n} for n in (4, 4, 3)] + [{}]
    assert db.execute("select count(*) from private.webhook_deliveries").fetchone() == (29,)


@pytest.mark.parametrize("platform", ["etsy", "shopify"])
def test_of_a_shop_that_nobody_connected_nothing_is_kept(clean, db, platform):
    db.execute(
        "select public.accept_platform_event(%s, 'd1', '999', 'orders/create', 'read', 'orders', '{1}')", [platform]
    )

    assert db.execute("select count(*) from private.webhook_deliveries").fetchone() == (0,)
