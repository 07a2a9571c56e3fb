"""Bazaar, as a stand-in in a thread and as a platform that this process knows for the length of a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from execution import operations
from execution.app import App
from execution.catalog import register, steps_of
from execution.schema.mapping import mapping_sql
from sandbox.stack import Stack
from tests.platforms.fifth import bazaar as package
from tests.platforms.fifth.bazaar.platform import BAZAAR
from tests.platforms.fifth.stand_in import Bazaar, serving
from tests.worlds.users import make_user

_OURS = (
    "select oid::regprocedure::text from pg_proc where pronamespace = 'private'::regnamespace and proname ~ '_bazaar_'"
)


@pytest.fixture
def registered() -> Iterator[None]:
    with register(BAZAAR):
        yield


@pytest.fixture
def mapped(registered: None, db: psycopg.Connection[Any]) -> Iterator[None]:
    """The database has the platform's functions: those that its streams declare, and those of its own file."""
    db.execute(mapping_sql("bazaar", steps_of("bazaar")))
    db.execute(Path(package.__file__).with_name("bazaar.sql").read_text())
    yield
    for (function,) in db.execute(_OURS).fetchall():
        db.execute(f"drop function {function}")


@pytest.fixture
def bazaar() -> Iterator[Bazaar]:
    with serving(Bazaar(orders=35)) as stand_in:
        yield stand_in


@pytest.fixture
def product_env(mapped: None, stack: Stack, bazaar: Bazaar) -> dict[str, str]:
    return {**stack.env, **bazaar.env}


@pytest.fixture
def user_id(db: psycopg.Connection[Any], clean: None) -> str:
    return make_user(db)


@pytest.fixture
def connected(app: App, bazaar: Bazaar, user_id: str) -> str:
    """By the token alone, as `keeper connect` does."""
    operations.connect(
        app,
        platform="bazaar",
        user_id=user_id,
        shop_id="stall-7",
        access_token=bazaar.access,
        refresh_token=bazaar.refresh,
        expires_at=None,
    )
    return user_id
