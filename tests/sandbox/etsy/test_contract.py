"""Every answer of every operation fits the vendor's own document, and every parameter is one it declares."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import orjson
import pytest
from openapi_schema_validator import OAS30Validator

from sandbox.etsy.operations import OPERATIONS

SPEC = Path(__file__).resolve().parents[3].parent / "shared/specs/etsy/etsy-openapi-3.0.0.json"
if not SPEC.exists():
    pytest.skip("../shared/specs/etsy is absent: nothing to hold the answers against", allow_module_level=True)


def load() -> dict[str, Any]:
    """The document with its known differences from life put right (specs/etsy/SOURCES.md, 1 and 2)."""
    spec = orjson.loads(SPEC.read_bytes())
    schemas = spec["components"]["schemas"]
    status = schemas["ShopReceipt"]["properties"]["status"]
    status["enum"] = [word.capitalize() for word in status["enum"]]
    schemas["PaymentAccountLedgerEntry"]["properties"]["reference_id"] = {"type": "integer"}
    return spec


DOC = load()
SPECS = {
    op["operationId"]: (path, op) for path, ops in DOC["paths"].items() for op in ops.values() if "operationId" in op
}


def closed(schema: Any) -> Any:
    """The schema made strict: no field beyond those declared, and all of those present."""
    if isinstance(schema, dict):
        made = {key: closed(value) for key, value in schema.items() if key != "enum" or None not in value}
        if made.get("nullable") and "enum" in made:
            made["enum"] = [*made["enum"], None]
        if made.get("nullable") and "oneOf" in made:
            made["oneOf"] = [*made["oneOf"], {"enum": [None], "nullable": True}]
        if made.get("type") == "object" and "properties" in made:
            made["additionalProperties"] = False
        return made
    return [closed(item) for item in schema] if isinstance(schema, list) else schema


def strict_document() -> dict[str, Any]:
    components = closed(copy.deepcopy(DOC["components"]))
    optional = {"ShopListingWithAssociations": "ShopListing"}
    for name in (
        "ShopReceipt",
        "ShopReceiptTransaction",
        "ShopRefund",
        "ShopReceiptShipment",
        "PaymentAccountLedgerEntry",
        "Payment",
        "PaymentAdjustment",
        "PaymentAdjustmentItem",
        "Shop",
        "ShopListing",
        "ListingInventory",
        "ListingInventoryProduct",
        "ListingInventoryProductOffering",
        "Money",
        "TransactionReview",
        "Self",
        "Pong",
    ):
        components["schemas"][name]["required"] = list(components["schemas"][name]["properties"])
    for whole, part in optional.items():
        components["schemas"][whole]["required"] = list(components["schemas"][part]["properties"])
    return components


COMPONENTS = strict_document()


def problems(name: str, status: int, body: bytes) -> list[str]:
    responses = SPECS[name][1]["responses"]
    schema = closed(next(iter(responses[str(status)]["content"].values()))["schema"])
    validator = OAS30Validator({**schema, "components": COMPONENTS})
    return [f"{list(error.path)}: {error.message[:200]}" for error in validator.iter_errors(orjson.loads(body))]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_is_the_documents(operation):
    """Path, method, scope and every parameter are declared by the document, with its limits and words."""
    path, declared = SPECS[operation.name]
    known = {param["name"]: param for param in declared.get("parameters", []) if param["in"] == "query"}
    scopes = [scope for need in declared.get("security") or [] for scope in need.get("oauth2", [])]

    assert path == "/v3/application" + operation.path
    assert scopes == ([operation.scope] if operation.scope else []) or operation.name == (
        "getListingsInventoryByListingIds"
    )
    assert set(operation.params) == set(known)
    for name, param in operation.params.items():
        schema = known[name]["schema"]
        words = schema.get("enum") or schema.get("items", {}).get("enum") or []
        assert param.required == known[name]["required"], name
        assert param.default == schema.get("default"), name
        assert sorted(param.words) == sorted(words), name
        assert param.low == schema.get("minimum", param.low), name
        assert param.high == schema.get("maximum", param.high), name


@pytest.fixture(params=[("USD", "USD"), ("JPY", "USD"), ("EUR", "JPY"), ("GBP", "GBP")], ids="-".join)
def any_shop(etsy, request):
    currency, payout = request.param
    return etsy.kept(orders=400, currency=currency, payout_currency=payout)


def test_every_answer_fits_its_schema(any_shop):
    """Pages and single records of all operations, in several currencies, hold every declared field and no other."""
    month = {"min_created": any_shop.made["ends_at"] - 2_600_000, "max_created": any_shop.made["ends_at"]}
    receipts = any_shop.truth("receipts")
    refunded = next(r for r in receipts if r["refunds"])
    entries = any_shop.truth("ledger")
    refund_entry = next(e for e in entries if e["ledger_type"] == "REFUND_GROSS")
    line = refunded["transactions"][0]
    payment = any_shop.truth("payments")[0]["payment_id"]
    ids = ",".join(str(listing["listing_id"]) for listing in any_shop.truth("listings")[:20])
    first = ids.split(",")[0]
    receipt = f"receipts/{refunded['receipt_id']}"
    ledger = "payment-account/ledger-entries"
    calls = [
        ("ping", "/openapi-ping", {}),
        ("getMe", "/users/me", {}),
        ("getShopByOwnerUserId", f"/users/{any_shop.made['user_id']}/shops", {}),
        ("getShop", f"/shops/{any_shop.id}", {}),
        *[("getShopReceipts", "receipts", {"limit": 100, "offset": at}) for at in (0, 100, 200, 300)],
        ("getShopReceipt", receipt, {}),
        ("getShopReceiptTransactionsByReceipt", f"{receipt}/transactions", {}),
        ("getShopPaymentByReceiptId", f"{receipt}/payments", {}),
        ("getShopReceiptTransactionsByShop", "transactions", {"limit": 100}),
        ("getShopReceiptTransaction", f"transactions/{line['transaction_id']}", {}),
        ("getShopPaymentAccountLedgerEntries", ledger, {"limit": 100, **month}),
        ("getShopPaymentAccountLedgerEntry", f"{ledger}/{refund_entry['entry_id']}", {}),
        ("getPaymentAccountLedgerEntryPayments", f"{ledger}/payments", {"ledger_entry_ids": refund_entry["entry_id"]}),
        ("getPayments", "payments", {"payment_ids": payment}),
        *[("getListingsByShop", "listings", {"limit": 100, "state": s}) for s in ("active", "draft", "sold_out")],
        ("getListingsByShop", "listings", {"includes": "Inventory,Images,Shop,User,Videos,Shipping,Translations"}),
        ("getListing", f"/listings/{first}", {}),
        ("getListingsByListingIds", "/listings/batch", {"listing_ids": ids}),
        ("getListingInventory", f"/listings/{first}/inventory", {"includes": "Listing"}),
        ("getListingsInventoryByListingIds", "/listings/batch/inventory", {"listing_ids": ids}),
        ("getReviewsByShop", "reviews", {"limit": 100}),
    ]

    answers = [(name, any_shop.get(path, **params)) for name, path, params in calls]

    assert {name for name, _ in answers} == {op.name for op in OPERATIONS} - {"tokenScopes"}
    for name, answer in answers:
        assert answer.status_code == 200, (name, answer.text)
        assert problems(name, 200, answer.content) == [], name
        assert answer.json().get("results") != [], name


def test_a_refusal_fits_the_error_schema(shop):
    """Errors are `{"error": text}`, OAuth's with a description."""
    for path, params in (("receipts", {"limit": 0}), ("receipts/1", {}), ("listings", {"state": "gone"})):
        body = shop.get(path, **params).json()
        assert set(body) <= {"error", "error_description"}
        assert isinstance(body["error"], str)
