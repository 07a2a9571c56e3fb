"""The operations, by path: each with the scope that it asks for and the parameters that it knows."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from sandbox.parts.responses import HttpResponse
from sandbox.square.api import (
    bookings_api,
    catalog_api,
    inventory_api,
    money_api,
    orders_api,
    people_api,
    seller_api,
)
from sandbox.square.api.context import Context

Handler = Callable[[Context], HttpResponse]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """`name` is the operation's in the vendor's document; `later` are parameters that came after it."""

    name: str
    method: str
    path: str
    scope: str
    handler: Handler
    params: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    # The list that a page holds, for faults that break a record.
    rows: str = ""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path))


def _get(name: str, path: str, scope: str, handler: Handler, params: str = "", *, rows: str = "") -> Operation:
    return Operation(
        name=name, method="GET", path=path, scope=scope, handler=handler, params=tuple(params.split()), rows=rows
    )


def _post(
    name: str, path: str, scope: str, handler: Handler, params: str, *, rows: str = "", later: str = ""
) -> Operation:
    return Operation(
        name=name,
        method="POST",
        path=path,
        scope=scope,
        handler=handler,
        params=tuple(params.split()),
        later=tuple(later.split()),
        rows=rows,
    )


_PROFILE, _CATALOG, _STOCK, _VENDORS = "MERCHANT_PROFILE_READ", "ITEMS_READ", "INVENTORY_READ", "VENDOR_READ"
_ORDERS, _MONEY, _PAYOUTS, _DISPUTES = "ORDERS_READ", "PAYMENTS_READ", "PAYOUTS_READ", "DISPUTES_READ"
_CUSTOMERS, _TEAM, _LOYALTY, _BOOKINGS = "CUSTOMERS_READ", "EMPLOYEES_READ", "LOYALTY_READ", "APPOINTMENTS_READ"
_TIMES = "begin_time end_time sort_order cursor location_id limit"
_CHANGED = "updated_at_begin_time updated_at_end_time sort_field"
_SEARCH = (
    "cursor object_types include_deleted_objects include_related_objects begin_time query limit "
    "include_category_path_to_root"
)
_COUNTS = "catalog_object_ids location_ids updated_after cursor states limit"
_CHANGES = "catalog_object_ids location_ids types states updated_after updated_before cursor limit"

OPERATIONS: tuple[Operation, ...] = (
    _get("ListMerchants", "/v2/merchants", _PROFILE, seller_api.list_merchants, "cursor", rows="merchant"),
    _get("RetrieveMerchant", "/v2/merchants/{merchant_id}", _PROFILE, seller_api.retrieve_merchant),
    _get("ListLocations", "/v2/locations", _PROFILE, seller_api.list_locations, "", rows="locations"),
    _get("RetrieveLocation", "/v2/locations/{location_id}", _PROFILE, seller_api.retrieve_location),
    _get(
        "ListCatalog",
        "/v2/catalog/list",
        _CATALOG,
        catalog_api.list_catalog,
        "cursor types catalog_version",
        rows="objects",
    ),
    _get("CatalogInfo", "/v2/catalog/info", _CATALOG, catalog_api.info),
    _get(
        "RetrieveCatalogObject",
        "/v2/catalog/object/{object_id}",
        _CATALOG,
        catalog_api.retrieve_object,
        "include_related_objects catalog_version include_category_path_to_root",
    ),
    _post(
        "SearchCatalogObjects",
        "/v2/catalog/search",
        _CATALOG,
        catalog_api.search_catalog,
        _SEARCH,
        rows="objects",
    ),
    _post(
        "BatchRetrieveCatalogObjects",
        "/v2/catalog/batch-retrieve",
        _CATALOG,
        catalog_api.batch_retrieve,
        "object_ids include_related_objects catalog_version include_deleted_objects include_category_path_to_root",
        rows="objects",
    ),
    _post(
        "BatchRetrieveInventoryCounts",
        "/v2/inventory/counts/batch-retrieve",
        _STOCK,
        inventory_api.retrieve_counts,
        _COUNTS,
        rows="counts",
    ),
    _post(
        "DeprecatedBatchRetrieveInventoryCounts",
        "/v2/inventory/batch-retrieve-counts",
        _STOCK,
        inventory_api.retrieve_counts,
        _COUNTS,
        rows="counts",
    ),
    _post(
        "BatchRetrieveInventoryChanges",
        "/v2/inventory/changes/batch-retrieve",
        _STOCK,
        inventory_api.retrieve_changes,
        _CHANGES,
        rows="changes",
        later="sort reason_ids",
    ),
    _post(
        "DeprecatedBatchRetrieveInventoryChanges",
        "/v2/inventory/batch-retrieve-changes",
        _STOCK,
        inventory_api.retrieve_changes,
        _CHANGES,
        rows="changes",
        later="sort reason_ids",
    ),
    _get(
        "RetrieveInventoryAdjustment",
        "/v2/inventory/adjustments/{adjustment_id}",
        _STOCK,
        inventory_api.retrieve_adjustment,
    ),
    _get(
        "RetrieveInventoryPhysicalCount",
        "/v2/inventory/physical-counts/{physical_count_id}",
        _STOCK,
        inventory_api.retrieve_physical_count,
    ),
    _get(
        "RetrieveInventoryCount",
        "/v2/inventory/{catalog_object_id}",
        _STOCK,
        inventory_api.retrieve_count,
        "location_ids cursor",
        rows="counts",
    ),
    _post(
        "SearchOrders",
        "/v2/orders/search",
        _ORDERS,
        orders_api.search_orders,
        "location_ids cursor query limit return_entries",
        rows="orders",
    ),
    _post(
        "BatchRetrieveOrders",
        "/v2/orders/batch-retrieve",
        _ORDERS,
        orders_api.batch_retrieve,
        "location_id order_ids",
        rows="orders",
    ),
    _get("RetrieveOrder", "/v2/orders/{order_id}", _ORDERS, orders_api.retrieve_order),
    _get(
        "ListPayments",
        "/v2/payments",
        _MONEY,
        money_api.list_payments,
        f"{_TIMES} {_CHANGED} total last_4 card_brand is_offline_payment offline_begin_time offline_end_time",
        rows="payments",
    ),
    _get("GetPayment", "/v2/payments/{payment_id}", _MONEY, money_api.get_payment),
    _get(
        "ListPaymentRefunds",
        "/v2/refunds",
        _MONEY,
        money_api.list_refunds,
        f"{_TIMES} {_CHANGED} status source_type",
        rows="refunds",
    ),
    _get("GetPaymentRefund", "/v2/refunds/{refund_id}", _MONEY, money_api.get_refund),
    _get("ListPayouts", "/v2/payouts", _PAYOUTS, money_api.list_payouts, f"{_TIMES} status", rows="payouts"),
    _get("GetPayout", "/v2/payouts/{payout_id}", _PAYOUTS, money_api.get_payout),
    _get(
        "ListPayoutEntries",
        "/v2/payouts/{payout_id}/payout-entries",
        _PAYOUTS,
        money_api.list_payout_entries,
        "sort_order cursor limit",
        rows="payout_entries",
    ),
    _get(
        "ListDisputes", "/v2/disputes", _DISPUTES, money_api.list_disputes, "cursor states location_id", rows="disputes"
    ),
    _get("RetrieveDispute", "/v2/disputes/{dispute_id}", _DISPUTES, money_api.retrieve_dispute),
    _get(
        "ListCustomers",
        "/v2/customers",
        _CUSTOMERS,
        people_api.list_customers,
        "cursor limit sort_field sort_order count",
        rows="customers",
    ),
    _post(
        "SearchCustomers",
        "/v2/customers/search",
        _CUSTOMERS,
        people_api.search_customers,
        "cursor limit query count",
        rows="customers",
    ),
    _post(
        "BulkRetrieveCustomers",
        "/v2/customers/bulk-retrieve",
        _CUSTOMERS,
        people_api.bulk_retrieve_customers,
        "customer_ids",
    ),
    _get("RetrieveCustomer", "/v2/customers/{customer_id}", _CUSTOMERS, people_api.retrieve_customer),
    _post(
        "SearchTeamMembers",
        "/v2/team-members/search",
        _TEAM,
        seller_api.search_team_members,
        "query limit cursor",
        rows="team_members",
    ),
    _get("RetrieveTeamMember", "/v2/team-members/{team_member_id}", _TEAM, seller_api.retrieve_team_member),
    _post(
        "SearchLoyaltyAccounts",
        "/v2/loyalty/accounts/search",
        _LOYALTY,
        people_api.search_loyalty_accounts,
        "query limit cursor",
        rows="loyalty_accounts",
    ),
    _get("RetrieveLoyaltyAccount", "/v2/loyalty/accounts/{account_id}", _LOYALTY, people_api.retrieve_loyalty_account),
    _get("RetrieveLoyaltyProgram", "/v2/loyalty/programs/{program_id}", _LOYALTY, people_api.retrieve_loyalty_program),
    _post(
        "SearchLoyaltyEvents",
        "/v2/loyalty/events/search",
        _LOYALTY,
        people_api.search_loyalty_events,
        "query limit cursor",
        rows="events",
    ),
    _get(
        "ListBookings",
        "/v2/bookings",
        _BOOKINGS,
        bookings_api.list_bookings,
        "limit cursor customer_id team_member_id location_id start_at_min start_at_max",
        rows="bookings",
    ),
    _post("BulkRetrieveBookings", "/v2/bookings/bulk-retrieve", _BOOKINGS, bookings_api.bulk_retrieve, "booking_ids"),
    _get("RetrieveBooking", "/v2/bookings/{booking_id}", _BOOKINGS, bookings_api.retrieve_booking),
    _post(
        "SearchVendors", "/v2/vendors/search", _VENDORS, seller_api.search_vendors, "filter sort cursor", rows="vendors"
    ),
    _post("BulkRetrieveVendors", "/v2/vendors/bulk-retrieve", _VENDORS, seller_api.bulk_retrieve_vendors, "vendor_ids"),
    _get("RetrieveVendor", "/v2/vendors/{vendor_id}", _VENDORS, seller_api.retrieve_vendor),
)


def find(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """The operation of a path, with the ids in it; fixed words win over ids."""
    for operation in OPERATIONS:
        if operation.method == method and (found := operation.pattern.fullmatch(path)):
            return operation, found.groupdict()
    return None
