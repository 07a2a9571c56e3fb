"""The part of the Admin API that the stand-in holds, in our own words.

tests/sandbox/shopify/test_contract.py proves that every type, field, argument and word here exists in the vendor's
schema with the same type and nullability. Two shorthands: `@page` is the arguments of a connection, and a line
`connection X` stands for XConnection and XEdge.
"""

from __future__ import annotations

import re
from functools import lru_cache

from graphql import GraphQLSchema, build_schema

from sandbox.shopify.graphql.sdl.orders import ORDERS
from sandbox.shopify.graphql.sdl.payments import PAYMENTS
from sandbox.shopify.graphql.sdl.products import GOODS
from sandbox.shopify.graphql.sdl.roots import ROOTS

_PAGE = "after: String, before: String, first: Int, last: Int, reverse: Boolean = false"
_CONNECTION = re.compile(r"^connection (\w+)$", re.MULTILINE)
_TYPES = r"""
type \1Connection { edges: [\1Edge!]! nodes: [\1!]! pageInfo: PageInfo! }
type \1Edge { cursor: String! node: \1! }
"""


def schema_text() -> str:
    whole = f"{ROOTS}\n{ORDERS}\n{PAYMENTS}\n{GOODS}"
    return _CONNECTION.sub(_TYPES, whole).replace("@page", _PAGE)


@lru_cache(maxsize=1)
def schema() -> GraphQLSchema:
    return build_schema(schema_text())
