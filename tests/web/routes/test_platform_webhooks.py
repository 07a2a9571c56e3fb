"""Platforms' webhooks: verified, kept once, answered at once, worked as jobs that read the object again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from execution.job_runner import SliceOutcome
from tests.web.conftest import client, served
from tests.worlds.world import make_world

ETSY, PRINTIFY, SHOPIFY = (
    "whsec_" + base64.b64encode(b"etsy's own secret").decode(),
    "pfy-secret-of-the-app",
    "shpss_secret",
)
SHOP = "tea-house.myshopify.com"
GOODBYE = {"id": 1, "domain": "tea.example", "myshopify_domain": SHOP}


@pytest.fixture(scope="module")
def hooks_env(web_env):
    """Each secret is being rotated, and whoever delivers signs with the other one than comes first."""
    secrets = {"ETSY_WEBHOOK_SECRET": ETSY, "PRINTIFY_WEBHOOK_SECRET": PRINTIFY, "SHOPIFY_CLIENT_SECRET": SHOPIFY}
    rotated = {name: f"the-other-secret-of-the-two {secret}" for name, secret in secrets.items()}
    return {**web_env, "SHOPIFY_CLIENT_ID": "id", **rotated}


@pytest.fixture(scope="module")
def hooks_url(hooks_env):
    with served(hooks_env) as url:
        yield url


@pytest.fixture
def hooks(hooks_url, clean):
    with client(hooks_url) as asking:
        yield asking


def etsy_event(hooks, shop_id, receipt_id, *, secret=ETSY, delivery=None, sent_at=None, **changes):
    url = f"https://openapi.etsy.com/v3/application/shops/{shop_id}/receipts/{receipt_id}"
    body = json.dumps({"event_type": "order.paid", "resource_url": url, "shop_id": shop_id, **changes}).encode()
    delivery, sent_at = delivery or f"msg_{uuid.uuid4().hex}", str(sent_at or int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.digest(key, f"{delivery}.{sent_at}.".encode() + body, hashlib.sha256)
    headers = {"webhook-id": delivery, "webhook-timestamp": sent_at}
    headers["webhook-signature"] = "v1," + base64.b64encode(signed).decode()
    return hooks.post("/webhooks/etsy", content=body, headers=headers)


def shopify_event(hooks, topic, body, *, secret=SHOPIFY, delivery=None, prefix="X-Shopify-", extra=(), **headers):
    content = json.dumps(body).encode()
    whole = {
        "Topic": topic,
        "Hmac-Sha256": base64.b64encode(hmac.digest(secret.encode(), content, hashlib.sha256)).decode(),
        "Shop-Domain": SHOP,
        "Webhook-Id": delivery or str(uuid.uuid4()),
        **headers,
    }
    sent = [(f"{prefix}{name}", value) for name, value in whole.items()]
    return hooks.post("/webhooks/shopify", content=content, headers=[*sent, *extra])


def printify_event(hooks, topic, resource, *, secret=PRINTIFY, delivery=None, created=None):
    created = created or datetime.now(UTC)
    event = {"id": delivery or str(uuid.uuid4()), "type": topic, "created_at": f"{created:%Y-%m-%d %H:%M:%S}+00:00"}
    body = json.dumps({**event, "resource": resource}).encode()
    signed = "sha256=" + hmac.digest(secret.encode(), body, hashlib.sha256).hex()
    return hooks.post("/webhooks/printify", content=body, headers={"X-Pfy-Signature": signed})


def connect(db, user, platform, shop_id):
    db.execute(
        "insert into public.connected_accounts (user_id, platform, shop_id) values (%s, %s, %s)",
        (user, platform, shop_id),
    )


def events(db):
    query = (
        "select platform, kind, object_id, topic from private.platform_events join public.connected_accounts as a"
        " on a.id = connection_id where worked_at is null order by 1, 2, 3"
    )
    return db.execute(query).fetchall()


def jobs(db):
    return db.execute("select platform, entity, job_type, status from public.sync_jobs order by created_at").fetchall()


def work(worker):
    runner = worker.runner()
    while runner.work_one() is not SliceOutcome.IDLE:
        pass


@pytest.fixture
def shopify_seller(hooks, make_user, db):
    connect(db, user := make_user(), "shopify", SHOP)
    return user


def test_an_order_that_changed_at_etsy_is_read_again(hooks, worker, db, etsy):
    world = make_world(worker, db, (etsy, etsy.shop(orders=8)))
    world.run("orders")
    receipt = next(iter(world.stored("orders")))
    before = world.stored("orders")[receipt]
    etsy.mutate(world.shop, "update_order", receipt_id=int(receipt))
    calls = len(etsy.asked(world.shop, pages_only=False))

    answer = etsy_event(hooks, world.shop.number, receipt)
    queued = events(db)
    work(worker)

    after = world.stored("orders")[receipt]
    assert answer.status_code == 200
    assert queued == [("etsy", "receipts", receipt, "order.paid")]
    assert after["source_updated_at"] > before["source_updated_at"]
    assert events(db) == []
    assert len(etsy.asked(world.shop, pages_only=False)) == calls + 1
    assert jobs(db)[-1] == ("etsy", "changes", "incremental", "completed")
    assert db.execute("select backfill_status from public.profiles").fetchall() == [("completed",)]


def test_an_order_that_is_gone_when_it_is_asked_for_harms_nothing(hooks, worker, db, etsy):
    world = make_world(worker, db, (etsy, etsy.shop(orders=3)))

    etsy_event(hooks, world.shop.number, 999999999999)
    # It is asked for twice, with time between.
    world.drain()

    assert events(db) == []
    assert jobs(db) == [("etsy", "changes", "incremental", "completed")]


def test_a_delivery_that_comes_twenty_times_at_once_is_one_event_and_one_job(hooks, db, make_user):
    connect(db, make_user(), "etsy", "77")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: etsy_event(hooks, 77, 5, delivery="msg_same"), range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert len(events(db)) == 1
    assert jobs(db) == [("etsy", "changes", "incremental", "queued")]


def test_many_events_of_many_orders_are_one_job(hooks, db, make_user):
    connect(db, make_user(), "etsy", "77")

    for receipt in (1, 2, 3, 2, 1):
        etsy_event(hooks, 77, receipt)

    assert [object_id for _, _, object_id, _ in events(db)] == ["1", "2", "3"]
    assert len(jobs(db)) == 1


def test_an_event_that_comes_while_its_job_runs_is_not_lost(hooks, db, worker, etsy):
    world = make_world(worker, db, (etsy, etsy.shop(orders=8)))
    world.run("orders")
    first, second = sorted(world.stored("orders"))[:2]
    etsy_event(hooks, world.shop.number, second)
    lease = str(uuid.uuid4())
    worker.store.rpc("claim_job", p_lease_id=lease, p_worker="test")

    etsy_event(hooks, world.shop.number, first)
    worker.store.rpc("hand_back_job", p_lease_id=lease)
    work(worker)

    assert events(db) == []
    # Both were read; of two jobs that changed nothing the newest is kept.
    assert [job for job in jobs(db) if job[1] == "changes"] == [("etsy", "changes", "incremental", "completed")]
    asked = [request["path"].rpartition("/")[2] for request in etsy.asked(world.shop, pages_only=False)]
    assert {first, second} <= set(asked)


def test_a_job_that_completes_settles_only_what_came_before_it_began(hooks, db, worker, make_user):
    """What came while it ran may have been behind its look-ups."""
    connect(db, make_user(), "etsy", "77")
    etsy_event(hooks, 77, 5)
    lease = str(uuid.uuid4())
    worker.store.rpc("claim_job", p_lease_id=lease, p_worker="test")
    etsy_event(hooks, 77, 4)

    worker.store.rpc(
        "complete_job", p_lease_id=lease, p_certificate={"distinct_keys": 0, "checks": []}, p_watermark=None
    )

    assert [object_id for _, _, object_id, _ in events(db)] == ["4"]
    assert [status for *_, status in jobs(db)] == ["completed", "queued"]


def test_what_no_one_connected_is_answered_alike_and_kept_by_nobody(hooks, db, make_user):
    """A sender cannot find out who is a customer of ours."""
    connect(db, make_user(), "etsy", "77")

    known, unknown = etsy_event(hooks, 77, 5), etsy_event(hooks, 78, 5)

    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)
    assert len(events(db)) == 1


def test_what_is_not_signed_as_it_should_be_changes_nothing(hooks, db, make_user, shopify_seller):
    connect(db, shopify_seller, "etsy", "77")
    connect(db, shopify_seller, "printify", "815256")
    other = "whsec_" + base64.b64encode(b"another").decode()
    order, hook = {"id": 7}, {"id": "5a96f649b2439217d070f507", "type": "order", "data": {"shop_id": 815256}}
    twice = [("X-Shopify-Hmac-Sha256", "x")]

    answers = [
        etsy_event(hooks, 77, 5, secret=other),
        etsy_event(hooks, 77, 5, sent_at=int(time.time()) - 360),
        shopify_event(hooks, "orders/updated", order, secret="wrong"),
        shopify_event(hooks, "orders/updated", order, secret=""),
        shopify_event(hooks, "orders/updated", order, extra=twice),
        shopify_event(hooks, "app/uninstalled", GOODBYE, secret=PRINTIFY),
        shopify_event(hooks, "shop/redact", {}, secret="wrong"),
        printify_event(hooks, "order:updated", hook, secret="wrong"),
        hooks.post("/webhooks/shopify", json=order),
        hooks.post("/webhooks/printify", json=hook),
        hooks.post("/webhooks/etsy", json={}),
    ]

    assert [answer.status_code for answer in answers] == [401] * len(answers)
    assert events(db) == []
    assert jobs(db) == []
    assert {s for (s,) in db.execute("select status from public.connected_accounts").fetchall()} == {"connected"}


def test_without_a_secret_a_door_is_shut(api, web_env):
    """The session's web process has none of these secrets."""
    assert etsy_event(api, 77, 5, secret="whsec_").status_code == 401
    assert shopify_event(api, "orders/updated", {"id": 7}, secret="").status_code == 401
    assert printify_event(api, "order:updated", {"id": "5a96"}, secret="").status_code == 401


