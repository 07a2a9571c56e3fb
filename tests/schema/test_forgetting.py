"""Gone means gone (I14): with a user go all rows of that user, in every table, and no row of anybody else."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from tests.schema.jobworld import claim, commit_empty_page, queue, refusal
from tests.schema.rows import tables, title
from tests.schema.test_conversions import RECEIPT
from tests.schema.test_job_races import wait_until_blocked, worker
from tests.worlds.users import make_seller

# That a tenant was deleted is told after it was, to the service that knows the id; nothing else of the tenant is.
_SAYS_SO = "to_jsonb(t) ->> 'type' is not distinct from 'tenant.deleted'"


def rows_of(db, user):
    """Every table with a column user_id, from the catalog: how many rows of this user."""
    found = db.execute("""
        select c.oid::regclass::text from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relkind in ('r', 'p') and a.attname = 'user_id' and not a.attisdropped
          and c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)""").fetchall()
    count = f"select count(*) from {{}} as t where user_id = %s and not {_SAYS_SO}"
    return {name: db.execute(count.format(name), [user]).fetchone()[0] for (name,) in found}


def mentions(db, user, account):
    """Tables, of any shape, with a row that names the user or the account anywhere."""
    found = []
    for table in tables(db):
        query = sql.SQL(
            "select exists (select from {} as t where t::text like any (%s) and not " + _SAYS_SO + ")"
        ).format(table)
        if db.execute(query, [[f"%{user}%", f"%{account}%"]]).fetchone()[0]:
            found.append(title(table))
    return found


def fingerprint(db, user):
    query = "select coalesce(string_agg(md5(t::text), '' order by md5(t::text)), '') from {} as t where user_id = %s"
    return {name: db.execute(query.format(name), [user]).fetchone()[0] for name in rows_of(db, user)}


def test_a_forgotten_user_leaves_no_row_and_others_keep_theirs(db, tenants):
    account = tenants.ann_rows["public.connected_accounts"]["id"]
    assert all(rows_of(db, tenants.ann).values())
    assert "private.platform_tokens" in mentions(db, tenants.ann, account)
    others = fingerprint(db, tenants.bob)

    db.execute("delete from auth.users where id = %s", [tenants.ann])

    assert set(rows_of(db, tenants.ann).values()) == {0}
    assert mentions(db, tenants.ann, account) == []
    assert fingerprint(db, tenants.bob) == others
    assert all(others.values())


RECORDS = "select table_name from private.lives() where belongs_to = 'record' order by 1"


def test_records_outlive_the_account_and_name_nobody(db, tenants):
    """What an administrator did, and what was asked and settled, is the operator's to show for three years."""
    account = tenants.ann_rows["public.connected_accounts"]["id"]
    records = [name for (name,) in db.execute(RECORDS).fetchall()]
    assert records == ["private.admin_actions", "private.privacy_requests", "private.tombstones"]
    shop = "4815162342"
    db.execute(
        "update private.privacy_requests set shop_id = %s, done_at = null where user_id = %s", [shop, tenants.ann]
    )
    db.execute(
        "select public.record_admin_action(%s, 'resync', %s,"
        " jsonb_build_object('platform', 'etsy', 'shop_id', %s::text))",
        [tenants.bob, tenants.ann, shop],
    )
    db.execute("select public.record_admin_action(%s, 'look', %s, '{}')", [tenants.ann, tenants.bob])
    before = {name: db.execute(f"select count(*) from {name}").fetchone() for name in records}

    db.execute("delete from auth.users where id = %s", [tenants.ann])

    before["private.tombstones"] = (before["private.tombstones"][0] + 1,)
    assert {name: db.execute(f"select count(*) from {name}").fetchone() for name in records} == before
    assert mentions(db, tenants.ann, account) == []
    assert mentions(db, shop, shop) == []
    # Still one person's, still findable by who has the id, and what was asked is done by it.
    done = db.execute("select action from private.admin_actions where actor = private.pseudonym(%s)", [tenants.ann])
    assert ("look",) in done.fetchall()
    suffered = db.execute(
        "select action, details from private.admin_actions where subject = private.pseudonym(%s) and user_id = %s",
        [tenants.ann, tenants.bob],
    )
    assert suffered.fetchall() == [("resync", {"platform": "etsy"})]
    assert db.execute(
        "select outcome, shop_id = private.pseudonym(platform || ':' || %s) from private.privacy_requests"
        " where user_id is null",
        [shop],
    ).fetchall() == [("erased with the account", True)]


@pytest.mark.parametrize(
    "forget",
    [
        "delete from auth.users where id = %s",
        "select private.forget_shop(id) from public.connected_accounts where user_id = %s",
    ],
)
def test_a_synced_table_that_is_made_tomorrow_is_forgotten_too(db, tenants, forget):
    """Planted, and named nowhere: forgetting finds it by the columns that all of them share."""
    copied = "insert into public.planted select * from public.order_payments where user_id = any (%s)"
    with db.transaction(force_rollback=True):
        db.execute("create table public.planted (like public.order_payments including all)")
        db.execute(copied, [[tenants.ann, tenants.bob]])

        db.execute(forget, [tenants.ann])

        assert db.execute("select user_id::text from public.planted").fetchall() == [(tenants.bob,)]


def test_a_page_in_flight_does_not_outlive_its_user(clean, db, env):
    """The deletion waits for the page's transaction and then takes its rows along."""
    user, lease = make_seller(db, "etsy"), str(uuid.uuid4())
    queue(db, user, ("etsy", "orders"))
    claim(db, lease)

    with worker(env) as page, psycopg.connect(env["DATABASE_URL"], autocommit=True) as admin:  # noqa: SIM117
        with ThreadPoolExecutor(1) as pool:
            with page.transaction():
                commit_empty_page(page, lease, 0, [RECEIPT])
                gone = pool.submit(admin.execute, "delete from auth.users where id = %s", [user])
                wait_until_blocked(db, admin.info.backend_pid, gone)
            gone.result()

    assert set(rows_of(db, user).values()) == {0}


@pytest.mark.parametrize("function", ["extend_lease", "hand_back_job"])
def test_a_worker_of_a_forgotten_user_finds_its_lease_lost(clean, db, function):
    user, lease = make_seller(db, "etsy"), str(uuid.uuid4())
    queue(db, user, ("etsy", "orders"))
    claim(db, lease)

    db.execute("delete from auth.users where id = %s", [user])

    assert refusal(db, function, p_lease_id=lease) == "lease_lost"
    with pytest.raises(psycopg.Error, match="lease_lost"):
        commit_empty_page(db, lease, 0, [RECEIPT])
    assert set(rows_of(db, user).values()) == {0}
