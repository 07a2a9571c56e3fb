"""Shopify's search syntax: words into terms, terms into SQL (sheet section 3.1 and addendum).

Two habits that hurt: a field that does not exist is ignored, so the query matches everything, and only a warning says
so; and a time without quotes breaks at its first colon.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.parts.responses import Doc

_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[^\s:()'\"]+")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")
_COMPARATOR = re.compile(r":\s*(>=|<=|>|<|=)?\s*")


@dataclass(frozen=True)
class Term:
    """One `field:value`; a bare word has the field `default`."""

    field: str
    comparator: str
    value: str
    quoted: bool


@dataclass
class Sql:
    """A condition and its values."""

    text: str
    values: list[Any] = field(default_factory=list)


EVERYTHING = Sql("1")
# A field's reader gives its condition; None for a value that it does not accept.
TermReader = Callable[[Term], Sql | None]


class UnsupportedFilter(Exception):
    """The vendor has this filter, the stand-in does not: better loud than wrong."""


class Search:
    """One query string against one entity's fields; `warnings` fill while it is read."""

    def __init__(self, text: str, readers: dict[str, TermReader], known: frozenset[str]) -> None:
        self._text = text
        self._at = 0
        self._readers = readers
        self._known = known
        self.warnings: list[Doc] = []

    def sql(self) -> Sql:
        found = self._either()
        while self._at < len(self._text):  # a closing bracket too many is ignored
            self._at += 1
            found = _joined(" AND ", [found, self._either()])
        return found

    def _either(self) -> Sql:
        parts = [self._all()]
        while self._takes("OR"):
            parts.append(self._all())
        return _joined(" OR ", parts)

    def _all(self) -> Sql:
        parts: list[Sql] = []
        while True:
            self._skip_space()
            if self._takes("AND"):
                continue
            if self._at >= len(self._text) or self._text[self._at] == ")" or self._sees("OR"):
                return _joined(" AND ", parts)
            parts.append(self._one())

    def _one(self) -> Sql:
        if self._takes("NOT") or self._takes_sign("-"):
            inner = self._one()
            return Sql(f"NOT ({inner.text})", inner.values) if inner is not EVERYTHING else EVERYTHING
        if self._takes_sign("("):
            inner = self._either()
            self._takes_sign(")")
            return inner
        return self._condition(self._term())

    def _condition(self, term: Term) -> Sql:
        reader = self._readers.get(term.field)
        if reader is None:
            if term.field in self._known:
                raise UnsupportedFilter(term.field)
            self._warn(term.field, "Invalid search field for this query.", "invalid_field")
            return EVERYTHING
        condition = reader(term)
        if condition is None:
            self._warn(term.field, f"Input `{term.value}` is not an accepted value.", "not_accepted")
            return EVERYTHING
        return condition

    def _term(self) -> Term:
        value, quoted = self._value()
        colon = _COMPARATOR.match(self._text, self._at)
        if quoted or colon is None:
            return Term("default", "=", value, quoted)
        self._at = colon.end()
        what, what_quoted = self._value()
        # Left over after an unquoted time: `:00:00Z` goes on as a field named 00.
        if not what_quoted and self._text[self._at : self._at + 1] == ":":
            self._at += 1
        return Term(value, colon[1] or "=", what, what_quoted)

    def _value(self) -> tuple[str, bool]:
        quoted = _QUOTED.match(self._text, self._at)
        if quoted:
            self._at = quoted.end()
            text = quoted[1] if quoted[1] is not None else quoted[2]
            return re.sub(r"\\(.)", r"\1", text), True
        word = _WORD.match(self._text, self._at)
        if word:
            self._at = word.end()
            return word[0], False
        if self._at < len(self._text) and self._text[self._at] in "'\":":
            self._at += 1  # a quote that nobody closed, a colon without a field
        return "", False

    def _warn(self, name: str, message: str, code: str) -> None:
        self.warnings.append({"field": name, "message": message, "code": code})

    def _skip_space(self) -> None:
        space = _SPACE.match(self._text, self._at)
        if space:
            self._at = space.end()

    def _sees(self, word: str) -> bool:
        after = self._text[self._at + len(word) : self._at + len(word) + 1]
        return self._text.startswith(word, self._at) and (after == "" or after in " (\t\n")

    def _takes(self, word: str) -> bool:
        self._skip_space()
        if self._sees(word):
            self._at += len(word)
            return True
        return False

    def _takes_sign(self, sign: str) -> bool:
        self._skip_space()
        if self._text.startswith(sign, self._at):
            self._at += 1
            return True
        return False


def _joined(word: str, parts: list[Sql]) -> Sql:
    parts = [part for part in parts if part.text]
    if word == " AND ":
        parts = [part for part in parts if part is not EVERYTHING]
    if not parts:
        return EVERYTHING
    if len(parts) == 1:
        return parts[0]
    values = [value for part in parts for value in part.values]
    return Sql(word.join(f"({part.text})" for part in parts), values)
