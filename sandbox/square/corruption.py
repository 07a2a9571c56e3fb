"""Faults of this stand-in, and what corrupted responses must know of Square."""

from __future__ import annotations

from dataclasses import replace

from sandbox.parts.corruption import VendorFormat
from sandbox.parts.faults import FaultKinds
from sandbox.square.api.lists import LIST_FAULTS, LIST_FAULTS_NEED
from sandbox.square.responses import throttled

KINDS = FaultKinds(own=LIST_FAULTS, needs=LIST_FAULTS_NEED, limits=("second",))
_SQUARE = VendorFormat(
    throttled=lambda rule: throttled(rule.get("retry_after", None)),
    rows="",
    keys=("id", "catalog_object_id", "merchant_id"),
    texts=("name", "note", "given_name", "reason", "status", "state", "type", "id"),
    numbers=("version", "balance", "quantity", "amount_money", "total_money", "id"),
)


def of_list(rows: str) -> VendorFormat:
    """Square's, with the list that an operation answers."""
    return replace(_SQUARE, rows=rows or "-")
