"""The whole journey of a newcomer, at a desk and on a phone: sign in, connect, watch it fill, re-trigger, leave."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.standins.etsy import Etsy
from tests.web.browser.person import connect_etsy, log_in
from tests.web.browser.screenshots import Look
from tests.web.browser.site import Workers

# Slow in the middle, so that a person, or a test, sees the counts stand and grow.
_SLOW = {"seconds": 1.2, "path": "receipts$", "nth": [3, 4, 5]}


def test_a_newcomer_connects_a_shop_and_watches_it_fill(  # noqa: PLR0915  a journey has many steps
    open_page: Callable[..., Page], workers: Callable[[], Workers], etsy: Etsy, look: Look
) -> None:
    """Every page on the way has no serious fault of accessibility and fits both windows."""
    etsy.shop(1200, years=3)
    etsy.fault("slow", **_SLOW)
    page = open_page()

    page.goto("/backfill")
    expect(page).to_have_url(re.compile(r"/login\?next=/backfill$"))
    look(page, "login")
    log_in(page)
    look(page, "dashboard-empty")
    page.get_by_role("link", name="Connect a shop").click()
    look(page, "connections-none")
    connect_etsy(page)

    with workers():
        expect(page.get_by_text(re.compile(r"^Syncing orders… [\d,]+/[\d,]+$"))).to_be_visible()
        expect(page.get_by_role("heading", name="Orders so far")).to_be_visible()
        first = page.get_by_text(re.compile("^Syncing orders…")).inner_text()
        look(page, "sync-running")
        expect(page.get_by_text(first, exact=True)).not_to_be_visible()
        page.goto("/dashboard")
        expect(page.get_by_text("Your history is still arriving")).to_be_visible()
        (shop,) = page.request.get("/connections").json()
        page.goto(f"/settings/connections/{shop['connection_id']}/sync")
        expect(page.get_by_role("heading", name="Already running")).to_be_visible()
        look(page, "sync-already-running", picture=False)
        page.get_by_role("link", name="Watch it").click()
        expect(page.get_by_role("heading", name="Everything is here, and proven")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("heading", name="Certificate: Etsy")).to_be_visible()
    page.get_by_text("What was checked").click()
    look(page, "sync-complete")

    page.get_by_role("link", name="See your figures").click()
    expect(page.get_by_role("heading", name="Revenue and profit")).to_be_visible()
    page.get_by_text("Show as a table of orders over time").click()
    look(page, "dashboard-table", picture=False)
    page.get_by_role("link", name="All time").click()
    # Three years are 36 months, or on some days of the year 37, which are too many for one chart.
    expect(page.get_by_role("img", name=re.compile("Orders by (month|year)"))).to_be_visible()
    look(page, "dashboard")

    page.get_by_role("link", name="Connections").click()
    look(page, "connections")
    page.get_by_role("link", name="Sync again from Etsy").click()
    expect(page.get_by_text("Requests to Etsy")).to_be_visible()
    look(page, "sync-again")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("The sync of Etsy was started.")).to_be_visible()
    expect(page.get_by_role("heading", name="Everything is being read once more")).to_be_visible()
    page.goto("/dashboard")
    expect(page.get_by_text("Your shops are being read once more")).to_be_visible()
    page.goto("/settings/connections")
    expect(page.get_by_text("Already running")).to_be_visible()
    expect(page.get_by_text(re.compile("^(Just now|[1-9].* ago)$"))).to_be_visible()

    page.get_by_text("Disconnect Etsy").first.click()
    page.get_by_role("button", name="Disconnect Etsy").click()
    expect(page.get_by_text("Etsy is disconnected, and our keys to it are deleted.")).to_be_visible()
    expect(page.get_by_role("button", name="Connect Etsy")).to_be_visible()
    look(page, "connections-disconnected", picture=False)
    page.goto("/backfill")
    page.get_by_role("link", name="Connect Etsy again").click()
    expect(page.get_by_role("button", name="Connect Etsy")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    page.goto("/dashboard")
    expect(page).to_have_url(re.compile("/login"))
