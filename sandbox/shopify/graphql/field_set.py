"""What a part of the API adds to the schema's resolvers: its fields, and how its records are found by their ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.shopify.graphql.compiler import Resolvers
from sandbox.shopify.graphql.context import Context

# From the two numbers of a global id to the record, or None.
Finder = Callable[[Context, int, int], Any]


@dataclass(frozen=True, kw_only=True)
class FieldSet:
    """`resolvers` by type, root types too; `finders` by the type that a global id names."""

    resolvers: Resolvers
    finders: Mapping[str, Finder] = field(default_factory=dict)
