"""The stand-in says nothing that the vendor's documents do not say (../shared/specs/shopify)."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_leaf_type,
    parse,
    validate,
)

from execution.platforms.shopify import streams
from sandbox.shopify.graphql.sdl import schema
from sandbox.shopify.rest.api import LISTS
from sandbox.shopify.world import World
from tests.sandbox.shopify.conftest import SPECS

VENDOR_SDL = SPECS / "admin-2026-10.graphql"
pytestmark = pytest.mark.skipif(not VENDOR_SDL.exists(), reason=f"{VENDOR_SDL} is not here")
OURS = schema()
EXECUTION = Path(__file__).parents[3] / "execution"


@lru_cache(maxsize=1)
def vendor() -> GraphQLSchema:
    return build_schema(VENDOR_SDL.read_text(), assume_valid=True)


def differences(ours: Any, theirs: Any) -> list[str]:
    """What one type says that the vendor's does not."""
    if type(ours) is not type(theirs):
        return [f"{ours.name}: another kind of type"]
    if isinstance(ours, GraphQLEnumType):
        return [f"{ours.name}.{word}" for word in ours.values if word not in theirs.values]
    if isinstance(ours, GraphQLInputObjectType):
        return [f"{ours.name}.{name}" for name, f in ours.fields.items() if not same(f, theirs.fields.get(name))]
    if not isinstance(ours, GraphQLObjectType | GraphQLInterfaceType):
        return []
    found = [
        f"{ours.name} is no {i.name}" for i in ours.interfaces if i.name not in {x.name for x in theirs.interfaces}
    ]
    for name, field in ours.fields.items():
        whole = f"{ours.name}.{name}"
        if not same(field, theirs.fields.get(name)):
            found.append(whole)
            continue
        known = theirs.fields[name].args
        found += [f"{whole}({a})" for a, arg in field.args.items() if not same_argument(arg, known.get(a))]
        found += [f"{whole} lacks {a}" for a in known if a not in field.args]
    return found


def same(ours: Any, theirs: Any) -> bool:
    return theirs is not None and str(ours.type) == str(theirs.type)


def same_argument(ours: Any, theirs: Any) -> bool:
    return same(ours, theirs) and ours.default_value == theirs.default_value


@pytest.mark.parametrize("name", [name for name in OURS.type_map if not name.startswith("__")])
def test_a_type_is_the_vendors(name):
    """Every field, argument, default, word and interface of ours exists there with the same type and nullability."""
    assert name in vendor().type_map
    assert differences(OURS.type_map[name], vendor().type_map[name]) == []


def everything(name: str, depth: int, seen: tuple[str, ...] = ()) -> str:
    """A selection of every field of a type, as deep as told; connections by their nodes."""
    parts = ["__typename"]
    for field_name, field in OURS.type_map[name].fields.items():
        inner = get_named_type(field.type)
        args = needed(field_name, field)
        if is_leaf_type(inner):
            parts.append(f"{field_name}{args}")
        elif depth and inner.name not in seen and not isinstance(inner, GraphQLInterfaceType):
            parts.append(f"{field_name}{args} {{ {everything(inner.name, depth - 1, (*seen, name))} }}")
    return " ".join(parts)


def needed(name: str, field: Any) -> str:
    if name == "quantities":
        return '(names: ["available", "on_hand", "committed", "incoming"])'
    if name == "inventoryLevel":
        return '(locationId: "gid://shopify/Location/71000000000")'
    return "(first: 2)" if "first" in field.args else ""


ROOTS = ("orders", "products", "productVariants", "customers", "inventoryItems", "locations")


@pytest.mark.parametrize("root", ROOTS)
def test_every_field_can_be_asked(shop, root):
    """A query for all fields three levels deep is valid at the vendor's, and answered whole."""
    shop.shopify.control("POST", "/settings", most_points=10**9, points_scale=0.0001)
    connection = get_named_type(OURS.query_type.fields[root].type).name
    query = f"{{ {root}(first: 40) {{ {everything(connection, 4)} }} }}"

    found = shop.data(query)[root]

    assert validate(vendor(), parse(query)) == []
    assert found["nodes"]


