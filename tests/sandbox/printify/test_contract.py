"""Every answer of every operation fits the vendor's own document and the notes on what life adds to it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import orjson
import pytest
from openapi_schema_validator import OAS30Validator

from sandbox.printify.operations import operations
from sandbox.printify.settings import Settings
from sandbox.printify.webhooks import TOPICS

SPECS = Path(__file__).resolve().parents[3].parent / "shared/specs/printify"
if not SPECS.exists():
    pytest.skip("../shared/specs/printify is absent: nothing to hold the answers against", allow_module_level=True)

DOC = orjson.loads((SPECS / "printify-openapi.json").read_bytes())
NOTES = orjson.loads((SPECS / "printify-spec-addenda.json").read_bytes())
OPERATIONS = {
    op["operationId"]: (path, verb, op)
    for path, ops in DOC["paths"].items()
    for verb, op in ops.items()
    if isinstance(op, dict) and "operationId" in op
}
# The document lists no property as required: these are absent in life (sheet section 7).
MAY_BE_ABSENT = {
    "order": {"shipments", "sent_to_production_at", "fulfilled_at", "printify_connect"},
    "orderMetadata": {"shop_order_id", "shop_order_label", "shop_fulfilled_at"},
    "lineItemMetadata": {"external_id"},
    "printProviderSimple": {"decoration_methods"},
}
# Seen in life or in the newer prose, not in the document (its addenda, and sheet section 7).
SEEN_IN_LIFE: dict[str, dict[str, Any]] = {
    "order": {
        "shop_id": {"type": "integer"},
        "fulfilment_type": {"type": "string"},
        "sales_channel_type_id": {"type": "integer"},
    },
    "lineItem": {"id": {"type": "string"}, "blueprint_id": {"type": "integer"}},
    "orderMetadata": {
        "is_reprint": {"type": "boolean"},
        "reprinted_order_ids": {"type": "array", "items": {"type": "string"}},
        "child_reprinted_order_ids": {"type": "array", "items": {"type": "string"}},
    },
    "product": {"external": {}},
}


def document() -> dict[str, Any]:
    """The document with its known defects put right, and strict: what it declares is there, and nothing else."""
    schemas = copy.deepcopy(DOC["components"]["schemas"])
    schemas["orderMetadata"]["properties"]["shop_order_id"] = {"oneOf": [{"type": "integer"}, {"type": "string"}]}
    schemas["product"]["properties"]["sales_channel_properties"] = {}
    schemas["order"]["properties"]["printify_connect"] = {"nullable": True, "type": "object"}
    for name, schema in schemas.items():
        if schema.get("type") != "object" or "properties" not in schema:
            continue
        declared = set(schema["properties"])
        schema["properties"] |= SEEN_IN_LIFE.get(name, {})
        schema["additionalProperties"] = False
        if name in (
            "order",
            "lineItem",
            "product",
            "productVariant",
            "shop",
            "webhook",
            "paginatedResponse",
            "addressTo",
            "lineItemMetadata",
            "blueprint",
            "printProvider",
            "variant",
            "errorResponse",
        ):
            schema["required"] = sorted(declared - MAY_BE_ABSENT.get(name, set()))
    return {**DOC["components"], "schemas": schemas}


COMPONENTS = document()


def resolved(schema: Any) -> Any:
    while isinstance(schema, dict) and "$ref" in schema:
        part: Any = {"components": COMPONENTS}
        for step in schema["$ref"].removeprefix("#/").split("/"):
            part = part[step]
        schema = part
    return schema


def problems(name: str, status: int, body: bytes) -> list[str]:
    response = resolved(OPERATIONS[name][2]["responses"][str(status)])
    schema = next(iter(response["content"].values()))["schema"]
    validator = OAS30Validator({**schema, "components": COMPONENTS})
    return [f"{list(error.path)}: {error.message[:200]}" for error in validator.iter_errors(orjson.loads(body))]


def schema_problems(name: str, doc: Any) -> list[str]:
    validator = OAS30Validator({"$ref": f"#/components/schemas/{name}", "components": COMPONENTS})
    # The sparse shape of manual orders lacks most of the address; life's, not the document's.
    return [f"{list(error.path)}: {error.message[:200]}" for error in validator.iter_errors(doc)]


def test_every_operation_is_the_documents(printify):
    """Each operation has the path and the verb that the document gives its id."""
    for operation in printify.sandbox._routes.operations:
        path, verb, _ = OPERATIONS[operation.name]

        assert (operation.path, operation.method.lower()) == (path, verb)


def test_every_answer_fits_its_schema(printify, shop):
    """Lists, single records, the catalog and webhooks hold every declared field and no other."""
    order, product = shop.truth("orders")[5], shop.truth("products")[5]
    hook = shop.ask("POST", "webhooks.json", json={"topic": "order:created", "url": "https://example.com/hook"})
    hook_path = f"webhooks/{hook.json()['id']}.json"
    catalog = "/v1/catalog"
    calls = [
        ("retrieveListOfShopsInAPrintifyAccount", shop.get("/v1/shops.json")),
        ("getOrderDetailsById", shop.get(f"orders/{order['id']}.json")),
        ("retrieveAListOfProducts", shop.get("products.json", limit=50)),
        ("retrieveAProduct", shop.get(f"products/{product['id']}.json")),
        ("createANewWebhook", hook),
        ("retrieveAListOfWebhooks", shop.get("webhooks.json")),
        ("modifyAWebhook", shop.ask("PUT", hook_path, json={"url": "https://example.com/other"})),
        ("deleteAWebhook", shop.ask("DELETE", hook_path, host="example.com")),
        ("retrievesListOfBlueprintsInTheCatalog", shop.get(f"{catalog}/blueprints.json")),
        ("retrieveASpecificBlueprint", shop.get(f"{catalog}/blueprints/68.json")),
        (
            "retrieveAListOfAllPrintProvidersThatFulfillOrdersForASpecificBlueprint",
            shop.get(f"{catalog}/blueprints/68/print_providers.json"),
        ),
        (
            "retrieveAListOfVariantsOfABlueprintFromASpecificPrintProvider",
            shop.get(f"{catalog}/blueprints/6/print_providers/99/variants.json"),
        ),
        ("retrieveAListOfAvailablePrintProviders", shop.get(f"{catalog}/print_providers.json")),
        ("retrieveASpecificPrintProvider", shop.get(f"{catalog}/print_providers/99.json")),
    ]

    for name, answer in calls:
        assert answer.status_code == 200, (name, answer.text)
        assert problems(name, 200, answer.content) == [], name
        assert answer.json() not in ([], {}), name


def test_every_order_and_product_of_a_shop_fits_its_schema(shop):
    """All of them, apart from the sparse shape of some manual orders, which no document describes."""
    orders, products = shop.truth("orders"), shop.truth("products")

    sparse = [order for order in orders if set(order["address_to"]) == {"country"}]
    assert 0 < len(sparse) < len(orders) / 20
    assert {order["metadata"]["order_type"] for order in sparse} == {"manual"}
    assert [found for order in orders if order not in sparse for found in schema_problems("order", order)] == []
    assert [found for product in products for found in schema_problems("product", product)] == []


def test_the_envelope_is_the_documents(shop):
    """First, middle and last page: relative addresses without filters, null at the ends."""
    last = shop.get("orders.json").json()["last_page"]

    for page in (1, 2, last):
        doc = shop.get("orders.json", page=page, status="fulfilled" if page == 2 else "").json()
        assert schema_problems("paginatedResponse", doc) == []
        assert doc["next_page_url"] == (None if page == last else f"/?page={page + 1}")
        assert doc["prev_page_url"] == (None if page == 1 else f"/?page={page - 1}")


def test_refusals_of_requests_fit_the_error_schema(shop):
    """400 is form A, with a code."""
    for path, params in (("products.json", {"limit": 51}), ("orders.json", {"page": 0})):
        answer = shop.get(path, **params)
        assert answer.status_code == 400
        assert schema_problems("errorResponse", answer.json()) == []
        assert answer.json()["code"] == 8150


def test_limits_are_those_of_the_addenda():
    """The figures that the notes list are the sandbox's defaults."""
    limits, settings = NOTES["limits"], Settings()
    caps = {operation.name: operation.most for operation in operations(None)}  # type: ignore[arg-type]

    assert settings.per_minute == limits["global_requests_per_minute"]["value"]
    assert settings.catalog_per_minute == limits["catalog_requests_per_minute"]["value"]
    assert settings.publish_per_half_hour == limits["publish_requests_per_30_minutes"]["value"]
    assert settings.max_error_share == limits["max_error_share_of_requests"]["value"]
    assert caps["retrieveAListOfOrders"] == limits["orders_page_size_max"]["value"]
    assert caps["retrieveAListOfProducts"] == limits["products_page_size_max"]["value"]
    assert len(TOPICS) == 11
