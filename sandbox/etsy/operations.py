"""The operations this Etsy knows: path, scope, parameters and the function that answers (sheet section 7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.etsy import listings_api, money_api, receipts_api
from sandbox.etsy.params import Param
from sandbox.etsy.responses import EtsyError
from sandbox.etsy.world import Call, World
from sandbox.parts.responses import HttpResponse, ok

PREFIX = "/v3/application"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One row of the sheet's table. `user`: a bearer is needed without a scope; `owned`: what must be theirs."""

    name: str
    path: str
    handler: Callable[[World, Call], HttpResponse]
    method: str = "GET"
    scope: str = ""
    user: bool = False
    owned: str = ""
    params: dict[str, Param] = field(default_factory=dict)
    also: Callable[[Call], None] | None = None

    @property
    def needs_user(self) -> bool:
        return self.user or bool(self.scope)


def ping(world: World, _call: Call) -> HttpResponse:
    return ok({"application_id": world.application_id})


def token_scopes(world: World, call: Call) -> HttpResponse:
    """The reply's shape is not documented; this one lists them."""
    kind, token = world.tokens.classify(call.form.get("token", ""))
    if token is None or kind != "valid":
        raise EtsyError(401, "invalid_token", "access token is invalid")
    return ok({"scopes": list(token.scopes)})


def get_me(world: World, call: Call) -> HttpResponse:
    live_shop = world.live_shop_of_user(call.user_id)
    if live_shop is None:
        raise EtsyError(404, f"Could not find a user with user_id = {call.user_id}")
    return ok({"user_id": call.user_id, "shop_id": live_shop.shop.ids.shop})


def get_shop_of_user(world: World, call: Call) -> HttpResponse:
    """One Shop, not a list."""
    live_shop = world.live_shop_of_user(call.ids["user_id"])
    if live_shop is None:
        raise EtsyError(404, f"Could not find a shop for user with user_id = {call.ids['user_id']}")
    return ok(live_shop.shop_doc())


def get_shop(_world: World, call: Call) -> HttpResponse:
    return ok(call.live_shop.shop_doc())


_SHOP = "/shops/{shop_id}"
_RECEIPT = "/shops/{shop_id}/receipts/{receipt_id}"
_LEDGER = "/shops/{shop_id}/payment-account/ledger-entries"


def _mine(name: str, path: str, handler: Callable[[World, Call], HttpResponse], params: dict[str, Param]) -> Operation:
    """An operation on the seller's own orders and money."""
    return Operation(name=name, path=path, handler=handler, params=params, scope="transactions_r", owned="shop")


OPERATIONS = (
    Operation(name="ping", path="/openapi-ping", handler=ping),
    Operation(name="tokenScopes", path="/scopes", handler=token_scopes, method="POST"),
    Operation(name="getMe", path="/users/me", handler=get_me, scope="shops_r"),
    Operation(name="getShopByOwnerUserId", path="/users/{user_id}/shops", handler=get_shop_of_user, user=True),
    Operation(name="getShop", path=_SHOP, handler=get_shop),
    Operation(
        name="getReviewsByShop", path=f"{_SHOP}/reviews", handler=receipts_api.list_reviews, params=receipts_api.REVIEWS
    ),
    _mine("getShopReceipts", f"{_SHOP}/receipts", receipts_api.list_receipts, receipts_api.LIST),
    _mine("getShopReceipt", _RECEIPT, receipts_api.get_receipt, receipts_api.LEGACY),
    _mine(
        "getShopReceiptTransactionsByReceipt",
        f"{_RECEIPT}/transactions",
        receipts_api.list_transactions_of_receipt,
        receipts_api.LEGACY,
    ),
    _mine("getShopPaymentByReceiptId", f"{_RECEIPT}/payments", receipts_api.list_payments_of_receipt, {}),
    _mine(
        "getShopReceiptTransactionsByShop", f"{_SHOP}/transactions", receipts_api.list_transactions, receipts_api.PAGED
    ),
    _mine("getShopReceiptTransaction", f"{_SHOP}/transactions/{{transaction_id}}", receipts_api.get_transaction, {}),
    Operation(
        name="getShopPaymentAccountLedgerEntries",
        path=_LEDGER,
        handler=money_api.list_entries,
        params=money_api.LEDGER,
        also=money_api.check_window,
        scope="transactions_r",
        owned="shop",
    ),
    _mine(
        "getPaymentAccountLedgerEntryPayments",
        f"{_LEDGER}/payments",
        money_api.list_payments_of_entries,
        money_api.ENTRY_IDS,
    ),
    _mine("getShopPaymentAccountLedgerEntry", f"{_LEDGER}/{{ledger_entry_id}}", money_api.get_entry, {}),
    _mine("getPayments", f"{_SHOP}/payments", money_api.list_payments, money_api.PAYMENT_IDS),
    Operation(
        name="getListingsByShop",
        path=f"{_SHOP}/listings",
        handler=listings_api.list_listings,
        params=listings_api.LIST,
        scope="listings_r",
        owned="shop",
    ),
    Operation(
        name="getListingsByListingIds",
        path="/listings/batch",
        handler=listings_api.list_by_ids,
        params=listings_api.BATCH,
    ),
    Operation(
        name="getListingsInventoryByListingIds",
        path="/listings/batch/inventory",
        handler=listings_api.list_inventories,
        params=listings_api.INVENTORIES,
        scope="listings_r",
    ),
    Operation(
        name="getListing", path="/listings/{listing_id}", handler=listings_api.get_listing, params=listings_api.ONE
    ),
    Operation(
        name="getListingInventory",
        path="/listings/{listing_id}/inventory",
        handler=listings_api.get_inventory,
        params=listings_api.INVENTORY,
        scope="listings_r",
        owned="listing",
    ),
)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(PREFIX + re.sub(r"\{(\w+)\}", r"(?P<\1>[0-9]{1,18})", path) + "/?")


_PATTERNS = [(operation, _pattern(operation.path)) for operation in OPERATIONS]


def find_operation(method: str, path: str) -> tuple[Operation, dict[str, int]] | None:
    for operation, pattern in _PATTERNS:
        if operation.method == method and (match := pattern.fullmatch(path)):
            return operation, {name: int(value) for name, value in match.groupdict().items()}
    return None
