"""The journey without a mouse: everything is reached with Tab, seen to have the focus, worked with Enter or Space."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.standins.etsy import Etsy
from tests.web.browser.person import connect_etsy, log_in, open_up, press_on, tab_to
from tests.web.browser.site import Workers


def test_the_whole_journey_with_the_keyboard_alone(
    open_page: Callable[..., Page], workers: Callable[[], Workers], etsy: Etsy
) -> None:
    etsy.shop(60)
    page = open_page()
    page.goto("/login")

    tab_to(page, "E-mail address")
    page.keyboard.type("ada@example.com")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    press_on(page, "Connect a shop")
    press_on(page, "Connect Etsy")
    press_on(page, "Grant access", ours=False)
    expect(page.get_by_text("Etsy is connected.")).to_be_visible()
    with workers():
        expect(page.get_by_role("heading", name="Everything is here, and proven")).to_be_visible(timeout=30_000)
    open_up(page, "What was checked")
    expect(page.get_by_text("The newest record is here")).to_be_visible()
    press_on(page, "See your figures")
    open_up(page, "Show as a table of orders over time")
    expect(page.get_by_role("table").first).to_be_visible()
    press_on(page, "All time")
    press_on(page, "Connections")
    press_on(page, "Sync again from Etsy")
    press_on(page, "Start")
    expect(page.get_by_text("The sync of Etsy was started.")).to_be_visible()
    press_on(page, "Connections")
    open_up(page, "Disconnect Etsy")
    press_on(page, "Disconnect Etsy")
    expect(page.get_by_text("Etsy is disconnected")).to_be_visible()
    press_on(page, "Sign out")
    expect(page).to_have_url(re.compile("/login"))


def test_the_first_tab_leads_past_the_header(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto("/login")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_role("main")).to_be_focused()


def test_the_focus_stays_while_the_page_renews_itself(
    open_page: Callable[..., Page], workers: Callable[[], Workers], etsy: Etsy
) -> None:
    """What arrives is woven into the page: neither the focus nor an opened part is lost."""
    etsy.shop(60)
    page = open_page()
    log_in(page)
    connect_etsy(page)
    etsy.fault("slow", seconds=0.6, path="ledger-entries$")

    with workers():
        expect(page.get_by_text("What was checked")).to_be_visible(timeout=30_000)
        open_up(page, "What was checked")
        before = page.locator("#progress progress").first.get_attribute("value")
        expect(page.locator("#progress progress").first).not_to_have_attribute("value", before or "")

        expect(page.locator("summary", has_text="What was checked")).to_be_focused()
        expect(page.get_by_text("The newest record is here")).to_be_visible()
