"""Which index a look-up takes before there are statistics: sessions of PostgREST keep the plans that they made then.

Two indexes that begin with the connection cost the planner the same on a table that it knows nothing of. One of them
reads one order's rows, the other those of the whole shop, for each order: a page then costs more with every page.
"""

import pytest
from psycopg import sql
from psycopg.rows import dict_row

INDEXES = """
    select c.relname as table_name, i.relname as index_name, second.attname as column_name,
           second.atttypid = 'timestamptz'::regtype as is_time, pg_get_expr(x.indpred, x.indrelid) as predicate,
           exists (select from pg_attribute as d
                   where d.attrelid = x.indrelid and d.attname = 'is_deleted') as can_be_deleted
    from pg_index as x
    join pg_class as i on i.oid = x.indexrelid
    join pg_class as c on c.oid = x.indrelid
    join pg_attribute as first on first.attrelid = x.indrelid and first.attnum = x.indkey[0]
    join pg_attribute as second on second.attrelid = x.indrelid and second.attnum = x.indkey[1]
    where c.relnamespace = 'public'::regnamespace and first.attname = 'connection_id' and x.indnkeyatts >= 2
    order by 1, 2
"""


def taken(db, index, condition):
    """The index that a look-up by the second column of `index` takes, by a plan that knows nothing of the table."""
    column = sql.Identifier(index["column_name"])
    asked = sql.SQL("{0} >= $2 and {0} < $2" if index["is_time"] else "{0} = $2").format(column)
    query = sql.SQL("prepare look_up as select ctid from public.{} where connection_id = $1 and {} and {}").format(
        sql.Identifier(index["table_name"]), asked, sql.SQL(condition)
    )
    db.execute(query)
    plan = db.execute("explain execute look_up (null, null)").fetchall()
    db.execute("deallocate look_up")
    return next(line.split(" using ")[1].split()[0] for (line,) in plan if " using " in line)


@pytest.fixture
def unknown_tables(superuser):
    """Tables as nobody has filled or analysed them yet, whatever tests and the autovacuum did to them before."""
    with superuser.transaction(force_rollback=True):
        names = [name for (name,) in superuser.execute("select tablename from pg_tables where schemaname = 'public'")]
        superuser.execute(
            sql.SQL("truncate {} cascade").format(sql.SQL(", ").join(sql.Identifier("public", n) for n in names))
        )
        superuser.execute(
            "delete from pg_statistic where starelid in"
            " (select oid from pg_class where relnamespace = 'public'::regnamespace)"
        )
        for name in ("enable_seqscan", "enable_bitmapscan"):
            superuser.execute(f"set local {name} = off")
        superuser.execute("set local plan_cache_mode = force_generic_plan")
        yield superuser


def test_every_look_up_takes_its_own_index_before_there_are_statistics(unknown_tables):
    db = unknown_tables
    indexes = db.cursor(row_factory=dict_row).execute(INDEXES).fetchall()
    of = {}
    for index in indexes:
        of.setdefault((index["table_name"], index["column_name"]), set()).add(index["index_name"])

    wrong = {
        (index["index_name"], condition): found
        for index in indexes
        for condition in {"true", "not is_deleted" if index["can_be_deleted"] else "true", index["predicate"] or "true"}
        if (index["predicate"] or "true") in (condition, "true")
        if (found := taken(db, index, condition)) not in of[index["table_name"], index["column_name"]]
    }

    assert wrong == {}
