"""Rows for every table, made from the catalog: a new table is filled too, or says why not."""

from __future__ import annotations

import itertools
import re
import uuid
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

Connection = psycopg.Connection[Any]

_TABLES = """
    select c.oid, n.nspname as schema, c.relname as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'private') and c.relkind in ('r', 'p') and not c.relispartition
    order by n.nspname, c.relname"""
_COLUMNS = """
    select a.attname as name, t.typname as type, a.attnum as number,
           a.attnotnull and not a.atthasdef and a.attidentity = '' and a.attgenerated = '' or exists (
               select from pg_constraint as k
               where k.conrelid = a.attrelid and k.conname = a.attname || '_known') as required
    from pg_attribute a join pg_type t on t.oid = a.atttypid
    where a.attrelid = %s and a.attnum > 0 and not a.attisdropped order by a.attnum"""
_REFERENCES = """
    select a.attname as name, k.confrelid as target, f.attname as target_column
    from pg_constraint k
    join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
    join pg_attribute f on f.attrelid = k.confrelid and f.attnum = k.confkey[1]
    where k.contype = 'f' and cardinality(k.conkey) = 1 and k.conrelid = %s"""
_CHECK = """
    select pg_get_constraintdef(k.oid) as text, array_agg(a.attname::text) as columns
    from pg_constraint k join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any (k.conkey)
    where k.conrelid = %s and k.conname = %s group by k.oid"""
_MOMENT = "2026-01-01T00:00:00+00:00"


def tables(db: Connection, schema: str = "%") -> list[sql.Identifier]:
    """Every table of public and private (or of one of them)."""
    with db.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(_TABLES).fetchall()
    return [sql.Identifier(t["schema"], t["name"]) for t in found if schema in ("%", t["schema"])]


def title(table: sql.Identifier) -> str:
    return table.as_string().replace('"', "")


def fill_every_table(db: Connection, user_id: str) -> dict[str, dict[str, Any]]:
    """One row at least of this user in every table of public and private; answers them by the table's name.

    Tables of reference data, which migrations fill and no tenant owns, are left as they are.
    """
    with db.cursor(row_factory=dict_row) as cursor:
        waiting = {t["oid"]: t for t in cursor.execute(_TABLES).fetchall()}
    made: dict[int, dict[str, Any]] = {}
    while waiting:
        ready = [t for t in waiting.values() if not (_parents(db, t["oid"]) & waiting.keys() - {t["oid"]})]
        assert ready, f"tables refer to each other in a circle: {[t['name'] for t in waiting.values()]}"
        for table in ready:
            made[table["oid"]] = _fill(db, table, user_id, made) | {"__table__": f"{table['schema']}.{table['name']}"}
            del waiting[table["oid"]]
    return {row.pop("__table__"): row for row in made.values()}


def _references(db: Connection, oid: int) -> dict[str, tuple[int, str]]:
    return {name: (target, column) for name, target, column in db.execute(_REFERENCES, [oid])}


def _columns(db: Connection, oid: int) -> list[dict[str, Any]]:
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_COLUMNS, [oid]).fetchall()


def _parents(db: Connection, oid: int) -> set[int]:
    """Tables that a row of this one cannot do without."""
    required = {column["name"] for column in _columns(db, oid) if column["required"]}
    found = {target for name, (target, _) in _references(db, oid).items() if name in required}
    if any(name.endswith("connection_id") for name in required):
        found |= {row[0] for row in db.execute("select 'public.connected_accounts'::regclass::oid")}
    return found


def _fill(db: Connection, table: dict[str, Any], user_id: str, made: dict[int, dict[str, Any]]) -> dict[str, Any]:
    name = sql.Identifier(table["schema"], table["name"])
    columns = _columns(db, table["oid"])
    if not any(c["name"] == "user_id" for c in columns) and not _references(db, table["oid"]):
        stored = _one(db, sql.SQL("select to_jsonb(t) from {} as t limit 1").format(name))
        if stored:
            return stored
    values = _values(db, table["oid"], columns, user_id, made)
    if "user_id" in values:
        stored = _one(db, sql.SQL("select to_jsonb(t) from {} as t where user_id = {}").format(name, user_id))
        if stored:
            return stored
    return _insert(db, table["oid"], name, values)


def _one(db: Connection, query: sql.Composed) -> dict[str, Any] | None:
    row = db.execute(query).fetchone()
    return row[0] if row else None


