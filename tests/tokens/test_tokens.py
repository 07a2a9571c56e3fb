"""One refresh an expiry, whoever asks; a rotating refresh token survives every kind of death."""

import random
import threading
import uuid
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from execution.errors import Fatal, LeaseLost, Snooze, StoreUnavailable
from execution.http.transport import HttpTransport
from execution.platforms.etsy.platform import ETSY
from execution.platforms.printify.tokens import PRINTIFY_TOKENS
from execution.platforms.shopify.tokens import SHOPIFY_TOKENS
from execution.platforms.square.tokens import SQUARE_TOKENS
from execution.seller_messages import message_of
from execution.token_manager import TokenManager
from execution.tokens.refresh import Refresher
from execution.tokens.rules import LostRefresh
from tests.doubles.clocks import HandClock
from tests.doubles.rpc import DirectRpc
from tests.doubles.token_server import TokenServer
from tests.doubles.transports import HandEtsy, by_hand, etsy_settings
from tests.threads import many
from tests.worlds.leased import connect_seller, lease_job

HICCUP = httpx.Response(500, json={"error": "Server Error"})


def manager(store, keyring, seller, endpoint, *, clock=None, lease_id=None, rules=None):
    clock = clock or HandClock()
    return TokenManager(
        refresher=Refresher(
            store=store,
            keyring=keyring,
            platform=replace(ETSY, tokens=rules or ETSY.tokens),
            settings=etsy_settings(),
            clock=clock,
            transport=HttpTransport(clock, transport=by_hand(endpoint)),
        ),
        chance=random.Random(7),
        lease_id=lease_id or seller.lease_id,
    )


def refused_once(db, rpc, keyring, seller, endpoint):
    """The platform says a first time that the refresh token is dead, and the rest after it is over."""
    with pytest.raises(Snooze):
        manager(rpc, keyring, seller, endpoint).access_token()
    db.execute("update private.platform_tokens set rest_until = now()")


def state(db, seller):
    """What the database knows: version, who refreshes, the account's status and reason."""
    return db.execute(
        "select version, refresh_fence, status, status_reason from private.platform_tokens join"
        " public.connected_accounts on id = connection_id where id = %s",
        (seller.connection_id,),
    ).fetchone()


def fate(db, seller):
    """What is known of the refresh token: lost answers, refusals, rest."""
    return db.execute(
        "select lost_answers, refusals, rest_until from private.platform_tokens where connection_id = %s",
        (seller.connection_id,),
    ).fetchone()


@pytest.fixture
def expired(db, rpc, keyring):
    return connect_seller(db, rpc, keyring, expires_in=timedelta(seconds=-5))


@pytest.fixture
def fresh(db, rpc, keyring):
    return connect_seller(db, rpc, keyring)


def test_a_good_token_is_used_as_it_is(rpc, keyring, fresh):
    """Nothing is refreshed before 80 % of the token's life."""
    endpoint = TokenServer()

    assert manager(rpc, keyring, fresh, endpoint).access_token() == "40010002.first"
    assert endpoint.used == []


def test_an_expired_token_is_refreshed_before_use(db, rpc, keyring, expired):
    """The new pair is stored, with the refresh that will be needed next."""
    endpoint = TokenServer()

    assert manager(rpc, keyring, expired, endpoint).access_token() == "40010002.access-1"
    assert manager(rpc, keyring, expired, endpoint).access_token() == "40010002.access-1"
    assert endpoint.used == ["40010002.refresh-1"]
    assert state(db, expired) == (2, None, "connected", None)


def test_a_token_is_refreshed_from_four_fifths_of_its_life(db, rpc, keyring, fresh):
    """Ahead of expiry, spread by chance between 80 and 90 % so that a fleet does not ask at once."""
    endpoint, clock = TokenServer(), HandClock()
    tokens = manager(rpc, keyring, fresh, endpoint, clock=clock)
    tokens.access_token()

    clock.seconds = 0.79 * 3600
    early = tokens.access_token()
    clock.seconds = 0.91 * 3600
    late = tokens.access_token()

    assert (early, late) == ("40010002.first", "40010002.access-1")


def test_eight_workers_refresh_once(db, rpc, keyring, expired):
    """Eight processes find the token expired together: one request reaches the platform, all go on (row 45)."""
    endpoint, started = TokenServer(), threading.Event()
    looked = threading.Semaphore(0)

    def hold_until_others_wait():
        started.set()
        for _ in range(3):
            looked.acquire(timeout=10)

    endpoint.before = hold_until_others_wait
    managers = [manager(rpc, keyring, expired, endpoint, clock=WaitingClock(looked)) for _ in range(8)]

    with many(8, lambda number: managers[number].access_token()) as tokens:
        assert tokens == ["40010002.access-1"] * 8

    assert endpoint.used == ["40010002.refresh-1"]
    assert state(db, expired)[0] == 2


