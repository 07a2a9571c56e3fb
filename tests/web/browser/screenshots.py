"""Screenshots for the documentation: written where KEEPER_SCREENSHOTS says, else nowhere."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page


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
