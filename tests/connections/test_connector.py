"""Connecting a shop: checked with the platform first, written whole or not at all."""

import json
import uuid
from datetime import UTC, datetime

import httpx
import pytest

from execution.budget.budgets import load_budgets, scope_of
from execution.catalog import CATALOG, platform_named
from execution.connections.connector import Connector, ConnectRequest
from execution.errors import UserError
from execution.http.transport import HttpTransport
from execution.keyring import AssociatedData
from execution.platform_client import PlatformClient
from execution.rate_limiter import RateLimiter
from execution.settings import Settings
from execution.tokens.refresh import Refresher
from tests.budget.test_day_budget import booked, budget
from tests.doubles.clocks import HandClock
from tests.doubles.transports import HandEtsy, by_hand
from tests.test_settings import WHOLE


def etsy(shop_id=30010001, **shop):
    """An Etsy that knows one seller."""
    facts = {
        "shop_id": shop_id,
        "shop_name": "FoxMugs",
        "currency_code": "GBP",
        "created_timestamp": 1_600_000_000,
    } | shop

    def answer(request):
        if request.url.path.endswith("/users/me"):
            return httpx.Response(200, json={"user_id": 40010002, "shop_id": shop_id})
        if request.url.path.endswith("/scopes"):
            return httpx.Response(200, json={"scopes": ["transactions_r", "listings_r", "shops_r"]})
        assert request.url.path == f"/v3/application/shops/{shop_id}"
        return httpx.Response(200, json=facts)

    return HandEtsy(answers=[answer])


def connector(rpc, keyring, platform, environ=WHOLE):
    clock, settings = HandClock(), Settings.load(environ).platform
    limiter, transport = RateLimiter(rpc, None, budget(), clock), HttpTransport(clock, transport=by_hand(platform))

    def client_of(asked, tokens):
        return PlatformClient(
            platform=platform_named(asked.platform),
            settings=settings(asked.platform),
            scope=scope_of(load_budgets()[asked.platform], settings(asked.platform)),
            call_class="live",
            tokens=tokens,
            limiter=limiter,
            transport=transport,
            db_now=clock.now,
            clock=clock,
            shop_id=asked.shop_id,
        )

    def refresher_of(name):
        return Refresher(
            store=rpc,
            keyring=keyring,
            platform=platform_named(name),
            settings=settings(name),
            transport=transport,
            clock=clock,
        )

    return Connector(
        store=rpc,
        keyring=keyring,
        platform_settings=settings,
        client_of=client_of,
        refresher_of=refresher_of,
        give_back=limiter.give_back,
        check_in=lambda: None,
        entities_of=CATALOG.of,
    )


def request(user, **changes):
    fields = {
        "platform": "etsy",
        "user_id": user,
        "shop_id": "30010001",
        "access_token": "40010002.canary-access",
        "refresh_token": "40010002.canary-refresh",
        "expires_at": datetime(2027, 1, 1, tzinfo=UTC),
    }
    return ConnectRequest(**(fields | changes))


@pytest.fixture
def user(db, rpc):
    user_id = str(uuid.uuid4())
    db.execute("insert into auth.users (id, email) values (%s, 'seller@example.com')", (user_id,))
    return user_id


def written(db):
    return db.execute(
        "select (select count(*) from public.connected_accounts), (select count(*) from private.platform_tokens)"
    ).fetchone()


def test_a_shop_is_connected_with_what_the_platform_says(db, rpc, keyring, user):
    """Name, currency and birthday come from the platform, the tokens are stored for this account alone."""
    connection = connector(rpc, keyring, etsy()).connect(request(user))

    shop = db.execute(
        "select shop_id, shop_name, currency, shop_created_at, status from public.connected_accounts"
    ).fetchone()
    access, refresh = db.execute("select access_token, refresh_token from private.platform_tokens").fetchone()
    place = {"user_id": user, "platform": "etsy", "connection_id": connection.connection_id}
    assert shop == ("30010001", "FoxMugs", "GBP", datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC), "connected")
    assert keyring.decrypt(access, AssociatedData(**place, field="access_token")) == "40010002.canary-access"
    assert keyring.decrypt(refresh, AssociatedData(**place, field="refresh_token")) == "40010002.canary-refresh"


def test_connecting_again_renews_the_tokens(db, rpc, keyring, user):
    """Same account, newer tokens, status mended; a refresh that is still under way cannot overwrite them."""
    first = connector(rpc, keyring, etsy()).connect(request(user))
    fence = str(uuid.uuid4())
    db.execute("update private.platform_tokens set refresh_fence = %s, refresh_started_at = now()", (fence,))
    db.execute("update public.connected_accounts set status = 'reconnect_needed', status_reason = 'revoked'")

    again = connector(rpc, keyring, etsy()).connect(request(user, access_token="40010002.newer"))

    late = rpc.rpc(
        "store_refreshed_tokens",
        p_fence=fence,
        p_version=1,
        p_access_token="v1|k|n|c",
        p_refresh_token="v1|k|n|c",
        p_expires_in_seconds=3600,
    )
    status = db.execute(
        "select status, status_reason, version, refresh_fence from public.connected_accounts"
        " join private.platform_tokens on id = connection_id"
    ).fetchone()
    assert again.connection_id == first.connection_id
    assert status == ("connected", None, 2, None)
    assert late is False


