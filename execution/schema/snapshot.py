# ruff: noqa: S608  its queries are put together from its own text alone
"""What a database holds in our schemas, object by object, as PostgreSQL itself writes it: two such can be compared."""

from __future__ import annotations

from dataclasses import dataclass

from execution.schema.migrations import Connection

_OURS = "('public'::regnamespace, 'private'::regnamespace)"
_TABLES = "c.relkind in ('r', 'p', 'f', 'v', 'm')"


@dataclass(frozen=True, kw_only=True, order=True)
class Thing:
    """One object, or one property of an object that can differ by itself."""

    kind: str
    name: str
    # The table, type or function that it is a part of; where that is missing, so is this.
    of: str = ""


Snapshot = dict[Thing, str]

# Each yields (what it is a part of, name, definition). Left out is what servers of different versions write otherwise:
# names of not-null constraints, the privilege MAINTAIN, and the mark that 15.20 gives columns by itself.
_QUERIES = {
    "schema": """select '', nspname, '' from pg_namespace where nspname in ('public', 'private')""",
    "extension": """select '', extname, '' from pg_extension where extname <> 'plpgsql'""",
    "table": f"""select '', c.oid::regclass, concat_ws(', ',
            case c.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'f' then 'foreign table'
                           when 'v' then 'view' else 'materialized view' end,
            case c.relpersistence when 'u' then 'unlogged' end,
            case when c.relrowsecurity then 'row level security' end,
            case when c.relforcerowsecurity then 'forced' end,
            array_to_string(c.reloptions, ', '))
        from pg_class c where c.relnamespace in {_OURS} and {_TABLES}""",
    "view": f"""select c.oid::regclass, c.oid::regclass, pg_get_viewdef(c.oid)
        from pg_class c where c.relnamespace in {_OURS} and c.relkind in ('v', 'm')""",
    "column": f"""select c.oid::regclass, format('%s.%I', c.oid::regclass, a.attname), concat_ws(' ',
            format_type(a.atttypid, a.atttypmod),
            case when a.attcollation <> t.typcollation then 'collate ' || a.attcollation::regcollation end,
            case when a.attnotnull then 'not null' end,
            case when a.attidentity <> '' then 'generated as identity ' || a.attidentity::text
                 when a.attgenerated <> '' then 'generated ' || a.attgenerated::text
                 when d.adbin is not null then 'default' end,
            pg_get_expr(d.adbin, d.adrelid),
            case when a.attstorage <> t.typstorage then 'storage ' || a.attstorage::text end,
            array_to_string(array(select o from unnest(a.attoptions) as o where strpos(o, 'pg_attver=') <> 1), ', '))
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        join pg_type t on t.oid = a.atttypid
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        where c.relnamespace in {_OURS} and {_TABLES}""",
    "type": f"""select '', t.oid::regtype, case t.typtype
            when 'c' then (select string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', '
                                             order by a.attnum)
                           from pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped)
            when 'e' then (select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder)
                           from pg_enum e where e.enumtypid = t.oid)
            else concat_ws(' ', format_type(t.typbasetype, t.typtypmod), case when t.typnotnull then 'not null' end,
                           t.typdefault,
                           (select string_agg(pg_get_constraintdef(k.oid), ' ' order by k.conname)
                            from pg_constraint k where k.contypid = t.oid and k.contype <> 'n')) end
        from pg_type t left join pg_class c on c.oid = t.typrelid
        where t.typnamespace in {_OURS} and (t.typtype in ('e', 'd') or t.typtype = 'c' and c.relkind = 'c')""",
    "sequence": f"""select '', s.seqrelid::regclass,
            concat_ws(' ', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle)
        from pg_sequence s join pg_class c on c.oid = s.seqrelid where c.relnamespace in {_OURS}
          and not exists (select from pg_depend d where d.objid = c.oid and d.classid = 'pg_class'::regclass
                          and d.deptype = 'i')""",
    "constraint": f"""select conrelid::regclass, format('%I on %s', conname, conrelid::regclass),
            pg_get_constraintdef(oid)
        from pg_constraint where connamespace in {_OURS} and conrelid <> 0 and contype not in ('n', 't')""",
    "index": f"""select i.indrelid::regclass, i.indexrelid::regclass,
            pg_get_indexdef(i.indexrelid) || case when i.indisvalid then '' else ' (invalid)' end
        from pg_index i join pg_class c on c.oid = i.indexrelid where c.relnamespace in {_OURS}
          and not exists (select from pg_constraint k
                          where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))""",
    "statistics": f"""select stxrelid::regclass, format('%s.%I', stxnamespace::regnamespace, stxname),
            pg_get_statisticsobjdef(oid)
        from pg_statistic_ext where stxnamespace in {_OURS}""",
    "policy": f"""select p.polrelid::regclass, format('%I on %s', p.polname, p.polrelid::regclass), concat_ws(' ',
            case when p.polpermissive then 'permissive' else 'restrictive' end, 'for', p.polcmd::text, 'to',
            (select string_agg(case r when 0 then 'public' else r::regrole::text end, ', ' order by r::regrole::text)
             from unnest(p.polroles) as r),
            'using ' || pg_get_expr(p.polqual, p.polrelid), 'with check ' || pg_get_expr(p.polwithcheck, p.polrelid))
        from pg_policy p join pg_class c on c.oid = p.polrelid where c.relnamespace in {_OURS}""",
    "trigger": f"""select case when c.relnamespace in {_OURS} then t.tgrelid::regclass::text else '' end,
            format('%I on %s', t.tgname, t.tgrelid::regclass),
            concat_ws(' ', pg_get_triggerdef(t.oid), 'enabled: ' || nullif(t.tgenabled, 'O')::text)
        from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_proc f on f.oid = t.tgfoid
        where not t.tgisinternal and (c.relnamespace in {_OURS} or f.pronamespace in {_OURS})""",
    "function": f"""select '', f.oid::regprocedure, pg_get_functiondef(f.oid)
        from pg_proc f where f.pronamespace in {_OURS} and f.prokind in ('f', 'p')""",
    "comment": """select '', i.type || ' ' || i.identity, d.description
        from pg_description d, pg_identify_object(d.classoid, d.objoid, d.objsubid) as i
        where d.objoid >= 16384 and (i.identity ~ '(^|[ (])(public|private)\\.' or i.type = 'schema')
          and not (i.type = 'schema' and i.identity not in ('public', 'private'))""",
    "grant": f"""select of, format('%s on %s to %s', privilege_type, name, grantee), grantable from (
            select c.oid::regclass::text, format('%s %s', k.name, c.oid::regclass), a.*
            from pg_class c
            join (values ('r', 'table'), ('S', 'sequence')) as k (kind, name) on (k.kind = 'S') = (c.relkind = 'S')
            cross join aclexplode(coalesce(c.relacl, acldefault(lower(k.kind)::"char", c.relowner))) as a
            where c.relnamespace in {_OURS} and ({_TABLES} or c.relkind = 'S')
            union all
            select c.oid::regclass::text, format('column %s.%I', c.oid::regclass, t.attname), a.*
            from pg_class c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) as a
            where c.relnamespace in {_OURS}
            union all
            select f.oid::regprocedure::text, format('function %s', f.oid::regprocedure), a.*
            from pg_proc f, aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) as a
            where f.pronamespace in {_OURS} and f.prokind in ('f', 'p')
            union all
            select '', format('type %s', t.oid::regtype), a.* from pg_type t, aclexplode(t.typacl) as a
            where t.typnamespace in {_OURS}
            union all
            select '', format('schema %I', n.nspname), a.* from pg_namespace n, aclexplode(n.nspacl) as a
            where n.nspname in ('public', 'private') and a.grantee <> 'pg_database_owner'::regrole
        ) as g (of, name, grantor, grantee_id, privilege_type, is_grantable),
        lateral (select case grantee_id when 0 then 'public' else grantee_id::regrole::text end as grantee,
                        case when is_grantable then 'with grant option' else '' end as grantable) as w
        where privilege_type <> 'MAINTAIN'""",
    "default grant": """select '', format('%s on %s in %s to %s', a.privilege_type, d.defaclobjtype,
            coalesce(nullif(d.defaclnamespace, 0)::regnamespace::text, 'any schema'),
            case a.grantee when 0 then 'public' else a.grantee::regrole::text end), a.is_grantable::text
        from pg_default_acl d, aclexplode(d.defaclacl) as a
        where d.defaclrole = current_user::regrole and a.privilege_type <> 'MAINTAIN'""",
}
# Each table with its primary key's columns.
_TABLES_AND_KEYS = f"""select c.oid::regclass, coalesce((
        select string_agg(format('t.%I', a.attname), ', ' order by k.place) from pg_index i
        cross join lateral unnest(i.indkey) with ordinality as k (attnum, place)
        join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
        where i.indrelid = c.oid and i.indisprimary), 't')
    from pg_class c where c.relnamespace in {_OURS} and c.relkind = 'r' order by 1"""


def snapshot(connection: Connection) -> Snapshot:
    """Everything that statements have made in `public` and `private`, and the rows that they planted.

    Meant for a database that nobody works with yet: it reads every row of every table.
    """
    found: Snapshot = {}
    with connection.transaction():
        # Names are written whole, whatever the role's search path is.
        connection.execute("set local search_path = ''")
        for kind, query in _QUERIES.items():
            rows = connection.execute(query.encode()).fetchall()
            found |= {Thing(kind=kind, name=str(name), of=str(of)): str(text) for of, name, text in rows}
        for table, key in connection.execute(_TABLES_AND_KEYS.encode()).fetchall():
            query = f"select jsonb_build_array({key})::text, to_jsonb(t)::text from {table} as t"
            rows = connection.execute(query.encode()).fetchall()
            found |= {Thing(kind="row", name=f"{values} of {table}", of=str(table)): str(row) for values, row in rows}
    return found
