"""Square's own client, unmodified, works against the stand-in: every endpoint that a reader uses, its pagers too."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox.square.data.timestamps import parsed
from tests.in_thread import ENDS_AT
from tests.sandbox.square.conftest import LONG_AGO, Seller

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from square import Square as Client
    from square.core.api_error import ApiError
    from square.utils.webhooks_helper import verify_signature

TIMES = {"filter": {"date_time_filter": {"updated_at": {"start_at": LONG_AGO}}}}
BY_UPDATE = {"query": {**TIMES, "sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"}}}


@pytest.fixture
def client_of() -> Iterator[Callable[..., Any]]:
    """A client of a seller's, with another token if wished; their connections end with the test."""
    with httpx.Client(trust_env=False, timeout=30) as http:
        yield lambda seller, token=None: Client(
            base_url=seller.square.url, token=token or seller.made["access_token"], httpx_client=http
        )


@pytest.fixture
def shop(square) -> Seller:
    """A small one: the client makes an instance of every nested object, and takes its time."""
    return square.kept(seed=61_003, orders=70, payout_days=31, variations=24)


@pytest.fixture
def client(shop, client_of) -> Any:
    return client_of(shop)


def keys(rows: Any, name: str = "id") -> list[str]:
    return [getattr(row, name) for row in rows]


def told(seller: Seller, kind: str, name: str = "id") -> set[str]:
    return {row[name] for row in seller.truth(kind)}


def test_the_seller_and_its_people(client, shop):
    """Merchant, locations, team members, vendors, customers, loyalty: each by its list and by its id."""
    merchant = client.merchants.get("me").merchant
    locations = client.locations.list().locations
    team = client.team_members.search(limit=3)
    found = list(team.team_members)
    while team.cursor:
        team = client.team_members.search(limit=3, cursor=team.cursor)
        found += team.team_members
    vendors = client.vendors.search(filter={"status": ["ACTIVE", "INACTIVE"]}).vendors
    customers = list(client.customers.list(limit=10, sort_field="CREATED_AT"))
    changed = client.customers.search(limit=5, query={"filter": {"updated_at": {"start_at": LONG_AGO}}})

    assert [each.id for each in client.merchants.list()] == [merchant.id] == [shop.made["merchant_id"]]
    assert set(keys(locations)) == set(shop.locations)
    assert client.locations.get("main").location.id == merchant.main_location_id == shop.locations[0]
    assert set(keys(found)) == told(shop, "team_members")
    assert client.team_members.get(found[0].id).team_member.status == "ACTIVE"
    assert set(keys(vendors)) == told(shop, "vendors")
    assert client.vendors.get(vendors[0].id).vendor == vendors[0]
    assert set(client.vendors.batch_get(vendor_ids=keys(vendors)).responses) == set(keys(vendors))
    assert len(keys(customers)) == len(set(keys(customers)))
    assert set(keys(customers)) == told(shop, "customers")
    assert len(changed.customers) == 5
    assert changed.cursor
    assert client.customers.get(customers[0].id).customer == customers[0]
    assert client.customers.bulk_retrieve_customers(customer_ids=[customers[0].id]).responses


def test_loyalty(client, shop):
    page = client.loyalty.accounts.search(limit=5)
    found = list(page.loyalty_accounts)
    while page.cursor:
        page = client.loyalty.accounts.search(limit=5, cursor=page.cursor)
        found += page.loyalty_accounts
    events = client.loyalty.search_events(limit=30, query={"filter": {"type_filter": {"types": ["ACCUMULATE_POINTS"]}}})

    assert keys(found) == [
        row["id"] for row in sorted(shop.truth("loyalty_accounts"), key=lambda row: row["created_at"])
    ]
    assert client.loyalty.accounts.get(found[0].id).loyalty_account == found[0]
    assert client.loyalty.programs.get("main").program.id == found[0].program_id
    assert {event.type for event in events.events} == {"ACCUMULATE_POINTS"}


