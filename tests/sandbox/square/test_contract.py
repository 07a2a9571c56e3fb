"""Every answer of every operation fits the vendor's own document, and every parameter is one that it declares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from openapi_schema_validator import OAS30Validator

from sandbox.square.announcements import EVENT_TYPES
from sandbox.square.api.operations import OPERATIONS
from tests.sandbox.square.conftest import LONG_AGO, OLD_VERSION, Seller

SHARED = Path(__file__).resolve().parents[3].parent / "shared/specs/square"
SPEC, TYPES = SHARED / "openapi-2025-10-16.json", SHARED / "types-2026-09-16.json"
if not SPEC.exists():
    pytest.skip("../shared/specs/square is absent: nothing to hold the answers against", allow_module_level=True)

DOC = orjson.loads(SPEC.read_bytes())
DECLARED = {
    operation["operationId"]: (path, method, operation)
    for path, operations in DOC["paths"].items()
    for method, operation in operations.items()
    if isinstance(operation, dict) and "operationId" in operation
}
# Scopes that the document leaves out.
UNTOLD = {"PAYOUTS_READ"}


def closed(schema: Any) -> Any:
    """The schema made strict: no field beyond those declared."""
    if isinstance(schema, dict):
        made = {key: closed(value) for key, value in schema.items()}
        if made.get("type") == "object" and isinstance(made.get("properties"), dict) and made["properties"]:
            made["additionalProperties"] = False
        return made
    return [closed(item) for item in schema] if isinstance(schema, list) else schema


def used(names: set[str]) -> dict[str, Any]:
    """The schemas that those reach; all of the document would take long to close."""
    found: dict[str, Any] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = closed(DOC["components"]["schemas"].get(name, {}))
            text = orjson.dumps(found[name]).decode()
            waiting += [part.split('"')[0] for part in text.split("#/components/schemas/")[1:]]
    return found


def answer_of(name: str) -> str:
    schema = DECLARED[name][2]["responses"]["200"]["content"]["application/json"]["schema"]
    return str(schema["$ref"].rsplit("/", 1)[1])


WEBHOOKS = (
    "ListWebhookEventTypes", "ListWebhookSubscriptions", "CreateWebhookSubscription", "RetrieveWebhookSubscription",
    "UpdateWebhookSubscription", "DeleteWebhookSubscription", "UpdateWebhookSubscriptionSignatureKey",
    "TestWebhookSubscription", "SearchEvents",
)  # fmt: skip
OAUTH = ("ObtainToken", "RetrieveTokenStatus", "RevokeToken")
NAMES = [operation.name for operation in OPERATIONS]
SCHEMAS = used({answer_of(name) for name in (*NAMES, *WEBHOOKS, *OAUTH)} | {"Error"})


def problems(schema: str, doc: Any) -> list[str]:
    validator = OAS30Validator({"$ref": f"#/components/schemas/{schema}", "components": {"schemas": SCHEMAS}})
    return [f"{list(error.path)}: {error.message[:200]}" for error in validator.iter_errors(doc)]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_is_the_documents(operation):
    """Path, method, scope, and every parameter."""
    path, method, declared = DECLARED[operation.name]
    scopes = [scope for need in declared["security"] for scope in need.get("oauth2") or []]
    if method == "post":
        body = declared["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
        known = set(DOC["components"]["schemas"][body]["properties"])
    else:
        known = {param["name"] for param in declared.get("parameters", []) if param["in"] == "query"}

    assert (operation.path, operation.method.lower()) == (path, method)
    assert scopes == [operation.scope] or operation.scope in UNTOLD
    assert set(operation.params) == known


def calls_of(seller: Seller) -> dict[str, Any]:
    """An answer of every operation, at the document's version."""
    old = {**seller.headers, "square-version": OLD_VERSION}
    payout, dispute = seller.truth("payouts")[-1], seller.truth("disputes")
    changes = {each["type"]: each for each in seller.truth("changes")}
    place = seller.locations[0]
    ids = {kind: seller.truth(kind)[0]["id"] for kind in ("customers", "team_members", "vendors", "orders", "payments")}
    item = next(each for each in seller.truth("items") if not each["is_deleted"])
    refund, account = seller.truth("refunds")[0], seller.truth("loyalty_accounts")[0]

    def get(path: str, **params: Any) -> Any:
        return seller.get(path, headers=old, **params)

    def post(path: str, **body: Any) -> Any:
        return seller.post(path, headers=old, **body)

    made = {
        "ListMerchants": get("merchants"),
        "RetrieveMerchant": get("merchants/me"),
        "ListLocations": get("locations"),
        "RetrieveLocation": get(f"locations/{place}"),
        "ListCatalog": get(
            "catalog/list", types="ITEM,ITEM_VARIATION,CATEGORY,TAX,DISCOUNT,MODIFIER_LIST,MODIFIER,IMAGE"
        ),
        "CatalogInfo": get("catalog/info"),
        "RetrieveCatalogObject": get(f"catalog/object/{item['id']}", include_related_objects="true"),
        "SearchCatalogObjects": post("catalog/search", include_deleted_objects=True, include_related_objects=True),
        "BatchRetrieveCatalogObjects": post(
            "catalog/batch-retrieve", object_ids=[item["id"]], include_related_objects=True
        ),
        "SearchOrders": post("orders/search", location_ids=seller.locations, limit=100),
        "BatchRetrieveOrders": post("orders/batch-retrieve", order_ids=[ids["orders"], "unknown"]),
        "RetrieveOrder": get(f"orders/{ids['orders']}"),
        "ListPayments": get("payments", begin_time=LONG_AGO),
        "GetPayment": get(f"payments/{ids['payments']}"),
        "ListPaymentRefunds": get("refunds", begin_time=LONG_AGO),
        "GetPaymentRefund": get(f"refunds/{refund['id']}"),
        "ListPayouts": get("payouts", begin_time=LONG_AGO),
        "GetPayout": get(f"payouts/{payout['id']}"),
        "ListPayoutEntries": get(f"payouts/{payout['id']}/payout-entries"),
        "ListDisputes": get("disputes"),
        "ListCustomers": get("customers", count="true"),
        "SearchCustomers": post("customers/search", query={"filter": {"updated_at": {"start_at": LONG_AGO}}}),
        "BulkRetrieveCustomers": post("customers/bulk-retrieve", customer_ids=[ids["customers"], "unknown"]),
        "RetrieveCustomer": get(f"customers/{ids['customers']}"),
        "SearchTeamMembers": post("team-members/search"),
        "RetrieveTeamMember": get(f"team-members/{ids['team_members']}"),
        "SearchLoyaltyAccounts": post("loyalty/accounts/search"),
        "RetrieveLoyaltyAccount": get(f"loyalty/accounts/{account['id']}"),
        "RetrieveLoyaltyProgram": get("loyalty/programs/main"),
        "SearchLoyaltyEvents": post("loyalty/events/search"),
        "SearchVendors": post("vendors/search", filter={"status": ["ACTIVE", "INACTIVE"]}),
        "BulkRetrieveVendors": post("vendors/bulk-retrieve", vendor_ids=[ids["vendors"], "unknown"]),
        "RetrieveVendor": get(f"vendors/{ids['vendors']}"),
    }
    if dispute:
        made["RetrieveDispute"] = get(f"disputes/{dispute[0]['id']}")
    if changes:
        counted = changes["PHYSICAL_COUNT"]["physical_count"]
        made |= {
            "BatchRetrieveInventoryCounts": post("inventory/counts/batch-retrieve"),
            "DeprecatedBatchRetrieveInventoryCounts": post("inventory/batch-retrieve-counts"),
            "BatchRetrieveInventoryChanges": post("inventory/changes/batch-retrieve", limit=100),
            "DeprecatedBatchRetrieveInventoryChanges": post("inventory/batch-retrieve-changes", limit=100),
            "RetrieveInventoryCount": get(f"inventory/{counted['catalog_object_id']}"),
            "RetrieveInventoryPhysicalCount": get(f"inventory/physical-counts/{counted['id']}"),
        }
        made["RetrieveInventoryAdjustment"] = get(f"inventory/adjustments/{changes['ADJUSTMENT']['adjustment']['id']}")
    bookings = seller.truth("bookings")
    if bookings:
        first, start = bookings[0]["id"], bookings[-1]["start_at"]
        made |= {
            "ListBookings": get("bookings", start_at_min=start),
            "BulkRetrieveBookings": post("bookings/bulk-retrieve", booking_ids=[first, "unknown"]),
            "RetrieveBooking": get(f"bookings/{first}"),
        }
    return made


