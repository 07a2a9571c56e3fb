"""`keeper jobs`, `keeper tenants`, `keeper platforms`, as an operator types them."""

from __future__ import annotations

import json
import uuid
from typing import Any

import psycopg

from tests.cli.conftest import Keeper
from tests.schema.jobworld import claim, queue
from tests.worlds.users import make_seller

Db = psycopg.Connection[Any]
ACTIONS = "select action, subject_id::text, subject, actor from private.admin_actions order by id"


def listed(keeper: Keeper, how: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(keeper(f"jobs list --json {how}").out)["jobs"]
    return found


def test_jobs_of_all_are_found_by_what_they_are(keeper: Keeper, db: Db) -> None:
    ada, bob = make_seller(db, "etsy"), make_seller(db, "shopify")
    queue(db, ada, ("etsy", "orders"), ("etsy", "listings"))
    queue(db, bob, ("shopify", "orders"))
    db.execute("update public.sync_jobs set created_at = now() - interval '7 hours' where entity = 'listings'")

    assert [(one["user_id"], one["entity"]) for one in listed(keeper)] == [
        (bob, "orders"), (ada, "orders"), (ada, "listings"),
    ]  # fmt: skip
    assert [one["entity"] for one in listed(keeper, f"--user {ada} --state waiting")] == ["listings"]
    assert [one["user_id"] for one in listed(keeper, "--platform shopify --entity orders --kind backfill")] == [bob]
    assert [one["entity"] for one in listed(keeper, "--older-than 6h")] == ["listings"]
    assert listed(keeper, "--code day_used_up") == []
    first = json.loads(keeper("jobs list --limit 2 --json").out)
    assert [one["entity"] for one in listed(keeper, f"--limit 2 --before {first['next']}")] == ["listings"]
    shown = keeper("jobs list")
    assert first["jobs"][0]["job_id"] in shown.out
    assert keeper("jobs list --state lost").refusal().startswith("There is no state 'lost'. One of: waiting, ")
    assert "no age" in keeper("jobs list --older-than soon").refusal()
    assert "no page ended" in keeper("jobs list --before now").refusal()
    assert keeper("jobs list --platform ebay").refusal().startswith("Unknown platform")


def test_an_open_job_is_ended_and_tried_again(keeper: Keeper, db: Db) -> None:
    user = make_seller(db, "etsy")
    queue(db, user, ("etsy", "orders"), ("etsy", "listings"))
    leased = claim(db)
    (orders,) = listed(keeper, "--entity orders")

    assert "is still open" in keeper(f"jobs retry {orders['job_id']}").refusal()
    assert "runs" in keeper(f"jobs run-now {orders['job_id']}").refusal()
    assert keeper(f"jobs cancel {orders['job_id']} --yes").out.startswith("Ended: etsy orders of ")

    # Whoever worked it has lost it, the next of the shop goes on, and the seller reads what happened.
    assert db.execute("select count(*) from public.sync_jobs where lease_id = %s", [leased["lease_id"]]).fetchone() == (
        0,
    )
    told = db.execute("select entity, status, error_code, seller_message from public.sync_jobs order by position")
    words = "Whoever runs this service has ended it. What was read stays; you can start it again."
    assert told.fetchall() == [("orders", "failed", "cancelled", words), ("listings", "queued", None, None)]
    assert "has ended already" in keeper(f"jobs cancel {orders['job_id']} --yes").refusal()
    assert "has ended already" in keeper(f"jobs run-now {orders['job_id']}").refusal()
    assert "cancelled by" in keeper(f"jobs show {orders['job_id']}").out
    assert keeper(f"jobs retry {orders['job_id']}").out == "etsy orders: queued.\n"
    assert [one["status"] for one in listed(keeper, "--entity orders")] == ["waiting", "failed"]
    (action,) = db.execute(ACTIONS).fetchall()
    assert action[:2] == ("cancel_job", user)


def test_a_job_that_waits_for_its_time_goes_on_now(keeper: Keeper, db: Db) -> None:
    user = make_seller(db, "etsy")
    queue(db, user, ("etsy", "orders"), ("etsy", "listings"))
    leased = claim(db)
    db.execute("select public.park_job(%s, 'quota', 40000, false, p_code => 'day_used_up')", [leased["lease_id"]])
    (orders,), (listings,) = (listed(keeper, f"--entity {entity}") for entity in ("orders", "listings"))
    assert (orders["status"], orders["park_code"]) == ("parked", "day_used_up")

    assert keeper(f"jobs run-now {orders['job_id']}").out.startswith("Next: etsy orders of ")

    assert claim(db)["id"] == orders["job_id"]
    assert "waits for another of its shop" in keeper(f"jobs run-now {listings['job_id']}").refusal()
    assert keeper(f"jobs show {uuid.uuid4()}").refusal().startswith("There is no job ")
    assert "is not a job's id" in keeper("jobs show 7").refusal()
    assert [row[0] for row in db.execute(ACTIONS).fetchall()] == ["hurry_job"]


def test_users_are_found_with_how_they_stand(keeper: Keeper, db: Db) -> None:
    ada, bob = make_seller(db, "etsy", "shopify"), make_seller(db, "etsy")
    queue(db, ada, ("etsy", "orders"), ("etsy", "listings"))
    db.execute(
        "insert into private.tenant_calls (user_id, platform, class, hour, calls)"
        " values (%s, 'etsy', 'backfill', date_trunc('hour', now()), 40),"
        " (%s, 'etsy', 'backfill', now() - interval '2 days', 9)",
        [ada, ada],
    )
    (email,) = db.execute("select email from auth.users where id = %s", [bob]).fetchone()  # type: ignore[misc]
    job = listed(keeper, "--entity orders")[0]
    keeper(f"jobs cancel {job['job_id']} --yes")

    everybody = json.loads(keeper("tenants --json").out)["tenants"]
    by_id = {one["user_id"]: one for one in everybody}
    assert set(by_id) == {ada, bob}
    assert [(shop["platform"], shop["status"]) for shop in by_id[ada]["shops"]] == [
        ("etsy", "connected"), ("shopify", "connected"),
    ]  # fmt: skip
    assert (by_id[ada]["open"], by_id[ada]["failing"], by_id[ada]["calls"]) == (1, 1, {"etsy": 40})
    assert by_id[bob]["known_until"] is None
    assert email in keeper(f"tenants --search {email.upper()}").out
    assert [one["user_id"] for one in json.loads(keeper(f"tenants --search {ada} --json").out)["tenants"]] == [ada]
    first = json.loads(keeper("tenants --limit 1 --json").out)
    second = json.loads(keeper(f"tenants --limit 1 --before {first['next']} --json").out)
    assert {first["tenants"][0]["user_id"], second["tenants"][0]["user_id"]} == {ada, bob}
    assert keeper("tenants --search nobody").out == "None.\n"


def test_a_platform_is_left_alone_and_taken_up(keeper: Keeper, db: Db) -> None:
    ada, bob = make_seller(db, "etsy"), make_seller(db, "shopify")
    queue(db, ada, ("etsy", "orders"))
    queue(db, bob, ("shopify", "orders"))

    assert keeper("platforms pause etsy").out == "Paused; 1 jobs were under way and wait.\n"
    assert keeper("platforms pause etsy").out == "Paused; 0 jobs were under way and wait.\n"
    assert "etsy: paused since" in keeper("platforms list").out
    # What is asked for meanwhile waits too, and others go on.
    queue(db, ada, ("etsy", "listings"))
    assert claim(db)["platform"] == "shopify"
    assert claim(db) is None
    assert keeper("jobs list --platform etsy").out.startswith("paused: backfill of listings, etsy")

    assert keeper("platforms resume etsy").out == "Resumed; 1 jobs go on.\n"
    assert claim(db)["platform"] == "etsy"
    assert "etsy: read" in keeper("platforms list").out
    assert keeper("platforms pause ebay").refusal().startswith("Unknown platform")
    assert [row[:3] for row in db.execute(ACTIONS).fetchall()] == [
        ("pause_platform", None, "etsy"), ("pause_platform", None, "etsy"), ("resume_platform", None, "etsy"),
    ]  # fmt: skip