class WaitingClock(HandClock):
    """Sleeping gives the others a real moment, and says that somebody waits."""

    def __init__(self, looked):
        super().__init__(on_sleep=lambda _: (looked.release(), threading.Event().wait(0.02)))


def test_a_waiter_gives_its_place_back_after_five_seconds(db, rpc, keyring, expired):
    """While another worker refreshes, waiting costs seconds, not a worker."""
    clock = HandClock()
    rpc.rpc("begin_token_refresh", p_lease_id=expired.lease_id, p_version=1, p_fence=str(uuid.uuid4()))

    with pytest.raises(Snooze, match="another worker is refreshing"):
        manager(rpc, keyring, expired, TokenServer(), clock=clock).access_token()

    assert 4 < sum(clock.slept) <= 6


def test_nobody_waits_for_a_refresh_that_is_not_needed_yet(db, rpc, keyring, fresh):
    """A refresh ahead of expiry by another worker: the old token serves meanwhile."""
    clock = HandClock()
    tokens = manager(rpc, keyring, fresh, TokenServer(), clock=clock)
    tokens.access_token()
    rpc.rpc("begin_token_refresh", p_lease_id=fresh.lease_id, p_version=1, p_fence=str(uuid.uuid4()))

    clock.seconds = 0.95 * 3600

    assert tokens.access_token() == "40010002.first"
    assert clock.slept == []


def test_the_refresh_of_a_dead_worker_is_taken_over_after_its_claim_has_lapsed(db, rpc, keyring, expired):
    """On the database's clock; the old refresh token, which is still stored, is tried (row 46)."""
    endpoint = TokenServer()
    rpc.rpc("begin_token_refresh", p_lease_id=expired.lease_id, p_version=1, p_fence=str(uuid.uuid4()))
    db.execute("update private.platform_tokens set refresh_started_at = now() - interval '89 seconds'")
    with pytest.raises(Snooze):
        manager(rpc, keyring, expired, endpoint).access_token()

    db.execute("update private.platform_tokens set refresh_started_at = now() - interval '91 seconds'")

    assert manager(rpc, keyring, expired, endpoint).access_token() == "40010002.access-1"


def test_a_worker_that_died_with_the_answer_costs_a_reconnect_not_a_storm(db, rpc, keyring, expired):
    """The pair was issued and never stored: the old token is tried again, then the seller is asked (row 46)."""
    endpoint = TokenServer()
    endpoint.good = "40010002.next-1"  # the first refresh token is used up

    refused_once(db, rpc, keyring, expired, endpoint)
    for _ in range(3):
        with pytest.raises(Fatal) as raised:
            manager(rpc, keyring, expired, endpoint).access_token()

    assert raised.value.code == "reconnect_needed"
    assert endpoint.used == ["40010002.refresh-1"] * 2
    assert state(db, expired)[1:] == (
        None,
        "reconnect_needed",
        "refresh refused: invalid_grant: refresh_token is revoked",
    )


def test_a_late_writer_cannot_overwrite_a_newer_token(db, rpc, keyring, expired):
    """A worker stopped in mid refresh and woken after the take-over stores nothing (row 47)."""
    slow, quick = TokenServer(), TokenServer()

    def taken_over_meanwhile():
        db.execute("update private.platform_tokens set refresh_started_at = now() - interval '2 minutes'")
        assert manager(rpc, keyring, expired, quick).access_token() == "40010002.access-1"
        slow.access = "40010002.stale"

    slow.after = taken_over_meanwhile
    slow.issued = 40

    token = manager(rpc, keyring, expired, slow).access_token()

    assert token == "40010002.access-1"
    assert state(db, expired)[0] == 2


def test_a_refresh_that_was_taken_over_stores_nothing(db, rpc, keyring, expired):
    """The second holder is still calling when the first one wakes: the first one's fence is worth nothing."""
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    rpc.rpc("begin_token_refresh", p_lease_id=expired.lease_id, p_version=1, p_fence=first)
    db.execute("update private.platform_tokens set refresh_started_at = now() - interval '2 minutes'")
    rpc.rpc("begin_token_refresh", p_lease_id=expired.lease_id, p_version=1, p_fence=second)

    stored = rpc.rpc(
        "store_refreshed_tokens",
        p_fence=first,
        p_version=1,
        p_access_token="v1|k|n|stale",
        p_refresh_token="v1|k|n|stale",
        p_expires_in_seconds=3600,
    )
    ended = rpc.rpc("fail_token_refresh", p_fence=first, p_reason="revoked", p_final=True)

    assert (stored, ended) == (False, False)
    assert state(db, expired) == (1, uuid.UUID(second), "connected", None)