def test_every_field_has_a_resolver(tmp_path: Path):
    """No type of the schema promises what the code does not hold."""
    world = World(folder=tmp_path, client_id="id", client_secret="secret")
    resolvers = world.engine.resolvers
    world.close()
    missing = [
        f"{name}.{field}"
        for name, type_ in OURS.type_map.items()
        if isinstance(type_, GraphQLObjectType) and not name.startswith("__")
        for field in type_.fields
        if field not in resolvers.get(name, {})
    ]

    assert missing == []


NODES = {
    "ORDER": "Order",
    "REFUND": "Refund",
    "PRODUCT": "Product",
    "VARIANT": "ProductVariant",
    "CUSTOMER": "Customer",
}


def keepers_documents() -> list[str]:
    """Every selection that the streams declare, put into a query; and every whole operation written out."""
    declared = [
        f"{'query($after: String) ' if '$after' in text else ''}"
        f'{{ node(id: "gid://shopify/Order/1") {{ ... on {NODES[name.split("_")[0]]} {{ {text} }} }} }}'
        for name, text in vars(streams).items()
        if name.split("_")[0] in NODES and isinstance(text, str)
    ]
    written = [
        node.value
        for path in sorted(EXECUTION.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.match(r"\s*(query|mutation)\b[^{]*\{", node.value)
        and node.value.count("{") == node.value.count("}")
    ]
    return [*declared, *written]


def test_keepers_own_queries_are_the_vendors():
    """What Keeper asks is valid against the vendor's schema, not only against ours."""
    documents = keepers_documents()

    assert len(documents) >= 9
    for text in documents:
        assert [error.message for error in validate(vendor(), parse(text))] == [], text[:200]


# --- REST -----------------------------------------------------------------------------------------------

SHAPES = SPECS / "rest-admin-2026-07-observed-shapes.json"
RESOURCES = SPECS / "rest-admin-2026-07-resources.json"
# Seen with one type only in the samples, though the field is empty wherever nothing applies.
MAY_BE_NULL = {"null"}
# Fields that the samples of the documentation never held, but that live answers and the resource list do.
UNSEEN = {"product_exists", "current_quantity", "country_name"}


def types_of(value: Any, path: str) -> list[tuple[str, str]]:
    kinds = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    found = [(path, "null" if value is None else kinds[type(value)])]
    if isinstance(value, dict):
        found += [pair for name, each in value.items() for pair in types_of(each, f"{path}.{name}")]
    if isinstance(value, list):
        found += [pair for each in value for pair in types_of(each, f"{path}[]")]
    return found


@pytest.mark.parametrize(("one", "many"), [("order", "orders"), ("product", "products"), ("customer", "customers")])
def test_rest_records_have_the_observed_shapes(shop, one, many):
    """Each path of our records was seen in the documentation's samples, with this type or with none but null."""
    shapes = orjson.loads(SHAPES.read_bytes())["shapes"][one]["types"]
    known: dict[str, set[str]] = {}
    for path, types in shapes.items():
        for prefix in (f"{one}.", f"{many}[]."):
            if path.startswith(prefix):
                known.setdefault(path.removeprefix(prefix), set()).update(types)

    records = shop.rest(many, limit=250, status="any").json()[many]

    wrong = set()
    for record in records:
        for dotted, kind in types_of(record, ""):
            path = dotted.removeprefix(".")
            leaf = path.rsplit(".", 1)[-1].removesuffix("[]")
            if not path or leaf in UNSEEN:
                continue
            seen = known.get(path)
            numeric = kind == "integer" and seen is not None and "number" in seen
            if seen is not None and kind not in seen | MAY_BE_NULL and seen != MAY_BE_NULL and not numeric:
                wrong.add((path, kind, tuple(sorted(seen))))
    assert wrong == set()


@pytest.mark.parametrize("name", LISTS)
def test_rest_paths_and_filters_are_documented(name):
    """Every list is a path of the resource table, and every time and text filter one of its parameters."""
    resource = orjson.loads(RESOURCES.read_bytes())["resources"][name.removesuffix("s")]
    paths = {path["path"] for path in resource["paths"]}
    known = set(resource["query_params_by_operation"]["all"])
    times = {f"{each}_at_{end}" for each in LISTS[name].times for end in ("min", "max")}

    assert {f"{name}.json", f"{name}/count.json", f"{name}/<id>.json"} <= paths
    assert times | set(LISTS[name].texts) <= known
