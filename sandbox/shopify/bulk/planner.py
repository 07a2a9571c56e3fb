"""A bulk query made into lines: each node of each connection is one, nested ones name their parent (sheet 4.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLInterfaceType,
    InlineFragmentNode,
    NamedTypeNode,
    NameNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)
from graphql.execution.values import VariableValues, get_argument_values

from sandbox.parts.responses import Doc
from sandbox.shopify.bulk.rules import SelectionReader
from sandbox.shopify.graphql.compiler import Compiler, Run, WithArgs
from sandbox.shopify.graphql.context import Context
from sandbox.shopify.graphql.costs import Cost
from sandbox.shopify.graphql.engine import Engine, fragments_of
from sandbox.shopify.graphql.pagination import RecordTable, read_all, search
from sandbox.shopify.graphql.record_tables import CUSTOMERS, ITEMS, ORDERS, PRODUCTS, VARIANTS

_NO_VARIABLES = VariableValues({}, {})
ROOTS: dict[str, tuple[RecordTable, str]] = {
    "orders": (ORDERS, "read_orders"),
    "products": (PRODUCTS, "read_products"),
    "productVariants": (VARIANTS, "read_products"),
    "customers": (CUSTOMERS, "read_customers"),
    "inventoryItems": (ITEMS, "read_inventory"),
}


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A connection: where its records come from, the line of each, and the connections within."""

    name: str
    records: Callable[[Any, Context], Iterable[Any]]
    line: Run
    branches: tuple[Branch, ...]


class RecordTree(list[Doc]):
    """A root's line and the lines of all below it, parents first."""


def plan_bulk(engine: Engine, document: DocumentNode) -> tuple[Branch, ...]:
    """The root connections of a query that has passed the rules."""
    operation = next(each for each in document.definitions if isinstance(each, OperationDefinitionNode))
    planner = _Planner(engine, document)
    return planner.branches(planner.reader.root, operation.selection_set, _itself)


def check_searches(engine: Engine, branches: tuple[Branch, ...], document: DocumentNode, ctx: Context) -> None:
    """Say now, not in mid-run, that a filter is not held here. Misspelt fields stay unseen, as in life."""
    operation = next(each for each in document.definitions if isinstance(each, OperationDefinitionNode))
    names = {branch.name for branch in branches}
    for node in operation.selection_set.selections:
        if isinstance(node, FieldNode) and node.name.value in names and node.name.value in ROOTS:
            definition = engine.root.fields[node.name.value]
            args = get_argument_values(definition, node, _NO_VARIABLES)
            search(ctx, ROOTS[node.name.value][0], args.get("query"), (node.name.value,))


def record_trees(branch: Branch, ctx: Context) -> Iterator[RecordTree]:
    """Each root record with everything nested in it, without `__parentId` on the root."""
    for record in branch.records(None, ctx):
        if record is not None:
            tree = RecordTree()
            _gather(branch, record, None, ctx, tree)
            yield tree


def _gather(branch: Branch, record: Any, parent: str | None, ctx: Context, tree: RecordTree) -> None:
    line = branch.line(record, ctx)
    if parent is not None:
        line["__parentId"] = parent
    tree.append(line)
    for inner in branch.branches:
        for child in inner.records(record, ctx):
            _gather(inner, child, line["id"], ctx, tree)


def _itself(value: Any, _ctx: Context) -> Any:
    return value


