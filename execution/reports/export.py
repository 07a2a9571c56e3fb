"""What was loaded from a shop, as lines of JSON: a seller takes it along before it is erased."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from execution.catalog import Catalog
from execution.store import Store
from execution.streams import shapes


def lines(store: Store, catalog: Catalog, platform: str, connection_id: str) -> Iterator[bytes]:
    """Every record that is held of the shop, table by table; what is marked deleted is told to be."""
    found = shapes(step for entity in catalog.of(platform) for step in entity.steps)
    tables = {one.table for one in found}
    tables |= {child.table for one in found for child in one.children} | {p.table for one in found for p in one.people}
    for table in sorted(tables):
        for row in store.read(table, "*", "platform_id", connection_id=connection_id):
            yield orjson.dumps({"table": table, **row}) + b"\n"
