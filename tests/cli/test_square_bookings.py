"""`keeper square-bookings`: a salon's appointments by themselves, watched and proven; and the same from Python."""

from __future__ import annotations

import json
import shlex
from typing import Any

import psycopg
import pytest

from execution.app import App
from execution.entity_loads import EntityLoad, LoadProgress
from sandbox.stack import Stack
from tests.cli.conftest import Keeper
from tests.standins.square import Square
from tests.worlds.world import World, make_world


@pytest.fixture(scope="session")
def product_env(stack: Stack, square_process: Square) -> dict[str, str]:
    return {**stack.env, **square_process.env}


@pytest.fixture
def whole_env(stack: Stack, square: Square) -> dict[str, str]:
    return {**stack.env, **square.env}


@pytest.fixture
def salon(app: App, square: Square, db: psycopg.Connection[Any], clean: None) -> World:
    return make_world(app, db, (square, square.shop(60, kind="salon")))


def locations(world: World) -> list[dict[str, Any]]:
    return [dict(row) for row in world.rows("select platform_id, title from public.locations order by 1")]


def test_all_appointments_are_loaded_and_four_checks_pass(
    keeper: Keeper, salon: World, db: psycopg.Connection[Any]
) -> None:
    refused = keeper(f"square-bookings --user {salon.user_id} --location Nowhere")
    (place,) = locations(salon)
    # Which there are was asked before it was refused.
    known = f"Known: {place['platform_id']} ({place['title']})"
    assert refused.refusal().startswith(f"There is no location 'Nowhere'. {known}")

    said = keeper(f"square-bookings --user {salon.user_id} --location {shlex.quote(place['title'])}")

    assert said.status == 0
    assert [line for line in said.out.splitlines() if line.startswith("page 10: fetched ")] != []
    assert "Appointments: complete" in said.out
    assert "errors 0, retries 0" in said.out
    passed = [line.split()[1] for line in said.out.splitlines() if line.startswith("  passed")]
    assert passed == ["windows", "count", "rows", "newest", "rejects"]
    assert salon.wrong("bookings") == []
    (held,) = db.execute("select count(*) from public.bookings").fetchone()  # type: ignore[misc]
    assert f"At {place['title']} ({place['platform_id']}): {held:,}." in said.out
    once_more = f"square-bookings --user {salon.user_id} --location {place['platform_id']} --no-verify --json"
    again = json.loads(keeper(once_more).out)
    assert (again["status"], again["upserted"], again["checks"]) == ("completed", 0, [])
    assert again["fetched"] >= held > 0


def test_a_right_that_is_missing_is_named(keeper: Keeper, salon: World, square: Square) -> None:
    salon.run("locations")
    place = locations(salon)[0]["platform_id"]
    salon.db.execute("update private.platform_tokens set rights = array_remove(rights, 'APPOINTMENTS_ALL_READ')")

    said = keeper(f"square-bookings --user {salon.user_id} --location {place}")

    assert said.status == 1
    assert "right_missing" in said.out
    assert "APPOINTMENTS_ALL_READ" in said.out


def test_two_ways_to_read_less_are_refused(keeper: Keeper, salon: World) -> None:
    whose = f"square-bookings --user {salon.user_id} --location x"
    assert "two ways to read less" in keeper(f"{whose} --incremental --updated-after 2026-01-01T00:00:00Z").refusal()
    assert "is no time" in keeper(f"{whose} --updated-after soon").refusal()


def test_the_same_from_python(salon: World) -> None:
    told: list[LoadProgress] = []
    load = EntityLoad(app=salon.app, user_id=salon.user_id, platform="square", entity="bookings")

    summary = load.run(on_progress=told.append)

    assert summary.is_complete
    assert [one.pages for one in told] == sorted(one.pages for one in told)
    assert told[-1].fetched == summary.fetched > 0
    assert {check.name for check in load.verify() if check.ok} >= {"windows", "count", "rows", "newest"}