@pytest.mark.parametrize("object_id", ["1) or (1=1", "*", "eq.1", "a,b)", "", None, {"$ne": 1}, "x" * 65, True])
def test_an_id_that_is_none_is_refused_though_it_is_signed(hooks, db, shopify_seller, object_id):
    assert shopify_event(hooks, "orders/updated", {"id": object_id}).status_code == 400
    assert events(db) == []


def test_shopifys_things_become_events_of_the_object_to_read(hooks, db, shopify_seller):
    shopify_event(hooks, "orders/create", {"id": 1})
    shopify_event(hooks, "refunds/create", {"id": 9, "order_id": 2})
    shopify_event(hooks, "products/update", {"id": 3}, prefix="Shopify-")
    shopify_event(hooks, "customers/update", {"id": 4})
    shopify_event(hooks, "themes/publish", {"id": 5})

    assert [(kind, object_id) for _, kind, object_id, _ in events(db)] == [
        ("customers", "4"),
        ("orders", "1"),
        ("orders", "2"),
        ("products", "3"),
    ]


def test_an_app_that_was_removed_is_disconnected_and_a_late_word_of_it_is_not(hooks, db, shopify_seller):
    late = shopify_event(hooks, "app/uninstalled", GOODBYE, **{"Triggered-At": "2020-01-01T00:00:00Z"})
    (still,) = db.execute("select status from public.connected_accounts").fetchone()
    shopify_event(hooks, "app/uninstalled", GOODBYE, **{"Triggered-At": "2999-01-01T00:00:00Z"})
    (ended,) = db.execute("select status from public.connected_accounts").fetchone()

    assert late.status_code == 200
    assert (still, ended) == ("connected", "disconnected")


