"""The cursor that is left, the newest version that wins, leases that fence, tenants that never mix, lost answers."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from execution.app import App
from execution.errors import LeaseLost, StoreError
from execution.store import Store
from tests.doubles.clocks import HastyClock
from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.worlds.process import close_app, make_app
from tests.worlds.world import World

WorldOf = Callable[[Shop], World]
START = datetime(2026, 11, 1, tzinfo=UTC)
ORDER_TABLES = ("orders", "line_items", "order_refunds", "order_fulfillments", "customers")


def test_records_that_change_during_the_backfill_are_after_the_cursor_that_it_leaves(
    etsy: Etsy, world_of: WorldOf
) -> None:
    world = world_of(etsy.shop(240))
    receipts = [r["receipt_id"] for r in etsy.truth(world.shop, "receipts", paid="true")]
    for after, receipt in ((1, receipts[0]), (2, receipts[50]), (3, receipts[120]), (3, receipts[-1])):
        fields = {"is_gift": True, "gift_message": "for you"}
        etsy.mutate(
            world.shop,
            "update_order",
            receipt_id=receipt,
            fields=fields,
            after={"requests": after, "path": "receipts$"},
        )

    world.run("orders")

    truth = {str(r["receipt_id"]): r for r in etsy.truth(world.shop, "receipts", paid="true")}
    old = {d.key for d in world.wrong("orders")}
    watermark = world.watermark("orders")
    assert str(receipts[0]) in old
    assert all(truth[key]["updated_timestamp"] > watermark.timestamp() for key in old)
    window_end = world.job("orders")["window_end"]
    assert watermark == window_end.replace(microsecond=0) - timedelta(minutes=15)
    assert window_end <= datetime.now(UTC)


def test_a_cursor_later_than_the_frozen_bound_is_refused(world_of: WorldOf, etsy: Etsy) -> None:
    world, lease = leased(world_of, etsy)
    bound = datetime.now(UTC) - timedelta(minutes=5)
    world.app.store.rpc("freeze_window", p_lease_id=lease, p_start=START.isoformat(), p_end=bound.isoformat())
    certificate = {"distinct_keys": 0, "checks": []}

    with pytest.raises(StoreError, match="watermark_after_window"):
        world.app.store.rpc(
            "complete_job",
            p_lease_id=lease,
            p_certificate=certificate,
            p_watermark=(bound + timedelta(seconds=1)).isoformat(),
        )

    assert world.job("orders")["status"] == "running"


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_versions_of_the_same_second_end_as_the_last_fetched_in_whatever_order_they_are_committed(
    world_of: WorldOf, etsy: Etsy, order: tuple[int, ...]
) -> None:
    """The first and the third fetch show the same content, so the third writes no row: it must win all the same."""
    world, lease = leased(world_of, etsy)
    grants = ("paid", "open", "paid", "completed") if order[0] % 2 else ("paid", "open", "completed", "open")

    for seq, fetch in enumerate(order):
        page = [receipt(key, status=grants[fetch], lines=fetch % 2 + 1) for key in (1, 2)]
        commit(world, lease, seq, page, fetched_at=START + timedelta(seconds=fetch))

    assert {row["status"] for row in world.stored("orders").values()} == {grants[3]}
    assert len(world.stored("line_items")) == 2 * (3 % 2 + 1)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_an_older_version_never_overwrites_a_newer_one(world_of: WorldOf, etsy: Etsy, order: tuple[int, ...]) -> None:
    world, lease = leased(world_of, etsy)

    for seq, version in enumerate(order):
        # The newest version is the one that was fetched first.
        page = [receipt(1, status=f"s{version}", updated=1_790_000_000 + version)]
        commit(world, lease, seq, page, fetched_at=START - timedelta(seconds=version))

    assert world.stored("orders")["1"]["status"] == "s2"


def test_an_unchanged_row_costs_no_write(world_of: WorldOf, etsy: Etsy) -> None:
    world, lease = leased(world_of, etsy)
    commit(world, lease, 0, [receipt(1), receipt(2)])
    before = tuples(world)

    result = commit(world, lease, 1, [receipt(1), receipt(2)], fetched_at=START + timedelta(hours=1))

    assert result["unchanged"] == 2
    assert tuples(world) == before


def test_a_page_with_another_tenants_ids_touches_none_of_theirs(world_of: WorldOf, etsy: Etsy) -> None:
    one, lease_of_one = leased(world_of, etsy)
    commit(one, lease_of_one, 0, [receipt(1), receipt(2)])
    before = tuples(one)
    # Out of the way: a claim takes the next job of anyone.
    one.app.store.rpc("park_job", p_lease_id=lease_of_one, p_reason="x", p_delay_seconds=9999, p_charge=False)
    other, lease_of_other = leased(world_of, etsy)

    page = [{**receipt(1, status="stolen", updated=1_799_999_999), "user_id": one.user_id}, receipt(2, lines=0)]
    commit(other, lease_of_other, 0, page, fetched_at=START + timedelta(days=9))

    assert tuples(one) == before
    assert other.stored("orders")["1"]["status"] == "stolen"


LEASE_FUNCTIONS: dict[str, dict[str, Any]] = {
    "extend_lease": {},
    "freeze_window": {"p_start": START.isoformat(), "p_end": START.isoformat()},
    "hand_back_job": {},
    "park_job": {"p_reason": "x", "p_delay_seconds": 1, "p_charge": True},
    "fail_job": {"p_code": "x", "p_error": "x", "p_seller_message": "x"},
    "complete_job": {"p_certificate": {"distinct_keys": 0, "checks": []}, "p_watermark": None},
    "move_cursor": {"p_cursor": {"step": 9}},
    "next_lookups": {"p_name": "transactions", "p_after": "", "p_limit": 1},
    "derive": {"p_name": "payment_orders", "p_after": "", "p_limit": 1},
    "prove": {"p_name": "line_items"},
    "audit_round": {"p_stream": "receipts", "p_table": "orders"},
    "audit_read": {"p_stream": "receipts", "p_table": "orders", "p_time_column": "ordered_at"},
    "sweep_gone": {"p_stream": "receipts", "p_table": "orders", "p_time_column": "", "p_last_pass": False},
    "rejects_of": {},
    "close_gone": {"p_kind": "receipts", "p_table": "orders", "p_object_ids": ["1"]},
    "new_keys": {"p_stream": "receipts", "p_keys": ["1"]},
    "read_tokens": {},
    "begin_token_refresh": {"p_version": 1, "p_fence": str(uuid.UUID(int=5))},
    "mark_reconnect_needed": {"p_version": 1, "p_reason": "x"},
    "note_rights": {"p_rights": ["orders"]},
    "rights_of": {},
    "tell_time_zone": {"p_zone": "Europe/Riga"},
    "change_rights": {"p_rights": ["orders"], "p_uses": {}},
    "registered_webhooks": {},
    "note_webhook": {"p_made": {}},
    "note_webhooks": {"p_state": "working", "p_missing": [], "p_reason": "", "p_registered": []},
}


def test_the_list_of_lease_functions_is_whole(world_of: WorldOf, etsy: Etsy) -> None:
    world = world_of(etsy.shop(1))

    found = world.rows(
        "select proname from pg_proc where pronamespace = 'public'::regnamespace and 'p_lease_id' = any (proargnames)"
    )

    assert {row["proname"] for row in found} == {*LEASE_FUNCTIONS, "claim_job"}


@pytest.mark.parametrize("function", [*LEASE_FUNCTIONS, "commit_page"])
def test_a_stale_lease_can_write_nothing(world_of: WorldOf, etsy: Etsy, function: str) -> None:
    world, stale = leased(world_of, etsy)
    commit(world, stale, 0, [receipt(1)])
    world.wake()
    fresh = claim(world)
    before = (tuples(world), world.job("orders"))

    def write() -> None:
        if function == "commit_page":
            commit(world, stale, 1, [receipt(2)])
        else:
            world.app.store.rpc(function, p_lease_id=stale, **LEASE_FUNCTIONS[function])

    with pytest.raises(LeaseLost):
        write()

    assert fresh != stale
    assert (tuples(world), world.job("orders")) == before


@pytest.mark.parametrize("seq", [0, 2, 7])
def test_a_page_out_of_turn_is_refused(world_of: WorldOf, etsy: Etsy, seq: int) -> None:
    world, lease = leased(world_of, etsy)
    commit(world, lease, 0, [receipt(1)])

    with pytest.raises(StoreError, match="page_out_of_order"):
        commit(world, lease, seq, [receipt(2)])

    assert set(world.stored("orders")) == {"1"}


def test_a_page_that_is_sent_twice_lands_once_and_answers_the_same(world_of: WorldOf, etsy: Etsy) -> None:
    world, lease = leased(world_of, etsy)
    page_id = str(uuid.uuid4())
    first = commit(world, lease, 0, [receipt(1), receipt(2)], page_id=page_id, closing=True)
    before = (tuples(world), world.job("orders"))

    second = commit(world, lease, 0, [receipt(1), receipt(2)], page_id=page_id, closing=True)

    assert second == first
    assert (tuples(world), world.job("orders")) == before


class LosesAnswers(httpx.HTTPTransport):
    """Lets every request through, and loses the answer of every third."""

    calls = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        body = response.read()
        LosesAnswers.calls += 1
        if LosesAnswers.calls % 3 == 0:
            raise httpx.ReadError("the answer is lost")
        return httpx.Response(response.status_code, content=body)


def test_lost_answers_of_the_database_double_nothing(world_of: WorldOf, etsy: Etsy, app: App) -> None:
    world = world_of(etsy.shop(240))
    world.app = make_app(app.settings)
    vars(world.app)["store"] = Store(app.settings, clock=HastyClock(), transport=LosesAnswers())

    world.run()
    close_app(world.app)

    assert set(world.statuses().values()) == {"completed"}, [job["error"] for job in world.jobs("failed")]
    assert world.wrong() == []
    assert len(etsy.asked(world.shop, "receipts$")) <= 6


def leased(world_of: WorldOf, etsy: Etsy) -> tuple[World, str]:
    world = world_of(etsy.shop(1, listings=5))
    world.start("orders")
    return world, claim(world)


def claim(world: World) -> str:
    lease = str(uuid.uuid4())
    assert world.app.store.rpc("claim_job", p_lease_id=lease, p_worker="test")["user_id"] == world.user_id
    return lease


def commit(
    world: World,
    lease: str,
    seq: int,
    records: list[dict[str, Any]],
    *,
    fetched_at: datetime = START,
    page_id: str | None = None,
    closing: bool = False,
) -> dict[str, Any]:
    envelope = {
        "lease_id": lease,
        "page_id": page_id or str(uuid.uuid4()),
        "seq": seq,
        "stream": "receipts",
        "shape": "receipts",
        "part": 0,
        "pass": 1,
        "position": 0,
        "provider_count": len(records),
        "records_at": "results",
        "fetched_at": fetched_at.isoformat(),
        "cursor": {},
        "closing": closing,
    }
    body = json.dumps({"count": len(records), "results": records}).encode()
    parts = (b'{"page":', body, b',"envelope":', json.dumps(envelope).encode(), b"}")
    return world.app.store.commit_page(parts, lambda: None)


def receipt(key: int, *, status: str = "Paid", updated: int = 1_790_000_000, lines: int = 1) -> dict[str, Any]:
    def money(amount: int) -> dict[str, Any]:
        return {"amount": amount, "divisor": 100, "currency_code": "USD"}

    return {
        "receipt_id": key,
        "status": status,
        "is_paid": True,
        "buyer_user_id": 7,
        "name": "Ada",
        "created_timestamp": 1_780_000_000,
        "updated_timestamp": updated,
        "grandtotal": money(100),
        "transactions": [
            {"transaction_id": 10 * key + n, "quantity": 1, "price": money(50), "created_timestamp": 1_780_000_000}
            for n in range(lines)
        ],
    }


def tuples(world: World) -> list[Any]:
    """Every row of the user, with the transaction that wrote it."""
    return [
        world.rows(f"select platform_id, xmin::text, * from public.{t} where user_id = %s order by 1", world.user_id)
        for t in ORDER_TABLES
    ]
