"""What a person does in a browser, and what they would complain about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, expect

AXE = Path(__file__).resolve().parents[3] / "node_modules" / "axe-core" / "axe.min.js"
_MOST_TABS = 90


@dataclass(frozen=True, kw_only=True)
class Window:
    """How wide a window is, and what it is called in the name of a screenshot."""

    name: str
    width: int
    height: int

    @property
    def is_phone(self) -> bool:
        return self.width < 600


DESKTOP = Window(name="desktop", width=1280, height=800)
PHONE = Window(name="phone", width=390, height=844)


def watched(page: Page, complaints: list[str]) -> Page:
    """Collect what the browser complains of: script errors, and what the content security policy refused."""

    def heard(message: ConsoleMessage) -> None:
        # A status that is no success and a line that ended are said by the browser as well; tests expect some of them.
        expected = ("the server responded with a status", "htmx:sseError", "[object Event]")
        if message.type == "error" and not any(words in message.text for words in expected):
            complaints.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page


def log_in(page: Page, email: str = "ada@example.com") -> None:
    page.goto("/login")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()


def connect_etsy(page: Page) -> None:
    """From the connections to Etsy's own page and back."""
    page.goto("/settings/connections")
    page.get_by_role("button", name="Connect Etsy").click()
    expect(page.get_by_role("heading", name="connect to your Etsy account")).to_be_visible()
    page.get_by_role("button", name="Grant access").click()
    expect(page.get_by_text("Etsy is connected.")).to_be_visible()


def press_on(page: Page, name: str, *, ours: bool = True) -> None:
    """Reach what leads to another page with Tab, and follow it with Enter."""
    tab_to(page, name, ours=ours)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def open_up(page: Page, name: str) -> None:
    """Reach something that opens with Tab, and open it with Space."""
    tab_to(page, name)
    page.keyboard.press("Space")


def tab_to(page: Page, name: str, *, ours: bool = True) -> None:
    """Press Tab until the element of this name has the focus, and can be seen to have it (on pages of ours)."""
    for _ in range(_MOST_TABS):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            """() => {
                const it = document.activeElement, style = getComputedStyle(it), box = it.getBoundingClientRect();
                const label = it.labels && it.labels.length ? it.labels[0].textContent : it.textContent;
                return {name: (it.getAttribute("aria-label") || label || "").replace(/\\s+/g, " ").trim(),
                        outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
                        inside: box.bottom > 0 && box.top < innerHeight && box.width > 0};
            }"""
        )
        if focus["name"].startswith(name):
            assert focus["outline"] or not ours, f"{name} has the focus, but nobody can see it"
            assert focus["inside"], f"{name} has the focus outside of the window"
            return
    raise AssertionError(f"{name} cannot be reached with the keyboard")


def faults(page: Page) -> list[dict[str, Any]]:
    """What axe-core finds serious or critical on this page, without the long of it."""
    # Evaluated, not added as a script element: our content security policy would refuse that, as it should.
    page.evaluate(AXE.read_text())
    found = page.evaluate("() => axe.run({resultTypes: ['violations']})")
    return [
        {"rule": v["id"], "impact": v["impact"], "where": [n["target"] for n in v["nodes"]], "help": v["help"]}
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
    ]


def overflow(page: Page) -> int:
    """How many pixels the page is wider than its window: a phone's reader would have to push it about."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
