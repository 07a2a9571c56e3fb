"""Holes that are planted on purpose: what should keep an attacker out is taken away, and a test must notice.

A test that passes whatever the product does proves nothing. So each attack is run once more with its keeper gone; then
the very test that stands for the promise has to fail. Nothing planted outlives the `with`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

Plant = Callable[[psycopg.Connection[Any]], AbstractContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class Hole:
    """A row of the catalogue of attacks, what is taken away, and the test that must see it."""

    row: int
    without: str
    seen_by: Callable[..., None]
    plants: Sequence[Plant]
    given: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"row {self.row}: {self.without}"


def code(place: Any, name: str, weak: Any) -> Plant:
    """A function, or a number, of ours is a weaker one."""

    @contextmanager
    def planted(_: psycopg.Connection[Any]) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(place, name, weak)
            yield

    return planted


def function(name: str, words: Mapping[str, str]) -> Plant:
    """A function of the database says something weaker in place of the words that keep its promise."""
    schema, _, bare = name.rpartition(".")

    @contextmanager
    def planted(db: psycopg.Connection[Any]) -> Iterator[None]:
        (whole,) = db.execute(
            "select pg_get_functiondef(oid) from pg_proc where pronamespace = %s::regnamespace and proname = %s",
            [schema or "public", bare],
        ).fetchone() or ("",)
        weak = whole
        for keeper, instead in words.items():
            assert keeper in weak, f"{name} does not say {keeper!r} any more"
            weak = weak.replace(keeper, instead)
        db.execute(weak)
        try:
            yield
        finally:
            db.execute(whole)

    return planted


def statement(do: str, undo: str) -> Plant:
    """The database is changed, and changed back."""

    @contextmanager
    def planted(db: psycopg.Connection[Any]) -> Iterator[None]:
        db.execute(do)  # type: ignore[call-overload]
        try:
            yield
        finally:
            db.execute(undo)  # type: ignore[call-overload]

    return planted


def assert_seen(hole: Hole, db: psycopg.Connection[Any], request: pytest.FixtureRequest) -> None:
    """The hole's test fails while the hole is there. Its fixtures are this test's own."""
    test = getattr(hole.seen_by, "hypothesis", None)
    run = test.inner_test if test is not None else hole.seen_by
    names = run.__code__.co_varnames[: run.__code__.co_argcount + run.__code__.co_kwonlyargcount]
    given = {name: hole.given[name] if name in hole.given else request.getfixturevalue(name) for name in names}
    with ExitStack() as planted:
        for plant in hole.plants:
            planted.enter_context(plant(db))
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            run(**given)
