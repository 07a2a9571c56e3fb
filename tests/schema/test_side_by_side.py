"""Old processes work on the new schema during a deploy: every call of the released code still finds its function.

`RELEASED` is what the code of the oldest release that may still run calls (private.installation, `oldest_code`), by
function and arguments. A new argument needs a default; a change that cannot have one needs a new name, and the old
function goes a release later.
"""

from __future__ import annotations

import pytest

OLDEST_CODE = "20261125001000"
RELEASED = {
    "audit_read": "p_lease_id p_stream p_table p_time_column p_newest",
    "backfill_status": "p_user_id",
    "begin_token_refresh": "p_lease_id p_version p_fence",
    "block_scope": "p_scope p_seconds",
    "claim_job": "p_lease_id p_worker p_lease_seconds",
    "complete_job": "p_lease_id p_certificate p_watermark p_calls",
    "connect_account": "p_account_id p_user_id p_platform p_shop_id p_shop_name p_currency p_shop_created_at"
    " p_access_token p_refresh_token p_expires_at",
    "derive": "p_lease_id p_name p_after p_limit",
    "extend_lease": "p_lease_id p_lease_seconds",
    "fail_job": "p_lease_id p_code p_error p_seller_message p_calls",
    "fail_token_refresh": "p_fence p_reason p_final",
    "find_account": "p_user_id p_platform",
    "freeze_window": "p_lease_id p_start p_end",
    "hand_back_job": "p_lease_id p_calls",
    "limits_of": "p_scope",
    "mark_reconnect_needed": "p_lease_id p_version p_reason",
    "move_cursor": "p_lease_id p_cursor",
    "next_lookups": "p_lease_id p_name p_after p_limit",
    "pace_call": "p_scope p_per_second p_safety_margin p_longest_wait_seconds",
    "park_job": "p_lease_id p_reason p_delay_seconds p_charge p_max_attempts p_calls",
    "prove": "p_lease_id p_name",
    "queue_jobs": "p_user_id p_job_type p_trigger p_jobs p_rerun",
    "read_tokens": "p_lease_id",
    "remap_records": "p_user_id p_platform p_shape p_table p_columns p_after p_limit",
    "replay_rejected": "p_user_id p_after",
    "report_limits": "p_scope p_per_second p_per_day p_remaining_today",
    "reserve_calls": "p_block_id p_scope p_class p_wanted p_per_second p_per_day p_backfill_share",
    "return_calls": "p_block_id p_unused",
    "schema_version": "",
    "set_plan": "p_user_id p_plan",
    "store_refreshed_tokens": "p_fence p_version p_access_token p_refresh_token p_expires_in_seconds",
    "sweep_gone": "p_lease_id p_stream p_table p_time_column p_last_pass p_children",
    "tick": "",
    "verify_completed": "p_user_id p_platform p_entity p_stream p_table p_time_column p_proofs",
}


def found(db, function, given):
    """The signatures that a call by these names would find, as PostgREST looks them up."""
    rows = db.execute(
        "select coalesce(proargnames, '{}'), pronargs, pronargdefaults from pg_proc"
        " where pronamespace = 'public'::regnamespace and proname = %s",
        [function],
    ).fetchall()
    return [
        names for names, count, defaults in rows if set(names[: count - defaults]) <= set(given) <= set(names[:count])
    ]


@pytest.mark.parametrize("function", RELEASED)
def test_a_call_of_the_released_code_finds_exactly_one_function(db, function):
    """None: it was taken away too early. Two: PostgREST refuses to choose."""
    assert len(found(db, function, RELEASED[function].split())) == 1


def test_the_check_sees_a_function_that_asks_for_more(db):
    """Planted: a new argument without a default, and one name too many."""
    with db.transaction(force_rollback=True):
        db.execute("create function public.planted(p_old int, p_new int) returns int language sql as 'select 1'")
        missing = found(db, "planted", ["p_old"])
        db.execute("create function public.planted(p_old int) returns int language sql as 'select 1'")
        db.execute("create function public.planted(p_old int, p_x int default 1, p_y int default 1) returns int"
                   " language sql as 'select 1'")  # fmt: skip
        doubled = found(db, "planted", ["p_old"])

    assert (len(missing), len(doubled)) == (0, 2)


def test_the_schema_says_which_code_is_the_oldest(db):
    """A migration that takes something away raises it, and the list above goes along."""
    assert db.execute("select oldest_code from private.installation").fetchone() == (OLDEST_CODE,)
