"""Write the SQL that maps a platform's records: streams declare columns, Postgres does the mapping.

    python -m execution.schema.mapping etsy > supabase/schemas/mapping/etsy.sql

The functions are generated, static and reviewed, rather than put together at run time. `make migration` writes these
files, and a migration of what changed; a test fails when streams and files disagree (docs/decisions/002). For each
shape of records, whichever streams and lookups bring it (docs/decisions/023):

    private.map_<platform>_<shape>_<table>(raw)          typed columns from raw, and from raw alone
    private.land_<platform>_<shape>(job, time, records…) one page into its tables, stale rows refused
    private.parts_<platform>_<shape>()                   its tables, and which members fill which column (readable.sql)

What was stored is derived again by one function for all, private.remap, which calls the first of these.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from execution.schema.conversions import EPOCH, checked_text, convert, place, quoted, read, text_at, value
from execution.streams import Children, Column, Kind, Person, Records, Step, Tree, kept_of, shapes

VERSION_COLUMNS = ("source_updated_at", "fetched_at", "content_hash", "sync_run_id", "is_deleted")
_COMPARED = ("source_updated_at", "fetched_at", "content_hash", "is_deleted")
NOTHING: Mapping[str, str] = MappingProxyType({})
_WIDTH = 112
# Plans are made when a table may still be empty, and kept: they must look rows up by key in any case.
NO_SCANS = """set search_path = '' set plan_cache_mode = force_generic_plan set jit = off
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off"""
SQL_TYPES = {
    Kind.INTEGER: "bigint",
    Kind.BOOLEAN: "boolean",
    Kind.EPOCH: "timestamptz",
    Kind.MONEY: "bigint",
    Kind.HUNDREDTHS: "bigint",
    Kind.MAJOR: "bigint",
    Kind.ISO_TIME: "timestamptz",
    Kind.DECIMAL_MONEY: "bigint",
    Kind.OWN_MONEY: "bigint",
    Kind.SUM: "bigint",
    Kind.OWN_SUM: "bigint",
    Kind.MINOR: "bigint",
    Kind.MINOR_SUM: "bigint",
    Kind.DECIMAL: "numeric",
    Kind.WHOLE: "bigint",
}


def filled(items: Iterable[str]) -> str:
    """Items with commas between them, as many to a line as it takes."""
    lines = [""]
    for item in items:
        if len(lines[-1]) + len(item) > _WIDTH:
            lines.append("")
        lines[-1] += f"{item}, "
    return "\n        ".join(line.rstrip() for line in lines).removesuffix(",")


def map_function(name: str, columns: tuple[Column, ...], currency: str) -> str:
    outputs = [f"{c.name} {SQL_TYPES.get(c.kind, 'text')}" for c in columns]
    reads, conversions = [read(column) for column in columns], [convert(column) for column in columns]
    source = ""
    if currency:
        outputs.append("currency text")
        reads.append(f"{checked_text(currency, Kind.TEXT, of='r')} as currency")
        conversions.append("v.currency")
        source = " left join private.currencies as c on c.code = v.currency"
    gap = ",\n        "
    return f"""
create or replace function private.{name}(r jsonb) returns table (
        {filled(outputs)})
language sql stable as $$
    select {filled(conversions)}
    from (select
        {gap.join(reads)}
        offset 0) as v{source};
$$;
"""


def version(paths: tuple[str, ...], of: str, form: Kind = Kind.EPOCH) -> str:
    """The record's own version time, as its form reads it: the greatest of these."""
    if not paths:
        return "0"
    if form is Kind.ISO_TIME:
        times = ", ".join(f"private.moment({checked_text(p, form, of=of)}, {quoted(p)})" for p in paths)
    else:
        times = ", ".join(f"({checked_text(path, Kind.EPOCH, of=of)})::bigint" for path in paths)
    return f"greatest({times})"


def version_time(paths: tuple[str, ...], form: Kind) -> str:
    """The version as a time. A record that tells none has always the same, so that the later fetch wins."""
    return "e.version" if paths and form is Kind.ISO_TIME else EPOCH.format(v="e.version")


def kept_members(tree: Tree, of: str) -> str:
    """An object of these members alone."""
    pairs = []
    for name, below in tree.items():
        member = f"{of} -> {quoted(name)}"
        pairs.append(f"{quoted(name)}, {kept_members(below, member) if below else member}")
    return f"jsonb_build_object({', '.join(pairs)})"


def stored_part(part: Records | Children) -> str:
    """What is kept of a part by its allow-list, and the names of members that could not be read (readable.sql)."""
    noted = (
        "case when e.r ? 'keeper_unreadable' then jsonb_build_object('keeper_unreadable', e.r -> 'keeper_unreadable')"
    )
    return f"{kept_members(kept_of(part), 'e.r')} || {noted} else '{{}}' end"


