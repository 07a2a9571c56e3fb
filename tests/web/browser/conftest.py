"""A real browser before the whole product. Fixtures:

site      the web application over the stack and the stand-ins of every platform
etsy      the sandbox's Etsy, calm, asking every seller on its consent page; printify: as well
browser   headless Chromium, one a session          open_page  a window of a given width, watched for complaints
workers   threads that work what is due, for the time of a block
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from sandbox.stack import Stack
from tests.product_fixture import process_of
from tests.standins.etsy import Etsy
from tests.standins.printify import Printify
from tests.standins.shopify import Shopify
from tests.web.browser import screenshots
from tests.web.browser.person import DESKTOP, Window, watched
from tests.web.browser.site import Site, Workers, serving

CHROMIUM = "/usr/bin/chromium"
_ARGS = ("--no-sandbox", "--disable-background-networking", "--force-color-profile=srgb", "--hide-scrollbars")


# It ends with this folder: while it is open, Playwright's event loop runs in this thread, and no test after it could
# run one of its own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's own Chromium: nothing is downloaded. Skipped at a desk that has none; CI must have one."""
    if shutil.which(CHROMIUM) is None:
        if os.environ.get("CI"):
            pytest.fail(f"{CHROMIUM} is missing: install the package chromium")
        pytest.skip(f"{CHROMIUM} is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_ARGS))
        yield browser
        browser.close()


# Consent pages name every seller of their stand-in: nobody else asks these.
etsy_process = process_of(Etsy)
printify_process = process_of(Printify)
shopify_process = process_of(Shopify)


@pytest.fixture
def etsy(etsy_process: Etsy) -> Etsy:
    etsy_process.reset()
    # Etsy's own quota of a day, so that what pages tell of it is true to life.
    etsy_process.settings(consent="ask", per_day=10_000)
    return etsy_process


@pytest.fixture
def printify(printify_process: Printify) -> Printify:
    printify_process.settings(consent="ask")
    return printify_process


@pytest.fixture(scope="session")
def _site(stack: Stack, etsy_process: Etsy, printify_process: Printify, shopify_process: Shopify) -> Iterator[Site]:
    with serving({**stack.env, **etsy_process.env, **printify_process.env, **shopify_process.env}) as site:
        yield site


@pytest.fixture
def site(_site: Site, etsy: Etsy, clean: None) -> Site:
    return _site


@pytest.fixture(scope="session")
def album() -> screenshots.Album:
    return screenshots.album()


@pytest.fixture(scope="session")
def look(album: screenshots.Album) -> screenshots.Look:
    return screenshots.Look(album=album)


@pytest.fixture
def workers(site: Site) -> Callable[[], Workers]:
    return partial(Workers, site.settings)


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """Windows that are closed with the test. A script error or a refusal of the content policy fails it."""
    contexts, complaints = [], []

    def opened(window: Window = DESKTOP, **options: object) -> Page:
        context = browser.new_context(
            base_url=site.url,
            viewport={"width": window.width, "height": window.height},
            has_touch=window.is_phone,
            locale="en-US",
            timezone_id="America/New_York",
            reduced_motion="reduce",
            **options,
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        return watched(context.new_page(), complaints)

    yield opened
    for context in contexts:
        context.close()
    assert not complaints