@pytest.fixture(params=["USD", "JPY", "EUR", "CAD"])
def seller(square, request):
    kind = "salon" if request.param in ("USD", "EUR") else "shop"
    return square.kept(orders=150, kind=kind, currency=request.param, locations=2, bookings=80, years=1)


def test_every_answer_fits_its_schema(seller):
    """Sellers of all kinds in several currencies: nothing but declared fields, and of the declared types."""
    found = calls_of(seller)

    for name, answer in found.items():
        assert answer.status_code == 200, (name, answer.text)
        assert problems(answer_of(name), answer.json()) == [], name
        assert answer.json() != {} or name == "ListDisputes", name
        assert answer.headers["square-version"] == OLD_VERSION


def test_every_operation_was_asked(square):
    """The test above asks each operation of the stand-in, of one seller or another."""
    kinds = [square.kept(orders=150, kind=kind, currency=currency, locations=2, bookings=80, years=1)
             for kind, currency in (("salon", "USD"), ("shop", "JPY"))]  # fmt: skip
    asked = {name for seller in kinds for name in calls_of(seller)}

    assert set(NAMES) - asked <= {"RetrieveDispute"}


@pytest.mark.parametrize("kind", ["orders", "payments", "refunds", "payouts", "entries", "customers", "disputes"])
def test_every_record_fits_its_schema(seller, kind):
    """All of them, not a page alone."""
    answers = {
        "orders": "RetrieveOrder", "payments": "GetPayment", "refunds": "GetPaymentRefund", "payouts": "GetPayout",
        "customers": "RetrieveCustomer", "disputes": "RetrieveDispute",
    }  # fmt: skip
    truth = seller.truth(kind)
    if kind == "entries":
        assert problems("ListPayoutEntriesResponse", {"payout_entries": truth}) == []
    else:
        member = kind[:-1]
        schema = answer_of(answers[kind])
        assert [found for each in truth for found in problems(schema, {member: each})] == []
    assert truth or kind == "disputes"


