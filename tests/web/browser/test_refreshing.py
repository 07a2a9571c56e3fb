"""A seller who doubts what is here: the shop is read anew by its name, swapped in, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect

from execution import full_refresh
from execution.app import App
from tests.standins.etsy import Etsy
from tests.web.browser.person import connect_etsy, log_in, press_on
from tests.web.browser.screenshots import Look
from tests.web.browser.site import Site, Workers
from tests.worlds.process import close_app


@pytest.fixture
def clock_swaps(site: Site) -> Callable[[], None]:
    """What `keeper clock` does with what is proven."""

    def swap() -> None:
        app = App(settings=site.settings)
        full_refresh.swap_proven(app.store)
        close_app(app)

    return swap


def test_a_shop_is_read_anew_and_taken_back(  # noqa: PLR0917  pytest passes by name
    open_page: Callable[..., Page],
    workers: Callable[[], Workers],
    clock_swaps: Callable[[], None],
    etsy: Etsy,
    db: psycopg.Connection[Any],
    look: Look,
) -> None:
    etsy.shop(24)
    page = open_page()
    log_in(page)
    connect_etsy(page)
    with workers():
        expect(page.get_by_role("heading", name="Everything is here, and proven")).to_be_visible(timeout=60_000)
    orders = db.execute("update public.orders set total_amount = 1").rowcount

    page.goto("/settings/connections")
    page.get_by_role("link", name="Sync again").click()
    press_on(page, "Read the shop anew beside it")
    name = page.get_by_label("Type the shop's name to begin").locator("xpath=..").locator("strong").inner_text()
    look(page, "refresh-planned")
    page.get_by_label("Type the shop's name to begin").fill("Some other shop")
    press_on(page, "Read it anew")
    typed = page.get_by_label("Type the shop's name to begin")
    expect(typed).to_be_focused()
    expect(typed).to_have_value("Some other shop")
    expect(typed).to_have_accessible_description("That is not the shop's name. Type it exactly as it is called here.")

    typed.fill(name)
    press_on(page, "Read it anew")
    expect(page.get_by_text("Nothing has changed yet")).to_be_visible()
    look(page, "refresh-reading")
    press_on(page, "Cancel it")
    expect(page.get_by_text("Cancelled. Nothing has changed.")).to_be_visible()
    page.get_by_label("Type the shop's name to begin").fill(name)
    press_on(page, "Read it anew")
    with workers():
        expect(page.locator("progress")).to_have_text("100%", timeout=60_000)
    clock_swaps()

    # It looks by itself.
    expect(page.get_by_text("what differed was replaced at once")).to_be_visible(timeout=20_000)
    expect(page.get_by_text(f"{orders} changed")).to_be_visible()
    look(page, "refresh-swapped")
    assert db.execute("select count(*) from public.orders where total_amount = 1").fetchone() == (0,)
    press_on(page, "Take it back")
    expect(page.get_by_text("Taken back. Everything is as it was before.")).to_be_visible()
    look(page, "refresh-undone", picture=False)
    assert db.execute("select count(*) from public.orders where total_amount = 1").fetchone() == (orders,)