def test_a_signature_of_something_else_ends_and_erases_nothing(hooks, db, shopify_seller):
    """Topic and shop are not signed. What Shopify signed about another thing or shop moves this one no further."""
    other = {**GOODBYE, "myshopify_domain": "other.myshopify.com"}
    customer(db, shopify_seller, "191167")

    answers = [
        shopify_event(hooks, "app/uninstalled", {"id": 7, "name": "#1001"}),
        shopify_event(hooks, "app/uninstalled", other),
        shopify_event(hooks, "app/uninstalled", {"shop_domain": [SHOP]}),
        shopify_event(hooks, "shop/redact", {"shop_domain": "other.myshopify.com"}),
        shopify_event(hooks, "customers/redact", {"customer": {"id": 191167}}),
        shopify_event(hooks, "customers/data_request", other),
    ]

    assert {answer.status_code for answer in answers} == {400}
    assert db.execute("select status from public.connected_accounts").fetchall() == [("connected",)]
    assert db.execute("select email from public.customers").fetchall() == [("ada@canary.example",)]
    assert db.execute("select count(*) from private.privacy_requests").fetchone() == (0,)


def test_the_signature_of_a_consent_opens_no_webhook(hooks, db, shopify_seller):
    """Shopify signs the way back with the same secret, and the seller's browser shows it to whoever sits there."""
    query = b"code=c0de&host=YWRtaW4&shop=tea-house.myshopify.com&state=x&timestamp=1790000000"
    headers = {"X-Shopify-Topic": "app/uninstalled", "X-Shopify-Shop-Domain": SHOP, "X-Shopify-Webhook-Id": "w1"}
    signed = base64.b64encode(hmac.digest(SHOPIFY.encode(), query, hashlib.sha256)).decode()

    response = hooks.post("/webhooks/shopify", content=query, headers={**headers, "X-Shopify-Hmac-Sha256": signed})

    assert response.status_code == 400
    assert db.execute("select status from public.connected_accounts").fetchall() == [("connected",)]


