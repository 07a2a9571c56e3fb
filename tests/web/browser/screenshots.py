"""Screenshots for the documentation: written where KEEPER_SCREENSHOTS says, else nowhere."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from tests.web.browser.person import DESKTOP, PHONE, faults, overflow


@dataclass(frozen=True, kw_only=True)
class Album:
    """A folder of pictures; none is taken without a folder, so that a test run changes no file."""

    folder: Path | None

    def take(self, page: Page, name: str) -> None:
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            # The header sticks to the window: at the top it stands where it belongs.
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=self.folder / f"{name}.png", full_page=True, animations="disabled")


def album() -> Album:
    folder = os.environ.get("KEEPER_SCREENSHOTS")
    return Album(folder=Path(folder) if folder else None)


@dataclass(frozen=True, kw_only=True)
class Look:
    """Whether a page that is open can be used on a phone and at a desk, and a picture of each.

    A page is drawn for both, so that one journey is enough; it goes on at the desk.
    """

    album: Album

    def __call__(self, page: Page, name: str, *, picture: bool = True) -> None:
        for window in (PHONE, DESKTOP):
            page.set_viewport_size({"width": window.width, "height": window.height})
            assert faults(page) == [], (name, window.name, faults(page))
            assert overflow(page) == 0, (name, window.name, overflow(page))
            if picture:
                self.album.take(page, f"{name}-{window.name}")
