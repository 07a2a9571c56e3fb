"""Webhooks: which events are sent, how they are signed, and what happens to an address that fails."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Receiver:
    """Whoever listens for webhooks; answers with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[tuple[dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(outer.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *words: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def shop(own):
    return own(orders=12)


def listen(shop, receiver, *topics, signed=True):
    secret = "s3cret" if signed else ""
    for topic in topics:
        shop.ask("POST", "webhooks.json", json={"topic": topic, "url": receiver.url, "secret": secret})


def deliveries(printify):
    return printify.ndjson("/deliveries")


def test_events_are_signed_over_the_raw_body(printify, shop, receiver):
    """HMAC-SHA256 in hex; the body names the order and does not hold it."""
    listen(shop, receiver, "order:created", "order:updated")
    order_id = shop.mutate("new_order")["result"]["order_id"]
    shop.mutate("cancel", order_id=order_id)
    deliveries(printify)

    bodies = []
    for headers, body in receiver.got:
        expected = "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
        assert headers["x-pfy-signature"] == expected
        bodies.append(json.loads(body))
    by_type = {event["type"]: event for event in bodies}
    assert by_type["order:created"]["resource"] == {"id": order_id, "type": "order", "data": {"shop_id": shop.id}}
    assert by_type["order:updated"]["resource"]["data"] == {"shop_id": shop.id, "status": "canceled"}
    assert len({event["id"] for event in bodies}) == 2


def test_without_a_secret_there_is_no_signature(printify, shop, receiver):
    """As with the vendor."""
    listen(shop, receiver, "order:created", signed=False)
    shop.mutate("new_order")
    deliveries(printify)

    assert "x-pfy-signature" not in receiver.got[0][0]


def test_every_change_tells_those_who_asked(printify, shop, receiver):
    """Production, shipment, delivery, products, a disconnected shop; topics nobody asked for stay home."""
    topics = ("order:sent-to-production", "order:shipment:created", "order:shipment:delivered", "product:deleted")
    listen(shop, receiver, *topics, "shop:disconnected")
    order_id = shop.mutate("new_order")["result"]["order_id"]
    for kind in ("send_to_production", "ship", "deliver"):
        shop.mutate(kind, order_id=order_id)
    shop.mutate("remove_product", product_id="last")
    shop.mutate("disconnect")
    deliveries(printify)

    events = {json.loads(body)["type"]: json.loads(body)["resource"] for _, body in receiver.got}
    assert set(events) == {*topics, "shop:disconnected"}
    assert events["shop:disconnected"] == {"id": shop.id, "type": "shop", "data": None}
    assert set(events["order:shipment:created"]["data"]) == {"shop_id", "shipped_at", "carrier", "skus"}
    assert shop.get("/v1/shops.json").json()[0]["sales_channel"] == "disconnected"


def test_a_failing_address_gets_three_retries_and_then_an_hours_rest(printify, shop, receiver):
    """Events of that hour are lost; afterwards they come again."""
    listen(shop, receiver, "order:created")
    receiver.status = 500
    shop.mutate("new_order")
    first = deliveries(printify)
    shop.mutate("new_order")
    lost = deliveries(printify)[len(first) :]
    receiver.status = 200
    printify.control("POST", "/clock", advance_seconds=3601)
    shop.mutate("new_order")
    last = deliveries(printify)[-1]

    assert [d["status"] for d in first] == [500] * 4
    assert printify.slept == [1.0] * 3
    assert [d["problem"] for d in lost] == ["blocked"]
    assert last["status"] == 200


def test_an_event_can_be_sent_again(printify, shop, receiver):
    """The same id and body: there is no signed time that would tell a replay."""
    listen(shop, receiver, "order:created")
    shop.mutate("new_order")
    (sent,) = deliveries(printify)
    printify.control("POST", "/deliveries/resend", event_id=sent["event_id"], webhook_id=sent["webhook_id"])
    deliveries(printify)

    assert receiver.got[0][1] == receiver.got[1][1]


def test_webhooks_leave_for_this_machine_only(printify, shop):
    """Whatever address was registered."""
    shop.ask("POST", "webhooks.json", json={"topic": "order:created", "url": "https://example.com/x"})
    shop.mutate("new_order")

    assert [(d["status"], d["problem"]) for d in deliveries(printify)] == [(0, "not loopback: never sent")]


def test_deleting_needs_the_host(shop, receiver):
    """Another host is refused, and the webhook stays; simulate answers 204."""
    listen(shop, receiver, "order:created")
    (hook,) = shop.get("webhooks.json").json()
    path = f"webhooks/{hook['id']}"

    simulated = shop.ask("POST", f"{path}/simulate", json={}).status_code
    wrong = shop.ask("DELETE", f"{path}.json", host="example.com").status_code
    right = shop.ask("DELETE", f"{path}.json", host="127.0.0.1")

    assert (simulated, wrong, right.json()) == (204, 400, {"id": hook["id"]})
    assert hook["shop_id"] == str(shop.id)
    assert shop.get("webhooks.json").json() == []


@pytest.mark.parametrize("body", [{"topic": "nope", "url": "https://a.example"}, {"topic": "order:created"}, [], None])
def test_nonsense_is_refused(shop, body):
    """With the vendor's form for validation."""
    assert shop.ask("POST", "webhooks.json", json=body).status_code == 400