def customer(db, user, key, platform="shopify"):
    db.execute(
        "insert into public.customers (connection_id, user_id, platform, platform_id, name, email, raw,"
        " source_updated_at, fetched_at, content_hash, sync_run_id)"
        " select id, user_id, platform, %s, 'Ada Canary', 'ada@canary.example', '{\"n\": \"Ada Canary\"}', now(),"
        " now(), 1, gen_random_uuid() from public.connected_accounts where user_id = %s and platform = %s",
        (key, user, platform),
    )


def test_a_customer_who_asks_to_be_forgotten_is(hooks, db, shopify_seller, make_user):
    other = make_user()
    connect(db, other, "shopify", "another.myshopify.com")
    for user, key in ((shopify_seller, "191167"), (shopify_seller, "5"), (other, "191167")):
        customer(db, user, key)
    subject = {"shop_id": 1, "shop_domain": SHOP, "customer": {"id": 191167, "email": "ada@canary.example"}}

    shopify_event(hooks, "customers/redact", {**subject, "orders_to_redact": [299938]})

    left = db.execute("select user_id::text, platform_id from public.customers where email is not null").fetchall()
    assert sorted(left) == sorted([(shopify_seller, "5"), (other, "191167")])
    (kept, outcome) = db.execute("select r::text, outcome from private.privacy_requests as r").fetchone()
    assert outcome == "erased"
    # Whom it was about is told no longer.
    assert "299938" not in kept
    assert "191167" not in kept
    assert "canary" not in kept


