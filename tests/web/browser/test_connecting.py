"""Connecting the other platforms: each by its own consent page, Printify by a pasted token as well."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.standins.printify import Printify
from tests.standins.shopify import Shopify
from tests.standins.stand_in import Shop
from tests.web.browser.person import DESKTOP, PHONE, Window, faults, log_in, overflow

_WINDOWS = pytest.mark.parametrize("window", [DESKTOP, PHONE], ids=lambda window: window.name)


@pytest.fixture(scope="module")
def shopify_shop(shopify_process: Shopify) -> Shop:
    """One for all tests: without a host of its own, the stand-in asks for the only shop that it has."""
    shopify_process.settings(consent="ask")
    return shopify_process.shop(5)


def _at(page: Page, platform: str) -> None:
    log_in(page)
    page.goto("/settings/connections")
    page.get_by_role("link", name=f"Connect {platform}").click()
    expect(page.get_by_role("heading", name=f"Connect {platform}")).to_be_visible()
    assert faults(page) == []
    assert overflow(page) == 0


@_WINDOWS
def test_a_shopify_shop_is_named_and_confirmed(
    open_page: Callable[..., Page], shopify_shop: Shop, window: Window
) -> None:
    """A name that is none comes back on the form, with what was typed; the right one leads to Shopify and back."""
    page = open_page(window)
    _at(page, "Shopify")
    field = page.get_by_label("Name of your shop")

    field.fill("my shop & co")
    page.get_by_role("button", name="Continue to Shopify").click()
    expect(field).to_have_value("my shop & co")
    expect(field).to_have_accessible_description(re.compile("^This is not the name of a shop at Shopify"))
    expect(field).to_be_focused()
    assert faults(page) == []
    field.fill(shopify_shop.id.removesuffix(".myshopify.com"))
    page.get_by_role("button", name="Continue to Shopify").click()
    expect(page.get_by_text("read_all_orders")).to_be_visible()
    page.get_by_role("button", name="Grant access").click()

    expect(page.get_by_text("Shopify is connected.")).to_be_visible()
    expect(page.get_by_text(shopify_shop.facts["shop_name"])).to_be_visible()


def test_printify_is_connected_on_its_own_page(open_page: Callable[..., Page], printify: Printify) -> None:
    shop = printify.shop(5)
    page = open_page()
    _at(page, "Printify")

    page.get_by_role("button", name="Continue to Printify").click()
    page.get_by_role("button", name="Grant access").click()

    expect(page.get_by_text("Printify is connected.")).to_be_visible()
    expect(page.get_by_text(shop.facts["title"])).to_be_visible()


@_WINDOWS
def test_printify_is_connected_by_a_pasted_token(
    open_page: Callable[..., Page], printify: Printify, window: Window
) -> None:
    """What is no token, and a token that Printify refuses, are told at the field; neither is shown again."""
    shop = printify.shop(5)
    page = open_page(window)
    _at(page, "Printify")
    field, button = (
        page.get_by_role("textbox", name="Personal access token"),
        page.get_by_role("button", name="Connect with this token"),
    )

    for wrong, each in (("abc", "This is no token"), ("x" * 40, "Printify did not accept this token")):
        field.fill(wrong)
        button.click()
        expect(field).to_have_accessible_description(re.compile(f"^{each}"))
        expect(field).to_have_value("")
    assert faults(page) == []
    # Copied from a mail, a token is often broken into lines.
    token = shop.facts["personal_token"]
    field.fill(f"  {token[:60]}\n{token[60:]} ")
    button.click()

    expect(page.get_by_text("Printify is connected.")).to_be_visible()