def test_the_catalog(client, shop):
    """The list knows nothing of what was deleted; the search does."""
    alive = {row["id"] for row in shop.truth("catalog") if not row["is_deleted"]}
    kinds = "ITEM,ITEM_VARIATION,CATEGORY,TAX,DISCOUNT,MODIFIER_LIST,MODIFIER,MEASUREMENT_UNIT,IMAGE"
    listed = list(client.catalog.list(types=kinds))
    page = client.catalog.search(object_types=kinds.split(","), include_deleted_objects=True, limit=40)
    found, first_time = list(page.objects), page.latest_time
    while page.cursor:
        page = client.catalog.search(
            object_types=kinds.split(","), include_deleted_objects=True, limit=40, cursor=page.cursor
        )
        found += page.objects

    assert {each.id for each in listed} == alive
    assert {each.id for each in found} == told(shop, "catalog")
    assert parsed(first_time) == max(parsed(each.updated_at) for each in found)
    item = next(each for each in listed if each.type == "ITEM")
    got = client.catalog.batch_get(object_ids=[item.id], include_related_objects=True)
    assert [each.id for each in got.objects] == [item.id]
    assert {each.type for each in got.related_objects} >= {"CATEGORY", "TAX"}
    assert client.catalog.object.get(item.id).object.item_data.name == item.item_data.name
    assert client.catalog.info().limits.search_max_page_limit == 1000
    priced = next(
        each for each in listed if each.type == "ITEM_VARIATION" and each.item_variation_data.vendor_information
    )
    assert priced.item_variation_data.vendor_information[0].vendor_id in told(shop, "vendors")


def test_inventory(client, shop):
    """Counts newest first, changes oldest first, both in pages."""
    counts = list(client.inventory.batch_get_counts(limit=20))
    changes = list(client.inventory.batch_get_changes(limit=40))
    adjustment = next(each.adjustment for each in changes if each.type == "ADJUSTMENT")
    counted = next(each.physical_count for each in changes if each.type == "PHYSICAL_COUNT")

    assert len(counts) == len(shop.truth("counts"))
    assert len({(each.catalog_object_id, each.location_id, each.state) for each in counts}) == len(counts)
    assert len(set(keys([each.adjustment or each.physical_count for each in changes]))) == len(changes)
    assert len(changes) == len(shop.truth("changes"))
    assert client.inventory.get_adjustment(adjustment.id).adjustment == adjustment
    assert client.inventory.get_physical_count(counted.id).count == counted
    assert {each.location_id for each in client.inventory.get(counted.catalog_object_id)} <= set(shop.locations)


def test_orders(client, shop):
    """Pages of a search by the time of change, and orders by their ids."""
    page = client.orders.search(location_ids=shop.locations, limit=30, **BY_UPDATE)
    found = list(page.orders)
    while page.cursor:
        page = client.orders.search(location_ids=shop.locations, limit=30, cursor=page.cursor, **BY_UPDATE)
        found += page.orders

    assert len(found) == len(set(keys(found)))
    assert set(keys(found)) == told(shop, "orders")
    assert [parsed(each.updated_at) for each in found] == sorted(parsed(each.updated_at) for each in found)
    assert keys(client.orders.batch_get(order_ids=[found[0].id, "unknown"]).orders) == [found[0].id]
    assert client.orders.get(found[0].id).order == found[0]


def test_money(client, shop):
    """Location by location, with a beginning: payments, refunds, payouts with their entries, disputes."""
    payments, payouts, entries = [], [], []
    for place in shop.locations:
        payments += list(client.payments.list(begin_time=LONG_AGO, location_id=place, sort_order="ASC"))
        payouts += list(client.payouts.list(begin_time=LONG_AGO, location_id=place))
    for payout in payouts:
        entries += list(client.payouts.list_entries(payout.id, limit=3))
    refunds = list(client.refunds.list(begin_time=LONG_AGO))

    assert set(keys(payments)) == told(shop, "payments")
    assert set(keys(refunds)) == told(shop, "refunds")
    assert set(keys(payouts)) == told(shop, "payouts")
    assert set(keys(entries)) == told(shop, "entries")
    assert set(keys(client.disputes.list())) == told(shop, "disputes")
    assert client.payments.get(payments[0].id).payment == payments[0]
    assert client.refunds.get(refunds[0].id).refund == refunds[0]
    assert client.payouts.get(payouts[0].id).payout == payouts[0]


