"""Rows for every table, made from the catalog: a new table is filled too, or says why not."""

from __future__ import annotations

import itertools
import re
import uuid
from collections import defaultdict
from dataclasses import dataclass
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
    select a.attrelid as oid, a.attname as name, t.typname as type, a.attnum as number,
           a.attnotnull and not a.atthasdef and a.attidentity = '' and a.attgenerated = '' or exists (
               select from pg_constraint as k
               where k.conrelid = a.attrelid and k.conname = a.attname || '_known') as required
    from pg_attribute a join pg_type t on t.oid = a.atttypid
    where a.attrelid = any (%s) and a.attnum > 0 and not a.attisdropped order by a.attrelid, a.attnum"""
_REFERENCES = """
    select k.conrelid as oid, a.attname as name, k.confrelid as target, f.attname as target_column
    from pg_constraint k
    join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
    join pg_attribute f on f.attrelid = k.confrelid and f.attnum = k.confkey[1]
    where k.contype = 'f' and cardinality(k.conkey) = 1 and k.conrelid = any (%s)"""
_CHECK = """
    select pg_get_constraintdef(k.oid) as text, array_agg(a.attname::text) as columns
    from pg_constraint k join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any (k.conkey)
    where k.conrelid = %s and k.conname = %s group by k.oid"""
_MOMENT = "2026-01-01T00:00:00+00:00"
# Words that a table's CHECKs were found to want, by table and column: looked for once.
_WORDS: dict[int, dict[str, str]] = defaultdict(dict)


def tables(db: Connection, schema: str = "%") -> list[sql.Identifier]:
    """Every table of public and private (or of one of them)."""
    with db.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(_TABLES).fetchall()
    return [sql.Identifier(t["schema"], t["name"]) for t in found if schema in ("%", t["schema"])]


def title(table: sql.Identifier) -> str:
    return table.as_string().replace('"', "")


@dataclass(frozen=True, kw_only=True)
class Table:
    """What the catalog says of one: asked for all at once, since a question each costs most of the time."""

    oid: int
    schema: str
    name: str
    columns: list[dict[str, Any]]
    # By column: the table that it refers to, and the column there.
    references: dict[str, tuple[int, str]]

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    def parents(self, connections: int) -> set[int]:
        """Tables that a row of this one cannot do without."""
        required = {column["name"] for column in self.columns if column["required"]}
        found = {target for name, (target, _) in self.references.items() if name in required}
        return found | ({connections} if any(name.endswith("connection_id") for name in required) else set())


def _tables(db: Connection) -> dict[int, Table]:
    with db.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(_TABLES).fetchall()
        oids = [t["oid"] for t in found]
        columns, references = (cursor.execute(query, [oids]).fetchall() for query in (_COLUMNS, _REFERENCES))
    return {
        t["oid"]: Table(
            oid=t["oid"],
            schema=t["schema"],
            name=t["name"],
            columns=[c for c in columns if c["oid"] == t["oid"]],
            references={r["name"]: (r["target"], r["target_column"]) for r in references if r["oid"] == t["oid"]},
        )
        for t in found
    }


def fill_every_table(db: Connection, user_id: str) -> dict[str, dict[str, Any]]:
    """One row at least of this user in every table of public and private; answers them by the table's name.

    Tables of reference data, which migrations fill and no tenant owns, are left as they are.
    """
    waiting = _tables(db)
    (connections,) = (t.oid for t in waiting.values() if (t.schema, t.name) == ("public", "connected_accounts"))
    made: dict[int, dict[str, Any]] = {}
    while waiting:
        ready = [t for t in waiting.values() if not (t.parents(connections) & waiting.keys() - {t.oid})]
        assert ready, f"tables refer to each other in a circle: {[t.name for t in waiting.values()]}"
        for table in ready:
            connection = str(made[connections]["id"]) if connections in made else ""
            made[table.oid] = _fill(db, table, user_id, made, connection) | {
                "__table__": f"{table.schema}.{table.name}"
            }
            del waiting[table.oid]
    return {row.pop("__table__"): row for row in made.values()}


def _fill(
    db: Connection, table: Table, user_id: str, made: dict[int, dict[str, Any]], connection: str
) -> dict[str, Any]:
    if not any(c["name"] == "user_id" for c in table.columns) and not table.references:
        stored = _one(db, sql.SQL("select to_jsonb(t) from {} as t limit 1").format(table.identifier))
        if stored:
            return stored
    values = _values(table, user_id, made, connection)
    if "user_id" in values:
        stored = _one(
            db, sql.SQL("select to_jsonb(t) from {} as t where user_id = {}").format(table.identifier, user_id)
        )
        if stored:
            return stored
    return _insert(db, table.oid, table.identifier, values | _WORDS.get(table.oid, {}))


def _one(db: Connection, query: sql.Composed) -> dict[str, Any] | None:
    row = db.execute(query).fetchone()
    return row[0] if row else None


def _values(table: Table, user_id: str, made: dict[int, dict[str, Any]], connection: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for column in table.columns:
        target, target_column = table.references.get(column["name"], (0, ""))
        if column["name"] == "user_id":
            values["user_id"] = user_id
        elif column["name"].endswith("connection_id") and column["required"]:
            # Of rows that are kept by connection, whether or not a foreign key says so.
            values[column["name"]] = connection
        elif column["name"] == "platform" and column["required"]:
            values["platform"] = "etsy"
        elif column["required"]:
            parent = made.get(target)
            values[column["name"]] = parent[target_column] if parent else _value(column["type"])
    return values


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
            _WORDS[oid] |= dict(zip(columns, choice, strict=True))
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