def test_a_data_request_is_kept_for_people(hooks, db, shopify_seller):
    asked = {"shop_domain": SHOP, "orders_requested": [299938], "customer": {"id": 191167, "phone": "555"}}

    shopify_event(hooks, "customers/data_request", asked)

    row = db.execute("select topic, subject, done_at from private.privacy_requests").fetchone()
    assert row == ("customers/data_request", {"customer_id": 191167, "orders_requested": [299938]}, None)


REDACT = {"shop_id": 1, "shop_domain": SHOP}


def leave(db, hours):
    """The connection has been as it is for so long."""
    db.execute("update public.connected_accounts set status_since = now() - make_interval(hours => %s)", [hours])


def held(db):
    return sorted(p for (p,) in db.execute("select platform from public.customers").fetchall())


def owed(db):
    return [(o["effect"], o["waits_for"]) for (o,) in db.execute("select jsonb_array_elements(public.obligations())")]


def test_a_shop_that_left_is_forgotten_after_forty_hours_and_one_that_came_back_is_not(hooks, db, shopify_seller):
    connect(db, shopify_seller, "etsy", "30010001")
    customer(db, shopify_seller, "1")
    customer(db, shopify_seller, "2", platform="etsy")

    shopify_event(hooks, "shop/redact", REDACT)
    while_connected = held(db), owed(db)
    shopify_event(hooks, "app/uninstalled", GOODBYE)
    shopify_event(hooks, "shop/redact", REDACT)
    just_left = held(db), owed(db)
    leave(db, 41)
    (done,) = db.execute("select public.keep_house()").fetchone()

    assert while_connected == (["etsy", "shopify"], [("redact_shop", "shop_is_connected")])
    # What came twice is asked once.
    assert just_left == (["etsy", "shopify"], [("redact_shop", "forty_hours")])
    assert (done["erased"], done["open"]) == (1, 0)
    assert held(db) == ["etsy"]
    assert db.execute("select platform from public.connected_accounts").fetchall() == [("etsy",)]
    assert db.execute("select outcome, subject from private.privacy_requests").fetchall() == [("erased", {})]


def test_a_shop_whose_token_is_dead_is_forgotten_though_nobody_said_goodbye(hooks, db, shopify_seller):
    customer(db, shopify_seller, "1")
    db.execute("update public.connected_accounts set status = 'reconnect_needed'")

    shopify_event(hooks, "shop/redact", REDACT)

    assert held(db) == []
    assert owed(db) == []


def test_a_shop_that_comes_back_before_it_was_erased_keeps_all(hooks, db, shopify_seller):
    customer(db, shopify_seller, "1")
    shopify_event(hooks, "app/uninstalled", GOODBYE)
    shopify_event(hooks, "shop/redact", REDACT)
    db.execute("update public.connected_accounts set status = 'connected'")
    leave(db, 99)

    db.execute("select public.keep_house()")

    assert held(db) == ["shopify"]
    assert owed(db) == [("redact_shop", "shop_is_connected")]


def test_a_redact_reaches_who_left_and_never_who_stayed(hooks, db, shopify_seller, make_user):
    connect(db, other := make_user(), "shopify", SHOP)
    for user in (shopify_seller, other):
        customer(db, user, "1")
    db.execute("update public.connected_accounts set status = 'disconnected' where user_id = %s", [shopify_seller])
    leave(db, 41)

    shopify_event(hooks, "shop/redact", REDACT)

    assert db.execute("select user_id::text from public.customers").fetchall() == [(other,)]
    assert db.execute("select user_id::text, status from public.connected_accounts").fetchall() == [
        (other, "connected")
    ]


