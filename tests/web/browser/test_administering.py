"""An administrator finds a user, ends a job and tries it again, pauses, starts a sync, watches it, takes it back."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import psycopg
from playwright.sync_api import Page, expect

from tests.standins.etsy import Etsy
from tests.web.browser.person import connect_etsy, log_in, press_on
from tests.web.browser.screenshots import Look
from tests.web.browser.site import Workers


def test_an_administrator_runs_watches_and_undoes_a_sync(  # noqa: PLR0915  one journey
    open_page: Callable[..., Page],
    workers: Callable[[], Workers],
    etsy: Etsy,
    db: psycopg.Connection[Any],
    look: Look,
) -> None:
    etsy.shop(24)
    page = open_page()
    log_in(page)
    connect_etsy(page)
    page.goto("/admin/tenants")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    db.execute("insert into private.admins (user_id) select user_id from public.profiles")

    page.goto("/admin")
    expect(page.get_by_role("cell", name="in progress")).to_be_visible()
    look(page, "admin-users")
    press_on(page, "Jobs")
    look(page, "admin-jobs")
    page.get_by_label("State").select_option("queued")
    press_on(page, "Show")
    page.get_by_role("link", name="Orders, backfill").click()
    press_on(page, "Cancel Orders, backfill of ada@example.com")
    expect(page.get_by_text("Ended.", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile("^cancelled by "))).to_be_visible()
    look(page, "admin-job")
    press_on(page, "Try again Orders, backfill of ada@example.com")
    expect(page.get_by_text("Asked for once more.")).to_be_visible()

    page.get_by_role("link", name="ada@example.com").click()
    expect(page.get_by_role("heading", name="Under way")).to_be_visible()
    press_on(page, "Pause this user")
    expect(page.get_by_text("Paused: nothing is read.")).to_be_visible()
    expect(page.get_by_text("paused", exact=True).first).to_be_visible()
    press_on(page, "Resume this user")
    look(page, "admin-sync")
    with workers():
        # It looks by itself.
        expect(page.get_by_text("Nothing.", exact=True)).to_be_visible(timeout=60_000)
    db.execute("update public.orders set total_amount = 1, content_hash = 1")

    page.get_by_label("All orders once more, from a day on").check()
    page.get_by_label("Orders since").fill("2018-01-01")
    press_on(page, "Start")
    expect(page.get_by_text("Started. What it does stands below.")).to_be_visible()
    with workers():
        expect(page.get_by_text("Nothing.", exact=True)).to_be_visible(timeout=60_000)
    expect(page.get_by_text(re.compile(r"Orders: \d+ changed"))).to_be_visible()
    look(page, "admin-history")
    page.get_by_role("button", name="Take back the backfill").first.click()
    expect(page.get_by_text("Taken back.", exact=True)).to_be_visible()

    page.get_by_label("One shop anew, beside what is there").check()
    press_on(page, "Start")
    expect(page.get_by_text("A full refresh is of one shop: choose it.")).to_be_visible()
    page.locator("select[name=connection_id]").select_option(index=1)
    page.get_by_label("For a shop anew: type its name").fill("Some other shop")
    press_on(page, "Start")
    expect(page.get_by_text("That is not the shop's name")).to_be_visible()
    look(page, "admin-refused", picture=False)
    assert db.execute("select count(*) from private.full_refreshes").fetchone() == (0,)

    for name in ("Budgets", "Money", "Health"):
        press_on(page, name)
        expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
        look(page, f"admin-{name.lower()}")
