"""Pairs that nobody uses are refreshed before their refresh token dies, by one clock of many, whatever fails."""

import uuid
from datetime import timedelta

import httpx
import pytest
import structlog

from execution.errors import UserError
from execution.http.transport import HttpTransport
from execution.platforms.etsy.platform import ETSY
from execution.tokens.care import TokenCare
from execution.tokens.refresh import Refresher
from tests.doubles.clocks import HandClock
from tests.doubles.token_server import TokenServer
from tests.doubles.transports import HandEtsy, by_hand, etsy_settings
from tests.threads import many
from tests.worlds.leased import connect_seller


def care(store, keyring, endpoint, *, platform_settings=lambda _: etsy_settings()):
    clock = HandClock()
    return TokenCare(
        store=store,
        keyring=keyring,
        platforms={"etsy": ETSY},
        refresher_of=lambda name: Refresher(
            store=store,
            keyring=keyring,
            platform=ETSY,
            settings=platform_settings(name),
            transport=HttpTransport(clock, transport=by_hand(endpoint)),
            clock=clock,
        ),
    )


def age(db, seller, **columns):
    """Let the pair be older: `column = 'sql'`."""
    for name, value in columns.items():
        db.execute(
            f"update private.platform_tokens set {name} = {value} where connection_id = %s", (seller.connection_id,)
        )


def version(db, seller):
    return db.execute(
        "select version from private.platform_tokens where connection_id = %s", (seller.connection_id,)
    ).fetchone()[0]


@pytest.fixture
def idle(db, rpc, keyring):
    """A seller without a job, whose pair was issued 31 days ago."""
    seller = connect_seller(db, rpc, keyring)
    db.execute("delete from public.sync_jobs")
    age(db, seller, issued_at="now() - interval '31 days'", expires_at="now() - interval '30 days'")
    return seller


def test_an_idle_pair_is_refreshed_when_it_is_old(db, rpc, keyring, idle):
    """No job, no lease, nobody asks: the refresh token would die after 90 days."""
    endpoint = TokenServer()
    looked = care(rpc, keyring, endpoint)

    assert [looked.once(), looked.once()] == [True, False]
    assert endpoint.used == ["40010002.refresh-1"]
    assert version(db, idle) == 2


@pytest.mark.parametrize(
    "columns",
    [
        {"issued_at": "now() - interval '26 days'"},
        {"refresh_token": "null"},
        {"rest_until": "now() + interval '1 minute'"},
        {"refresh_fence": "gen_random_uuid(), refresh_started_at = now()"},
    ],
)
def test_a_pair_that_is_young_or_in_other_hands_is_left_alone(db, rpc, keyring, idle, columns):
    """Also one that cannot be refreshed, and one whose endpoint has just failed."""
    age(db, idle, **columns)

    assert not care(rpc, keyring, TokenServer()).once()
    assert version(db, idle) == 1


def test_the_last_fifth_of_a_refresh_token_s_life_is_old_enough(db, rpc, keyring, idle):
    """Whatever the platform's rule says: the token itself says when it dies."""
    age(db, idle, issued_at="now() - interval '8 days'", refresh_expires_at="now() + interval '1 day'")

    assert care(rpc, keyring, TokenServer()).once()
    assert version(db, idle) == 2


def test_a_connection_that_needs_the_seller_is_left_to_the_seller(db, rpc, keyring, idle):
    """After `reconnect_needed` nobody asks the platform again."""
    db.execute("update public.connected_accounts set status = 'reconnect_needed'")

    assert not care(rpc, keyring, TokenServer()).once()


def test_a_platform_that_this_process_is_not_set_up_for_is_left_alone(db, rpc, keyring, idle):
    """Another clock has its key; claiming the pair here would only stand in its way."""

    def missing(name):
        raise UserError("ETSY_KEYSTRING is missing")

    assert not care(rpc, keyring, TokenServer(), platform_settings=missing).once()
    assert version(db, idle) == 1


def test_a_failure_does_not_stand_in_the_way_of_the_next_pair(db, rpc, keyring, idle):
    """The endpoint fails for one: the others are looked after, and that one again in ten minutes."""
    other = connect_seller(db, rpc, keyring, refresh="50020003.refresh-1")
    age(db, other, issued_at="now() - interval '30 days'")
    hiccup = httpx.Response(500, json={"error": "Server Error"})
    looked = care(rpc, keyring, HandEtsy(answers=[hiccup] * 3 + [TokenServer("50020003.refresh-1")]))

    assert [looked.once(), looked.once(), looked.once()] == [True, True, False]
    assert (version(db, idle), version(db, other)) == (1, 2)

    age(db, idle, care_after="now()")
    assert looked.once()


def test_a_refresh_token_that_died_of_disuse_is_told_to_the_seller(db, rpc, keyring, idle):
    """The seller learns it from the status before the next sync fails."""
    looked = care(rpc, keyring, TokenServer("another"))
    looked.once()
    assert db.execute("select status from public.connected_accounts").fetchone() == ("connected",)

    age(db, idle, care_after="now()", rest_until="now()")
    looked.once()

    assert db.execute("select status, status_reason from public.connected_accounts").fetchone() == (
        "reconnect_needed",
        "refresh refused: invalid_grant: refresh_token is revoked",
    )


def test_eight_clocks_refresh_each_pair_once(db, rpc, keyring):
    """Twelve old pairs, eight clocks that start together: twelve requests."""
    sellers = [connect_seller(db, rpc, keyring, refresh=f"4001000{n}.refresh-1") for n in range(12)]
    db.execute("update private.platform_tokens set issued_at = now() - interval '40 days'")
    asked = []

    def answer(request):
        asked.append(request.content)
        issued = {"access_token": f"a{len(asked)}", "refresh_token": f"r{len(asked)}", "expires_in": 3600}
        return httpx.Response(200, json=issued)

    clocks = [care(rpc, keyring, HandEtsy(answers=[answer])) for _ in range(8)]

    def work(number):
        while clocks[number].once():
            pass

    with many(8, work) as ended:
        assert ended == [None] * 8

    assert len(asked) == len(set(asked)) == 12
    assert {version(db, seller) for seller in sellers} == {2}


def test_a_lost_answer_of_the_claim_claims_no_second_pair(db, rpc, keyring, idle):
    """The same fence is answered with the same pair."""
    fence, ages = str(uuid.uuid4()), {"etsy": 86400}

    first = rpc.rpc("claim_token_care", p_fence=fence, p_ages=ages)
    again = rpc.rpc("claim_token_care", p_fence=fence, p_ages=ages)

    assert first["connection_id"] == again["connection_id"] == idle.connection_id
    assert again["lost_answers"] == 0


def test_sellers_whose_pasted_token_ends_soon_are_named(db, rpc, keyring):
    """Within a month, without a refresh token: nothing that we can do will keep it."""
    soon = connect_seller(db, rpc, keyring, refresh=None, expires_in=timedelta(days=20))
    connect_seller(db, rpc, keyring, refresh=None, expires_in=timedelta(days=200))
    connect_seller(db, rpc, keyring, expires_in=timedelta(days=20))

    with structlog.testing.capture_logs() as lines:
        assert care(rpc, keyring, TokenServer()).warn() == 1

    assert [line["user_id"] for line in lines] == [soon.user_id]
    assert [row["user_id"] for row in rpc.rpc("expiring_tokens", p_within_seconds=30 * 86400.0)] == [soon.user_id]
    assert rpc.rpc("expiring_tokens", p_within_seconds=30 * 86400.0, p_user_id=str(uuid.uuid4())) == []