def stored_raw(records: Records) -> str:
    """The record less its children, which are rows of their own, and less the personal fields that nobody needs."""
    if records.keep is not None:
        return stored_part(records)
    plain = [child.at for child in records.children if not child.inside]
    dropped = plain + list(records.leave_out)
    flat = ", ".join(quoted(name) for name in dropped if "." not in name)
    raw = f"e.r - array[{flat}]::text[]" if flat else "e.r"
    for path in (name for name in dropped if "." in name):
        raw += f" #- {place(path)}"
    for child in (child for child in records.children if child.inside and child.at not in plain):
        raw = f"private.less_inner({raw}, {place(child.at)}, {place(child.inside)})"
    for name, members in records.keep_of.items():
        listed = "array[" + ", ".join(map(quoted, members)) + "]"
        raw = f"jsonb_set({raw}, {place(name)}, private.members_of(e.r -> {quoted(name)}, {listed}), false)"
    return raw


def column_names(columns: tuple[Column, ...], currency: str) -> list[str]:
    return [column.name for column in columns] + (["currency"] if currency else [])


def kept(columns: tuple[Column, ...]) -> dict[str, str]:
    """What becomes of columns whose source may be hidden: the stored value where the record shows nothing of it."""
    values = {}
    for name, paths in ((column.name, column.shown_by) for column in columns if column.shown_by):
        shown = ", ".join(f"excluded.raw #>> {place(path)}" for path in paths)
        values[name] = f"case when num_nonnulls({shown}) = 0 then coalesce(t.{name}, excluded.{name})"
        values[name] += f" else excluded.{name} end"
    return values


def inserts(table: str, own: list[str], source: str, keep: Mapping[str, str] = NOTHING) -> str:
    """Insert what is new, update what differs. An unchanged row is not touched, a newer row is not overwritten.

    A plain insert costs less than one that is ready for a conflict (docs/decisions/021).
    """
    listed = ", ".join(["platform_id", *own, "raw", "source_updated_at", "content_hash"])
    updates = ", ".join(f"{name} = {keep.get(name, f'excluded.{name}')}" for name in [*own, "raw", *VERSION_COLUMNS])
    insert = f"""insert into public.{table} as t (
            connection_id, user_id, platform, {listed}, fetched_at, sync_run_id, is_deleted)
        select job.connection_id, job.user_id, job.platform, {listed}, p_fetched_at, job.run_id, false"""
    return f"""{table}_new as (
        {insert} from {source} where is_new),
    {table}_changed as (
        {insert} from {source} where differs
        on conflict (connection_id, platform_id) do update set {updates}
        where (excluded.source_updated_at, excluded.fetched_at) >= (t.source_updated_at, t.fetched_at) returning 1)"""


def beside_stored(table: str, source: str, *, parent: str = "", more: str = "") -> str:
    """`source` as `n`, each row with what the table `t` holds of it.

    `offset 0` makes it a look-up by primary key, whatever the planner believes.
    """
    # Children of a record that is new are new: not worth a look-up each.
    condition = "(p_look_up_all or not n.parent_is_new) and " if parent else ""
    moved = f" or (n.parent_is_new and t.{parent} <> n.{parent})" if parent else ""
    stored = ", ".join(f"t.{name}" for name in ("platform_id", *([parent] if parent else []), *_COMPARED))
    return f"""select n.*, t.platform_id is null as is_new,
               (t.is_deleted or t.content_hash <> n.content_hash{moved}) is true as differs{more}
        from ({source} offset 0) as n
        left join lateral (
            select {stored} from public.{table} as t
            where {condition}t.connection_id = job.connection_id
              and t.platform_id = n.platform_id offset 0) as t on true"""


def child_key(child: Children) -> str:
    parts = [text_at(path, of="e.r") for path in child.key]
    if child.key_is_gid:
        parts = [f"private.gid_tail({part})" for part in parts]
    if child.unique:
        return parts[0]
    if child.or_place:
        return f"coalesce({parts[0]}, f.platform_id || ':' || e.ord)"
    if child.stretch_at:
        parts[0] = f"coalesce({parts[0]}, f.{child.table}_stretch)"
    equals = ", ".join(["f.platform_id", *parts])
    ordinal = f"row_number() over (partition by {equals} order by e.ord)"
    return " || ':' || ".join(["f.platform_id", *[f"coalesce({p}, '-')" for p in parts], f"({ordinal})::text"])


