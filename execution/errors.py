"""Errors, grouped by what the caller should do next.

KeeperError                 something is wrong; the message says what, the hint what to do
├── UserError               bad input or settings: the command line prints one line and exits 2
├── StoreError              the database refused a call; nothing was written
│   └── StoreUnavailable    the database could not be reached; the call may be repeated
├── LeaseLost               another worker has the job now: drop what is in hand, write nothing
└── CursorUnreadable        what the job's row says of where it stands is not readable here
    └── CursorTooNew        newer code wrote it

Signal                      how one slice of a job ends early; the runner settles every one of them
├── Snooze                  come back later; costs no attempt
├── Retriable               try again with backoff; costs an attempt
│   ├── FileGone            a prepared file is there no more; ask for it again
│   └── BodyTooBig          more than we take at once; ask for less
├── Fatal                   the job ends; the seller is told why
│   └── Refusal             the platform says so; believed when it is said twice, with time between
└── Skip                    drop this one record or lookup, count it, go on
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

# Final is what is said twice, with so much time between: firewalls' pages and deployments pass.
SAID_AGAIN_AFTER = timedelta(seconds=45)


class KeeperError(Exception):
    """Something is wrong; `message` says what and `hint` says what to do about it, for people.

    Programs branch on the type and on `code`, a stable word; it is empty where nobody has to tell one from another.
    """

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UserError(KeeperError):
    """Bad input or settings: one line on the terminal, exit status 2, nothing written."""


class StoreError(KeeperError):
    """The database refused a call; nothing of it was written.

    `code` is the stable word that one of our functions raised, or what refused the call in its place; `sqlstate` is the
    class of the fault.
    """

    def __init__(self, message: str, *, code: str = "", sqlstate: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint, code=code or sqlstate)
        self.sqlstate = sqlstate


class StoreUnavailable(StoreError):
    """The database could not be reached, or did not answer in time; the call may be repeated."""


class LeaseLost(KeeperError):
    """Another worker has the job now, or it was ended: drop what is in hand and write nothing."""


class CursorUnreadable(KeeperError):
    """The job's cursor says where it stands, and this code cannot go on from there."""


class CursorTooNew(CursorUnreadable):
    """A newer form of cursor: newer code is being deployed, and goes on with the job."""


class Signal(Exception):
    """How one slice of a job ends early. Every signal is settled by the runner; none leaves it.

    `reason` is a sentence for engineers, `code` the stable word that programs act on.
    """

    def __init__(self, reason: str, *, code: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class Snooze(Signal):
    """Come back after `delay`. Waiting is not failing: no attempt is spent."""

    def __init__(self, reason: str, delay: timedelta, *, code: str) -> None:
        super().__init__(reason, code=code)
        self.delay = delay


class Retriable(Signal):
    """Try again, after `after` or with backoff. Spends an attempt."""

    def __init__(self, reason: str, after: timedelta | None = None, *, code: str = "try_again") -> None:
        super().__init__(reason, code=code)
        self.after = after


class FileGone(Retriable):
    """A file that was prepared for us, or the signature in its address, is over: it has to be asked for again."""


class BodyTooBig(Retriable):
    """A body that is bigger than one may be: the same again brings the same, a smaller page may not."""

    # The database's time before the request, as a response has it; the client knows it.
    fetched_at: datetime | None = None


class Fatal(Signal):
    """The job cannot go on. What the seller reads is found by the code (`seller_messages`), with `facts` put in.

    `words`: the name of the text, where one code has several.
    """

    def __init__(self, reason: str, *, code: str, words: str = "", facts: Mapping[str, str] | None = None) -> None:
        super().__init__(reason, code=code)
        self.words = words or code
        self.facts = facts or {}


class Refusal(Fatal):
    """What the platform itself says is final. Once said it may be a passing fault (a firewall's page, a deployment): it
    is believed when it is said again after a while; where it is `of_shop`, after the shop has been asked who it is.
    """

    def __init__(
        self,
        reason: str,
        *,
        code: str,
        words: str = "",
        facts: Mapping[str, str] | None = None,
        of_shop: bool = True,
    ) -> None:
        super().__init__(reason, code=code, words=words, facts=facts)
        self.of_shop = of_shop

    def naming(self, **facts: str) -> Refusal:
        """The same, with what the platform left unsaid."""
        facts = {**facts, **self.facts}
        return Refusal(self.reason, code=self.code, words=self.words, facts=facts, of_shop=self.of_shop)


class Skip(Signal):
    """Drop this one object (it is gone, or not ours), count it and go on."""

    def __init__(self, reason: str, *, code: str = "gone") -> None:
        super().__init__(reason, code=code)
