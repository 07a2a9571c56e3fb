"""The wall between tenants, read from the catalog: what is open that should be closed.

`violations` asks the database what it would allow, so a table or function that is made tomorrow is judged too. The
rules are the design's promise 14 and section B8 of the reliability notes.
"""

from __future__ import annotations

from typing import Any

import psycopg

Connection = psycopg.Connection[Any]

# The only rule there is: a tenant reads its own rows. `(select ...)` is evaluated once a query, not once a row. Where
# rows are kept by connection, the rule names the tenant's connections as well, so that their index answers it.
OWN_ROWS = "(user_id = ( SELECT auth.uid() AS uid))"
OWN_CONNECTIONS = (
    f"({OWN_ROWS} AND (connection_id = ANY (ARRAY( SELECT a.id\n   FROM connected_accounts a\n"
    "  WHERE (a.user_id = ( SELECT auth.uid() AS uid))))))"
)
# What is a key to something, and so nothing for the eyes of end users.
SECRET_COLUMNS = "lease|token|secret|fence|password"
# What engineers read: a library or a platform may have said anything. Users see the code and the words beside it.
ENGINEERS_COLUMNS = "(^|_)(error|reason|sqlstate|detail|hint)$"
# One of a few words of our own, why a cost could not be linked; and what the seller's own platform says of a refund.
CODES = ["order_costs.reason", "order_refund_adjustments.reason", "order_refunds.reason", "order_sales.reason"]
CODES += ["payment_refunds.refund_reason", "payment_disputes.dispute_reason"]

