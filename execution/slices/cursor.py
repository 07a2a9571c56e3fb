"""Where a job stands, as `sync_jobs.cursor` holds it: the one place that writes it and reads it back.

A cursor names the version of its form. What this code cannot read is never guessed at:

- a newer version was written by newer code, during a deploy: CursorTooNew, and the job waits for a newer worker. To
  begin again here would throw away what that one has read, again and again while both run;
- anything else (an older version, other fields, values of other types): CursorUnreadable, and the entity is read again
  from its beginning, which costs calls and nothing else: every page is idempotent, and the certificate counts anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Self

import msgspec

from execution.errors import CursorTooNew, CursorUnreadable
from execution.pagination.paginator import Position, ReadWindow

VERSION = 3
# What older code reads as well: whatever it does not know is left out unless it is there.
_PLAIN = 1
# What came with which form; the third brought pages of fewer records (`Position.limit`), too.
_NEWER = {"known": 2, "gone": 2, "again": 2, "waits": 2, "shown": 3}


class Cursor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One moment of a job. What comes after it is another cursor."""

    # Which of the entity's steps, and how often doubt has sent the job back to one, with the last reason.
    step: int = 0
    round: int = 0
    reason: str = ""
    # How often the job has waited, because the platform did not agree with itself.
    waits: int = 0
    # Of a stream: windows that are read once more, the first one now (none: it is the first reading), and its position.
    rereads: tuple[ReadWindow, ...] = ()
    position: dict[str, Any] | None = None
    # Of a lookup or a derivation: the last key that is done, and how many ids are asked for at once.
    after: str = ""
    batch: int | None = None
    # Of a lookup: what the platform said once to be gone, and whether it is being asked for again.
    gone: tuple[str, ...] = ()
    again: bool = False

    # What a call of this job showed of other entities: how the job ends says what follows (private.settle_shown).
    shown: dict[str, Any] = msgspec.field(default_factory=dict)

    # Behind the last step: what is known of the proofs that are asked in pieces. A page or a doubt makes it void.
    known: dict[str, Any] = msgspec.field(default_factory=dict)

    @classmethod
    def load(cls, saved: Mapping[str, Any]) -> Self:
        """Raises CursorUnreadable or CursorTooNew. A job that has not begun has an empty one."""
        if not saved:
            return cls()
        version = saved.get("version")
        if isinstance(version, int) and version > VERSION:
            raise CursorTooNew(f"the cursor has version {version}, this worker reads version {VERSION}")
        if not isinstance(version, int) or version < _PLAIN:
            raise CursorUnreadable(f"the cursor has version {version}, this worker reads version {VERSION}")
        try:
            return msgspec.convert({name: value for name, value in saved.items() if name != "version"}, cls)
        except msgspec.ValidationError as error:
            raise CursorUnreadable(f"the cursor cannot be read: {error}") from None

    def dump(self) -> dict[str, Any]:
        """As JSON, without what is as in a fresh cursor."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        newest = max((_NEWER.get(name, _PLAIN) for name in fields), default=_PLAIN)
        return {"version": 3 if "limit" in (self.position or {}) else newest, **fields}

    def at(self, position: Position) -> Self:
        return msgspec.structs.replace(self, position=position.dump())

    def past(self, key: str, *, batch: int | None = None) -> Self:
        """Everything up to this key is looked up, or derived."""
        return msgspec.structs.replace(self, after=key, batch=batch)

    def said_gone(self, ids: Collection[str]) -> Self:
        """These were said to be gone, for the first time."""
        return msgspec.structs.replace(self, gone=(*self.gone, *ids))

    def asking_again(self) -> Self:
        return msgspec.structs.replace(self, again=True)

    def answered(self, ids: Collection[str]) -> Self:
        """Of these it is known now whether they are gone."""
        left = tuple(one for one in self.gone if one not in ids)
        return msgspec.structs.replace(self, gone=left, again=bool(left))

    def knowing(self, known: Mapping[str, Any]) -> Self:
        """The proofs have come so far."""
        return msgspec.structs.replace(self, known=dict(known))

    def showing(self, shown: Mapping[str, Any]) -> Self:
        """A call has shown this of other entities."""
        return msgspec.structs.replace(self, shown={**self.shown, **shown})

    def reread_done(self) -> Self:
        """On to the next doubtful window; after the last one to the next step."""
        if len(self.rereads) <= 1:
            return self.next_step()
        return msgspec.structs.replace(self, rereads=self.rereads[1:], position=None)

    def next_step(self) -> Self:
        return type(self)(step=self.step + 1, round=self.round, waits=self.waits, shown=self.shown)

    def later(self) -> Self:
        """Here again, after a wait."""
        return msgspec.structs.replace(self, waits=self.waits + 1)
