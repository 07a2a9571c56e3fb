"""Bulk operations: their rules, their life, their files."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.in_thread import ENDS_AT
from tests.sandbox.shopify.conftest import number

RUN = """mutation($q: String!, $g: Boolean = false) { bulkOperationRunQuery(query: $q, groupObjects: $g) {
  bulkOperation { id status objectCount url } userErrors { field message code } } }"""
POLL = """query($id: ID!) { bulkOperation(id: $id) {
  id status errorCode objectCount rootObjectCount fileSize url partialDataUrl completedAt } }"""
CANCEL = "mutation($id: ID!) { bulkOperationCancel(id: $id) { bulkOperation { status } userErrors { field message } } }"
ORDERS = "{ orders { edges { node { id name lineItems { edges { node { id quantity } } } } } } }"
NODES = (
    "All connection fields in a bulk query must select their contents using 'edges' > 'node', e.g:"
    " 'orders { edges { node {'. Selecting via 'nodes' is not supported. Invalid connection fields: 'orders'."
)
NO_ID = (
    "The parent 'node' field for a nested connection must select the 'id' field without an alias and must be of 'ID'"
    " return type. Connection fields without 'id': products."
)

DEEP = (
    "{ customers { edges { node { id orders { edges { node { id lineItems { edges { node { id product { id"
    " variants { edges { node { id } } } } } } } } } } } } } }"
)


def start(shop, query=ORDERS, *, grouped=False) -> str:
    answer = shop.data(RUN, q=query, g=grouped)["bulkOperationRunQuery"]
    assert answer["userErrors"] == []
    return answer["bulkOperation"]["id"]


def poll(shop, gid) -> dict[str, Any]:
    return shop.data(POLL, id=gid)["bulkOperation"]


def ended(shop, gid) -> dict[str, Any]:
    """Poll until it has ended; the file of a small shop is written within a few polls."""
    for _ in range(500):
        found = poll(shop, gid)
        if found["status"] not in ("CREATED", "RUNNING", "CANCELING"):
            return found
    raise AssertionError(found)


def lines(shop, url) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in shop.shopify.http.get(url).content.splitlines()]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ shop { name } }", "Bulk queries must contain at least one connection."),
        ("{ orders { nodes { id } } }", NODES),
        (
            "{ " + " ".join(f"a{n}: orders {{ edges {{ node {{ id }} }} }}" for n in range(6)) + " }",
            "Bulk queries cannot contain more than 5 connections.",
        ),
        (
            DEEP,
            "Bulk queries cannot contain connections with a nesting depth greater than 2.",
        ),
        ("{ products { edges { node { title variants { edges { node { id } } } } } } }", NO_ID),
        ("{ products { edges { node { id: title variants { edges { node { id } } } } } } }", NO_ID),
        (
            '{ node(id: "gid://shopify/Order/1") { id } }',
            "Bulk queries cannot contain a top level `node` field.",
        ),
        (
            "{ orders { edges { node { id refunds { refundLineItems { edges { node { quantity } } } } } } } }",
            "Queries that contain a connection field within a list field are not currently supported.",
        ),
        ("mutation { a }", "Invalid operation type. Only `query` operations are supported."),
        ("{ orders { edges {", "Invalid bulk query: syntax error, unexpected end of file"),
    ],
)
def test_a_refusal_is_the_vendors(shop, query, message):
    """No operation, and the captured words."""
    answer = shop.data(RUN, q=query)["bulkOperationRunQuery"]

    assert answer["bulkOperation"] is None
    assert answer["userErrors"] == [{"field": ["query"], "message": message, "code": "INVALID"}]


def test_it_is_created_runs_and_completes(shop):
    """At once CREATED with nothing; RUNNING at the first look; COMPLETED with counts that the file keeps."""
    answer = shop.data(RUN, q=ORDERS)["bulkOperationRunQuery"]["bulkOperation"]

    first = poll(shop, answer["id"])
    last = ended(shop, answer["id"])

    found = lines(shop, last["url"])
    assert (answer["status"], answer["objectCount"], answer["url"]) == ("CREATED", "0", None)
    assert (first["status"], first["url"], first["fileSize"], first["completedAt"]) == ("RUNNING", None, None, None)
    assert (last["status"], last["errorCode"], last["partialDataUrl"]) == ("COMPLETED", None, None)
    assert (last["objectCount"], last["rootObjectCount"]) == (str(len(found)), "900")
    assert last["fileSize"] == shop.shopify.http.get(last["url"]).headers["content-length"]


@pytest.mark.parametrize("grouped", [False, True])
def test_the_file_is_the_truth(shop, grouped):
    """Every order and line once, children named by `__parentId`; grouped, or far from their parents, even before."""
    found = lines(shop, ended(shop, start(shop, grouped=grouped))["url"])

    roots = [line["id"] for line in found if "__parentId" not in line]
    children = {number(line["id"]): number(line["__parentId"]) for line in found if "__parentId" in line}
    places = {line["id"]: place for place, line in enumerate(found)}
    early = [line for line in found if "__parentId" in line and places[line["id"]] < places[line["__parentId"]]]
    assert sorted(map(number, roots)) == sorted(o["id"] for o in shop.truth("orders"))
    assert children == {line["id"]: line["order_id"] for line in shop.truth("line_items")}
    assert len(found) == len(roots) + len(children)
    assert bool(early) != grouped


def test_a_filter_a_scope_and_the_sixty_days_hold_in_bulk(shop):
    """The inner query is searched, hidden and ordered as outside; a misspelt filter warns nobody."""
    limited = shop.scoped("read_orders")
    young = {o["id"] for o in shop.truth("orders") if o["created"] >= ENDS_AT - 60 * 86_400}
    outside = limited.data("{ orders(first: 250) { nodes { id } } }")["orders"]["nodes"]
    few = '{ orders(query: "financial_status:pending") { edges { node { id } } } }'

    hidden = lines(shop, ended(limited, start(limited, "{ orders(first: 1) { edges { node { id } } } }"))["url"])
    filtered = lines(shop, ended(shop, start(shop, few))["url"])
    answer = shop.ask(RUN, q='{ orders(query: "colour:red") { edges { node { id } } } }')

    assert [line["id"] for line in hidden] == [order["id"] for order in outside]
    assert {number(line["id"]) for line in hidden} == young
    assert {number(x["id"]) for x in filtered} == {o["id"] for o in shop.truth("orders") if o["financial"] == "PENDING"}
    assert "search" not in answer["extensions"]


def test_an_empty_result_has_no_url(shop):
    """COMPLETED, nothing to fetch."""
    last = ended(shop, start(shop, '{ orders(query: "tag:nobody") { edges { node { id } } } }'))

    assert (last["status"], last["objectCount"], last["url"], last["fileSize"]) == ("COMPLETED", "0", None, None)


def test_five_at_once_and_no_more(shop):
    """The sixth is refused with the ids of the others; one slot is free again when one ends."""
    shop.shopify.control("POST", "/settings", bulk_running_polls=10**6)
    gids = [start(shop) for _ in range(5)]

    refused = shop.data(RUN, q=ORDERS)["bulkOperationRunQuery"]
    shop.data(CANCEL, id=gids[0])
    while_canceling = shop.shopify.world.bulk.operations[number(gids[0])].status
    ended(shop, gids[0])
    sixth = start(shop)

    assert refused["bulkOperation"] is None
    assert refused["userErrors"] == [
        {
            "field": None,
            "message": f"A bulk query operation for this app and shop is already in progress: {', '.join(gids)}.",
            "code": "OPERATION_IN_PROGRESS",
        }
    ]
    assert while_canceling in ("CANCELING", "CANCELED")
    for gid in [*gids[1:], sixth]:
        shop.data(CANCEL, id=gid)
        assert ended(shop, gid)["status"] == "CANCELED"


@pytest.mark.parametrize(("result", "offered"), [("partial", True), ("none", False)])
def test_a_canceled_run_may_or_may_not_offer_its_rows(shop, result, offered):
    """CANCELING, then CANCELED; the rows so far are there only if so set."""
    shop.shopify.control("POST", "/settings", bulk_running_polls=10**6, bulk_cancel_result=result)
    gid = start(shop)
    while not shop.shopify.world.bulk.operations[number(gid)].objects:
        poll(shop, gid)

    answer = shop.data(CANCEL, id=gid)["bulkOperationCancel"]
    last = ended(shop, gid)

    assert answer == {"bulkOperation": {"status": "CANCELING"}, "userErrors": []}
    assert (last["status"], last["url"], bool(last["partialDataUrl"])) == ("CANCELED", None, offered)


def test_what_cannot_be_canceled(shop):
    """An unknown id, and one that has ended, in the captured words."""
    gid = start(shop)
    ended(shop, gid)

    unknown = shop.data(CANCEL, id="gid://shopify/BulkOperation/1")["bulkOperationCancel"]
    finished = shop.data(CANCEL, id=gid)["bulkOperationCancel"]

    assert unknown["userErrors"] == [{"field": ["id"], "message": "Bulk operation does not exist"}]
    assert finished["userErrors"] == [
        {"field": None, "message": "A bulk operation cannot be canceled when it is completed"}
    ]


def test_a_failure_offers_its_rows_late(shop):
    """FAILED with INTERNAL_SERVER_ERROR; the partial link comes some looks after (GH:airbytehq/airbyte#62499)."""
    shop.shopify.control("POST", "/bulk/fail", after_objects=150)

    last = ended(shop, gid := start(shop))
    soon, later = poll(shop, gid), poll(shop, gid)

    assert (last["status"], last["errorCode"], last["url"]) == ("FAILED", "INTERNAL_SERVER_ERROR", None)
    assert last["partialDataUrl"] is soon["partialDataUrl"] is None
    assert len(lines(shop, later["partialDataUrl"])) == 150
    assert ended(shop, start(shop))["status"] == "COMPLETED"


def test_permission_can_be_withheld(shop):
    """Without the grant of November 2026 the mutation is denied, and asking for operations still works."""
    shop.shopify.control("POST", "/settings", bulk_permission="denied")

    refused = shop.ask(RUN, q=ORDERS)

    assert refused["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
    assert refused["errors"][0]["path"] == ["bulkOperationRunQuery"]
    assert refused["data"] == {"bulkOperationRunQuery": None}


def test_a_missing_scope_fails_the_operation(shop):
    """Denied while it runs, not when it starts."""
    narrow = shop.scoped("read_products")

    last = ended(narrow, start(narrow))

    assert (last["status"], last["errorCode"], last["partialDataUrl"]) == ("FAILED", "ACCESS_DENIED", None)


@pytest.mark.parametrize(("survives", "status"), [(True, "COMPLETED"), (False, "FAILED")])
def test_the_token_that_started_it_expires(own, survives, status):
    """Unconfirmed in life, so both ways: it ends well and is found with another token, or it is denied."""
    shop = own(orders=30)
    shop.shopify.control("POST", "/settings", bulk_survives_token=survives)
    brief = object.__new__(type(shop))
    vars(brief).update(vars(shop))
    issued = shop.shopify.control("POST", "/tokens", shop_id=shop.id, expires_in=60)
    brief.headers = {"x-shopify-access-token": issued["access_token"]}

    gid = start(brief)
    shop.shopify.world.clock.advance(61)

    assert brief.post("{ shop { id } }").status_code == 401
    assert ended(shop, gid)["status"] == status


def test_links_are_signed_and_die(shop):
    """No token is asked for; a changed signature is refused; after seven days link and operation are gone."""
    gid = start(shop)
    url = ended(shop, gid)["url"]
    http = shop.shopify.http

    good, forged = http.get(url), http.get(url.replace("Signature=", "Signature=0"))
    shop.shopify.world.clock.advance(7 * 86_400 + 1)
    late, operation = http.get(url), poll(shop, gid)

    assert good.headers["content-type"] == "application/jsonl"
    assert (good.status_code, forged.status_code, late.status_code) == (200, 403, 400)
    assert b"ExpiredToken" in late.content
    assert (operation["status"], operation["url"]) == ("EXPIRED", None)


def test_a_file_can_be_fetched_in_parts(shop):
    """A download that was cut goes on where it stopped."""
    url = ended(shop, start(shop))["url"]
    http = shop.shopify.http
    whole = http.get(url).content

    first = http.get(url, headers={"range": "bytes=0-99"})
    rest = http.get(url, headers={"range": "bytes=100-"})
    beyond = http.get(url, headers={"range": f"bytes={len(whole)}-"})

    assert (first.status_code, rest.status_code, beyond.status_code) == (206, 206, 416)
    assert first.content + rest.content == whole


def test_operations_are_listed(shop):
    """By status, by time; a time that is none is refused."""
    gid = start(shop)
    ended(shop, gid)
    text = "query($q: String) { bulkOperations(first: 50, query: $q, reverse: true) { nodes { id status } } }"

    done = shop.data(text, q="status:completed operation_type:query")["bulkOperations"]["nodes"]
    none = shop.data(text, q="status:running")["bulkOperations"]["nodes"]
    wrong = shop.ask(text, q="created_at:>=soon")

    assert done[0] == {"id": gid, "status": "COMPLETED"}
    assert none == []
    assert wrong["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


def test_time_alone_can_pace_it(shop):
    """CREATED and RUNNING by the sandbox's clock, however often one looks."""
    shop.shopify.control("POST", "/settings", bulk_created_seconds=10, bulk_running_seconds=20, bulk_running_polls=0)
    gid = start(shop)

    seen = [poll(shop, gid)["status"] for _ in range(3)]
    shop.shopify.world.clock.advance(11)
    seen += [poll(shop, gid)["status"] for _ in range(3)]
    shop.shopify.world.clock.advance(20)

    assert seen == ["CREATED"] * 3 + ["RUNNING"] * 3
    assert ended(shop, gid)["status"] == "COMPLETED"
