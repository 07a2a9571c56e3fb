"""Objects that a platform's webhook named, read again by id: one entity a platform, made of its own streams' records.

A webhook's body is never believed (it may be old, or come out of order): it only says which object to ask for. What it
asked for stands in private.platform_events until the job that read it has completed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from execution.platforms.shopify.since_id import SinceIdPages
from execution.platforms.shopify.streams import CHANGED_VARIANTS, GONE_VARIANTS, request_nodes
from execution.streams import Entity, Lookup, Step, Stream

NAME = "changes"


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """How an object of a stream is asked for: at a path of its own, as a node of a GraphQL type, or in a list by ids.

    `event`: what the webhook calls it, where that is not the stream's name.
    """

    stream: str
    event: str = ""
    path: str = ""
    node_type: str = ""
    # Personal data, which the platform may not have approved for us: once it has, its entity is read anew.
    is_personal: bool = False


_KINDS: Mapping[str, tuple[_Kind, ...]] = {
    "etsy": (_Kind(stream="receipts", path="/shops/{shop_id}/receipts/{id}"),),
    "printify": (
        _Kind(stream="orders", path="/shops/{shop_id}/orders/{id}.json"),
        _Kind(stream="products", path="/shops/{shop_id}/products/{id}.json"),
    ),
    "shopify": (
        _Kind(stream="orders", node_type="Order"),
        _Kind(stream="products", node_type="Product"),
        _Kind(stream="customers", node_type="Customer", is_personal=True),
        _Kind(stream="rest_orders", event="orders"),
        _Kind(stream="rest_customers", event="customers", is_personal=True),
    ),
}
# What belongs to an object and is a list of its own: read with it.
_BESIDE: Mapping[str, tuple[Step, ...]] = {"shopify": (CHANGED_VARIANTS, GONE_VARIANTS)}
# What an order that was read again may still want: lines beyond the first ones, refunds.
_AFTERWARDS = frozenset({"order_lines", "order_line_ends", "refunds", "refund_ends"})
_NODES_A_CALL = 5
_LISTED_A_CALL = 50


def entity_of(platform: str, entities: Sequence[Entity]) -> Entity:
    """The entity `changes` of a platform, made of the streams and lookups of its others."""
    steps = [step for entity in entities for step in entity.steps]
    streams = {step.name: step for step in steps if isinstance(step, Stream)}
    lookups = [_lookup(kind, streams[kind.stream]) for kind in _KINDS.get(platform, ()) if kind.stream in streams]
    after = [step for step in steps if isinstance(step, Lookup) and step.name in _AFTERWARDS]
    return Entity(name=NAME, table="orders", steps=(*lookups, *_BESIDE.get(platform, ()), *_once(after)))


def _lookup(kind: _Kind, stream: Stream) -> Lookup:
    pending = f"changed_{kind.event or stream.name}"
    found = Lookup(
        name=stream.name, path=stream.path, records=stream.records, pending=pending, may_be_refused=kind.is_personal
    )
    if isinstance(stream.pages, SinceIdPages):
        request = stream.pages.by_ids(stream.params)
        return replace(found, records_at=stream.pages.root, request=request, batch=_LISTED_A_CALL)
    if kind.path:
        return replace(found, path=kind.path, records_at=stream.records_at, single=True)
    node = str(getattr(stream.pages, "node", ""))
    request = request_nodes(kind.node_type, node, points=100)
    return replace(found, records_at="data.nodes", request=request, batch=_NODES_A_CALL, null_is_gone=True)


def _once(lookups: Sequence[Lookup]) -> Iterator[Lookup]:
    seen: set[str] = set()
    for lookup in lookups:
        if lookup.name not in seen:
            seen.add(lookup.name)
            yield lookup
