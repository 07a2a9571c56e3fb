"""Streams, generated mapping and tables say the same thing."""

from __future__ import annotations

import re
from dataclasses import replace

import psycopg
import pytest

from execution.catalog import CATALOG, PLATFORMS, steps_of
from execution.schema.mapping import SQL_TYPES, changes, landed
from execution.schema.migrations import FOLDER as MIGRATIONS
from execution.streams import Derivation

ENTITIES = {name: CATALOG.of(name) for name in PLATFORMS}
# Of what a conversion yields, the column types that take it without a cast that could fail silently.
FITS = {
    "bigint": {"bigint", "integer"},
    "boolean": {"boolean"},
    "timestamptz": {"timestamp with time zone"},
    "text": {"text"},
}
SYNCED = {
    "user_id": "uuid", "platform": "text", "platform_id": "text", "raw": "jsonb", "content_hash": "bigint",
    "source_updated_at": "timestamp with time zone", "fetched_at": "timestamp with time zone",
    "sync_run_id": "uuid", "is_deleted": "boolean",
}  # fmt: skip


def declared(platform):
    """(table, column, SQL type) of everything that the platform's streams fill."""
    for step in steps_of(platform):
        if isinstance(step, Derivation):
            continue
        records = step.records
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
def test_the_migrations_leave_what_the_streams_say(platform):
    assert not changes(platform, steps_of(platform), landed(platform, MIGRATIONS)), (
        f"the streams of {platform} have changed: python -m execution.schema.mapping {platform} >"
        f" supabase/migrations/<time>_{platform}_mapping.sql"
    )


def test_a_changed_stream_is_a_migration_of_what_changed(tmp_path):
    """What says the same is not written again; other columns need a drop, and what no stream has is dropped."""
    orders, *rest = steps_of("etsy")
    (tmp_path / "1_etsy_mapping.sql").write_text(changes("etsy", (orders, *rest), {}))
    fewer = replace(orders, records=replace(orders.records, columns=orders.records.columns[:-1]))

    kept = len(landed("etsy", tmp_path))
    (tmp_path / "2_etsy_mapping.sql").write_text(changes("etsy", (fewer, *rest), landed("etsy", tmp_path)))
    changed = re.findall(
        r"^(?:drop|create).*?(private\.\w+)", (tmp_path / "2_etsy_mapping.sql").read_text(), re.MULTILINE
    )
    gone = changes("etsy", rest, landed("etsy", tmp_path))

    mapped, landing, remapped = (f"private.{verb}_etsy_{orders.name}" for verb in ("map", "land", "remap"))
    table = orders.records.table
    assert changed == [f"{mapped}_{table}", f"{mapped}_{table}", landing, f"{remapped}_{table}"]
    assert len(landed("etsy", tmp_path)) == kept
    assert changes("etsy", (fewer, *rest), landed("etsy", tmp_path)) == ""
    assert "create" not in gone
    assert f"drop function if exists {landing};" in gone


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
        assert key == ("PRIMARY KEY (user_id, platform, platform_id)",), table


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
    for step in steps_of(platform):
        kind = {"Stream": "land", "Lookup": "land", "Derivation": "derive"}[type(step).__name__]
        wanted.add(f"{kind}_{platform}_{step.name}")
        if type(step).__name__ == "Lookup":
            wanted.add(f"pending_{platform}_{step.name}")

    assert wanted <= functions


def test_a_row_of_every_table_that_is_written_by_name_can_be_removed_by_user(db):
    """Records carry no foreign key to the user: triggers on the profile, forget_user and others, name each table."""
    bodies = db.execute(
        "select string_agg(prosrc, ' ') from pg_proc where oid in "
        "(select tgfoid from pg_trigger where tgrelid = 'public.profiles'::regclass)"
    ).fetchone()[0]
    named = set(re.findall(r"delete from public\.(\w+)", bodies))

    assert named >= {table for platform in ENTITIES for table, _, _ in declared(platform)}


@pytest.mark.parametrize("name", ["etsy'; drop table public.orders; --", "ETSY", "", "e", "x" * 40])
def test_a_platform_has_a_name_that_can_be_part_of_a_functions_name(clean, db, name):
    db.execute("insert into auth.users (id) values ('00000000-0000-0000-0000-000000000001')")
    with pytest.raises(psycopg.errors.CheckViolation):
        db.execute(
            "insert into public.connected_accounts (user_id, platform, shop_id) "
            "values ('00000000-0000-0000-0000-000000000001', %s, '1')",
            [name],
        )
