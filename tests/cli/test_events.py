"""`keeper events`: looked at, sent again, tried; and `keeper doctor`, which tries it too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.cli.conftest import Keeper
from tests.events.listener import SECRET, Listener, listening
from tests.worlds.users import make_user

Db = psycopg.Connection[Any]


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as one:
        yield one


def test_what_was_told_is_listed_shown_and_sent_again(keeper: Keeper, db: Db) -> None:
    ann, bob = make_user(db), make_user(db)
    for user, kind in ((ann, "sync.completed"), (bob, "sync.completed"), (ann, "backfill.failed")):
        db.execute("select private.tell(%s, %s, '{}')", [user, kind])
    db.execute(
        "update private.outbox set outcome = 'given_up', ended_at = now(), failure = 'status_401'"
        " where type = 'backfill.failed'"
    )

    listed = json.loads(keeper(f"events list --user {ann} --json").out)
    failed = json.loads(keeper("events list --state given_up --json").out)
    shown = keeper(f"events show {failed[0]['event_id']}").out
    again = keeper(f"events resend {failed[0]['event_id']}").out

    assert [one["type"] for one in listed] == ["backfill.failed", "sync.completed"]
    assert [one["event_id"] for one in failed] == [listed[0]["event_id"]]
    assert "Whoever listens there refuses us" in shown
    assert '"type": "backfill.failed"' in shown
    assert again == "1 events are sent again.\n"
    assert json.loads(keeper("events list --state given_up --json").out) == []
    assert "sync.completed" in keeper("events list --type sync.completed").out


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("events list --state lost", "'lost' is no state of an event. Choose one of: waiting, sent, given_up."),
        ("events show 7", "'7' is not an event id."),
        ("events resend", "Nothing was named."),
        ("events resend 6f1c0a3e-6d0b-4a5e-9d35-0d1b0a8f7c11", "There are no such events."),
        ("events test", "EVENTS_URL and EVENTS_SECRET are not set"),
    ],
)
def test_what_is_typed_wrong_is_told(keeper: Keeper, words: str, fault: str) -> None:
    refused = keeper(words)

    assert fault in refused.refusal()
    assert refused.status == 2


def test_the_endpoint_is_tried(keeper: Keeper, listener: Listener) -> None:
    told = {"EVENTS_URL": listener.url, "EVENTS_SECRET": SECRET}
    received = keeper("events test", **told)
    listener.answer = lambda _: 401
    refused = keeper("events test", **told)
    checks = json.loads(keeper("doctor --json", **told).out)["checks"]
    examined = [line["found"] for line in checks if line["name"] == "events endpoint"]

    assert (received.status, refused.status) == (0, 1)
    assert "Whoever listens there refuses us" in refused.out
    assert examined == ["does not receive keeper.test (status_401)"]
    assert listener.came[0].verified()["type"] == "keeper.test"


@pytest.fixture
def in_production(db: Db) -> Iterator[None]:
    """The database is production's, until the test is over: no test after it would be let in."""
    before = db.execute("select environment from private.installation").fetchone()
    db.execute("update private.installation set environment = 'production'")
    yield
    db.execute("update private.installation set environment = %s", before)


@pytest.mark.usefixtures("in_production")
def test_this_machine_is_not_spoken_to_in_production(keeper: Keeper, listener: Listener) -> None:
    told = {"EVENTS_URL": listener.url, "EVENTS_SECRET": SECRET, "KEEPER_ENVIRONMENT": "production"}

    assert "EVENTS_ALLOW_PRIVATE=true" in keeper("events test", **told).out
    assert listener.came == []
    assert keeper("events test", EVENTS_ALLOW_PRIVATE="true", **told).status == 0
