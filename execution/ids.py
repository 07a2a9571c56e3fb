"""Ids that people write. They are read before anything is asked, so that a slip is told in one sentence."""

from __future__ import annotations

import uuid

from execution.errors import UserError


def user_id_in(text: str) -> str:
    """A user's id, as the database writes it. Raises UserError for every other text."""
    return uuid_in(text, "a user id", "A user id is a UUID; see `keeper user create`.")


def run_id_in(text: str) -> str:
    """The id of a run, likewise."""
    return uuid_in(text, "a run's id", "See `keeper runs list`.", code="unknown_run")


def uuid_in(text: str, what: str, hint: str, *, code: str = "") -> str:
    """The id in a text that should be `what`. Raises UserError with `hint` where it is none."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise UserError(f"{text!r} is not {what}.", hint=hint, code=code) from None
