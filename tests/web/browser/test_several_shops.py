"""A seller with two shops of a platform: each has its card, its progress and its certificate, and leaves alone."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.standins.etsy import Etsy
from tests.standins.stand_in import Shop
from tests.web.browser.person import connect_etsy, log_in
from tests.web.browser.screenshots import Look
from tests.web.browser.site import Workers


def _add(page: Page, shop: Shop) -> None:
    """Another shop of the same seller: at Etsy, its owner signs in."""
    page.goto("/settings/connections")
    page.get_by_role("button", name="Add another Etsy shop").click()
    page.get_by_label(shop.facts["shop_name"]).check()
    page.get_by_role("button", name="Grant access").click()
    expect(page.get_by_text("Etsy is connected.")).to_be_visible()


def test_two_shops_of_a_platform_stand_side_by_side(
    open_page: Callable[..., Page], workers: Callable[[], Workers], etsy: Etsy, look: Look
) -> None:
    page = open_page()
    log_in(page)
    first = etsy.shop(60)
    connect_etsy(page)
    second = etsy.shop(40)
    _add(page, second)
    names = [shop.facts["shop_name"] for shop in (first, second)]
    with workers():
        for name in names:
            expect(page.get_by_role("heading", name=re.compile(f"Certificate: .*{name}"))).to_be_visible(timeout=60_000)
    look(page, "two-shops-sync")
    page.goto("/dashboard")
    look(page, "two-shops-dashboard")
    page.goto("/settings/connections")
    for name in names:
        expect(page.get_by_role("heading", name=re.compile(name))).to_be_visible()
    look(page, "two-shops-connections")

    card = page.locator("section.connection", has=page.get_by_role("heading", name=re.compile(names[1])))
    card.locator("summary", has_text="Disconnect").click()
    card.get_by_role("button", name="Disconnect").click()

    # Which of the two, by its name.
    gone = f"Etsy ({names[1]}) is disconnected, and our keys to it are deleted."
    expect(page.get_by_text(gone)).to_be_visible()
    still = page.locator("section.connection", has=page.get_by_role("heading", name=re.compile(names[0])))
    expect(still.get_by_role("link", name="Sync again")).to_be_visible()
    look(page, "two-shops-one-left")
