"""The migrations run unchanged on PostgreSQL 15, 17 and 18, make the same schema, and a page commits on each."""

from __future__ import annotations

import os
import uuid

import psycopg
import pytest

from execution.schema.migrations import migrate
from execution.schema.snapshot import snapshot
from tests.schema import old_server
from tests.schema.jobworld import call, claim, commit_empty_page, complete, queue
from tests.schema.test_conversions import RECEIPT
from tests.schema.wall import violations
from tests.worlds.users import make_seller


def schema(db):
    """What migrations made, a line each. Tests plant rows, 15 writes views otherwise, not all bring the extension."""
    left_out = {"row", "view", "extension"}
    return {f"{thing.kind} {thing.name}: {text}" for thing, text in snapshot(db).items() if thing.kind not in left_out}


@pytest.fixture(scope="module", params=[15, 17])
def version(request):
    if not (old_server.FOLDERS[request.param] / "bin" / "postgres").exists():
        result = f"PostgreSQL {request.param} is not installed: {old_server.MISSING[request.param]}"
        if os.environ.get("CI"):
            pytest.fail(result)
        pytest.skip(result)
    return request.param


@pytest.fixture(scope="module")
def old_url(version):
    with old_server.running(version) as url:
        assert migrate(url)
        yield url


@pytest.fixture
def old(old_url, version):
    with psycopg.connect(old_url, autocommit=True) as connection:
        assert connection.info.server_version // 10000 == version
        yield connection


def test_the_schema_is_the_same_as_on_18(db, old):
    assert db.info.server_version // 10000 == 18
    newer, older = schema(db), schema(old)

    assert sorted(newer - older) == []
    assert sorted(older - newer) == []


def test_the_wall_stands_as_well(old):
    assert violations(old) == []


def test_a_second_migration_finds_nothing_to_do(old_url):
    assert migrate(old_url) == []


def test_a_page_commits_and_a_job_ends(old):
    user, lease = make_seller(old, "etsy"), str(uuid.uuid4())
    old.execute("set role service_role")

    queue(old, user, ("etsy", "orders"))
    claimed = claim(old, lease)
    answer = commit_empty_page(old, lease, 0, [RECEIPT])
    call(old, "tick")
    complete(old, lease)

    assert claimed["user_id"] == user
    assert (answer["created"], answer["rejected"]) == (1, 0)
    rows = old.execute("select user_id::text, platform_id, total_amount from public.orders").fetchall()
    assert rows == [(user, "7", 1200)]
    assert old.execute("select backfill_status from public.profiles").fetchall() == [("completed",)]
    told = call(
        old,
        "remap_records",
        p_user_id=user,
        p_connection_id=claimed["connection_id"],
        p_shape="receipts",
        p_table="orders",
        p_columns={"status": []},
        p_after="",
    )
    assert told == {"rows": 1, "changed": 0, "after": "7"}
