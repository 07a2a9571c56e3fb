"""The operations this Printify knows: path, scope, page cap and the function that answers (sheet section 6)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.parts.responses import HttpResponse
from sandbox.printify import catalog_api, shop_api, webhook_api
from sandbox.printify.webhooks import Webhooks
from sandbox.printify.world import Call, World

Handler = Callable[[World, Call], HttpResponse]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One row of the sheet's table. `area`: the further limit that it falls under; `pages`: its page cap's setting."""

    name: str
    path: str
    handler: Handler
    method: str = "GET"
    scope: str = ""
    area: str = ""
    most: int = 0
    pages: str = ""
    body: bool = False


_ORDERS = "/v1/shops/{shop_id}/orders"
_PRODUCTS = "/v1/shops/{shop_id}/products"
_WEBHOOKS = "/v1/shops/{shop_id}/webhooks"
_CATALOG = "/v1/catalog"
_OF_BLUEPRINT = f"{_CATALOG}/blueprints/{{blueprint_id}}/print_providers"


def _catalog(name: str, path: str, handler: Handler, scope: str = "catalog.read") -> Operation:
    return Operation(name=name, path=path, handler=handler, scope=scope, area="catalog")


def operations(webhooks: Webhooks) -> tuple[Operation, ...]:
    hooks = webhook_api.WebhookApi(webhooks)
    return (
        Operation(
            name="retrieveListOfShopsInAPrintifyAccount",
            path="/v1/shops.json",
            handler=shop_api.list_shops,
            scope="shops.read",
        ),
        Operation(
            name="disconnectAShop",
            path="/v1/shops/{shop_id}/connection.json",
            handler=hooks.disconnect,
            method="DELETE",
            scope="shops.read",
        ),
        Operation(
            name="retrieveAListOfOrders",
            path=f"{_ORDERS}.json",
            handler=shop_api.list_orders,
            scope="orders.read",
            most=10,
            pages="orders_over_maximum",
        ),
        Operation(
            name="getOrderDetailsById",
            path=f"{_ORDERS}/{{order_id}}.json",
            handler=shop_api.get_order,
            scope="orders.read",
        ),
        Operation(
            name="retrieveAListOfProducts",
            path=f"{_PRODUCTS}.json",
            handler=shop_api.list_products,
            scope="products.read",
            most=50,
            pages="products_over_maximum",
        ),
        Operation(
            name="retrieveAProduct",
            path=f"{_PRODUCTS}/{{product_id}}.json",
            handler=shop_api.get_product,
            scope="products.read",
        ),
        Operation(
            name="publishAProduct",
            path=f"{_PRODUCTS}/{{product_id}}/publish.json",
            handler=shop_api.publish,
            method="POST",
            scope="products.write",
            area="publish",
        ),
        Operation(
            name="retrieveAListOfWebhooks", path=f"{_WEBHOOKS}.json", handler=hooks.list_all, scope="webhooks.read"
        ),
        Operation(
            name="createANewWebhook",
            path=f"{_WEBHOOKS}.json",
            handler=hooks.create,
            method="POST",
            scope="webhooks.write",
            body=True,
        ),
        Operation(
            name="modifyAWebhook",
            path=f"{_WEBHOOKS}/{{webhook_id}}.json",
            handler=hooks.modify,
            method="PUT",
            scope="webhooks.write",
            body=True,
        ),
        Operation(
            name="deleteAWebhook",
            path=f"{_WEBHOOKS}/{{webhook_id}}.json",
            handler=hooks.delete,
            method="DELETE",
            scope="webhooks.write",
        ),
        Operation(
            name="simulateWebhook",
            path=f"{_WEBHOOKS}/{{webhook_id}}/simulate",
            handler=hooks.simulate,
            method="POST",
            scope="webhooks.write",
        ),
        _catalog("retrievesListOfBlueprintsInTheCatalog", f"{_CATALOG}/blueprints.json", catalog_api.list_blueprints),
        _catalog(
            "retrieveASpecificBlueprint", f"{_CATALOG}/blueprints/{{blueprint_id}}.json", catalog_api.get_blueprint
        ),
        _catalog(
            "retrieveAListOfAllPrintProvidersThatFulfillOrdersForASpecificBlueprint",
            f"{_OF_BLUEPRINT}.json",
            catalog_api.list_providers_of,
            "print_providers.read",
        ),
        _catalog(
            "retrieveAListOfVariantsOfABlueprintFromASpecificPrintProvider",
            f"{_OF_BLUEPRINT}/{{print_provider_id}}/variants.json",
            catalog_api.list_variants,
        ),
        _catalog(
            "retrieveAListOfAvailablePrintProviders",
            f"{_CATALOG}/print_providers.json",
            catalog_api.list_providers,
            "print_providers.read",
        ),
        _catalog(
            "retrieveASpecificPrintProvider",
            f"{_CATALOG}/print_providers/{{print_provider_id}}.json",
            catalog_api.get_provider,
            "print_providers.read",
        ),
    )


_SHAPES = {"order_id": "[0-9a-f]{1,64}", "product_id": "[0-9a-f]{1,64}", "webhook_id": "[0-9a-f]{1,64}"}


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(
        re.sub(r"\\\{(\w+)\\\}", lambda m: f"(?P<{m[1]}>{_SHAPES.get(m[1], '[0-9]{1,18}')})", re.escape(path))
    )


class Routes:
    """Finds the operation of a path; V2 knows no orders, so theirs is an unknown route."""

    def __init__(self, webhooks: Webhooks) -> None:
        self.operations = operations(webhooks)
        self._patterns = [(operation, _pattern(operation.path)) for operation in self.operations]

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        for operation, pattern in self._patterns:
            if operation.method == method and (match := pattern.fullmatch(path)):
                return operation, match.groupdict()
        return None