def test_calls_of_connecting_are_counted(db, rpc, keyring, user):
    """Whose token, which shop, what was granted: calls of class live, and the rest of the block is given back."""
    connector(rpc, keyring, etsy()).connect(request(user))

    assert booked(db) == booked(db, "live") == 3


@pytest.fixture
def refused(db, rpc, keyring):
    """Connects, and answers the one line that the refusal prints; nothing is written."""

    def connect(connect_request, platform=None, environ=WHOLE):
        before = written(db)
        with pytest.raises(UserError) as raised:
            connector(rpc, keyring, platform or etsy(), environ).connect(connect_request)
        assert written(db) == before
        line = str(raised.value)
        assert "\n" not in line
        assert "canary" not in line
        return line

    return connect


def test_someone_elses_shop_is_refused(refused, user):
    """The shop id must be the token's own."""
    line = refused(request(user, shop_id="123"))

    assert line.startswith("Shop 123 belongs to someone else: this token is for shop 30010001 (FoxMugs).")


def test_another_shop_of_the_same_user_is_a_connection_of_its_own(db, rpc, keyring, user):
    """Two shops' orders never mix (row 48), and neither takes the other's place."""
    first = connector(rpc, keyring, etsy()).connect(request(user))
    second = connector(rpc, keyring, etsy(30010009)).connect(request(user, shop_id="30010009"))
    again = connector(rpc, keyring, etsy()).connect(request(user))

    assert written(db) == (2, 2)
    assert again.connection_id == first.connection_id != second.connection_id


def test_two_users_may_connect_the_same_shop(db, rpc, keyring, user):
    other = str(uuid.uuid4())
    db.execute("insert into auth.users (id, email) values (%s, %s)", (other, f"{other}@example.com"))

    first, second = (connector(rpc, keyring, etsy()).connect(request(who)) for who in (user, other))

    assert written(db) == (2, 2)
    assert first.connection_id != second.connection_id


def test_the_same_shop_that_is_connected_meanwhile_is_not_connected_twice(db, rpc, keyring, user):
    """Two connects at the same moment: the function decides, not the look before."""
    late = connector(rpc, keyring, etsy())
    look = late._find

    def look_and_be_overtaken(*args):
        found = look(*args)
        connector(rpc, keyring, etsy()).connect(request(user))
        return found

    late._find = look_and_be_overtaken

    with pytest.raises(UserError, match="being connected by someone else"):
        late.connect(request(user))

    assert written(db) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"user_id": str(uuid.uuid4())}, "There is no user"),
        ({"user_id": "pat"}, "'pat' is not a user id"),
        ({"platform": "amazon"}, "platform 'amazon'"),
        ({"access_token": ""}, "The access token is empty"),
        ({"access_token": "canary\nx"}, "The access token is empty or has characters"),
        ({"refresh_token": "canary x"}, "The refresh token is empty or has characters"),
        ({"expires_at": datetime(2027, 1, 1)}, "The time of expiry has no zone"),  # noqa: DTZ001
    ],
)
def test_bad_input_is_one_line_and_no_call(refused, user, changes, words):
    """What can be seen to be wrong is refused before the platform is asked."""
    platform = etsy()

    assert words in refused(request(user, **changes), platform)
    assert platform.asked == []


def test_a_key_without_its_secret_is_refused(refused, user):
    """Half an application key never reaches Etsy."""
    platform = etsy()
    half = {name: value for name, value in WHOLE.items() if name != "ETSY_SHARED_SECRET"}

    assert "ETSY_KEYSTRING is set without ETSY_SHARED_SECRET" in refused(request(user), platform, half)
    assert platform.asked == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            httpx.Response(401, json={"error": "invalid_token"}),
            "Etsy rejects the access token and the refresh token",
        ),
        (
            httpx.Response(403, json={"error": "API key not found or not active"}),
            "Check the application key and its secret.",
        ),
        (httpx.Response(403, json={"error": "insufficient_scope"}), "granted every scope"),
        (httpx.Response(502, text="<html>"), "Etsy cannot be asked now"),
        (httpx.ConnectError("x"), "Etsy cannot be asked now (no connection (ConnectError)): try again later."),
        (httpx.Response(429, json={"error": "Exceeded daily rate limit"}), "daily calls are used up"),
        (httpx.Response(200, json={"user_id": 1}), "getMe names no shop"),
        (httpx.Response(200, content=b'{"shop_id":'), "answered no usable JSON"),
    ],
)
def test_a_platform_that_refuses_is_one_line(refused, user, answer, words):
    """Each refusal says in one line what to do, and nothing is written."""
    assert words in refused(request(user), HandEtsy(answers=[answer]))


def test_tokens_show_in_no_repr(user):
    """A request that is printed keeps its secrets."""
    assert "canary" not in repr(request(user))
    assert "canary" not in json.dumps(str(request(user)))
