"""Tokens at rest: encrypted for one place, rotated without a gap, out of everybody's reach."""

from datetime import timedelta

import psycopg
import pytest

from execution.errors import Snooze
from execution.keyring import Keyring
from tests.doubles.token_server import TokenServer
from tests.tokens.test_tokens import manager, state
from tests.worlds.leased import connect_seller

FUNCTIONS = [
    "reserve_calls",
    "return_calls",
    "report_limits",
    "block_scope",
    "pace_call",
    "read_tokens",
    "begin_token_refresh",
    "store_refreshed_tokens",
    "fail_token_refresh",
    "mark_reconnect_needed",
    "find_connection",
    "connect_shop",
]


@pytest.fixture
def expired(db, rpc, keyring):
    return connect_seller(db, rpc, keyring, expires_in=timedelta(seconds=-5))


@pytest.fixture
def fresh(db, rpc, keyring):
    return connect_seller(db, rpc, keyring)


def test_a_moved_ciphertext_parks_the_job(db, rpc, keyring, fresh):
    """One seller's blob in another's row does not open there: the job waits for an operator (row 49)."""
    other = connect_seller(db, rpc, keyring, access="50020003.other")
    db.execute(
        "update private.platform_tokens set access_token = (select access_token from private.platform_tokens"
        " where connection_id = %s) where connection_id = %s",
        (other.connection_id, fresh.connection_id),
    )

    with pytest.raises(Snooze, match="moved from another row"):
        manager(rpc, keyring, fresh, TokenServer()).access_token()

    assert state(db, fresh)[2] == "connected"


def test_a_removed_key_parks_the_job(db, rpc, fresh):
    """The reason says which key to put back (row 49)."""
    ring = Keyring.parse("k2:" + "B" * 42 + "E", environment="test")

    with pytest.raises(Snooze, match="'k1', which TOKEN_KEYS no longer has"):
        manager(rpc, ring, fresh, TokenServer()).access_token()


def test_keys_rotate_with_the_next_refresh(db, rpc, expired):
    """A new key first in the ring: the next pair is written with it, and the table proves which keys are in use."""
    ring = Keyring.parse("k2:" + "B" * 42 + "E,k1:" + "A" * 42 + "E", environment="test")

    manager(rpc, ring, expired, TokenServer()).access_token()

    used = db.execute("select access_key_id, refresh_key_id from private.platform_tokens").fetchone()
    assert used == ("k2", "k2")


def test_no_token_lies_open(db, rpc, keyring, expired):
    """Neither table nor reason holds a token in the clear."""
    manager(rpc, keyring, expired, TokenServer()).access_token()

    row = str(db.execute("select t, a from private.platform_tokens t, public.connected_accounts a").fetchall())

    assert "40010002" not in row


def test_the_table_refuses_a_token_in_the_clear(db, rpc, keyring, fresh):
    """A caller that forgot to encrypt is refused by the database."""
    with pytest.raises(Exception, match="access_token_check"):
        db.execute("update private.platform_tokens set access_token = 'plain'")


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_tokens_and_ledger_are_out_of_reach(db, rpc, fresh, role):
    """No role of the API reads the private schema; end users may call none of its functions."""

    def refused(statement):
        try:
            with db.transaction(force_rollback=True):
                db.execute(f"set local role {role}")
                db.execute(statement)
        except psycopg.errors.InsufficientPrivilege:
            return True
        except psycopg.Error:  # it ran, and found no such lease
            return False
        return False

    private = ("platform_tokens", "api_calls", "api_budgets", "call_blocks")
    tables = [f"select from private.{table}" for table in private]
    functions = db.execute(
        "select format('select public.%%I(%%s)', proname, (select string_agg('null::' || format_type(t, null), ',')"
        " from unnest(proargtypes) as t)) from pg_proc"
        " where pronamespace = 'public'::regnamespace and proname = any (%s)",
        (FUNCTIONS,),
    ).fetchall()

    assert len(functions) == len(FUNCTIONS)
    assert all(refused(table) for table in tables)
    assert {refused(function) for (function,) in functions} == {role != "service_role"}
