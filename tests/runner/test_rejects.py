"""What could not be mapped is on the certificate, and an entity that misses too much of it is not called complete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from execution import operations
from execution.errors import UserError
from execution.http.messages import Request, Response, Send
from execution.jobs import FAILED, OPEN, WITH_REJECTS
from execution.rejects import RejectLimits
from execution.reports import progress
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.slices_by_hand import notify, work_due
from tests.worlds.world import World
from web.pages import progress_view

WorldOf = Callable[[Shop], World]
WORDS = (
    "{count} of {count} records could not be read and are kept aside, so this is not all of it. "
    "Our engineers have been told; you can start this again."
)


def breaking(path: str, first: int, field: str) -> Callable[[Send, Request], Response]:
    """A platform that shows so many records of each page of a list in a way that nobody can map."""

    def through(send: Send, request: Request) -> Response:
        response = send(request)
        if not request.path.endswith(path):
            return response
        page = orjson.loads(response.body)
        for record in page["results"][:first]:
            record[field] = {"amount": "many"}
        return replace(response, body=orjson.dumps(page))

    return through


def breaking_one(amount: str) -> Callable[[Send, Request], Response]:
    """The same of the first receipt that is asked for by id, with a word of its own for the amount."""
    left = [amount]

    def through(send: Send, request: Request) -> Response:
        response = send(request)
        if "/receipts/" not in request.path or not left:
            return response
        record = {**orjson.loads(response.body), "grandtotal": {"amount": left.pop()}}
        return replace(response, body=orjson.dumps(record))

    return through


def profile(world: World) -> tuple[str, list[dict[str, str]]]:
    facts = operations.status(world.app, user_id=world.user_id, platform=None)
    return facts["backfill_status"], facts["failures"]


def verified(world: World, entity: str = "orders") -> dict[str, object]:
    facts = operations.verify(world.app, user_id=world.user_id, platform=None)
    return next(one for one in facts["entities"] if one["entity"] == entity)


def test_a_shop_whose_orders_were_all_rejected_is_not_complete(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(10))
    world.start("orders")

    work_due(world, breaking("receipts", 100, "grandtotal"))

    count = world.certificate("orders")["provider_count"]
    assert world.error("orders") == (
        "completed_with_rejects",
        "records_rejected",
        WORDS.format(count=count),
    )
    assert (world.certificate("orders")["rejected"], world.certificate("orders")["is_whole"]) == (count, False)
    status_now, failures = profile(world)
    assert status_now == "completed_with_rejects"
    assert [(f["entity"], f["status"], f["code"]) for f in failures] == [
        ("orders", "completed_with_rejects", "records_rejected")
    ]
    found = verified(world)
    assert (found["ok"], found["is_held"]) == (False, True)
    # What was rejected would be rejected again: nobody is asked for it without being told to.
    assert world.statuses() == {"orders": "completed_with_rejects"}


def test_the_next_start_reads_again_what_was_rejected(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(10))
    world.start("orders")
    work_due(world, breaking("receipts", 100, "grandtotal"))

    world.run("orders")

    assert world.statuses() == {"orders": "completed"}
    assert profile(world)[0] == "completed"
    assert world.rejected() == []
    assert verified(world)["ok"]


def test_a_replay_that_lands_all_makes_it_complete(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(10))
    world.start("orders")
    work_due(world, breaking("receipts", 100, "grandtotal"))
    world.db.execute(
        "update public.rejected_records set raw = convert_to(replace(convert_from(raw, 'UTF8'),"
        ' \'{"amount":"many"}\','
        ' \'{"amount":100,"divisor":100,"currency_code":"USD"}\'), \'UTF8\') where user_id = %s',
        (world.user_id,),
    )

    totals = operations.replay_rejected(world.app, user_id=world.user_id)

    assert totals["refused"] == 0
    assert world.statuses() == {"orders": "completed"}
    assert profile(world) == ("completed", [])
    assert verified(world)["ok"]
    assert (world.certificate("orders")["rejected"], world.certificate("orders")["is_whole"]) == (0, True)


def test_a_fetch_that_lands_all_makes_it_complete(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(10))
    world.start("orders")
    work_due(world, breaking("receipts", 100, "grandtotal"))

    (asked,) = operations.fetch_rejected(world.app, user_id=world.user_id)
    # One that is rejected once more, in other words, is missing as before.
    work_due(world, breaking_one("lots"))
    assert world.statuses()["orders"] == "completed_with_rejects"
    assert len(world.rejected()) == 1
    operations.fetch_rejected(world.app, user_id=world.user_id)
    work_due(world)

    assert (asked["records"], len(world.rejected("superseded"))) == (10, 10 + 1)
    assert world.rejected() == []
    assert world.statuses()["orders"] == "completed"
    assert profile(world) == ("completed", [])
    assert verified(world)["ok"]
    assert (world.certificate("orders")["rejected"], world.certificate("orders")["is_whole"]) == (0, True)


def test_what_a_notice_met_first_is_missing_from_its_entity_too(etsy: Etsy, world_of: WorldOf) -> None:
    world = world_of(etsy.shop(1))
    (receipt,) = etsy.truth(world.shop, "receipts", paid="true")
    notify(world, "order.paid", "read", str(receipt["receipt_id"]), p_kind="receipts")
    work_due(world, breaking_one("many"))
    (kept,) = world.rejected()
    world.start("orders")

    work_due(world, breaking("receipts", 100, "grandtotal"))

    assert [row["id"] for row in world.rejected()] == [kept["id"]]
    assert world.statuses()["orders"] == "completed_with_rejects"


def test_a_lookups_rejected_records_count_too(etsy: Etsy, world_of: WorldOf) -> None:
    """The ledger is whole, and of the payments that are looked up for it none can be mapped."""
    world = world_of(etsy.shop(30))
    world.start("payments")

    work_due(world, breaking("payments", 100, "amount_gross"))

    (check,) = (c for c in world.certificate("payments")["checks"] if c["name"] == "rejects")
    assert not check["ok"]
    assert world.statuses() == {"payments": "completed_with_rejects"}


@pytest.mark.parametrize(
    ("read", "rejected", "is_allowed"),
    [(10, 0, True), (0, 0, True), (1, 1, False), (10, 1, False), (100, 5, True), (100, 6, False), (10_000, 21, False)],
)
def test_the_limits_are_a_share_and_a_number_whichever_is_less(read: int, rejected: int, *, is_allowed: bool) -> None:
    limits = RejectLimits(share=0.05, number=20)

    assert limits.allow(read=read, rejected=rejected) is is_allowed
    assert (limits.shortfall("orders", [{"read": read, "rejected": rejected}]) is None) is is_allowed


def test_where_nothing_is_held_no_limit_allows_it() -> None:
    assert not RejectLimits(share=1.0, number=1000).allow(read=10, rejected=10)
    assert RejectLimits(share=1.0, number=1000).allow(read=10, rejected=9)


def test_the_directive_declares_limits_and_a_mistake_in_it_is_told(tmp_path: Path) -> None:
    assert 0 < RejectLimits.load().share < 1
    for said in ("jobs: {}", "rejects: 5", "rejects: {share: 2, number: 1}", "rejects: {share: a, number: 1}", "a: ["):
        page = tmp_path / "backfill.md"
        page.write_text(f"---\n{said}\n---\n")
        with pytest.raises(UserError, match="rejects"):
            RejectLimits.load(page)


def test_every_status_of_a_job_has_a_mark_and_words(world_of: WorldOf, etsy: Etsy) -> None:
    """The database declares them; whatever shows a job must know each."""
    world = world_of(etsy.shop(1))
    (row,) = world.rows(
        "select array(select m[1] from regexp_matches(pg_get_constraintdef(oid), '''(\\w+)''', 'g') as m) as names"
        " from pg_constraint where conname = 'sync_jobs_status_check'"
    )
    declared = set(row["names"])

    assert declared == {*OPEN, *FAILED, "completed", WITH_REJECTS}
    assert declared == progress._MARKS.keys()
    assert declared == progress_view._LINES.keys()
