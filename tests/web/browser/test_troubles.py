"""What goes wrong is told in a seller's words, with a way on; and what a browser lacks is no wall."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from execution import job_runner
from execution.tokens import refresh
from tests.standins.etsy import Etsy
from tests.web.browser.person import PHONE, connect_etsy, faults, log_in, overflow
from tests.web.browser.screenshots import Look
from tests.web.browser.site import Workers
from web.live import server_sent_events


def test_a_used_up_day_says_when_it_continues(
    open_page: Callable[..., Page], workers: Callable[[], Workers], etsy: Etsy, look: Look
) -> None:
    """The quota is Etsy's; the seller reads until when, not an error."""
    etsy.shop(900, years=2)
    page = open_page()
    log_in(page)
    connect_etsy(page)
    etsy.fault("rate_limit", which="day", retry_after=50_000, path="receipts$", nth=4)

    with workers():
        expect(page.get_by_text(re.compile(r"^Orders paused at \d+/\d+$"))).to_be_visible(timeout=60_000)
    expect(page.get_by_text(re.compile(r"Etsy lets us read only so much a day\. Continues "))).to_be_visible()
    expect(page.get_by_role("heading", name="Paused, and going on by itself")).to_be_visible()
    look(page, "sync-paused")


@pytest.fixture
def said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is final is said a second time without the time between."""
    for module in (refresh, job_runner):
        monkeypatch.setattr(module, "SAID_AGAIN_AFTER", timedelta(seconds=0.1))


@pytest.mark.usefixtures("said_at_once")
def test_a_lost_access_leads_to_reconnecting_and_on(
    open_page: Callable[..., Page], workers: Callable[[], Workers], etsy: Etsy, look: Look
) -> None:
    """Etsy no longer accepts us: the page says so, and two clicks later the sync goes on where it was."""
    etsy.shop(60)
    page = open_page()
    log_in(page)
    connect_etsy(page)
    etsy.control("POST", "/tokens/revoke")

    with workers():
        expect(page.get_by_role("link", name="Reconnect Etsy")).to_be_visible(timeout=30_000)
        look(page, "sync-failed")
        page.get_by_role("link", name="Reconnect Etsy").click()
        expect(page.get_by_text("Etsy no longer accepts our access.")).to_be_visible()
        assert faults(page) == []
        page.get_by_role("button", name="Reconnect Etsy").click()
        page.get_by_role("button", name="Grant access").click()
        expect(page.get_by_role("heading", name="Everything is here, and proven")).to_be_visible(timeout=30_000)


def test_a_right_that_is_missing_is_named_on_every_page_until_it_is_granted(
    open_page: Callable[..., Page], workers: Callable[[], Workers], etsy: Etsy, look: Look
) -> None:
    """The seller unticked one right at Etsy: the rest is here, and each page says what is missing and asks for it."""
    etsy.shop(30)
    page = open_page()
    log_in(page)
    page.route("**/oauth/connect?*", lambda route: route.continue_(url=route.request.url.replace("listings_r", "")))
    connect_etsy(page)
    named = page.get_by_text(re.compile("Etsy has not given us the right listings_r"))
    places = ("/backfill", "/dashboard", "/settings/connections")

    with workers():
        for path in places:
            page.goto(path)
            expect(named.first).to_be_visible(timeout=30_000)
            look(page, f"right-missing-{path.split('/')[-1]}")
        page.unroute_all()
        page.get_by_role("button", name="Reconnect Etsy").click()
        page.get_by_role("button", name="Grant access").click()
        expect(page.get_by_role("heading", name="Everything is here, and proven")).to_be_visible(timeout=30_000)


def test_a_seller_who_says_no_is_told_that_nothing_happened(open_page: Callable[..., Page], etsy: Etsy) -> None:
    etsy.shop(5)
    page = open_page()
    log_in(page)
    page.goto("/settings/connections")
    page.get_by_role("button", name="Connect Etsy").click()

    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_role("alert")).to_have_text(
        "You did not confirm at Etsy, so nothing was connected. You can try again."
    )
    expect(page.get_by_role("button", name="Connect Etsy")).to_be_visible()


def test_without_scripts_the_page_loads_itself_again(
    open_page: Callable[..., Page], workers: Callable[[], Workers], etsy: Etsy
) -> None:
    etsy.shop(60)
    page = open_page(java_script_enabled=False)
    log_in(page)
    connect_etsy(page)

    with workers():
        expect(page.get_by_role("heading", name="Everything is here, and proven")).to_be_visible(timeout=30_000)
    page.goto("/dashboard")

    expect(page.get_by_role("img", name=re.compile("Orders by month"))).to_be_visible()


def test_a_line_that_ends_is_taken_up_again(
    open_page: Callable[..., Page], workers: Callable[[], Workers], etsy: Etsy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every look ends the line here; the browser comes back, and what happened meanwhile is shown."""
    monkeypatch.setattr(server_sent_events, "LONGEST_STREAM_S", 0.0)
    etsy.shop(60)
    page = open_page()
    lines: list[str] = []
    page.on("request", lambda request: lines.append(request.url) if request.url.endswith("/backfill/live") else None)
    log_in(page)
    connect_etsy(page)

    with workers():
        expect(page.get_by_role("heading", name="Everything is here, and proven")).to_be_visible(timeout=30_000)

    assert len(lines) > 1


