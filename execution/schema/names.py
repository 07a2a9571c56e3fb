"""The names that migrations make: what may be taken in a project that others share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from execution.schema.migration_files import Migration
from execution.schema.sql_text import statements

_MAKES = re.compile(
    r"create\s+(?:or\s+replace\s+)?(?:unlogged\s+)?"
    r"(table|view|materialized\s+view|sequence|function|procedure|type|domain)\s+(?:if\s+not\s+exists\s+)?"
    r'("?\w+"?(?:\."?\w+"?)?)',
    re.IGNORECASE,
)
_KINDS = {"function": "function", "procedure": "function", "type": "type", "domain": "type"}


@dataclass(frozen=True, kw_only=True)
class Made:
    """A name with its schema, and the catalog that it stands in: `relation`, `function` or `type`."""

    kind: str
    name: str


@cache
def made_by(migration: Migration) -> tuple[Made, ...]:
    """What the statements of a file make, in their order. What `do` blocks make is not seen."""
    return tuple(_made_in(migration.read()))


def _made_in(source: str) -> Iterator[Made]:
    for statement in statements(source):
        found = _MAKES.match(statement.text, statement.first)
        if found is not None:
            name = found[2].replace('"', "").lower()
            qualified = name if "." in name else f"public.{name}"
            yield Made(kind=_KINDS.get(found[1].lower(), "relation"), name=qualified)
