"""What a webhook of Shopify's leads to: objects as nodes of their type, or in REST's lists by their ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from execution.platforms.changed_objects import ChangedObject, Changes
from execution.platforms.shopify.graphql_pages import GraphqlPages
from execution.platforms.shopify.since_id import SinceIdPages
from execution.platforms.shopify.streams import CHANGED_VARIANTS, GONE_VARIANTS, nodes_query, request_nodes
from execution.streams import Lookup, Stream

_NODES_A_CALL = 5
_LISTED_A_CALL = 50


def _as_node(node_type: str) -> Callable[[Stream, Lookup], Lookup]:
    def by_id(stream: Stream, lookup: Lookup) -> Lookup:
        if not isinstance(stream.pages, GraphqlPages):
            raise TypeError(f"{stream.name} has no nodes")
        asked = replace(lookup, query=nodes_query(node_type, stream.pages.node), batch=_NODES_A_CALL)
        request = request_nodes(node_type, points=100)
        return replace(asked, records_at="data.nodes", request=request, null_is_gone=True)

    return by_id


def _in_list(stream: Stream, lookup: Lookup) -> Lookup:
    if not isinstance(stream.pages, SinceIdPages):
        raise TypeError(f"{stream.name} is no list of REST's")
    request = stream.pages.by_ids(stream.params)
    return replace(lookup, records_at=stream.pages.root, request=request, batch=_LISTED_A_CALL)


SHOPIFY_CHANGES = Changes(
    objects=(
        ChangedObject(stream="orders", by_id=_as_node("Order")),
        ChangedObject(stream="products", by_id=_as_node("Product")),
        ChangedObject(stream="customers", by_id=_as_node("Customer"), is_personal=True),
        ChangedObject(stream="rest_orders", event="orders", by_id=_in_list),
        ChangedObject(stream="rest_customers", event="customers", by_id=_in_list, is_personal=True),
    ),
    beside=(CHANGED_VARIANTS, GONE_VARIANTS),
    # Lines beyond the first ones, refunds, the journal of sales.
    afterwards=frozenset({"order_lines", "refunds", "refund_lines", "changed_journals", "journal_sales"}),
)