def _values(
    db: Connection, oid: int, columns: list[dict[str, Any]], user_id: str, made: dict[int, dict[str, Any]]
) -> dict[str, Any]:
    references = _references(db, oid)
    values: dict[str, Any] = {}
    for column in columns:
        target, target_column = references.get(column["name"], (0, ""))
        if column["name"] == "user_id":
            values["user_id"] = user_id
        elif column["name"].endswith("connection_id") and column["required"]:
            # Of rows that are kept by connection, whether or not a foreign key says so.
            values[column["name"]] = _connection(db, made)
        elif column["name"] == "platform" and column["required"]:
            values["platform"] = "etsy"
        elif column["required"]:
            parent = made.get(target)
            values[column["name"]] = parent[target_column] if parent else _value(column["type"])
    return values


def _connection(db: Connection, made: dict[int, dict[str, Any]]) -> str:
    row = db.execute("select 'public.connected_accounts'::regclass::oid").fetchone()
    assert row is not None
    return str(made[row[0]]["id"])


def _value(type_name: str) -> Any:
    simple = {
        "text": f"x{uuid.uuid4().hex[:12]}",
        "uuid": str(uuid.uuid4()),
        "timestamptz": _MOMENT,
        "date": "2026-01-01",
        "_timestamptz": [_MOMENT],
        # A document that counts something, as those that pages add up do.
        "jsonb": Jsonb({"of": 1}),
        "bytea": uuid.uuid4().bytes,
        "bool": False,
        "_text": ["a key"],
        # A histogram has thirteen classes.
        "_int8": [0] * 13,
    }
    if type_name in ("int2", "int4", "int8", "numeric", "float4", "float8"):
        return 1
    assert type_name in simple, f"teach tests/schema/rows.py a value of type {type_name}"
    return simple[type_name]


def _insert(db: Connection, oid: int, table: sql.Identifier, values: dict[str, Any]) -> dict[str, Any]:
    """Insert, mending what a CHECK refuses with the words that the CHECK itself names."""
    mended: set[str] = set()
    while True:
        try:
            with db.transaction():
                stored = _one(db, insertion(table, values) + sql.SQL(" returning to_jsonb(new_row)"))
        except psycopg.errors.CheckViolation as error:
            constraint = error.diag.constraint_name or ""
            assert constraint not in mended, f"teach tests/schema/rows.py: {table.as_string()} refuses: {error}"  # noqa: PT017
            mended.add(constraint)
            values = _mended(db, oid, table, constraint, values)
        except psycopg.errors.UniqueViolation:
            # Shared by all tenants, such as the ledger of calls: the row of the first one is there.
            assert "user_id" not in values, f"{table.as_string()}: two tenants cannot both have such a row"
            stored = _one(db, sql.SQL("select to_jsonb(t) from {} as t limit 1").format(table))
            assert stored is not None
            return stored
        else:
            assert stored is not None
            return stored


def insertion(table: sql.Identifier, values: dict[str, Any]) -> sql.Composed:
    columns = sql.SQL(", ").join(map(sql.Identifier, values))
    literals = sql.SQL(", ").join(map(sql.Literal, values.values()))
    return sql.SQL("insert into {} as new_row ({}) values ({})").format(table, columns, literals)


def _mended(db: Connection, oid: int, table: sql.Identifier, constraint: str, values: dict[str, Any]) -> dict[str, Any]:
    """The same row with other texts in the columns of one CHECK, such that it holds."""
    found = db.execute(_CHECK, [oid, constraint]).fetchone()
    assert found is not None
    text, columns = found
    words = [word.replace("%", "w") for word in re.findall(r"'((?:[^']|'')*)'::text", text)]
    columns = [name for name in columns if isinstance(values.get(name), str)]
    for choice in itertools.product(["etsy", "USD", *words], repeat=len(columns)):
        candidate = values | dict(zip(columns, choice, strict=True))
        if _holds(db, text, table, candidate):
            return candidate
    raise AssertionError(f"teach tests/schema/rows.py a row of {table.as_string()}: {text}")


def _holds(db: Connection, check: str, table: sql.Identifier, values: dict[str, Any]) -> bool:
    """Whether a CHECK's condition holds for these values."""
    condition = sql.SQL(check.removeprefix("CHECK ").removesuffix(" NOT VALID"))  # type: ignore[arg-type]
    query = sql.SQL("select {} from jsonb_populate_record(null::{}, {}) as row").format(
        condition, table, sql.Literal(Jsonb({k: v for k, v in values.items() if isinstance(v, str)}))
    )
    row = db.execute(query).fetchone()
    return row is not None and row[0] is not False
