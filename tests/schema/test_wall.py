"""Promise 14, over the catalog: the checker finds nothing here, and finds every kind of hole that is planted."""

from __future__ import annotations

import psycopg
import pytest

from tests.schema.wall import violations

_TABLE = "create table public.planted (user_id uuid not null, id int, primary key (user_id, id)); "
_FORCED = "alter table public.planted enable row level security; alter table public.planted force row level security; "
_OWN = "create policy p on public.planted for select to authenticated using (user_id = (select auth.uid())); "
_GOOD = _TABLE + _FORCED + _OWN


def test_the_schema_has_no_hole(db):
    assert violations(db) == []


def test_a_table_made_as_it_should_be_is_no_hole(db):
    with db.transaction(force_rollback=True):
        db.execute(_GOOD + "grant select on public.planted to authenticated, service_role")

        assert violations(db) == []


# As `create table … (like …)` leaves it: the nine columns and the key, and nothing that closes it.
SYNCED = "create table public.planted (like public.order_payments including all); "
GIVEN = SYNCED + "select private.synced_table('planted'); "


def test_a_synced_table_is_closed_by_one_call_and_twice_is_as_good_as_once(db):
    with db.transaction(force_rollback=True):
        db.execute(GIVEN + "select private.synced_table('planted')")

        assert violations(db) == []


def test_no_table_without_the_columns_of_synced_ones_is_taken_for_one(db):
    with db.transaction(force_rollback=True):
        db.execute(SYNCED + "alter table public.planted drop content_hash")

        with pytest.raises(psycopg.errors.RaiseException, match="planted lacks"):
            db.execute("select private.synced_table('planted')")


HOLES = {
    "synced table that nobody named": (SYNCED, "planted: holds records of platforms, yet is not"),
    "synced table that workers cannot read": (
        GIVEN + "revoke select on public.planted from service_role",
        "planted: holds records of platforms, yet is not",
    ),
    "no row-level security": (_TABLE, "planted: row-level security is off"),
    "not forced": (
        _GOOD + "alter table public.planted no force row level security",
        "planted: row-level security is not forced",
    ),
    "no policy": (_TABLE + _FORCED, "planted: has no policy"),
    "policy for all": (
        _TABLE + _FORCED + "create policy p on public.planted for select to authenticated using (true)",
        "planted.p: has another policy",
    ),
    "policy for everyone": (
        _TABLE + _FORCED + "create policy p on public.planted for select using (user_id = (select auth.uid()))",
        "planted.p: has another policy",
    ),
    "second policy": (_GOOD + "create policy q on public.profiles using (true)", "profiles.q: has another policy"),
    "writing policy": (
        _GOOD + "create policy q on public.planted for insert to authenticated with check (true)",
        "planted.q: has another policy",
    ),
    "user metadata": (
        _TABLE + _FORCED + "create policy p on public.planted for select to authenticated "
        "using (auth.jwt() -> 'user_metadata' ->> 'admin' = 'true')",
        "planted.p: reads user_metadata",
    ),
    "grant to anon": ("grant select on public.orders to anon", "orders (select): is open to anon"),
    "column to anon": ("grant select (plan) on public.profiles to anon", "profiles (select): is open to anon"),
    "grant to public": ("grant delete on public.orders to public", "orders (delete): is open to anon"),
    "write to users": (
        "grant update on public.orders to authenticated",
        "orders (authenticated: update): may be written",
    ),
    "column write": (
        "grant update (plan) on public.profiles to authenticated",
        "profiles (authenticated: update): may be written",
    ),
    "write to workers": (
        "grant insert on public.orders to service_role",
        "orders (service_role: insert): may be written",
    ),
    "truncate": (
        "grant truncate on public.orders to authenticated",
        "orders (authenticated: truncate): may be written",
    ),
    "sequence": (
        "grant usage on sequence public.rejected_records_id_seq to authenticated",
        "rejected_records_id_seq (authenticated): is a sequence",
    ),
    "private reachable": ("grant usage on schema private to service_role", "private (service_role): in a schema"),
    "making objects": ("grant create on schema public to authenticated", "public (authenticated): lets the API make"),
    "private table": (
        "grant select on private.platform_tokens to authenticated",
        "private.platform_tokens (authenticated): in private, yet granted",
    ),
    "definer open to public": (
        (
            "create function public.planted() returns int language sql security definer set search_path = '' as 'select 1'; "  # noqa: E501
            "grant execute on function public.planted() to public"
        ),
        "planted() (anon): may be executed",
    ),
    "function for users": (
        "grant execute on function public.backfill_status(uuid) to authenticated",
        "backfill_status(uuid) (authenticated): may be executed",
    ),
    "private function": (
        "grant execute on function private.bucket_of(timestamptz) to service_role",
        "private.bucket_of(timestamp with time zone): in private, yet workers",
    ),
    "no search_path": (
        "create function public.planted() returns int language sql security definer as 'select 1'",
        "planted(): is security definer without",
    ),
    "open search_path": (
        (
            "create function public.planted() returns int language sql security definer set search_path = public "
            "as 'select 1'"
        ),
        "planted(): is security definer without",
    ),
    "owner's view": ("create view public.planted as select * from public.orders", "planted: is a view with the rights"),
    "materialized view": (
        "create materialized view public.planted as select * from public.orders",
        "planted: is a materialized view",
    ),
    "leaked column": (
        "grant select (lease_id) on public.sync_jobs to authenticated",
        "sync_jobs.lease_id: shows end users a secret",
    ),
    "leaked by a new table": (
        _GOOD + "alter table public.planted add refresh_token text; grant select on public.planted to authenticated",
        "planted.refresh_token: shows end users a secret",
    ),
    "engineers' text": (
        "grant select (error) on public.sync_jobs to authenticated",
        "sync_jobs.error: shows end users what engineers read",
    ),
    "engineers' text in a new table": (
        _GOOD + "alter table public.planted add status_reason text; grant select on public.planted to authenticated",
        "planted.status_reason: shows end users what engineers read",
    ),
    "no tenant": ("create table public.planted (id int primary key)", "planted: has no user_id"),
    "key without tenant": (
        _GOOD + "alter table public.planted add platform_id text unique",
        "planted_platform_id_key: has a key that does not begin with the tenant",
    ),
    "no index": (
        "create table public.planted (id int primary key, user_id uuid not null); " + _FORCED + _OWN,
        "planted: has no index that begins with what its policy asks for",
    ),
}


