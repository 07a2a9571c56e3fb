"""What reads whole shops calls nothing for each row: a call costs five times what it works out."""

from __future__ import annotations

import re
from typing import Any

import psycopg

Db = psycopg.Connection[Any]
# Of synced records alone: no other table has one row or more for each of them.
_READERS = """
    with records as (select c.relname from pg_class as c join pg_attribute as a on a.attrelid = c.oid
                     where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attname = 'content_hash')
    select f.proname, f.prosrc from pg_proc as f
    where f.pronamespace in ('public'::regnamespace, 'private'::regnamespace) and f.provolatile = 's'
      and exists (select from records as r where f.prosrc ~ ('public\\.' || r.relname || '\\M'))"""
# A planner puts plain SQL into the question that asks it; not where the function has settings or rights of its own.
_STAY_CALLS = """
    select f.proname from pg_proc as f join pg_language as l on l.oid = f.prolang
    where f.pronamespace = 'private'::regnamespace and not f.proretset and f.pronargs > 0
      and (l.lanname <> 'sql' or f.proconfig is not null or f.prosecdef)"""
# Asked once for the whole question, of its arguments alone, or once for each shop of a user.
ONCE = {"connections_of", "proved_until", "has_erased", "key_bound", "last_bound", "reads_all", "prove_etsy_balance"}
ONCE |= {"day_starts", "orders_told", "are_costs_told", "payouts_certificate_shopify"}


def calls(db: Db) -> set[tuple[str, str]]:
    """Which function that reads records calls which other one."""
    stay = {name for (name,) in db.execute(_STAY_CALLS)}
    return {
        (reader, called)
        for reader, source in db.execute(_READERS.encode()).fetchall()
        for called in re.findall(r"private\.(\w+)\(", source)
        if called in stay - ONCE
    }


def test_nothing_is_called_for_each_record(db: Db) -> None:
    assert len(db.execute(_READERS.encode()).fetchall()) > 10
    assert calls(db) == set()


def test_a_function_that_stays_a_call_is_seen(db: Db) -> None:
    with db.transaction(force_rollback=True):
        db.execute("alter function private.counts_as_sale(public.orders) set search_path = ''")

        assert {("sale_events", "counts_as_sale"), ("order_profits", "counts_as_sale")} <= calls(db)


# A list of values is made ready anew for every row beside which it stands; arrays that are unnested are not.
_LISTS = """
    select proname from pg_proc where prorettype = 'private.money_event'::regtype and prosrc ~* '\\(\\s*values\\M'"""


def lists(db: Db) -> set[str]:
    return {name for (name,) in db.execute(_LISTS)}


def test_no_event_is_told_by_a_list_of_values(db: Db) -> None:
    assert lists(db) == set()
    with db.transaction(force_rollback=True):
        db.execute(
            "create function private.slow_events() returns setof private.money_event language sql as"
            " 'select (v.e).* from (values (null::private.money_event)) as v (e)'"
        )
        assert lists(db) == {"slow_events"}
