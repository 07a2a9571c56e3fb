"""Streams, generated mapping and tables say the same thing."""

from __future__ import annotations

import re
from dataclasses import replace

import psycopg
import pytest

from execution.catalog import CATALOG, PLATFORMS, steps_of
from execution.schema.files import FOLDER as SUPABASE
from execution.schema.mapping import SQL_TYPES, mapping_sql
from execution.streams import Derivation, Lookup, Stream, shapes

ENTITIES = {name: CATALOG.of(name) for name in PLATFORMS}
# Of what a conversion yields, the column types that take it without a cast that could fail silently.
FITS = {
    "bigint": {"bigint", "integer"},
    "boolean": {"boolean"},
    "timestamptz": {"timestamp with time zone"},
    "numeric": {"numeric"},
    "text": {"text"},
}
SYNCED = {
    "connection_id": "uuid", "user_id": "uuid", "platform": "text", "platform_id": "text", "raw": "jsonb",
    "content_hash": "bigint",
    "source_updated_at": "timestamp with time zone", "fetched_at": "timestamp with time zone",
    "sync_run_id": "uuid", "is_deleted": "boolean",
}  # fmt: skip


def declared(platform):
    """(table, column, SQL type) of everything that the platform's streams fill."""
    for records in shapes(steps_of(platform)):
        for part in (records, *records.children, *records.people):
            for column in part.columns:
                yield part.table, column.name, SQL_TYPES.get(column.kind, "text")
            if getattr(part, "currency", ""):
                yield part.table, "currency", "text"
        for child in records.children:
            yield child.table, child.parent_column, "text"


def stored_columns(db, table):
    return dict(db.execute(
        "select attname, format_type(atttypid, null) from pg_attribute "
        "where attrelid = %s::regclass and attnum > 0 and not attisdropped", [f"public.{table}"]
    ).fetchall())  # fmt: skip


@pytest.mark.parametrize("platform", ENTITIES)
def test_the_schema_file_is_what_the_streams_say(platform):
    path = SUPABASE / "schemas" / "mapping" / f"{platform}.sql"

    assert path.read_text() == mapping_sql(platform, steps_of(platform)), (
        f"the streams of {platform} have changed: make migration NAME=what_changes"
    )


@pytest.mark.parametrize("platform", ENTITIES)
def test_every_declared_column_exists_with_a_fitting_type(db, platform):
    columns = set(declared(platform))
    assert len(columns) > 20
    for table, column, wanted in sorted(columns):
        assert stored_columns(db, table).get(column) in FITS[wanted], f"{table}.{column} ({wanted})"


@pytest.mark.parametrize("platform", ENTITIES)
def test_every_table_of_records_has_the_columns_that_all_share_and_the_tenants_key(db, platform):
    for table in {table for table, _, _ in declared(platform)}:
        assert SYNCED.items() <= stored_columns(db, table).items(), table
        key = db.execute(
            "select pg_get_constraintdef(oid) from pg_constraint where conrelid = %s::regclass and contype = 'p'",
            [f"public.{table}"],
        ).fetchone()
        assert key == ("PRIMARY KEY (connection_id, platform_id)",), table


@pytest.mark.parametrize("platform", ENTITIES)
def test_a_column_that_must_be_filled_is_declared_by_who_fills_the_table(db, platform):
    """A column that is not null and that nobody fills would reject every record."""
    for table in {table for table, _, _ in declared(platform)}:
        needed = db.execute(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and attnotnull "
            "and not atthasdef and attname <> all (%s)", [f"public.{table}", [*SYNCED]],
        )  # fmt: skip
        filled = {column for other, column, _ in declared(platform) if other == table}
        assert {name for (name,) in needed} <= filled, table


@pytest.mark.parametrize("platform", ENTITIES)
def test_each_entity_has_the_functions_that_are_called_by_name(db, platform):
    """The generic functions dispatch by name: a name without a function would fail in the middle of a backfill."""
    functions = {
        name for (name,) in db.execute("select proname from pg_proc where pronamespace = 'private'::regnamespace")
    }
    wanted = {f"prove_{platform}_{proof}" for entity in ENTITIES[platform] for proof in entity.proofs}
    wanted |= {f"land_{platform}_{records.name}" for records in shapes(steps_of(platform))}
    for step in steps_of(platform):
        if isinstance(step, Derivation):
            wanted.add(f"derive_{platform}_{step.name}")
        elif isinstance(step, Lookup):
            wanted.add(f"pending_{platform}_{step.pending or step.name}")

    assert wanted <= functions


def test_the_tables_that_streams_fill_are_those_that_forgetting_finds(db):
    """Records carry no foreign key: forget_connection finds their tables by the columns that all share."""
    found = {name for (name,) in db.execute("select name from private.synced_tables")}

    assert found == {table for platform in ENTITIES for table, _, _ in declared(platform)}


@pytest.mark.parametrize("name", ["orders", "printify_products"])
def test_two_shapes_of_one_name_are_refused(name):
    """They would land by one function."""
    records = next(r for platform in ENTITIES for r in shapes(steps_of(platform)) if r.table == name)
    other = replace(records, currency="elsewhere")

    with pytest.raises(ValueError, match=f"two shapes.*'{records.name}'"):
        shapes([Stream(name="one", path="/", records=records), Stream(name="other", path="/", records=other)])


def test_children_that_come_in_stretches_have_keys_of_their_own():
    """A place among equals is counted anew in every stretch: without more in its key one row takes another's place."""
    in_stretches = [c for p in ENTITIES for r in shapes(steps_of(p)) for c in r.children if c.more_at]

    assert {child.table for child in in_stretches} >= {"line_items", "order_refund_lines"}
    assert [
        child.table for child in in_stretches if not child.unique and not child.stretch_at and not child.inside
    ] == []


CALLED = re.compile(r"private\.(\w+)\(")
# What the unusual case calls, and what has no usual one.
UNUSUAL = re.compile(r"\w+_exact|bad_\w+|wrong_\w+|decode_rare_html|joined_texts")


def calls(db, function):
    """The functions of ours that are left in a map function's plan."""
    plan = db.execute(
        f"explain verbose select m.* from public.orders as t, lateral private.{function}(t.raw) as m"
    ).fetchall()
    return {name for (line,) in plan for name in CALLED.findall(line)}


@pytest.mark.parametrize("platform", ENTITIES)
def test_the_planner_puts_the_usual_conversions_into_the_mapping(db, platform):
    """A call would cost more than the conversion (docs/decisions/023)."""
    for records in shapes(steps_of(platform)):
        for part in (records, *records.children, *records.people):
            left = calls(db, f"map_{platform}_{records.name}_{part.table}")
            assert not {name for name in left if not UNUSUAL.fullmatch(name)}, part.table


def test_a_conversion_that_cannot_be_put_into_the_mapping_is_seen(db):
    with db.transaction(force_rollback=True):
        db.execute("alter function private.epoch(bigint) set search_path = ''")

        assert "epoch" in calls(db, "map_etsy_receipts_orders")


@pytest.mark.parametrize("name", ["etsy'; drop table public.orders; --", "ETSY", "", "e", "x" * 40])
def test_a_platform_has_a_name_that_can_be_part_of_a_functions_name(clean, db, name):
    db.execute("insert into auth.users (id) values ('00000000-0000-0000-0000-000000000001')")
    with pytest.raises(psycopg.errors.CheckViolation):
        db.execute(
            "insert into public.connected_accounts (user_id, platform, shop_id) "
            "values ('00000000-0000-0000-0000-000000000001', %s, '1')",
            [name],
        )
