"""Limits of an account, shared by all its shops and by every token of it (sheet section 4). Counts are exact."""

from __future__ import annotations

from collections import deque

from sandbox.parts.clock import Clock
from sandbox.parts.responses import Headers, HttpResponse
from sandbox.printify.responses import PrintifyError
from sandbox.printify.settings import Settings

MINUTE, HALF_HOUR = 60, 1800


class Window:
    """Calls of the last so many seconds, or of the running stretch of the clock where the window is fixed."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self._calls: deque[float] = deque()

    def held(self, now: float, *, fixed: bool) -> int:
        start = now // self.seconds * self.seconds if fixed else now - self.seconds
        while self._calls and (self._calls[0] < start if fixed else self._calls[0] <= start):
            self._calls.popleft()
        return len(self._calls)

    def add(self, at: float) -> None:
        self._calls.append(at)

    def free_at(self) -> float:
        """When the oldest call leaves."""
        return self._calls[0] + self.seconds if self._calls else 0.0


class Account:
    """What one Printify account has used, and how often it was answered with an error."""

    def __init__(self) -> None:
        self.minute = Window(MINUTE)
        self.catalog = Window(MINUTE)
        self.publish = Window(HALF_HOUR)
        self._answers: deque[tuple[float, bool]] = deque()
        self._errors = 0
        self.breaches = 0

    def note(self, at: float, *, error: bool) -> None:
        self._answers.append((at, error))
        self._errors += error

    def share(self, now: float, seconds: int) -> tuple[int, int]:
        """Errors and answers of the last so many seconds."""
        while self._answers and self._answers[0][0] <= now - seconds:
            self._errors -= self._answers.popleft()[1]
        return self._errors, len(self._answers)


class Limits:
    """Judges calls by account."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self.accounts: dict[int, Account] = {}

    def account(self, number: int) -> Account:
        return self.accounts.setdefault(number, Account())

    def admit(self, number: int, area: str) -> str:
        """Count a call; the name of the limit that refuses it, or an empty word."""
        account, now, s = self.account(number), self._clock.now(), self._settings
        fixed = s.minute_window == "fixed"
        windows = [("minute", account.minute, s.per_minute)]
        if area == "catalog":
            windows.append(("catalog", account.catalog, s.catalog_per_minute))
        if area == "publish":
            windows.append(("publish", account.publish, s.publish_per_half_hour))
        refused = next((name for name, window, most in windows if window.held(now, fixed=fixed) >= most), "")
        if not refused or s.rejected_calls_count:
            for _, window, _ in windows:
                window.add(now)
        return refused

    def use(self, number: int, calls: int) -> int:
        """Let `calls` calls have been made just now."""
        account, now = self.account(number), self._clock.now()
        for _ in range(calls):
            account.minute.add(now)
        return account.minute.held(now, fixed=self._settings.minute_window == "fixed")

    def forget(self) -> None:
        self.accounts.clear()

    def breached(self, number: int) -> bool:
        """Whether more than the allowed share of the account's answers are errors."""
        s = self._settings
        errors, answers = self.account(number).share(self._clock.now(), s.error_window_seconds)
        return answers >= s.error_share_from and errors > answers * s.max_error_share

    def note(self, number: int, status: int) -> None:
        """Remember how a call was answered."""
        account, now = self.account(number), self._clock.now()
        was = self.breached(number)
        account.note(now, error=status >= 400 or status == 0)
        account.breaches += self.breached(number) and not was

    def describe(self) -> list[dict[str, object]]:
        now, s = self._clock.now(), self._settings
        found: list[dict[str, object]] = []
        for number, account in self.accounts.items():
            errors, answers = account.share(now, s.error_window_seconds)
            found.append(
                {
                    "account_id": number,
                    "this_minute": account.minute.held(now, fixed=s.minute_window == "fixed"),
                    "answers": answers,
                    "errors": errors,
                    "breached": self.breached(number),
                    "breaches": account.breaches,
                }
            )
        return found

    def seconds_until_available(self, number: int, which: str) -> int:
        account = self.account(number)
        window = {"catalog": account.catalog, "publish": account.publish}.get(which, account.minute)
        return max(int(window.free_at() - self._clock.now()) + 1, 1)


def throttled(retry_after: int | None) -> HttpResponse:
    """A 429; no header says when to come back, unless settings ask for it (none was seen in life)."""
    response = PrintifyError(429, "Too Many Requests").response
    headers: Headers = [(b"retry-after", b"%d" % retry_after)] if retry_after is not None else []
    response.headers += headers
    return response