def test_a_lost_answer_is_asked_for_again_after_a_rest(db, rpc, keyring, expired):
    """Nobody says whether Etsy used the token up: no storm, no attempt, the same token once more, then the new pair."""
    endpoint = TokenServer()
    etsy = HandEtsy(answers=[httpx.ReadError("reset"), endpoint])
    with pytest.raises(Snooze) as raised:
        manager(rpc, keyring, expired, etsy).access_token()
    with pytest.raises(Snooze, match="failed a moment ago"):
        manager(rpc, keyring, expired, etsy).access_token()
    asked_while_resting = len(etsy.asked)

    db.execute("update private.platform_tokens set rest_until = now()")

    assert manager(rpc, keyring, expired, etsy).access_token() == "40010002.access-1"
    assert (asked_while_resting, len(etsy.asked)) == (1, 2)
    assert raised.value.delay == timedelta(seconds=15)
    assert fate(db, expired) == (0, 0, None)


def test_a_lost_answer_is_asked_for_at_once_where_the_platform_allows_it(db, rpc, keyring, expired):
    """Shopify keeps the old refresh token good until the new one is used (sheet 2.2)."""
    endpoint = TokenServer()
    shopify = HandEtsy(answers=[httpx.ReadError("reset"), httpx.ReadTimeout("late"), endpoint])
    rules = replace(ETSY.tokens, lost_answer=LostRefresh.REPEATABLE)

    assert manager(rpc, keyring, expired, shopify, rules=rules).access_token() == "40010002.access-1"
    assert len(shopify.asked) == 3


def test_each_lost_answer_makes_the_rest_longer(db, rpc, keyring, expired):
    """An outage of the token endpoint: a request now and then, not one a worker."""
    etsy, delays = HandEtsy(answers=[httpx.ReadTimeout("late")]), []
    for _ in range(9):
        with pytest.raises(Snooze) as raised:
            manager(rpc, keyring, expired, etsy).access_token()
        delays.append(raised.value.delay.total_seconds())
        db.execute("update private.platform_tokens set rest_until = now()")

    assert delays == [15, 30, 60, 120, 240, 480, 900, 900, 900]
    assert state(db, expired)[2] == "connected"


REFUSALS = [
    (
        ETSY.tokens,
        httpx.Response(400, json={"error": "invalid_grant", "error_description": "refresh_token is revoked"}),
    ),
    (SHOPIFY_TOKENS, httpx.Response(400, json={"error": "invalid_grant"})),
    (
        SQUARE_TOKENS,
        httpx.Response(401, json={"errors": [{"category": "AUTHENTICATION_ERROR", "code": "UNAUTHORIZED"}]}),
    ),
    (PRINTIFY_TOKENS, httpx.Response(401, json={"error": "Unauthenticated"})),
]


@pytest.mark.parametrize("said", REFUSALS, ids=["etsy", "shopify", "square", "printify"])
def test_a_refused_refresh_is_believed_when_it_is_said_twice(db, rpc, keyring, expired, said):
    """With time between, in which nobody asks: a deployment of theirs ends no connection."""
    rules, refusal = said
    endpoint, rules = HandEtsy(answers=[refusal]), replace(rules, url=ETSY.tokens.url)

    for _ in range(2):
        with pytest.raises(Snooze) as raised:
            manager(rpc, keyring, expired, endpoint, rules=rules).access_token()
        assert 40 < raised.value.delay.total_seconds() <= 45
    assert (len(endpoint.asked), state(db, expired)[2]) == (1, "connected")
    db.execute("update private.platform_tokens set rest_until = now()")
    with pytest.raises(Fatal) as raised:
        manager(rpc, keyring, expired, endpoint, rules=rules).access_token()

    assert (len(endpoint.asked), state(db, expired)[2]) == (2, "reconnect_needed")
    assert raised.value.code == "reconnect_needed"


def test_a_refresh_that_was_refused_once_and_then_works_has_cost_nothing(db, rpc, keyring, expired):
    endpoint = HandEtsy(answers=[REFUSALS[0][1], TokenServer()])
    with pytest.raises(Snooze):
        manager(rpc, keyring, expired, endpoint).access_token()
    db.execute("update private.platform_tokens set rest_until = now()")

    assert manager(rpc, keyring, expired, endpoint).access_token() == "40010002.access-1"
    assert (state(db, expired)[2], fate(db, expired)[1]) == ("connected", 0)


