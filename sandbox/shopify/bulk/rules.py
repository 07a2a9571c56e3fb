"""What a bulk query may not be, and the exact refusals (sheet section 4.2, captured on 2026-04)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
    parse,
    validate,
)

from sandbox.shopify.graphql.engine import fragments_of

_MOST_CONNECTIONS = 5
# Root connections have depth 0: orders > fulfillmentOrders > lineItems is used by an open connector.
_MOST_DEPTH = 2


class BulkQueryRefused(Exception):
    """A user error of `bulkOperationRunQuery`."""


@dataclass
class SelectedConnection:
    """One connection field of the query."""

    name: str
    depth: int
    in_list: bool
    uses_nodes: bool
    node: SelectionSetNode | None
    inner: list[SelectedConnection] = field(default_factory=list)


def read_bulk_query(text: str, schema: GraphQLSchema, *, nested_agreements: bool = True) -> DocumentNode:
    """The document, or BulkQueryRefused with the first rule that it breaks."""
    try:
        document = parse(text)
    except GraphQLError as error:
        raise BulkQueryRefused(f"Invalid bulk query: syntax error, {_ending(error)}") from error
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    if any(each.operation is not OperationType.QUERY for each in operations):
        raise BulkQueryRefused("Invalid operation type. Only `query` operations are supported.")
    if len(operations) != 1:
        raise BulkQueryRefused("Invalid bulk query: exactly one operation is needed")
    mistakes = validate(schema, document)
    if mistakes:
        raise BulkQueryRefused(f"Invalid bulk query: {mistakes[0].message}")
    _check(SelectionReader(schema, document), operations[0], nested_agreements=nested_agreements)
    return document


def _ending(error: GraphQLError) -> str:
    words = error.message.removeprefix("Syntax Error: ")
    return "unexpected end of file" if "<EOF>" in words else words


def _check(reader: SelectionReader, operation: OperationDefinitionNode, *, nested_agreements: bool) -> None:
    roots = [node.name.value for node, _ in reader.fields(reader.root, operation.selection_set)]
    for forbidden in ("node", "nodes"):
        if forbidden in roots:
            raise BulkQueryRefused(f"Bulk queries cannot contain a top level `{forbidden}` field.")
    found = list(reader.connections(reader.root, operation.selection_set, depth=0, in_list=False))
    everything = list(_flat(found))
    if not everything:
        raise BulkQueryRefused("Bulk queries must contain at least one connection.")
    if wrong := [each.name for each in everything if each.uses_nodes]:
        raise BulkQueryRefused(
            "All connection fields in a bulk query must select their contents using 'edges' > 'node', e.g:"
            " 'orders { edges { node {'. Selecting via 'nodes' is not supported."
            f" Invalid connection fields: {_quoted(wrong)}."
        )
    if len(everything) > _MOST_CONNECTIONS:
        raise BulkQueryRefused("Bulk queries cannot contain more than 5 connections.")
    if any(each.depth > _MOST_DEPTH for each in everything):
        raise BulkQueryRefused("Bulk queries cannot contain connections with a nesting depth greater than 2.")
    if without := [each.name for each in everything if each.inner and not reader.selects_id(each.node)]:
        raise BulkQueryRefused(
            "The parent 'node' field for a nested connection must select the 'id' field without an alias and must be"
            f" of 'ID' return type. Connection fields without 'id': {', '.join(without)}."
        )
    if not nested_agreements and any(each.name == "agreements" and each.inner for each in everything):
        raise BulkQueryRefused(
            "The parent 'node' field for a nested connection must return a type that implements the 'Node' interface."
            " Invalid connections: agreements."
        )
    if any(each.in_list for each in everything):
        raise BulkQueryRefused(
            "Queries that contain a connection field within a list field are not currently supported."
        )


def _quoted(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _flat(found: list[SelectedConnection]) -> Iterator[SelectedConnection]:
    for each in found:
        yield each
        yield from _flat(each.inner)


class SelectionReader:
    """Walks selections with their types, fragments opened."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments = fragments_of(document)
        if schema.query_type is None:
            raise LookupError("the schema has no query type")
        self.root: GraphQLObjectType = schema.query_type

    def fields(self, type_: Any, selections: SelectionSetNode | None) -> Iterator[tuple[FieldNode, Any]]:
        """Each field with the type that it belongs to."""
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode):
                yield node, type_
                continue
            part = self._fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            if isinstance(part, InlineFragmentNode) and part.type_condition is None:
                yield from self.fields(type_, part.selection_set)
            else:
                inside = self._schema.type_map[part.type_condition.name.value]  # type: ignore[union-attr]
                yield from self.fields(inside, part.selection_set)  # type: ignore[union-attr]

    def connections(
        self, type_: Any, selections: SelectionSetNode | None, *, depth: int, in_list: bool
    ) -> Iterator[SelectedConnection]:
        for node, owner in self.fields(type_, selections):
            definition = getattr(owner, "fields", {}).get(node.name.value)
            if definition is None or node.selection_set is None:
                continue
            named, many = get_named_type(definition.type), _is_list(definition.type)
            if not named.name.endswith("Connection"):
                yield from self.connections(named, node.selection_set, depth=depth, in_list=in_list or many)
                continue
            inside = self._node_of(named, node.selection_set)
            found = SelectedConnection(
                name=node.name.value,
                depth=depth,
                in_list=in_list,
                uses_nodes=any(part.name.value == "nodes" for part, _ in self.fields(named, node.selection_set)),
                node=inside,
            )
            below = get_named_type(named.fields["nodes"].type)
            found.inner = list(self.connections(below, inside, depth=depth + 1, in_list=in_list))
            yield found

    def selects_id(self, selections: SelectionSetNode | None) -> bool:
        return any(
            isinstance(node, FieldNode) and node.name.value == "id" and node.alias is None
            for node in (selections.selections if selections else ())
        )

    def _node_of(self, connection: Any, selections: SelectionSetNode) -> SelectionSetNode | None:
        """What is selected under `edges { node }`."""
        for node, _ in self.fields(connection, selections):
            if node.name.value == "edges":
                edge = get_named_type(connection.fields["edges"].type)
                for part, _ in self.fields(edge, node.selection_set):
                    if part.name.value == "node":
                        return part.selection_set
        return None


def _is_list(type_: Any) -> bool:
    return is_list_type(type_.of_type if is_non_null_type(type_) else type_)