_RULES = {
    "row-level security is off": """
        select c.oid::regclass::text from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity""",
    "row-level security is not forced": """
        select c.oid::regclass::text from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relforcerowsecurity""",
    "has no policy": """
        select c.oid::regclass::text from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
          and not exists (select from pg_policy p where p.polrelid = c.oid)""",
    "has another policy than 'authenticated may read its own rows'": """
        select p.polrelid::regclass::text || '.' || p.polname from pg_policy p join pg_class c on c.oid = p.polrelid
        where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
          and (coalesce(pg_get_expr(p.polqual, p.polrelid), '') <> all (%(own_rows)s) or p.polwithcheck is not null
               or p.polcmd <> 'r' or p.polroles <> array['authenticated'::regrole::oid])""",
    "reads user_metadata, which users write themselves": """
        select p.polrelid::regclass::text || '.' || p.polname from pg_policy p
        where pg_get_expr(p.polqual, p.polrelid) ~ 'user_meta_?data'""",
    "has no index that begins with what its policy asks for": """
        select c.oid::regclass::text from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
          and not exists (select from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
                          left join pg_policy p on p.polrelid = c.oid
                          where i.indrelid = c.oid and a.attname = case
                              when pg_get_expr(p.polqual, p.polrelid) ~ '\\mconnection_id\\M' then 'connection_id'
                              else 'user_id' end)""",
    "is open to anon": """
        select c.oid::regclass::text || ' (' || verb || ')'
        from pg_class c, unnest(%(verbs)s::text[]) as verb
        where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind in ('r','p','v','m','f')
          and (has_table_privilege('anon', c.oid, verb)
               or verb in ('select', 'insert', 'update', 'references')
                  and has_any_column_privilege('anon', c.oid, verb))""",
    "may be written by those who should only read": """
        select c.oid::regclass::text || ' (' || role || ': ' || verb || ')'
        from pg_class c, unnest(array['authenticated', 'service_role']) as role, unnest(%(verbs)s::text[]) as verb
        where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind in ('r','p','v','m','f')
          and verb <> 'select'
          and (has_table_privilege(role, c.oid, verb)
               or verb in ('insert', 'update', 'references') and has_any_column_privilege(role, c.oid, verb))""",
    "is a sequence open to the API": """
        select c.oid::regclass::text || ' (' || role || ')'
        from pg_class c, unnest(array['anon', 'authenticated', 'service_role']) as role
        where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind = 'S'
          and case when c.relkind = 'S' then has_sequence_privilege(role, c.oid, 'usage, select, update') end""",
    "in a schema that is not for the API, yet reachable": """
        select n.nspname || ' (' || role || ')'
        from pg_namespace n, unnest(array['anon', 'authenticated', 'service_role']) as role
        where n.nspname in ('private', 'supabase_migrations') and has_schema_privilege(role, n.oid, 'usage, create')""",
    "lets the API make objects": """
        select n.nspname || ' (' || role || ')'
        from pg_namespace n, unnest(array['anon', 'authenticated', 'service_role']) as role
        where n.nspname = 'public' and has_schema_privilege(role, n.oid, 'create')""",
    "in private, yet granted": """
        select c.oid::regclass::text || ' (' || role || ')'
        from pg_class c, unnest(array['authenticated', 'service_role']) as role
        where c.relnamespace = 'private'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
          and has_any_column_privilege(role, c.oid, 'select')""",
    "may be executed by end users": """
        select f.oid::regprocedure::text || ' (' || role || ')'
        from pg_proc f, unnest(array['anon', 'authenticated']) as role
        where f.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
          and has_function_privilege(role, f.oid, 'execute')""",
    "in private, yet workers may execute it": """
        select f.oid::regprocedure::text from pg_proc f
        where f.pronamespace = 'private'::regnamespace and has_function_privilege('service_role', f.oid, 'execute')""",
    "is security definer without an empty search_path": """
        select f.oid::regprocedure::text from pg_proc f
        where f.pronamespace in ('public'::regnamespace, 'private'::regnamespace) and f.prosecdef
          and not coalesce(f.proconfig && array['search_path=""', 'search_path='], false)""",
    "is a view with the rights of its owner": """
        select c.oid::regclass::text from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'v'
          and not coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on', 'security_invoker=1'],
                           false)""",
    "is a materialized view, which knows no row-level security": """
        select c.oid::regclass::text from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'm'""",
    "shows end users a secret": """
        select c.oid::regclass::text || '.' || a.attname
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
          and a.attname ~ %(secrets)s and has_column_privilege('authenticated', c.oid, a.attnum, 'select')""",
    "shows end users what engineers read": """
        select c.oid::regclass::text || '.' || a.attname
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
          and a.attname ~ %(engineers)s and c.relname || '.' || a.attname <> all (%(codes)s)
          and has_column_privilege('authenticated', c.oid, a.attnum, 'select')""",
    "has no user_id, so nobody's rows can be told from another's": """
        select c.oid::regclass::text from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
          and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'user_id'
                          and a.attnotnull and a.atttypid = 'uuid'::regtype)""",
    "holds records of platforms, yet is not as private.synced_table leaves it": """
        select s.oid::regclass::text from private.synced_tables s join pg_class c using (oid)
        where not (c.relrowsecurity and c.relforcerowsecurity
                   and exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'own_rows')
                   and has_table_privilege('authenticated', c.oid, 'select')
                   and has_table_privilege('service_role', c.oid, 'select')
                   -- Insert, update, delete.
                   and 3 = (select count(*) from pg_trigger t where t.tgrelid = c.oid and t.tgenabled = 'O'
                            and t.tgfoid = 'private.record_changes'::regproc))""",
    "has a key that does not begin with the tenant, so one tenant's upsert could meet another's row": """
        select i.indexrelid::regclass::text from pg_index i join pg_class c on c.oid = i.indrelid
        where c.relnamespace = 'public'::regnamespace and i.indisunique
          and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attnum = i.indkey[0]
                          and (a.attname = 'user_id' or a.atttypid = 'uuid'::regtype or a.attidentity <> ''))""",
}
_VERBS = ["select", "insert", "update", "delete", "truncate", "references", "trigger"]


def violations(db: Connection) -> list[str]:
    """Every hole in the wall, one line each: what, and what is wrong with it. Raises if there was nothing to judge."""
    judged = db.execute("""
        select count(*) filter (where c.relnamespace = 'public'::regnamespace),
               count(*) filter (where c.relnamespace = 'private'::regnamespace),
               (select count(*) from pg_proc where pronamespace = 'public'::regnamespace)
        from pg_class c where c.relkind in ('r', 'p')""").fetchone()
    if judged is None or 0 in judged:
        raise AssertionError("the catalog shows no table or function: a check of nothing proves nothing")
    parameters = {"own_rows": [OWN_ROWS, OWN_CONNECTIONS], "verbs": _VERBS, "secrets": SECRET_COLUMNS}
    parameters |= {"engineers": ENGINEERS_COLUMNS, "codes": CODES}
    return [f"{what}: {rule}" for rule, query in _RULES.items() for (what,) in db.execute(query, parameters)]