def test_a_platform_that_tells_a_moment_and_keeps_its_refresh_token(db, rpc, keyring, expired):
    """Square: `expires_at` is taken as told, the same refresh token stays stored, with its life."""
    db.execute("update private.platform_tokens set refresh_expires_at = '2030-01-01T00:00:00Z'")
    answer = {"access_token": "a-2", "refresh_token": "40010002.refresh-1", "expires_at": "2029-12-20T09:00:00Z"}
    tokens = manager(rpc, keyring, expired, HandEtsy(answers=[httpx.Response(200, json=answer)]))
    before = db.execute("select refresh_token from private.platform_tokens").fetchone()

    assert tokens.access_token() == "a-2"
    assert db.execute(
        "select expires_at = '2029-12-20T09:00:00Z', refresh_expires_at = '2030-01-01T00:00:00Z', refresh_token"
        " from private.platform_tokens"
    ).fetchone() == (True, True, *before)


def test_a_token_endpoint_of_thirty_seconds_is_waited_for(db, rpc, keyring, expired):
    """One call, no second presentation of the token: the limit is for a whole refresh, above what was seen in life."""
    clock, limits = HandClock(), []

    def slow(request):
        limits.append(request.extensions["timeout"]["read"])
        clock.seconds += 30
        return endpoint(request)

    endpoint = TokenServer()

    assert manager(rpc, keyring, expired, slow, clock=clock).access_token() == "40010002.access-1"
    assert endpoint.used == ["40010002.refresh-1"]
    assert limits == [40]


def test_a_hiccup_of_the_token_endpoint_is_repeated(db, rpc, keyring, expired):
    """500 'Server Error' succeeds on repeat (sheet 4.3)."""
    endpoint, clock = TokenServer(), HandClock()
    etsy = HandEtsy(answers=[HICCUP, HICCUP, endpoint])

    assert manager(rpc, keyring, expired, etsy, clock=clock).access_token() == "40010002.access-1"
    assert clock.slept == [0.5, 1.0]


def test_a_token_endpoint_that_stays_broken_is_retried_later(db, rpc, keyring, expired):
    """After three tries the job waits, without an attempt spent, and the next worker may refresh at once."""
    etsy = HandEtsy(answers=[HICCUP])

    with pytest.raises(Snooze, match="answered 500"):
        manager(rpc, keyring, expired, etsy).access_token()

    assert len(etsy.asked) == 3
    assert state(db, expired) == (1, None, "connected", None)


def test_a_broken_token_endpoint_does_not_stop_a_good_token(db, rpc, keyring, fresh):
    """Refreshing ahead fails: the old token serves on, and the endpoint gets half a minute of rest."""
    etsy, clock = HandEtsy(answers=[HICCUP]), HandClock()
    tokens = manager(rpc, keyring, fresh, etsy, clock=clock)
    tokens.access_token()
    clock.seconds = 0.92 * 3600

    used = {tokens.access_token() for _ in range(5)}

    assert used == {"40010002.first"}
    assert len(etsy.asked) == 3


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>captcha</html>"),
        httpx.Response(200, json={"token_type": "Bearer"}),
        httpx.Response(200, json=[]),
        httpx.Response(302, headers={"location": "http://evil.invalid/"}),
        httpx.Response(403, text="<html>blocked</html>"),
    ],
)
def test_an_answer_that_is_no_token_is_retried(db, rpc, keyring, expired, answer):
    """HTML, a missing token, a redirect: nothing is stored, nobody has to reconnect."""
    with pytest.raises(Snooze):
        manager(rpc, keyring, expired, HandEtsy(answers=[answer])).access_token()

    assert state(db, expired) == (1, None, "connected", None)


def test_a_throttled_refresh_waits(db, rpc, keyring, expired):
    """429 at the token endpoint parks the job for as long as it asks."""
    etsy = HandEtsy(answers=[httpx.Response(429, headers={"retry-after": "42"}, json={"error": "slow down"})])

    with pytest.raises(Snooze) as raised:
        manager(rpc, keyring, expired, etsy).access_token()

    assert raised.value.delay == timedelta(seconds=42)
    assert state(db, expired)[1] is None


def test_a_refused_client_is_an_operators_matter(db, rpc, keyring, expired):
    """invalid_client is not the seller's fault: the connection stays connected."""
    etsy = HandEtsy(answers=[httpx.Response(401, json={"error": "invalid_client"})])

    with pytest.raises(Fatal) as raised:
        manager(rpc, keyring, expired, etsy).access_token()

    assert raised.value.code == "platform_key_refused"
    assert state(db, expired)[2] == "connected"