def child_ctes(function: str, child: Children) -> Iterator[str]:
    own = column_names(child.columns, child.currency)
    table, parent = child.table, child.parent_column
    whole = f" and f.{table}_more is not true" if child.more_at else ""
    raw, elements = stored_part(child), f"jsonb_array_elements(f.{table}_at) with ordinality as e(r, ord)"
    if child.inside:
        inner = place(child.inside)
        elements = f"""lateral (
                      select i.r || jsonb_build_object('of', o.r) as r, row_number() over (order by o.ord, i.ord) as ord
                      from (select p.r #- {inner} as r, nullif(p.r #> {inner}, 'null') as parts, p.ord
                            from jsonb_array_elements(f.{table}_at) with ordinality as p(r, ord) offset 0) as o,
                           jsonb_array_elements(o.parts) with ordinality as i(r, ord)) as e"""
    records = f"""
            select e.*, jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.platform_id as {parent}, f.source_updated_at, f.is_new as parent_is_new, {raw} as raw, e.ord,
                         {child_key(child)} as platform_id
                  from fresh as f, {elements} offset 0) as e,
                 lateral private.{function}(e.raw) as m"""
    yield f"""{table}_in as materialized (
        {beside_stored(table, records, parent=parent)})"""
    # Where a key is made of a place among equals, another child may stand there now: nothing of the one before stays.
    yield inserts(table, [parent, *own], f"{table}_in", kept(child.columns) if child.unique else NOTHING)
    # The record shows all of its children: one that it showed before and shows no more is gone.
    yield f"""{table}_gone as (
        update public.{table} as t set is_deleted = true, fetched_at = p_fetched_at, sync_run_id = job.run_id
         where t.ctid = any (array(
            select g.ctid from fresh as f, lateral (
                select t.ctid, t.platform_id from public.{table} as t
                where t.connection_id = job.connection_id and t.{parent} = f.platform_id
                  and not t.is_deleted offset 0) as g
            where not f.is_new and f.{table}_at is not null{whole}
              and g.platform_id <> all (array(select n.platform_id from {table}_in as n)))))"""


def person_ctes(function: str, person: Person) -> Iterator[str]:
    own = column_names(person.columns, "")
    table = person.table
    records = f"""
            select distinct on (e.platform_id) e.*, {EPOCH.format(v="e.version")} as source_updated_at,
                   jsonb_hash_extended(e.raw, 0) as content_hash, m.*
            from (select f.{table}_raw as raw, f.ord, f.{table}_id as platform_id, f.{table}_version as version
                  from fresh as f where f.{table}_id is not null offset 0) as e,
                 lateral private.{function}(e.raw) as m
            order by e.platform_id, e.version desc, e.ord desc"""
    yield f"""{table}_in as materialized (
        {beside_stored(table, records)})"""
    yield inserts(table, own, f"{table}_in")


def parts(records: Records) -> Iterator[str]:
    """What a record `e.r` brings for other tables."""
    for child in records.children:
        lists = [f"nullif({value(at, of='e.r')}, 'null')" for at in (child.at, *child.beside)]
        listed = " || ".join([lists[0], *(f"coalesce({one}, '[]')" for one in lists[1:])])
        yield f"{listed} as {child.table}_at"
        if child.more_at:
            more = " or ".join(_is_true(path) for path in child.more_at)
            yield f"{more} as {child.table}_more"
        if child.stretch_at:
            yield f"{text_at(child.stretch_at, of='e.r')} as {child.table}_stretch"
    for person in records.people:
        take = ", ".join(f"{quoted(name)}, e.r -> {quoted(name)}" for name in person.members)
        yield f"""jsonb_build_object({take}) as {person.table}_raw,
                     {text_at(person.key, of="e.r")} as {person.table}_id,
                     {version((person.updated,), of="e.r")} as {person.table}_version"""


