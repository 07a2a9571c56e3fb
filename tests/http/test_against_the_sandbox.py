"""The client against the sandbox's Etsy, a process of its own that judges what really reached it."""

import json
import random
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from execution.budget.budgets import load_budgets, scope_of
from execution.catalog import CATALOG
from execution.clock import SystemClock
from execution.connections.connector import Connector, ConnectRequest
from execution.errors import Fatal, Retriable, Snooze, UserError
from execution.http.transport import HttpTransport
from execution.platform_client import PlatformClient
from execution.platforms.etsy.platform import ETSY
from execution.rate_limiter import RateLimiter
from execution.settings import Settings
from execution.store import Store
from execution.token_manager import TokenManager
from execution.tokens.refresh import Refresher
from execution.valkey import connect_valkey
from tests.budget.test_day_budget import budget
from tests.test_settings import WHOLE
from tests.threads import many
from tests.worlds.leased import lease_job
from tests.worlds.users import make_user


@pytest.fixture
def etsy(etsy):
    """A refresh token is good once."""
    etsy.settings(reuse_old_refresh_token="deny")
    return etsy


class Product:
    """Keeper's side: one process's transport and limiter, a connected seller, and clients of his leased job."""

    def __init__(self, db, rpc, env, keyring, etsy):
        self.db, self.rpc, self.env, self.keyring, self.etsy = db, rpc, env, keyring, etsy
        self.settings = Settings.load(WHOLE | etsy.env).platform("etsy")
        self.scope = scope_of(load_budgets()["etsy"], self.settings)
        self.clock = SystemClock()
        self.closing, self.lease_id = [], ""

    def process(self, **limits):
        """What one worker process has: its own connections, blocks and store."""
        valkey, store, transport = (
            connect_valkey(self.env["REDIS_URL"]),
            Store(Settings.load(self.env)),
            HttpTransport(self.clock),
        )
        self.closing += [valkey, store, transport]
        limits = {"per_second": 10**6, "per_day": 10**6} | limits
        return store, transport, RateLimiter(store, valkey, budget(**limits), self.clock)

    def connector(self, store, transport, limiter):
        return Connector(
            store=store,
            keyring=self.keyring,
            platform_settings=lambda _: self.settings,
            client_of=lambda asked, tokens: self.etsy_client(tokens, "live", transport, limiter, asked.shop_id),
            refresher_of=lambda _: self.refresher(store, transport),
            give_back=limiter.give_back,
            check_in=lambda: None,
            entities_of=CATALOG.of,
        )

    def request(self, shop, user_id, **changes):
        fields = {
            "platform": "etsy",
            "user_id": user_id,
            "shop_id": str(shop["shop_id"]),
            "access_token": shop["access_token"],
            "refresh_token": shop["refresh_token"],
            "expires_at": datetime.fromtimestamp(shop["expires_at"], UTC),
        }
        return ConnectRequest(**(fields | changes))

    def connect(self, shop, process=None, **changes):
        user_id = make_user(self.db)
        return self.connector(*(process or self.process())).connect(self.request(shop, user_id, **changes))

    def client(self, connection, process=None):
        """A client of the connection's one leased job, in a process of its own or a given one."""
        if not self.lease_id:
            self.lease_id = str(uuid.uuid4())
            lease_job(self.db, connection.user_id, connection.connection_id, self.lease_id)
        store, transport, limiter = process or self.process()
        tokens = TokenManager(
            refresher=self.refresher(store, transport),
            chance=random.Random(1),
            lease_id=self.lease_id,
        )
        return self.etsy_client(tokens, "incremental", transport, limiter)

    def refresher(self, store, transport):
        return Refresher(
            store=store,
            keyring=self.keyring,
            platform=ETSY,
            settings=self.settings,
            transport=transport,
            clock=self.clock,
        )

    def etsy_client(self, tokens, call_class, transport, limiter, shop_id=""):
        return PlatformClient(
            platform=ETSY,
            settings=self.settings,
            scope=self.scope,
            call_class=call_class,
            tokens=tokens,
            limiter=limiter,
            transport=transport,
            db_now=self.clock.now,
            clock=self.clock,
            shop_id=shop_id,
        )


@pytest.fixture
def product(db, rpc, env, keyring, etsy):
    product = Product(db, rpc, env, keyring, etsy)
    yield product
    for thing in product.closing:
        thing.close()


@pytest.fixture
def shop(etsy):
    return etsy.control("POST", "/shops", orders=50)


def receipts(client, shop, limit=25):
    answer = client.get(f"/shops/{shop['shop_id']}/receipts", {"limit": limit, "was_paid": True})
    return json.loads(answer.body)


def until_snooze(client, shop):
    count = 0
    try:
        while count < 1000:
            receipts(client, shop, 1)
            count += 1
    except Snooze:
        return count
    raise AssertionError("no end")


def test_a_shop_is_connected_and_read(product, etsy, shop):
    """From the token to the first page, through every check of the vendor."""
    connection = product.connect(shop)

    page = receipts(product.client(connection), shop)

    assert (connection.shop_name, connection.currency) == (shop["shop_name"], "USD")
    assert page["count"] > 0
    assert len(page["results"]) == min(25, page["count"])
    assert etsy.summary()["by_status"] == {"200": 4}


def test_someone_elses_shop_and_a_wrong_key_are_told_apart(product, etsy, shop):
    """Two refusals of the vendor, two lines for the person."""
    other = etsy.control("POST", "/shops", orders=1)
    with pytest.raises(UserError, match="belongs to someone else"):
        product.connect(shop, shop_id=str(other["shop_id"]))

    product.settings = Settings.load(WHOLE | etsy.env | {"ETSY_SHARED_SECRET": "wrong"}).platform("etsy")

    with pytest.raises(UserError, match="Check the application key and its secret"):
        product.connect(shop)