def test_a_revoked_connection_makes_no_further_call(db, rpc, keyring, expired):
    """After `reconnect_needed` no worker asks the platform again, until the seller reconnects (row 48)."""
    endpoint = TokenServer(refresh="another")
    refused_once(db, rpc, keyring, expired, endpoint)
    with pytest.raises(Fatal):
        manager(rpc, keyring, expired, endpoint).access_token()

    with pytest.raises(Fatal) as raised:
        manager(rpc, keyring, expired, endpoint).access_token()

    assert message_of(raised.value, ETSY) == "Etsy no longer accepts our access. Please reconnect your shop."
    assert len(endpoint.used) == 2


def test_a_rejected_token_is_renewed_once(db, rpc, keyring, fresh):
    """A 401 refreshes; whoever was rejected with the same old token afterwards gets the new one without a refresh."""
    endpoint = TokenServer()
    one, other = (manager(rpc, keyring, fresh, endpoint) for _ in range(2))

    assert one.renew(rejected="40010002.first") == "40010002.access-1"
    assert other.renew(rejected="40010002.first") == "40010002.access-1"
    assert endpoint.used == ["40010002.refresh-1"]


def test_without_a_refresh_token_a_rejection_that_is_believed_asks_the_seller(db, rpc, keyring):
    """An access token that came alone is used until it is refused twice: the first time nothing newer can be had."""
    seller = connect_seller(db, rpc, keyring, refresh=None, expires_in=None)
    tokens = manager(rpc, keyring, seller, TokenServer())
    assert tokens.access_token() == "40010002.first"

    assert tokens.renew(rejected="40010002.first") == "40010002.first"
    assert state(db, seller)[2] == "connected"
    tokens.give_up("rejected twice")

    assert state(db, seller)[2] == "reconnect_needed"


def test_giving_up_spares_a_seller_who_has_just_reconnected(db, rpc, keyring, fresh):
    """The refusal was of the old pair: the new one is not marked."""
    tokens = manager(rpc, keyring, fresh, TokenServer())
    tokens.access_token()
    db.execute("update private.platform_tokens set version = version + 1")

    tokens.give_up("403")

    assert state(db, fresh)[2] == "connected"


def test_a_worker_without_the_lease_gets_no_token(db, rpc, keyring, fresh):
    """Tokens are given for a lease alone."""
    with pytest.raises(LeaseLost):
        manager(rpc, keyring, fresh, TokenServer(), lease_id=str(uuid.uuid4())).access_token()


def test_a_lease_opens_only_its_own_tokens(db, rpc, keyring, fresh):
    """Another seller's lease reads another seller's token; there is no argument to name a tenant (row 60)."""
    other = connect_seller(db, rpc, keyring, access="50020003.other")

    assert manager(rpc, keyring, other, TokenServer()).access_token() == "50020003.other"
    assert manager(rpc, keyring, fresh, TokenServer()).access_token() == "40010002.first"


def test_a_pair_is_saved_although_the_lease_was_lost(db, rpc, keyring, expired):
    """The platform will not issue it twice: a worker that lost its job during the call still stores it."""
    endpoint = TokenServer()

    def lose_the_lease():
        db.execute("update public.sync_jobs set status = 'queued', lease_id = null, lease_expires_at = null")

    endpoint.after = lose_the_lease

    with pytest.raises(LeaseLost):
        manager(rpc, keyring, expired, endpoint).access_token()

    db.execute("delete from public.sync_jobs")
    lease_job(db, expired.user_id, expired.connection_id, lease := str(uuid.uuid4()))
    assert manager(rpc, keyring, expired, endpoint, lease_id=lease).access_token() == "40010002.access-1"


class LossyStore(DirectRpc):
    """The real functions; the first answers of one of them are lost after it has committed."""

    def __init__(self, url, function, losses):
        super().__init__(url)
        self.function, self.losses = function, losses

    def rpc(self, function, /, **args):
        answer = super().rpc(function, **args)
        if function == self.function and self.losses:
            self.losses -= 1
            raise StoreUnavailable("the answer was lost")
        return answer


def test_a_lost_answer_of_the_database_loses_no_pair(db, rpc, env, keyring, expired):
    """The pair was stored, its answer lost: the repeat recognises it."""
    endpoint, store = TokenServer(), LossyStore(env["DATABASE_URL"], "store_refreshed_tokens", 2)

    assert manager(store, keyring, expired, endpoint).access_token() == "40010002.access-1"
    assert state(db, expired)[0] == 2
    store.close()