@pytest.mark.parametrize(("hole", "found"), HOLES.values(), ids=HOLES.keys())
def test_a_planted_hole_is_found(db, hole, found):
    with db.transaction(force_rollback=True):
        db.execute(hole)

        assert any(line.startswith(found) for line in violations(db)), violations(db)


def test_an_empty_catalog_is_not_reported_as_safe(db):
    with db.transaction(force_rollback=True):
        db.execute("alter schema private rename to elsewhere; create schema private")

        with pytest.raises(AssertionError, match="proves nothing"):
            violations(db)


@pytest.mark.parametrize("schema", ["public", "private"])
def test_what_is_made_later_without_a_grant_is_closed(db, schema):
    """Default privileges: hosted Supabase opens everything in public, the first migration closes it again."""
    with db.transaction(force_rollback=True):
        db.execute(f"""
            create table {schema}.later (id bigserial, user_id uuid);
            create view {schema}.later_seen as select 1 as one;
            create function {schema}.later_done() returns int language sql as 'select 1'""")

        for role in ("anon", "authenticated", "service_role"):
            allowed = db.execute(
                f"""select has_any_column_privilege(%(role)s, '{schema}.later', 'select, insert, update'),
                           has_table_privilege(%(role)s, '{schema}.later', 'delete, truncate'),
                           has_table_privilege(%(role)s, '{schema}.later_seen', 'select'),
                           has_sequence_privilege(%(role)s, '{schema}.later_id_seq', 'usage, select, update'),
                           has_function_privilege(%(role)s, '{schema}.later_done()', 'execute')""",
                {"role": role},
            ).fetchone()
            assert allowed == (False,) * 5, role


def test_an_owner_without_a_bypass_sees_nothing(db, clean):
    """Forced: were the owner to lose its bypass, it would see nothing, rather than everybody's rows."""
    with db.transaction(force_rollback=True):
        db.execute("insert into auth.users (id) values (gen_random_uuid())")
        db.execute("create role plain; grant plain to current_user; grant create, usage on schema public to plain")
        db.execute("alter table public.profiles owner to plain; set local role plain")

        assert db.execute("select count(*) from public.profiles").fetchone() == (0,)
