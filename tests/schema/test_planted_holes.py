"""The attacks on the wall between tenants are seen to fail, each through a hole of its own (B8, rows 57, 58 and 61)."""

from __future__ import annotations

import pytest

from tests.holes import Hole, Plant, assert_seen, function, statement
from tests.schema import test_tenants_over_http as over_http
from tests.schema.test_tenants_over_http import rest  # noqa: F401  a fixture


def policy(role: str, using: str) -> Plant:
    """One rule more on a table: rules are joined by OR."""
    return statement(
        f"create policy hole on public.orders for select to {role} using ({using});"
        "grant select on public.orders to anon",
        "drop policy hole on public.orders; revoke select on public.orders from anon",
    )


def right(verb: str, rule: str) -> Plant:
    """End users may change orders, and whose they are is not looked at."""
    return statement(
        f"grant {verb} on public.orders to authenticated;"
        f"create policy hole on public.orders for {verb} to authenticated {rule}",
        f"drop policy hole on public.orders; revoke {verb} on public.orders from authenticated",
    )


METADATA = "(current_setting('request.jwt.claims')::jsonb #>> '{user_metadata,is_admin}')::boolean"

HOLES = [
    Hole(
        row=57,
        without="a tenant reads its own rows alone",
        seen_by=over_http.test_every_verb_on_every_table_with_another_tenants_token,
        plants=[policy("authenticated", "true")],
    ),
    *(
        Hole(
            row=57,
            without=f"end users change nothing ({verb})",
            seen_by=over_http.test_every_verb_on_every_table_with_another_tenants_token,
            plants=[right(verb, rule)],
        )
        for verb, rule in {
            "insert": "with check (true)",
            "update": "using (true) with check (true)",
            "delete": "using (true)",
        }.items()
    ),
    Hole(
        row=57,
        without="nobody gives a row away",
        seen_by=over_http.test_every_verb_on_every_table_with_another_tenants_token,
        plants=[right("update", "using (user_id = auth.uid()) with check (true)")],
    ),
    Hole(
        row=57,
        without="an embedded row has a wall of its own",
        seen_by=over_http.test_an_embedded_or_ordered_read_shows_no_more,
        plants=[
            statement(
                "create policy hole on public.profiles for select to authenticated using (true)",
                "drop policy hole on public.profiles",
            )
        ],
    ),
    Hole(
        row=57,
        without="what is not shown cannot be sorted by either",
        seen_by=over_http.test_an_embedded_or_ordered_read_shows_no_more,
        plants=[
            statement(
                "grant select (lease_id) on public.sync_jobs to authenticated",
                "revoke select (lease_id) on public.sync_jobs from authenticated",
            )
        ],
    ),
    Hole(
        row=57,
        without="functions are for workers",
        seen_by=over_http.test_no_function_answers_an_end_user,
        plants=[
            statement(
                "grant execute on function public.is_admin(uuid) to authenticated",
                "revoke execute on function public.is_admin(uuid) from authenticated",
            )
        ],
    ),
    Hole(
        row=58,
        without="anon has no rights",
        seen_by=over_http.test_anon_reads_and_writes_nothing,
        plants=[policy("anon", "true")],
    ),
    Hole(
        row=58,
        without="what users write of themselves is no right",
        seen_by=over_http.test_a_token_of_nobody_in_particular_shows_no_row,
        plants=[policy("authenticated", METADATA)],
        given={"claims": {"user_metadata": {"is_admin": True}}},
    ),
    Hole(
        row=58,
        without="nobody is not everybody",
        seen_by=over_http.test_a_token_of_nobody_in_particular_shows_no_row,
        plants=[policy("authenticated", "auth.uid() is null or user_id = auth.uid()")],
        given={"claims": {}},
    ),
    Hole(
        row=61,
        without="names are quoted",
        seen_by=over_http.test_a_name_is_a_name_and_never_a_piece_of_statement,
        plants=[function("private.remap", {"%2$I": "%2$s"})],
        given={"name": over_http.NAMES[0]},
    ),
]


@pytest.mark.parametrize("hole", HOLES, ids=str)
def test_a_planted_hole_is_seen(hole, db, request, tenants):
    assert_seen(hole, db, request)