def test_bookings(square, client_of):
    """By windows of 31 days; what they bring is everything."""
    salon = square.kept(seed=61_004, kind="salon", orders=20, bookings=60, years=1)
    client = client_of(salon)
    start, found = datetime.fromtimestamp(ENDS_AT, UTC) - timedelta(days=400), []
    for number in range(16):
        first = start + number * timedelta(days=31)
        last = first + timedelta(days=31) - timedelta(seconds=1)
        found += list(client.bookings.list(start_at_min=first.isoformat(), start_at_max=last.isoformat(), limit=7))

    assert sorted(keys(found)) == sorted(told(salon, "bookings"))
    assert client.bookings.get(found[0].id).booking == found[0]
    assert client.bookings.bulk_retrieve_bookings(booking_ids=[found[0].id]).bookings[found[0].id].booking == found[0]


def test_oauth(square, own, client_of):
    """The code for a pair, the pair for another, its status, its end."""
    seller = own(orders=3)
    client, world = client_of(seller), square.world
    query = {"client_id": world.app_id, "scope": "ITEMS_READ ORDERS_READ", "state": "s", "session": "false"}
    back = square.http.get("/oauth2/authorize", params={**query, "redirect_uri": "http://127.0.0.1:9/back"})
    params = dict(back.next_request.url.params)
    named = {"client_id": world.app_id, "client_secret": world.app_secret, "redirect_uri": "http://127.0.0.1:9/back"}

    pair = client.o_auth.obtain_token(grant_type="authorization_code", code=params["code"], **named)
    again = client.o_auth.obtain_token(grant_type="refresh_token", refresh_token=pair.refresh_token, **named)
    status = client_of(seller, again.access_token).o_auth.retrieve_token_status()
    client.o_auth.revoke_token(
        client_id=world.app_id,
        access_token=pair.access_token,
        request_options={"additional_headers": {"Authorization": f"Client {world.app_secret}"}},
    )

    assert params["state"] == "s"
    assert (pair.merchant_id, again.refresh_token) == (seller.made["merchant_id"], pair.refresh_token)
    assert set(status.scopes) == {"ITEMS_READ", "ORDERS_READ"}
    with pytest.raises(ApiError) as refused:
        client_of(seller, again.access_token).o_auth.retrieve_token_status()
    assert (refused.value.status_code, refused.value.errors[0].code) == (401, "ACCESS_TOKEN_REVOKED")


def test_webhooks(square, own, receiver, client_of):
    """Subscriptions by the application's token; the client's helper proves what was delivered."""
    seller = own(orders=20)
    client = client_of(seller, square.world.access_token)
    types = client.webhooks.event_types.list().event_types
    wish = {"name": "news", "event_types": ["payment.updated"], "notification_url": receiver.url}
    made = client.webhooks.subscriptions.create(subscription=wish, idempotency_key="k").subscription
    seller.mutate("new_order")
    seller.mutate("processing_fee")

    assert "payment.updated" in types
    assert client.webhooks.subscriptions.get(made.id).subscription.notification_url == receiver.url
    assert keys(client.webhooks.subscriptions.list()) == [made.id]
    assert (
        client.webhooks.subscriptions.test(made.id, event_type="payment.updated").subscription_test_result.status_code
        == 200
    )
    assert len(square.deliveries()) == 1
    for headers, body in receiver.got:
        signed = {"signature_header": headers["x-square-hmacsha256-signature"], "notification_url": receiver.url}
        assert verify_signature(request_body=body.decode(), signature_key=made.signature_key, **signed)
        assert not verify_signature(request_body=body.decode() + " ", signature_key=made.signature_key, **signed)
    assert len(receiver.got) == 2
    client.webhooks.subscriptions.update(made.id, subscription={"enabled": False})
    assert keys(client.webhooks.subscriptions.list()) == []
    assert client.webhooks.subscriptions.update_signature_key(made.id).signature_key != made.signature_key
    client.webhooks.subscriptions.delete(made.id)


def test_refusals_are_the_clients_errors(client, shop):
    """Its exception holds the category and the code."""
    with pytest.raises(ApiError) as refused:
        client.customers.search(limit=101)
    assert (refused.value.status_code, refused.value.errors[0].code) == (400, "VALUE_TOO_HIGH")
    shop.fault(kind="rate_limit", path="/v2/locations", nth=1, retry_after=0)
    assert client.locations.list().locations
