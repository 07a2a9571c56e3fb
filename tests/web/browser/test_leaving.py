"""What a shop is asked about once it is here, and its end: rejected records, many deletions, its zone, erasing it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import psycopg
from playwright.sync_api import Page, expect

from tests.standins.etsy import Etsy
from tests.web.browser.person import connect_etsy, log_in, open_up, press_on
from tests.web.browser.screenshots import Look
from tests.web.browser.site import Workers


def _seem_gone(db: psycopg.Connection[Any]) -> None:
    """A whole reading did not show most of the listings."""
    db.execute(
        "insert into private.held_deletions (connection_id, entity, table_name, children, run_id, held, stored)"
        " select id, 'listings', 'listings', '{}', gen_random_uuid(), 1240, 1302 from public.connected_accounts"
    )


def test_a_seller_decides_about_their_shop_to_its_end(
    open_page: Callable[..., Page],
    workers: Callable[[], Workers],
    etsy: Etsy,
    db: psycopg.Connection[Any],
    look: Look,
) -> None:
    etsy.shop(12)
    # An order without its currency is none that can be added up: it is kept aside, one of twelve.
    etsy.fault("bad_json", path="receipts$", flavour="nul", field="grandtotal.currency_code", record=7)
    page = open_page()
    log_in(page)
    connect_etsy(page)
    with workers():
        expect(page.get_by_role("heading", name="Some of it needs a look")).to_be_visible(timeout=90_000)
    expect(page.get_by_text("so this is not all of it").first).to_be_visible()
    look(page, "sync-rejects")

    for answer, decision in (("They are still there", "dismissed"), ("They are gone", "confirmed")):
        _seem_gone(db)
        page.goto("/settings/connections")
        expect(page.get_by_text("1,240")).to_be_visible()
        if decision == "dismissed":
            look(page, "deletions-held")
        press_on(page, answer)
        expect(page.get_by_text("1,240")).to_have_count(0)
        decided = db.execute("select decision from private.held_deletions order by id desc limit 1").fetchone()
        assert decided == (decision,)

    open_up(page, "Say the time zone")
    page.get_by_label("Time zone").fill("Riga")
    page.get_by_role("button", name="Save").click()
    typed = page.get_by_label("Time zone")
    expect(typed).to_be_focused()
    expect(typed).to_have_value("Riga")
    expect(typed).to_have_accessible_description(re.compile("Europe/Riga"))
    look(page, "zone-unknown")

    open_up(page, "Disconnect")
    press_on(page, "Disconnect Etsy")
    expect(page.get_by_text("was disconnected.")).to_be_visible()
    open_up(page, "Erase")
    look(page, "erase")
    press_on(page, "Erase Etsy")
    expect(page.get_by_text("nor is anything that was loaded from it.")).to_be_visible()
    expect(page.get_by_text("was disconnected.")).to_have_count(0)
    assert db.execute("select count(*) from public.orders").fetchone() == (0,)
    look(page, "erased")