def test_what_only_the_database_sees_is_one_line_too(product, shop):
    """Two connects of a shop at the same moment: the function refuses the later one, over the real store."""
    connection = product.connect(shop)
    store, transport, limiter = product.process()
    late = product.connector(store, transport, limiter)
    late._find = lambda *_: str(uuid.uuid4())

    with pytest.raises(UserError, match="being connected by someone else right now"):
        late.connect(product.request(shop, connection.user_id))


def test_six_processes_keep_the_limit_of_a_second(product, etsy, shop):
    """The vendor's own sliding second never sees more than its limit, and never has to refuse."""
    etsy.settings(per_second=20, second_window="sliding")
    connection = product.connect(shop, product.process(per_second=20))
    product.client(connection)
    clients = [product.client(connection, product.process(per_second=20)) for _ in range(6)]

    with many(6, lambda number: [receipts(clients[number], shop, 1) for _ in range(8)]) as results:
        failures = [result for result in results if isinstance(result, Exception)]

    summary = etsy.summary()
    assert failures == []
    assert summary["by_status"] == {"200": 51}
    assert summary["max_in_one_second"] <= 20


def test_ten_processes_spend_the_last_calls_of_the_day_once(product, etsy, shop):
    """Twelve calls left: the vendor sees exactly twelve, refuses none, and everybody is parked (row 51)."""
    connection = product.connect(shop)
    product.client(connection)
    used = etsy.summary()["requests"]
    etsy.settings(per_day=used + 12)
    clients = [product.client(connection, product.process(per_day=used + 12)) for _ in range(10)]

    with many(10, lambda number: until_snooze(clients[number], shop)) as counts:
        assert sum(counts) == 12

    summary = etsy.summary()
    assert summary["requests"] == used + 12
    assert set(summary["by_rate"]) <= {"counted", "free"}


def test_a_daily_429_is_not_asked_again(product, etsy, shop):
    """The day was used up by others: one refused request, and nothing more from any process."""
    connection = product.connect(shop)
    etsy.settings(per_day=100)
    etsy.control("POST", "/limits/use", today=100)
    etsy.control("DELETE", "/ledger")

    waits = []
    for _ in range(5):
        with pytest.raises(Snooze) as raised:
            receipts(product.client(connection), shop)
        waits.append(raised.value.delay)

    assert etsy.summary()["by_status"] == {"429": 1}
    assert min(waits) > timedelta(minutes=1)


def test_eight_processes_refresh_an_expired_token_once(product, etsy, shop):
    """The vendor's refresh tokens are single-use: one grant, and all go on (row 45)."""
    connection = product.connect(shop)
    product.client(connection)
    product.db.execute(
        "update private.platform_tokens set issued_at = now() - interval '2 h', expires_at = now() - interval '1 h'"
    )
    etsy.control("DELETE", "/ledger")
    clients = [product.client(connection) for _ in range(8)]

    with many(8, lambda number: receipts(clients[number], shop)["count"]) as counts:
        assert len(set(counts)) == 1

    summary = etsy.summary()
    assert summary["refresh_grants"] == 1
    assert summary["by_status"] == {"200": 9}


def test_a_token_that_expired_at_the_vendor_is_refreshed_on_the_401(product, etsy, shop):
    """Our clock thought it good: 401, refresh, repeat."""
    short = etsy.control("POST", "/tokens", shop_id=shop["shop_id"], expires_in=60) | {"expires_at": shop["expires_at"]}
    connection = product.connect(shop | short)
    client = product.client(connection)
    etsy.control("POST", "/clock", advance_seconds=100)

    page = receipts(client, shop)

    assert page["count"] > 0
    assert etsy.summary(status=401)["requests"] == 1
    assert etsy.summary()["refresh_grants"] >= 1
    etsy.control("POST", "/clock", real=True)


def test_a_revoked_connection_stops_within_one_call(product, etsy, shop):
    """A changed password kills every token: a rejected call and a refused refresh, twice, then silence (row 48)."""
    connection = product.connect(shop)
    client = product.client(connection)
    etsy.control("POST", "/tokens/revoke", user_id=shop["user_id"])
    etsy.control("DELETE", "/ledger")

    with pytest.raises(Snooze):
        receipts(client, shop)
    product.db.execute("update private.platform_tokens set rest_until = now()")
    for slice_of_job in (client, product.client(connection), product.client(connection)):
        with pytest.raises(Fatal) as raised:
            receipts(slice_of_job, shop)
        assert raised.value.code == "reconnect_needed"

    assert etsy.summary()["requests"] == 4


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "cut", "at_bytes": 300},
        {"kind": "cut", "at_bytes": 300, "content_length": False},
        {"kind": "reset"},
        {"kind": "status", "status": 502},
        {"kind": "status", "status": 200},
        {"kind": "redirect"},
    ],
)
def test_a_fault_is_a_signal_and_the_next_call_is_whole(product, etsy, shop, fault):
    """Whatever breaks on the way, half a page never comes out, and the connection heals."""
    client = product.client(product.connect(shop))
    etsy.control("POST", "/faults", path="receipts", times=1, **fault)

    with pytest.raises(Retriable):
        receipts(client, shop)

    assert receipts(client, shop)["count"] > 0


def test_gzip_from_the_vendor_is_understood(product, etsy, shop):
    """Compressed because we ask for it."""
    client = product.client(product.connect(shop))
    plain = receipts(client, shop)
    etsy.settings(gzip=True)

    zipped = receipts(client, shop)

    etsy.settings(gzip=False)
    assert zipped == plain