def land_function(prefix: str, records: Records) -> str:
    own = column_names(records.columns, records.currency)
    raw, key = stored_raw(records), text_at(records.key, of="e.r")
    at = version_time(records.updated, records.updated_as)
    if records.key_is_gid:
        key = f"private.gid_tail({key})"
    ctes: list[str] = []
    for child in records.children:
        ctes += child_ctes(f"map_{prefix}_{child.table}", child)
    for person in records.people:
        ctes += person_ctes(f"map_{prefix}_{person.table}", person)
    gap = ",\n                     "
    rest = "".join(f",\n    {cte}" for cte in ctes)
    others = "".join(f"{part}{gap}" for part in parts(records))
    source = f"""
              select e.ord, e.raw, {key} as platform_id, {at} as source_updated_at,
                     jsonb_hash_extended(e.raw, 0) as content_hash,
                     {others}m.*
              from (select e.r, e.ord, {raw} as raw, {version(records.updated, "e.r", records.updated_as)} as version
                    from jsonb_array_elements(p_records) with ordinality as e(r, ord) offset 0) as e,
                   lateral private.map_{prefix}_{records.table}(e.raw) as m"""
    is_fresh = """,
               (t.platform_id is null or n.source_updated_at > t.source_updated_at
                or (n.source_updated_at = t.source_updated_at and p_fetched_at >= t.fetched_at
                    and n.platform_id <> all (seen_later))) is true as is_fresh"""
    parent = inserts(records.table, own, "fresh", kept(records.columns))
    return f"""
create or replace function private.land_{prefix}(
    job public.sync_jobs, p_fetched_at timestamptz, p_records jsonb, p_look_up_all boolean default false)
returns private.landed language plpgsql
{NO_SCANS} as $$
declare landed private.landed; seen_later text[] := private.keys_seen_later(job, p_fetched_at);
begin
    with incoming as materialized (
        {beside_stored(records.table, source, more=is_fresh)}),
    fresh as not materialized (select n.* from incoming as n where n.is_fresh),
    {parent}{rest}
    select coalesce(array_agg(n.platform_id order by n.ord), '{{}}'), count(*) filter (where n.is_new),
           (select count(*) from {records.table}_changed),
           count(*) filter (where n.is_fresh and not n.is_new and not n.differs), count(*) filter (where not n.is_fresh)
      into landed from incoming as n;
    if array_position(landed.keys, null) is not null then
        raise exception using errcode = 'PT422', message = '{records.key}: missing';
    end if;
    return landed;
end $$;
"""


def _is_true(path: str) -> str:
    """Whether it is, of a record `e.r`; a `*` is every element of a list."""
    if ".*." not in path:
        return f"({text_at(path, of='e.r')})::boolean"
    places = path.replace(".*.", "[*].")
    return f"jsonb_path_exists(e.r, {quoted(f'$.{places} ? (@ == true)')})"


def part(function: str, columns: tuple[Column, ...], currency: str, table: str) -> dict[str, Any]:
    """What readable.sql must know of a part of a record: which members fill which column."""
    paths = {c.name: [path for path in (c.path, c.and_at, c.or_at) if path] for c in columns}
    return {"map": function, "table": table, "columns": paths | ({"currency": [currency]} if currency else {})}


def _is_summed(records: Records, inner: Children) -> bool:
    """Whether a column is the sum of the list that these stand in: of a part of it nobody knows the sum."""
    lists = (inner.at, *inner.beside)
    columns = (
        column for child in records.children if child.at in lists and not child.inside for column in child.columns
    )
    return any(column.path == inner.inside and column.each for column in columns)


def parts_function(prefix: str, records: Records) -> str:
    own = part(f"map_{prefix}_{records.table}", records.columns, records.currency, records.table)
    found = [own | {"updated": records.updated, "updated_as": records.updated_as}]
    found += [part(f"map_{prefix}_{p.table}", p.columns, "", p.table) for p in records.people]
    for child in records.children:
        of_child = part(f"map_{prefix}_{child.table}", child.columns, child.currency, child.table)
        of_child |= {"at": child.at, "key": child.key, "unique": child.unique, "key_is_gid": child.key_is_gid}
        if child.inside:
            of_child |= {"inside": child.inside, "summed": _is_summed(records, child)}
        found.append(of_child)
        found += [found[-1] | {"at": at} for at in child.beside]
    listed = ",\n      ".join(json.dumps(each) for each in found)
    return f"""
create or replace function private.parts_{prefix}() returns jsonb language sql immutable as $$
    select {quoted(f"[{listed}]")}::jsonb
$$;
"""


def records_sql(platform: str, records: Records) -> Iterator[str]:
    """The functions of one shape of records."""
    prefix = f"{platform}_{records.name}"
    yield map_function(f"map_{prefix}_{records.table}", records.columns, records.currency)
    for child in records.children:
        yield map_function(f"map_{prefix}_{child.table}", child.columns, child.currency)
    for person in records.people:
        yield map_function(f"map_{prefix}_{person.table}", person.columns, "")
    yield land_function(prefix, records)
    yield parts_function(prefix, records)


def mapping_sql(platform: str, steps: Iterable[Step]) -> str:
    """The functions of a platform's mapping, as its file of supabase/schemas holds them."""
    title = f"-- The mapping of {platform}'s records, written from its streams by `make migration`. Do not edit."
    texts = (sql.strip() for records in shapes(steps) for sql in records_sql(platform, records))
    return "\n\n".join([title, *texts]) + "\n"


def main() -> None:
    from execution.catalog import steps_of  # noqa: PLC0415  the catalog is wanted by the tool alone

    platform = sys.argv[1]
    sys.stdout.write(mapping_sql(platform, steps_of(platform)))


if __name__ == "__main__":
    main()
