"""A GraphQL request from its text to its answer: parse, validate, price, throttle, run."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values

from sandbox.parts.responses import Doc
from sandbox.shopify.graphql.compiler import Compiler, NullPropagation, Resolvers, Run
from sandbox.shopify.graphql.context import Context
from sandbox.shopify.graphql.costs import Cost
from sandbox.shopify.graphql.errors import QueryError
from sandbox.shopify.graphql.field_set import FieldSet, Finder
from sandbox.shopify.graphql.sdl import schema

_KEPT = 256
_INTROSPECTION = frozenset({"__schema", "__type", "__typename"})


@dataclass(kw_only=True)
class Prepared:
    """A query that is ready to run, and what it will cost at most."""

    run: Run
    cost: Cost
    operation: OperationDefinitionNode
    document: DocumentNode
    variables: dict[str, Any]
    roots: tuple[str, ...]

    @property
    def introspects(self) -> bool:
        return set(self.roots) <= _INTROSPECTION


@dataclass
class Engine:
    """Our schema with its resolvers; queries seen before are neither parsed nor validated again."""

    resolvers: Resolvers = field(default_factory=dict)
    finders: dict[str, Finder] = field(default_factory=dict)
    schema: GraphQLSchema = field(default_factory=schema)
    documents: OrderedDict[str, DocumentNode] = field(default_factory=OrderedDict)

    def add(self, fields: FieldSet) -> None:
        """Take a part of the API in; parts may add fields to the same type."""
        for type_name, resolvers in fields.resolvers.items():
            self.resolvers[type_name] = {**self.resolvers.get(type_name, {}), **resolvers}
        self.finders.update(fields.finders)

    def document(self, text: str) -> DocumentNode:
        """The parsed and valid document, or QueryError."""
        if text in self.documents:
            self.documents.move_to_end(text)
            return self.documents[text]
        try:
            document = parse(text)
        except GraphQLError as error:
            raise QueryError(_syntax_error(error)) from error
        mistakes = validate(self.schema, document)
        if mistakes:
            raise QueryError(*(_mistake(each) for each in mistakes))
        self.documents[text] = document
        if len(self.documents) > _KEPT:
            self.documents.popitem(last=False)
        return document

    def prepare(self, text: str, variables: dict[str, Any], operation_name: str | None) -> Prepared:
        document = self.document(text)
        operation = get_operation_ast(document, operation_name)
        if operation is None:
            raise QueryError({"message": "An operation name is required", "extensions": {"code": "BAD_REQUEST"}})
        known = get_variable_values(self.schema, operation.variable_definitions or (), variables)
        if isinstance(known, list):
            raise QueryError(*(_bad_variable(each) for each in known))
        roots = tuple(s.name.value for s in operation.selection_set.selections if isinstance(s, FieldNode))
        compiler = Compiler(self.schema, self.resolvers, fragments_of(document), known)
        cost, asked = Cost(), [] if set(roots) <= _INTROSPECTION else [operation.selection_set]
        return Prepared(
            run=compiler.object(self._root(operation), asked, cost),
            cost=cost,
            operation=operation,
            document=document,
            variables=variables,
            roots=roots,
        )

    def execute(self, prepared: Prepared, ctx: Context) -> Any:
        """The data; errors gather in the context."""
        try:
            return prepared.run(None, ctx)
        except NullPropagation:
            return None

    def introspect(self, prepared: Prepared) -> Doc:
        """Questions about the schema itself, for clients that fetch it."""
        found = execute_sync(
            self.schema,
            prepared.document,
            variable_values=prepared.variables,
            operation_name=prepared.operation.name.value if prepared.operation.name else None,
        )
        return {"data": found.data}

    @property
    def root(self) -> GraphQLObjectType:
        return cast("GraphQLObjectType", self.schema.query_type)

    def _root(self, operation: OperationDefinitionNode) -> GraphQLObjectType:
        root = {
            OperationType.QUERY: self.schema.query_type,
            OperationType.MUTATION: self.schema.mutation_type,
        }.get(operation.operation)
        if root is None:
            raise QueryError({"message": "Schema is not configured for subscriptions"})
        return root


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}


def extensions(ctx: Context, cost: Doc) -> Doc:
    found: Doc = {"cost": cost}
    if ctx.searches:
        found["search"] = ctx.searches
    return found


def read_body(body: bytes, content_type: bytes) -> tuple[str, dict[str, Any], str | None]:
    """(query, variables, operation name), or QueryError."""
    if content_type.startswith(b"application/graphql"):
        return body.decode("utf-8", "replace"), {}, None
    try:
        doc = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise QueryError({"message": f"Problems parsing JSON: {error}"}) from error
    if not isinstance(doc, dict) or not isinstance(doc.get("query"), str):
        raise QueryError({"message": "No query was provided", "extensions": {"code": "BAD_REQUEST"}})
    variables = doc.get("variables") or {}
    if isinstance(variables, str):
        variables = orjson.loads(variables)
    return doc["query"], variables, doc.get("operationName")


def _syntax_error(error: GraphQLError) -> Doc:
    found: Doc = {"message": f"syntax error, {error.message.removeprefix('Syntax Error: ')}"}
    if error.locations:
        found["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    return found


def _mistake(error: GraphQLError) -> Doc:
    """Validation's own words, with the vendor's code for the commonest mistake."""
    found: Doc = {"message": error.message}
    if error.locations:
        found["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if error.message.startswith("Cannot query field"):
        _, name, _, type_name = error.message.split("'")[:4]
        found["message"] = f"Field '{name}' doesn't exist on type '{type_name}'"
        found["extensions"] = {"code": "undefinedField", "typeName": type_name, "fieldName": name}
    return found


def _bad_variable(error: GraphQLError) -> Doc:
    return {"message": error.message, "extensions": {"code": "INVALID_VARIABLE"}}