def test_refusals_fit_the_error_schema(square, shop):
    """Each status that a reader meets."""
    narrow = square.control("POST", "/tokens", shop_id=shop.id, scopes=["ITEMS_READ"])["access_token"]
    answers = [
        (400, shop.get("customers", limit=101)),
        (400, shop.post("orders/search")),
        (401, shop.get("locations", headers={})),
        (403, shop.get("locations", headers={"authorization": f"Bearer {narrow}"})),
        (404, shop.get("orders/none")),
        (404, shop.post("bookings/search")),
    ]
    for status, answer in answers:
        assert answer.status_code == status, answer.text
        assert [problem for error in answer.json()["errors"] for problem in problems("Error", error)] == []


def test_newer_records_hold_what_the_newer_client_knows(seller):
    """At the newest version every field is one of the newest models."""
    types = orjson.loads(TYPES.read_bytes())["types"]
    models = {
        "orders": "Order", "payments": "Payment", "refunds": "PaymentRefund", "payouts": "Payout",
        "customers": "Customer",
        "bookings": "Booking", "team_members": "TeamMember", "vendors": "Vendor", "locations": "Location",
        "counts": "InventoryCount", "disputes": "Dispute", "loyalty_accounts": "LoyaltyAccount",
    }  # fmt: skip
    for kind, model in models.items():
        if model in types:
            assert {name for each in seller.truth(kind) for name in each} <= set(types[model]), kind
    adjustments = [each["adjustment"] for each in seller.truth("changes") if "adjustment" in each]
    assert {name for each in adjustments for name in each} <= set(types["InventoryAdjustment"])


def test_event_types_are_told_with_a_scope():
    """Each subject of an event has the scope that it needs."""
    from sandbox.square.announcements import SCOPES  # noqa: PLC0415 - beside its types

    assert {each.split(".")[0] for each in EVENT_TYPES} - {"oauth"} == set(SCOPES)
