"""Poison ends where it should: a record beside its page, a page with its entity, a slice in quarantine."""

from __future__ import annotations

import psycopg
from psycopg import sql

from execution.app import App
from tests.cross_platform.shops import Shops
from tests.cross_platform.test_pairs import mortal
from tests.runner.children import Mortal

__all__ = ["mortal"]
COMMIT = "/rest/v1/rpc/commit_page"


def test_poison_on_two_of_three_platforms_stays_where_it_is(
    app: App,
    db: psycopg.Connection[object],
    shops: Shops,
    mortal: Mortal,
    product_env: dict[str, str],
) -> None:
    """Etsy's orders kill three workers; Printify has orders that cannot be mapped, and products that never answer."""
    world = shops.seller(app, db)
    port = product_env["SUPABASE_URL"].rpartition(":")[2]
    world.of("etsy").start("orders")
    for _ in range(3):
        mortal.work(f"before:POST {port} {COMMIT}")
        world.wake()
    shops.stand_in("printify").control(
        "POST",
        "/faults",
        kind="bad_json",
        path=r"orders\.json",
        flavour="nul",
        field="line_items.0.metadata.sku",
        record=3,
    )
    shops.stand_in("printify").control("POST", "/faults", kind="status", path=r"products\.json", status=500)
    for platform, entities in (("etsy", ["listings", "payments", "customers"]), ("printify", []), ("shopify", [])):
        world.of(platform).start(*entities)
    world.drain()

    ended = {(job["platform"], job["entity"]): (job["status"], job["error_code"]) for job in world.jobs()}
    rejected = db.execute("select platform, stream, reason from public.rejected_records").fetchall()
    poisoned = {place: end for place, end in ended.items() if end != ("completed", None)}
    assert poisoned == {
        ("etsy", "orders"): ("quarantined", "quarantined"),
        ("etsy", "customers"): ("failed", "source_incomplete"),
        ("printify", "products"): ("failed", "attempts_exhausted"),
    }
    assert len(ended) > 8
    assert {row[:2] for row in rejected} == {("printify", "orders")}
    assert app.breakers() == []
    assert world.of("shopify").wrong() == []


def test_the_judge_sees_one_row_that_was_lost(app: App, db: psycopg.Connection[object], shops: Shops) -> None:
    """Planted: a row of one platform is gone after the work has ended."""
    world = shops.seller(app, db)
    world.start()
    world.drain()
    assert shops.wrong(world) == []

    for platform, table in (("etsy", "line_items"), ("printify", "printify_line_items"), ("shopify", "orders")):
        lost = sql.SQL("delete from public.{} where ctid = (select min(ctid) from public.{} where platform = %s)")
        with db.transaction(force_rollback=True):
            db.execute(lost.format(sql.Identifier(table), sql.Identifier(table)), (platform,))
            assert {difference.platform for difference in world.wrong()} == {platform}
