"""What is due goes out signed, in a tenant's order, until it is received or given up; and to nowhere else."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from standardwebhooks import WebhookVerificationError

from execution.app import App
from execution.events import outbox
from execution.events.addresses import AddressRefused, AddressRule
from execution.events.message import Message
from execution.events.sender import Sender
from tests.events.conftest import SCHEDULE, MakeEndpoint
from tests.events.listener import OLD_SECRET, SECRET, Listener
from tests.worlds.users import make_user

Db = psycopg.Connection[Any]
PRODUCTION = AddressRule(private=False, loopback=False)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def tell(db: Db, user: str, *kinds: str) -> None:
    for kind in kinds:
        db.execute("select private.tell(%s, %s, '{}')", [user, kind])


def states(db: Db, user: str) -> list[tuple[str, str]]:
    query = "select type, coalesce(outcome, 'waiting') from private.outbox where user_id = %s order by seq"
    return db.execute(query, [user]).fetchall()


def let_waits_be_over(db: Db) -> None:
    db.execute("update private.outbox set due_at = now(), leased_until = null where ended_at is null")


def sent_all(sender: Sender, db: Db) -> None:
    while sender.once():
        pass


def test_it_is_signed_by_every_secret_and_the_same_however_often_it_is_sent(
    db: Db, sender: Sender, app: App, listener: Listener, endpoint_at: MakeEndpoint
) -> None:
    """While a secret is rotated, whoever has the old one and whoever has the new one both take it."""
    user = make_user(db)
    tell(db, user, "first")
    listener.answer = lambda _: 500
    rotating = Sender(
        store=app.store,
        endpoint=endpoint_at(listener.url, secrets=(SECRET, OLD_SECRET)),
        schedule=SCHEDULE,
        rng=random.Random(1),
    )
    rotating.once()
    let_waits_be_over(db)
    rotating.once()
    tell(db, user, "second")
    listener.answer = lambda _: 200
    let_waits_be_over(db)
    sender.once()

    again, once_more, newer = listener.came
    assert [one.verified(secret)["type"] for one in (again, once_more) for secret in (SECRET, OLD_SECRET)] == [
        "first"
    ] * 4
    assert (again.id, again.body) == (once_more.id, once_more.body) == (newer.id, newer.body)
    with pytest.raises(WebhookVerificationError):
        newer.verified(OLD_SECRET)
    assert again.verified()["data"] == {"user_id": user}


def test_a_tenants_later_event_waits_for_the_earlier_and_nobody_elses_does(
    db: Db, sender: Sender, listener: Listener
) -> None:
    ann, bob = make_user(db), make_user(db)
    tell(db, ann, "a1", "a2", "a3")
    tell(db, bob, "b1", "b2")
    is_refused = {"a1"}
    listener.answer = lambda came: 400 if came.verified()["type"] in is_refused else 200
    sent_all(sender, db)
    before = listener.types.copy()
    is_refused.clear()
    let_waits_be_over(db)
    sent_all(sender, db)

    assert set(before) == {"a1", "b1", "b2"}
    # What was received for others says nothing of what was refused: it keeps its own wait.
    assert before.count("a1") == 1
    assert [kind for kind in listener.types[len(before) :] if kind.startswith("a")] == ["a1", "a2", "a3"]


def test_after_its_time_it_is_given_up_and_the_next_one_has_its_turn(
    db: Db, sender: Sender, listener: Listener
) -> None:
    user = make_user(db)
    tell(db, user, "a1", "a2")
    listener.answer = lambda came: 400 if came.verified()["type"] == "a1" else 200
    sent_all(sender, db)
    almost = SCHEDULE.give_up.total_seconds() - 60
    db.execute("update private.outbox set retried_from = now() - make_interval(secs => %s)", [almost])
    let_waits_be_over(db)
    sent_all(sender, db)
    assert states(db, user) == [("a1", "waiting"), ("a2", "waiting")]

    db.execute("update private.outbox set retried_from = retried_from - interval '2 minutes' where type = 'a1'")
    let_waits_be_over(db)
    sent_all(sender, db)
    given_up = states(db, user)
    listener.answer = lambda _: 200
    queued = outbox.resent(sender._store, [], given_up_since=SINCE)
    sent_all(sender, db)

    assert given_up == [("a1", "given_up"), ("a2", "sent")]
    assert queued == 1
    assert states(db, user) == [("a1", "sent"), ("a2", "sent")]
    assert len({one.id for one in listener.came if one.verified()["type"] == "a1"}) == 1


def test_where_nobody_listens_one_asks_and_a_receipt_brings_the_others_forward(
    db: Db, sender: Sender, listener: Listener
) -> None:
    users = [make_user(db) for _ in range(6)]
    for user in users:
        tell(db, user, "told")
    listener.answer = lambda _: 503
    tried = [sender.once() for _ in range(3)]
    listener.answer = lambda _: 200
    db.execute("update private.outbox set due_at = now() where user_id = %s", [users[0]])
    sent_all(sender, db)

    # Four at once, then one by one; then all, although one alone was due.
    assert tried == [4, 1, 1]
    assert [states(db, user) for user in users] == [[("told", "sent")]] * 6


def test_a_wait_that_is_asked_for_is_kept_to(db: Db, sender: Sender, listener: Listener) -> None:
    user = make_user(db)
    tell(db, user, "told")
    listener.answer = lambda _: (429, {"retry-after": "1800"})

    sender.once()

    (seconds,) = db.execute("select extract(epoch from due_at - now()) from private.outbox").fetchone() or ()
    assert 1790 < seconds <= 1800


def test_who_died_with_it_in_hand_leaves_it_to_be_sent_again(db: Db, sender: Sender, listener: Listener) -> None:
    """The lease lapses; what the dead one would have said of it afterwards counts no more."""
    user = make_user(db)
    tell(db, user, "a1", "a2")
    (claimed,) = sender._store.rpc("claim_events", p_limit=4, p_lease_seconds=60, p_give_up_seconds=9e5)
    assert sender.once() == 0

    let_waits_be_over(db)
    sent_all(sender, db)
    late = sender._store.rpc("settle_event", p_id=claimed["id"], p_attempt=claimed["attempts"], p_failure="no_answer")

    assert (listener.types, late) == (["a1", "a2"], False)


def test_two_who_send_at_once_send_nothing_twice_and_keep_the_order(
    db: Db, app: App, sender: Sender, listener: Listener, endpoint_at: MakeEndpoint
) -> None:
    other = Sender(store=app.store, endpoint=endpoint_at(listener.url), schedule=SCHEDULE, rng=random.Random(2))
    users = [make_user(db) for _ in range(3)]
    for number in range(5):
        for user in users:
            tell(db, user, f"{user} {number}")

    def send(one: Sender) -> None:
        while db_count(db):
            one.once()

    threads = [threading.Thread(target=send, args=(one,)) for one in (sender, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for user in users:
        mine = [kind for kind in listener.types if kind.startswith(user)]
        assert mine == [f"{user} {number}" for number in range(5)]


def db_count(db: Db) -> int:
    row = db.execute("select count(*) from private.outbox where ended_at is null").fetchone()
    return int(row[0]) if row else 0


def test_an_event_of_a_deleted_tenant_that_is_in_hand_goes_before_the_deletion(db: Db, sender: Sender) -> None:
    user = make_user(db)
    tell(db, user, "a1")
    sender._store.rpc("claim_events", p_limit=4, p_lease_seconds=60, p_give_up_seconds=9e5)

    db.execute("delete from auth.users where id = %s", [user])

    assert sender.once() == 0
    let_waits_be_over(db)
    assert sender.once() == 1


def a_row(kind: str = "told") -> Any:
    return Message(id="4f7e2c1a-0000-4000-8000-000000000000", type=kind, body=b"{}")


def test_a_redirect_leads_nowhere(listener: Listener, endpoint_at: MakeEndpoint) -> None:
    listener.answer = lambda _: (307, {"location": listener.url})

    assert endpoint_at(listener.url).send(a_row()).failure == "status_307"
    assert len(listener.came) == 1


@pytest.mark.parametrize("address", [
    "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",  # noqa: S104
    "::1", "fd00::1", "fe80::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "::",
])  # fmt: skip
def test_a_private_address_is_refused_however_it_is_written(address: str) -> None:
    with pytest.raises(AddressRefused):
        PRODUCTION.resolved(address, 443)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_a_public_address_is_spoken_to(address: str) -> None:
    assert PRODUCTION.resolved(address, 443) == address


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "fd00::1"])
def test_the_operators_own_network_is_spoken_to_where_that_is_declared(address: str) -> None:
    assert AddressRule(private=True, loopback=False).resolved(address, 443) == address
    with pytest.raises(AddressRefused):
        AddressRule(private=True, loopback=True).resolved("169.254.169.254", 443)


def test_what_a_name_leads_to_is_asked_at_each_connection(
    listener: Listener, endpoint_at: MakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers with a public address first and with a private one later is not followed there; one private
    address among others is one too many.
    """
    for found in (["127.0.0.1"], ["93.184.216.34", "10.0.0.1"]):
        answers = [(0, 0, 0, "", (one, 0)) for one in found]
        monkeypatch.setattr("socket.getaddrinfo", lambda *_, answers=answers, **__: answers)

        verdict = endpoint_at("http://service.example/events", rule=PRODUCTION).send(a_row())

        assert (verdict.failure, listener.came) == ("address_refused", [])


def test_a_name_that_nobody_knows_is_no_connection(endpoint_at: MakeEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise OSError("no such name")

    monkeypatch.setattr("socket.getaddrinfo", unknown)

    assert endpoint_at("https://nowhere.example/").send(a_row()).failure == "no_connection"


def test_an_endpoint_that_hangs_costs_no_more_than_its_time(listener: Listener, endpoint_at: MakeEndpoint) -> None:
    done = threading.Event()
    listener.answer = lambda _: 200 if done.wait(30) else 500
    endpoint = replace(endpoint_at(listener.url), timeout=timedelta(seconds=0.2))

    verdict = endpoint.send(a_row())
    done.set()

    assert (verdict.failure, verdict.is_away) == ("no_answer", True)