def test_a_page_that_is_not_there_leads_home(open_page: Callable[..., Page]) -> None:
    """Nor is one of a shop that is not connected, or of a platform that nobody knows."""
    page = open_page(PHONE)
    log_in(page)

    for path, onward in (
        ("/settings/connections/etsy/sync", "Back to connections"),
        ("/settings/connections/atlantis/connect", "Back to connections"),
        ("/oauth/etsy/callback?state=of-yesterday", "Back to connections"),
        ("/logout", "Back to the dashboard"),
        ("/nowhere", "Back to the dashboard"),
    ):
        answer = page.goto(path)

        assert answer is not None
        assert answer.status in (400, 404, 405)
        assert "engineers" not in page.inner_text("main"), "nothing of ours is broken"
        expect(page.get_by_role("link", name=onward)).to_be_visible()
        assert faults(page) == []
        assert overflow(page) == 0
    page.get_by_role("link", name="Back to the dashboard").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()


def test_a_form_whose_session_ended_leads_to_signing_in(open_page: Callable[..., Page], etsy: Etsy) -> None:
    """The tab was left open over night: nothing of ours is broken, and nothing was done."""
    etsy.shop(5)
    page = open_page()
    log_in(page)
    page.goto("/settings/connections")
    page.context.clear_cookies()

    page.get_by_role("button", name="Connect Etsy").click()

    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    expect(page.get_by_text("Nothing was changed. Sign in, then repeat what you did.")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("link", name="Sign in").click()
    expect(page.get_by_label("E-mail address")).to_be_visible()


def test_a_form_that_is_older_than_the_sign_in_is_refused_in_words(open_page: Callable[..., Page], etsy: Etsy) -> None:
    """Two windows: signed out and in again in one, the other's form is stale."""
    etsy.shop(5)
    page = open_page()
    log_in(page)
    page.goto("/settings/connections")
    other = page.context.new_page()
    other.goto("/dashboard")
    other.get_by_role("button", name="Sign out").click()
    log_in(other, "bob@example.com")

    page.get_by_role("button", name="Connect Etsy").click()

    expect(page.get_by_role("heading", name="That came from somewhere else")).to_be_visible()
    assert faults(page) == []


def test_a_mistyped_address_is_told_at_its_field(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto("/login")
    field = page.get_by_label("E-mail address")
    field.evaluate("it => it.type = 'text'")

    field.fill("ada at home")
    page.get_by_role("button", name="Sign in").click()

    expect(field).to_be_focused()
    expect(field).to_have_accessible_description("Write an e-mail address, like ada@example.com.")
    assert faults(page) == []


def test_the_dark_pages_have_enough_contrast(open_page: Callable[..., Page]) -> None:
    page = open_page(color_scheme="dark")
    page.goto("/login")
    assert faults(page) == []
    log_in(page)

    for path in ("/dashboard", "/backfill", "/settings/connections"):
        page.goto(path)

        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(19, 19, 22)"
        assert faults(page) == []


def test_axe_finds_a_planted_fault(open_page: Callable[..., Page]) -> None:
    """The judge is awake: a field without a label and grey on grey are found."""
    page = open_page()
    page.goto("/login")

    page.evaluate("document.querySelector('label').remove()")
    page.evaluate("document.querySelector('h1').style.color = '#eeeeee'")

    assert {fault["rule"] for fault in faults(page)} == {"label", "color-contrast"}
