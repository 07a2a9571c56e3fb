"""The claim of one refresh in the database: fence, version and lock, each by itself."""

import random
import threading
import uuid
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from execution.errors import Fatal, LeaseLost
from execution.platforms.etsy.platform import ETSY
from tests.doubles.clocks import HandClock
from tests.doubles.token_server import TokenServer
from tests.threads import until_it_waits
from tests.tokens.test_tokens import fate, manager, state
from tests.worlds.leased import connect_seller


@pytest.fixture
def seller(db, rpc, keyring):
    return connect_seller(db, rpc, keyring)


def begin(rpc, seller, fence, version=1):
    return rpc.rpc("begin_token_refresh", p_lease_id=seller.lease_id, p_version=version, p_fence=fence)


def store(rpc, fence, version=1):
    access, refresh = (f"v1|k1|{'A' * 16}|{letter * 40}" for letter in "BC")
    pair = {"p_access_token": access, "p_refresh_token": refresh, "p_expires_in_seconds": 3600}
    return rpc.rpc("store_refreshed_tokens", p_fence=fence, p_version=version, **pair)


def tokens(db, columns):
    return db.execute(f"select {columns} from private.platform_tokens").fetchone()


def fences(count):
    return [str(uuid.uuid4()) for _ in range(count)]


def test_nothing_is_refreshed_for_a_connection_that_has_ended(db, rpc, seller):
    """Another process found that the seller must reconnect: no further call presents the dead refresh token."""
    db.execute("update public.connected_accounts set status = 'reconnect_needed'")

    assert begin(rpc, seller, fences(1)[0])["state"] == "newer"
    assert state(db, seller)[1] is None


def test_a_claim_that_lapsed_is_a_lost_answer(db, rpc, seller):
    """Its holder died with whatever the platform answered; the same claim asked for twice lost nothing."""
    one, other = fences(2)
    begin(rpc, seller, one)
    begin(rpc, seller, one)
    before = fate(db, seller)[0]
    db.execute("update private.platform_tokens set refresh_started_at = now() - interval '2 minutes'")

    taken_over = begin(rpc, seller, other)

    assert (before, taken_over["state"], fate(db, seller)[0]) == (0, "begun", 1)


def test_a_pair_is_stored_only_over_the_version_it_was_refreshed_from(db, rpc, seller):
    """Compare and set: even where the fence is ours, a newer pair stays."""
    (fence,) = fences(1)
    begin(rpc, seller, fence)
    db.execute("update private.platform_tokens set version = 2")
    before = tokens(db, "access_token, refresh_token")

    assert store(rpc, fence) is False
    assert tokens(db, "access_token, refresh_token") == before


def test_a_pair_whose_storing_was_not_answered_is_stored_once(db, rpc, seller):
    """The repeat is told that its pair is in, and changes nothing."""
    (fence,) = fences(1)
    begin(rpc, seller, fence)

    answers = [store(rpc, fence), store(rpc, fence)]

    assert answers == [True, True]
    assert tokens(db, "version") == (2,)


def test_life_is_counted_from_before_the_call(db, rpc, seller):
    """A token endpoint that took half a minute has used up half a minute of what it issued."""
    (fence,) = fences(1)
    begin(rpc, seller, fence)
    db.execute("update private.platform_tokens set refresh_started_at = now() - interval '30 seconds'")

    store(rpc, fence)

    left, age = tokens(db, "expires_at - now(), now() - issued_at")
    assert timedelta(minutes=59) < left < timedelta(minutes=59, seconds=31)
    assert age >= timedelta(seconds=30)


def test_two_claims_in_the_same_moment_are_one(db, rpc, seller, env):
    """The second one waits for the first one's commit and then sees it, however close they come."""
    one, other = fences(2)
    answers = []

    def ask():
        answers.append(begin(rpc, seller, other))

    with psycopg.connect(env["DATABASE_URL"]) as first:
        first.execute(
            "update private.platform_tokens set refresh_fence = %s, refresh_started_at = clock_timestamp()", (one,)
        )
        second = threading.Thread(target=ask)
        second.start()
        until_it_waits(db, "begin_token_refresh")
    second.join(20)

    assert [answer["state"] for answer in answers] == ["busy"]
    assert str(state(db, seller)[1]) == one


def test_idle_pairs_are_spread_over_a_tenth_of_their_age(db, rpc, keyring):
    """Shops that connected in the same hour are not all refreshed in the same one, a month later."""
    for _ in range(20):
        connect_seller(db, rpc, keyring)
    db.execute("update private.platform_tokens set issued_at = now() - interval '28 days 12 hours'")
    ages, due = {"etsy": timedelta(days=30).total_seconds()}, 0

    while rpc.rpc("claim_token_care", p_fence=fences(1)[0], p_ages=ages):
        due += 1

    assert 1 <= due <= 19


@pytest.mark.parametrize(("chance", "refreshes"), [(0.0, 1), (0.99, 0)])
def test_processes_do_not_all_find_a_token_due_at_once(rpc, keyring, seller, chance, refreshes):
    """From 80 % of its life on, spread by chance over a tenth of it: at 85 % some refresh, and some not yet."""
    clock, endpoint = HandClock(), TokenServer()
    one = manager(rpc, keyring, seller, endpoint, clock=clock)
    one._chance = random.Random()
    one._chance.random = lambda: chance
    one.access_token()

    clock.seconds += 0.85 * 3600
    one.access_token()

    assert len(endpoint.used) == refreshes


def test_a_slow_token_endpoint_costs_no_lease(db, rpc, keyring, seller):
    """While the endpoint takes its time, the job's lease lasts as long as the claim of the refresh, and longer."""
    db.execute("update public.sync_jobs set lease_expires_at = now() + interval '20 seconds'")
    db.execute("update private.platform_tokens set expires_at = now()")
    left, endpoint = [], TokenServer()
    endpoint.before = lambda: left.append(
        db.execute("select extract(epoch from lease_expires_at - now()) from public.sync_jobs").fetchone()[0]
    )

    manager(rpc, keyring, seller, endpoint).access_token()

    assert 80 < left[0] <= 90


def test_a_lease_that_is_lost_meanwhile_does_not_stop_a_claimed_refresh(db, rpc, keyring, seller):
    """The claim is ours, and nobody else may take it over for a while: the pair is issued, and stored."""
    db.execute("update private.platform_tokens set expires_at = now()")
    one = manager(rpc, keyring, seller, endpoint := TokenServer())
    begun = one._begin

    def lose(held, fence):
        answer = begun(held, fence)
        db.execute("update public.sync_jobs set lease_id = gen_random_uuid()")
        return answer

    one._begin = lose
    with pytest.raises(LeaseLost):
        one.access_token()

    assert (len(endpoint.used), tokens(db, "version")) == (1, (2,))


def test_a_refresh_that_cannot_be_asked_for_is_no_lost_answer(db, rpc, keyring, seller):
    """The shop's id is no host of the platform's: the job ends, and the claim goes back with nothing used."""
    db.execute("update private.platform_tokens set expires_at = now()")
    rules = replace(ETSY.tokens, url="https://{shop}/token", shop_host=r"[a-z]+\.example\.com")

    with pytest.raises(Fatal, match="no host of the platform"):
        manager(rpc, keyring, seller, TokenServer(), rules=rules).access_token()

    assert state(db, seller)[1] is None
    assert fate(db, seller)[:2] == (0, 0)