class _Planner:
    def __init__(self, engine: Engine, document: DocumentNode) -> None:
        self._engine = engine
        self.reader = SelectionReader(engine.schema, document)
        self._fragments = fragments_of(document)

    def branches(self, type_: Any, selections: SelectionSetNode | None, reach: Run) -> tuple[Branch, ...]:
        """Connections in this selection, also those inside single objects, which `reach` leads to."""
        found: list[Branch] = []
        for node, owner in self.reader.fields(type_, selections):
            definition = getattr(owner, "fields", {}).get(node.name.value)
            if definition is None or node.selection_set is None:
                continue
            named = get_named_type(definition.type)
            is_connection = named.name.endswith("Connection")
            if not is_connection and not self._leads_to_any(named, node.selection_set):
                continue
            args = {**get_argument_values(definition, node, _NO_VARIABLES), "_path": (node.name.value,)}
            resolve = self._engine.resolvers[owner.name][node.name.value]
            step = _bound(resolve, args)
            if is_connection:
                found.append(self._branch(owner.name, node, named, args, _then(reach, step)))
            else:
                found += self.branches(named, node.selection_set, _then(reach, step))
        return tuple(found)

    def _leads_to_any(self, named: Any, selections: SelectionSetNode) -> bool:
        return any(True for _ in self.reader.connections(named, selections, depth=0, in_list=False))

    def _branch(self, owner: str, node: FieldNode, named: Any, args: Doc, step: Run) -> Branch:
        inside = self.reader._node_of(named, node.selection_set)  # type: ignore[arg-type] # noqa: SLF001 - its partner
        below = get_named_type(named.fields["nodes"].type)
        compiler = Compiler(self._engine.schema, self._engine.resolvers, self._fragments, _NO_VARIABLES)
        shown = [self._without_connections(below, inside)]
        # Records of an interface come as (name of the type, record).
        made = compiler.abstract if isinstance(below, GraphQLInterfaceType) else compiler.object
        line = made(below, shown, Cost())
        records = _root_records(node.name.value, args) if owner == self.reader.root.name else None
        return Branch(
            name=node.name.value,
            records=records or _page_records(step),
            line=line,
            branches=self.branches(below, inside, _itself),
        )

    def _without_connections(self, type_: Any, selections: SelectionSetNode | None) -> SelectionSetNode:
        """The same selection as a line shows it: what is nested has lines of its own."""
        kept: list[FieldNode | InlineFragmentNode] = []
        for node, owner in self.reader.fields(type_, selections):
            definition = getattr(owner, "fields", {}).get(node.name.value)
            named = get_named_type(definition.type) if definition else None
            if named is not None and named.name.endswith("Connection"):
                continue
            inner = node.selection_set
            if inner is not None:
                inner = self._without_connections(named, inner)
                if not inner.selections:
                    continue
            shown = FieldNode(
                alias=node.alias,
                name=node.name,
                arguments=node.arguments,
                directives=node.directives,
                selection_set=inner,
            )
            # What one type of an interface alone has stays with that type.
            kept.append(shown if owner is type_ else _on(owner.name, shown))
        return SelectionSetNode(selections=tuple(kept))


def _on(name: str, node: FieldNode) -> InlineFragmentNode:
    condition = NamedTypeNode(name=NameNode(value=name))
    return InlineFragmentNode(
        type_condition=condition, directives=(), selection_set=SelectionSetNode(selections=(node,))
    )


def _bound(resolve: Any, args: Doc) -> Run:
    if isinstance(resolve, WithArgs):
        return lambda value, ctx: resolve.resolve(value, ctx, args)
    run: Run = resolve
    return run


def _then(first: Run, second: Run) -> Run:
    def both(value: Any, ctx: Context) -> Any:
        found = first(value, ctx)
        return None if found is None and first is not _itself else second(found, ctx)

    return both


def _root_records(name: str, args: Doc) -> Callable[[Any, Context], Iterable[Any]] | None:
    """Root connections are read from the index in pieces, whatever `first` says (sheet section 4.2)."""
    if name not in ROOTS:
        return None
    table, scope = ROOTS[name]

    def records(_value: Any, ctx: Context) -> Iterable[Any]:
        ctx.need(scope, name)
        return read_all(ctx, table, args)

    return records


def _page_records(step: Run) -> Callable[[Any, Context], Iterable[Any]]:
    def records(value: Any, ctx: Context) -> Iterable[Any]:
        page = step(value, ctx)
        return () if page is None else page.nodes

    return records
