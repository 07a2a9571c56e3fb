"""Notices: who is told of what, signed how, and how often until somebody answers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest

CREATE = """mutation($t: WebhookSubscriptionTopic!, $u: String!) { webhookSubscriptionCreate(topic: $t,
  webhookSubscription: {uri: $u}) { webhookSubscription { id topic uri } userErrors { message } } }"""


class Receiver:
    """An application that answers as it is told and keeps what it got."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.arrived = threading.Semaphore(0)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.end_headers()
                receiver.arrived.release()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks"

    def wait(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        for _ in range(count):
            assert self.arrived.acquire(timeout=10)
        return self.got


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.02,))
    thread.start()
    yield receiver
    receiver.server.shutdown()
    thread.join()
    receiver.server.server_close()


def subscribe(shop, topic, uri):
    return shop.data(CREATE, t=topic, u=uri)["webhookSubscriptionCreate"]


def test_an_order_is_told_of_and_signed(own, receiver):
    """The body is REST's record; base64 of HMAC-SHA256 over its bytes; ids of the delivery and of the cause."""
    shop = own(orders=3)
    subscribe(shop, "ORDERS_CREATE", receiver.url)

    made = shop.mutate("new_order")["result"]["order_id"]
    headers, body = receiver.wait(1)[0]

    assert (
        headers["x-shopify-hmac-sha256"]
        == base64.b64encode(hmac.new(b"secret", body, hashlib.sha256).digest()).decode()
    )
    assert (headers["x-shopify-topic"], headers["x-shopify-shop-domain"]) == ("orders/create", shop.domain)
    assert orjson.loads(body) == shop.rest(f"orders/{made}").json()["order"]
    assert {"x-shopify-webhook-id", "x-shopify-event-id", "x-shopify-triggered-at", "x-shopify-api-version"} <= set(
        headers
    )


def test_what_is_not_answered_comes_again(own, receiver):
    """Eight more times with growing gaps, the same bytes and the same id; then the subscription is gone."""
    shop = own(orders=3)
    subscribe(shop, "ORDERS_UPDATED", receiver.url)
    receiver.answers = [500] * 9

    shop.mutate("update_order", order_id="first", fields={"note": "x"})
    got = receiver.wait(9)

    gaps = [10, 30, 120, 600, 1800, 3000, 3600, 3600]
    assert shop.shopify.slept == gaps
    assert sum(gaps) <= 4 * 3600
    assert len({body for _, body in got}) == len({headers["x-shopify-webhook-id"] for headers, _ in got}) == 1
    for _ in range(100):
        left = shop.data("{ webhookSubscriptions(first: 9) { nodes { id } } }")["webhookSubscriptions"]["nodes"]
        if not left:
            break
    assert left == []


def test_an_answer_ends_the_retries(own, receiver):
    """One failure, one success, no more."""
    shop = own(orders=3)
    subscribe(shop, "ORDERS_DELETE", receiver.url)
    receiver.answers = [503, 200]

    gone = shop.mutate("remove_order", order_id="first")["result"]["order_id"]
    got = receiver.wait(2)

    assert orjson.loads(got[0][1]) == {"id": gone}
    assert shop.shopify.slept == [10]


def test_compliance_topics_go_to_the_applications_address(own, receiver):
    """Bodies as the vendor's page on privacy law writes them; nobody subscribes to these."""
    shop = own(orders=30)
    customer = next(o["customer_id"] for o in shop.truth("orders") if o["customer_id"])
    orders = sorted(o["id"] for o in shop.truth("orders") if o["customer_id"] == customer)
    topics = ("customers/data_request", "customers/redact", "shop/redact")
    shop.shopify.control("POST", "/webhooks/addresses", **dict.fromkeys(topics, receiver.url))

    for topic in topics:
        shop.shopify.control("POST", f"/shops/{shop.id}/webhooks", topic=topic, customer_id=customer)
        receiver.wait(1)

    request, redact, whole = (orjson.loads(body) for _, body in receiver.got)
    assert request["orders_requested"] == redact["orders_to_redact"] == orders
    assert request["customer"]["id"] == customer
    assert whole == {"shop_id": shop.id, "shop_domain": shop.domain}


def test_uninstalling_kills_tokens_before_it_is_told(own, receiver):
    """By the time the notice arrives the token is dead; the same notice can come again."""
    shop = own(orders=3)
    subscribe(shop, "APP_UNINSTALLED", receiver.url)

    shop.shopify.control("POST", f"/shops/{shop.id}/uninstall")
    headers, _ = receiver.wait(1)[0]
    shop.shopify.control("POST", "/webhooks/again", webhook_id=headers["x-shopify-webhook-id"])
    receiver.wait(1)

    assert shop.post("{ shop { id } }").status_code == 401
    assert receiver.got[0][1] == receiver.got[1][1]


def test_the_end_of_a_bulk_operation_is_told(own, receiver):
    """Without anybody polling, once the sandbox's clock has gone half a minute on."""
    shop = own(orders=30)
    subscribe(shop, "BULK_OPERATIONS_FINISH", receiver.url)
    run = 'mutation { bulkOperationRunQuery(query: "{ orders { edges { node { id } } } }") { bulkOperation { id } } }'

    gid = shop.data(run)["bulkOperationRunQuery"]["bulkOperation"]["id"]
    shop.shopify.world.clock.advance(31)
    _, body = receiver.wait(1)[0]

    result = orjson.loads(body)
    assert (result["admin_graphql_api_id"], result["status"], result["error_code"]) == (gid, "completed", None)


def test_subscriptions_are_checked(own):
    """Plain http, twice the same, without the scope: user errors; what is deleted is gone."""
    shop = own(orders=3)
    made = subscribe(shop, "ORDERS_PAID", "https://keeper.example/hooks")["webhookSubscription"]
    delete = "mutation($id: ID!) { webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId } }"

    assert subscribe(shop, "ORDERS_PAID", "https://keeper.example/hooks")["userErrors"]
    assert subscribe(shop, "ORDERS_PAID", "http://keeper.example/hooks")["userErrors"]
    assert subscribe(shop.scoped("read_products"), "ORDERS_PAID", "https://x.example")["userErrors"]
    assert shop.data(delete, id=made["id"])["webhookSubscriptionDelete"] == {"deletedWebhookSubscriptionId": made["id"]}
    assert shop.data("query($id: ID!) { node(id: $id) { id } }", id=made["id"]) == {"node": None}
