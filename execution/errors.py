"""Errors, grouped by what the caller should do next.

KeeperError                 something is wrong; the message says what, the hint what to do
├── UserError               bad input or settings: the command line prints one line and exits 2
├── StoreError              the database refused a call; nothing was written
│   └── StoreUnavailable    the database could not be reached; the call may be repeated
└── LeaseLost               another worker has the job now: drop what is in hand, write nothing

Signal                      how one slice of a job ends early; the runner settles every one of them
├── Snooze                  come back later; costs no attempt
├── Retriable               try again with backoff; costs an attempt
│   └── FileGone            a prepared file is there no more; ask for it again
├── Fatal                   the job ends; the seller is told why
└── Skip                    drop this one record or lookup, count it, go on
"""

from __future__ import annotations

from datetime import timedelta


class KeeperError(Exception):
    """Something is wrong; `message` says what and `hint` says what to do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UserError(KeeperError):
    """Bad input or settings: one line on the terminal, exit status 2, nothing written."""


class StoreError(KeeperError):
    """The database refused a call; nothing of it was written."""

    def __init__(self, message: str, *, code: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class StoreUnavailable(StoreError):
    """The database could not be reached, or did not answer in time; the call may be repeated."""


class LeaseLost(KeeperError):
    """Another worker has the job now, or it was ended: drop what is in hand and write nothing."""


class Signal(Exception):
    """How one slice of a job ends early. Every signal is settled by the runner; none leaves it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Snooze(Signal):
    """Come back after `delay`. Waiting is not failing: no attempt is spent.

    `code` is a stable word where an operator has to act, so that waiting alone will not help.
    """

    def __init__(self, reason: str, delay: timedelta, *, code: str = "") -> None:
        super().__init__(reason)
        self.delay = delay
        self.code = code


class Retriable(Signal):
    """Try again, after `after` or with backoff. Spends an attempt."""

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


class FileGone(Retriable):
    """A file that was prepared for us, or the signature in its address, is over: it has to be asked for again."""


class Fatal(Signal):
    """The job cannot go on. `code` is a stable word, `seller_message` a sentence the seller can act on."""

    def __init__(self, reason: str, *, code: str, seller_message: str) -> None:
        super().__init__(reason)
        self.code = code
        self.seller_message = seller_message


class Skip(Signal):
    """Drop this one object (it is gone, or not ours), count it and go on."""