ASKED = {
    "shop_id": 1,
    "shop_domain": SHOP,
    "orders_requested": [299938],
    "customer": {"id": 191167, "email": "ada@canary.example", "phone": "555"},
    "data_request": {"id": 9999},
}
FORGET = {"shop_id": 1, "shop_domain": SHOP, "customer": {"id": 191167}, "orders_to_redact": [299938]}
BODIES = {
    "customers/data_request": ASKED,
    "customers/redact": FORGET,
    "shop/redact": REDACT,
    "app/uninstalled": GOODBYE,
    "orders/create": {"id": 7, "name": "#1", "customer": {"id": 191167}},
    # Topics that nobody has thought of, whose bodies name their shop as one of these does.
    "things/create": {"id": 7, "shop_id": 1, "shop_domain": SHOP, "parts": [{"id": 8}]},
    "things/update": {"id": 7, "shop_id": 1, "shop_domain": SHOP, "maker": {"id": 8}},
    "buyers/create": {"id": 7, "myshopify_domain": SHOP, "customer": {"id": 191167}},
    "buyers/update": {"id": 7, "myshopify_domain": SHOP, "shop_domain": SHOP},
    "shops/named": {"shop_domain": SHOP},
}


@pytest.mark.parametrize("topic", ["customers/data_request", "customers/redact", "shop/redact", "app/uninstalled"])
def test_a_body_of_another_topic_ends_and_erases_nothing(hooks, db, shopify_seller, topic):
    """Any body that Shopify signed for this shop, sent again under a topic that is not its own."""
    customer(db, shopify_seller, "191167")
    leave(db, 99)

    answers = [shopify_event(hooks, topic, body).status_code for other, body in BODIES.items() if other != topic]

    assert set(answers) == {400}
    assert db.execute("select status from public.connected_accounts").fetchall() == [("connected",)]
    assert db.execute("select email from public.customers").fetchall() == [("ada@canary.example",)]
    assert owed(db) == []


def test_one_captured_delivery_sent_again_under_every_topic_erases_no_shop(hooks, db, shopify_seller):
    customer(db, shopify_seller, "1")

    for body in BODIES.values():
        for topic in BODIES:
            shopify_event(hooks, topic, body)

    assert held(db) == ["shopify"]


def test_printifys_things_become_events_and_its_goodbye_is_heard(hooks, db, make_user):
    connect(db, make_user(), "printify", "815256")
    order = {"id": "5a96f649b2439217d070f507", "type": "order", "data": {"shop_id": 815256, "status": "in-production"}}
    product = {"id": "5d39b159e7c48c000728c89f", "type": "product", "data": {"shop_id": 815256}}

    for _ in range(3):
        printify_event(hooks, "order:updated", order, delivery="653b6be8-2ff7-4ab5-a7a6-6889a8b3bbf5")
    printify_event(hooks, "product:updated", product)
    waiting = events(db)
    printify_event(hooks, "shop:disconnected", {"id": 815256, "type": "shop", "data": None})

    assert [(kind, object_id) for _, kind, object_id, _ in waiting] == [
        ("orders", "5a96f649b2439217d070f507"),
        ("products", "5d39b159e7c48c000728c89f"),
    ]
    assert db.execute("select status from public.connected_accounts").fetchall() == [("disconnected",)]


def test_a_late_goodbye_of_printify_ends_no_newer_connection(hooks, db, make_user):
    """Sent again from weeks ago, after we have forgotten its id, or late for the first time."""
    connect(db, make_user(), "printify", "815256")
    shop = {"id": 815256, "type": "shop", "data": None}

    late = printify_event(hooks, "shop:disconnected", shop, created=datetime.now(UTC) - timedelta(days=40))
    (still,) = db.execute("select status from public.connected_accounts").fetchone()
    printify_event(hooks, "shop:disconnected", shop)
    (ended,) = db.execute("select status from public.connected_accounts").fetchone()

    assert late.status_code == 200
    assert (still, ended) == ("connected", "disconnected")


def test_a_database_that_is_away_is_503_so_that_the_platform_sends_it_again(hooks_env):
    with served(hooks_env, SUPABASE_URL="http://127.0.0.1:9") as url, client(url) as lonely:
        assert shopify_event(lonely, "orders/create", {"id": 1}).status_code == 503
