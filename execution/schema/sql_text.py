"""Cuts a file of SQL into its statements, so that a mistake has a line and a record has the text that ran."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

# One token at a time, in PostgreSQL's own order of precedence; a nested comment is followed by hand.
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<comment>--[^\n]*)
      | (?P<nested>/\*)
      | (?P<text>[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*")
      | (?P<dollar>\$(?P<tag>(?:[A-Za-z_\x80-\uffff][\w\x80-\uffff]*)?)\$)
      | (?P<word>[A-Za-z_\x80-\uffff][\w$\x80-\uffff]*)
      | (?P<end>;)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A statement's text without the `;`, with the comments before it; its tokens without them.

    `first` is where in the text it begins after those comments, and `line` that place in the file (from 1).
    """

    text: str
    first: int
    line: int
    tokens: tuple[str, ...]


def statements(source: str) -> list[Statement]:
    """The statements of `source`, in order; comments stay with the statement they stand before."""
    found: list[Statement] = []
    tokens: list[tuple[int, str]] = []
    start = body_depth = 0
    for kind, at, end in _tokens(source):
        word = source[at:end]
        if kind in {"space", "comment"}:
            continue
        body_depth = _depth(body_depth, tokens, word if kind == "word" else "")
        if kind != "end" or body_depth:
            tokens.append((at, word))
            continue
        found += _statement(source, start, at, tokens)
        start, tokens = end, []
    return found + _statement(source, start, len(source), tokens)


# Each file that is applied is held against its record again before every other one is.
@lru_cache(maxsize=512)
def meaning(source: str) -> bytes:
    """A digest of what of `source` counts: its tokens, so that spaces and comments between them may change."""
    tokens = (token for statement in statements(source) for token in (*statement.tokens, ";"))
    return hashlib.sha256("\0".join(tokens).encode("utf-8", "surrogatepass")).digest()


def _depth(depth: int, tokens: list[tuple[int, str]], word: str) -> int:
    """How deep we are in a SQL-standard function body (`begin atomic ... end`), whose `;` end no statement."""
    word = word.lower()
    if word == "atomic" and tokens and tokens[-1][1].lower() == "begin":
        return depth + 1
    if depth and word == "case":
        return depth + 1
    return depth - 1 if depth and word == "end" else depth


def _statement(source: str, start: int, end: int, tokens: list[tuple[int, str]]) -> list[Statement]:
    if not tokens:
        return []
    text, first = source[start:end], tokens[0][0]
    blank = len(text) - len(text.lstrip())
    return [
        Statement(
            text=text.strip(),
            first=first - start - blank,
            line=source.count("\n", 0, first) + 1,
            tokens=tuple(word for _, word in tokens),
        )
    ]


def _tokens(source: str) -> Iterator[tuple[str, int, int]]:
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:  # a quote that is never closed: PostgreSQL will say so
            yield "other", at, len(source)
            return
        kind, end = match.lastgroup or "other", match.end()
        if match["dollar"] is not None:
            kind, end = "text", _after(source, match["dollar"], end)
        elif match["nested"] is not None:
            kind, end = "comment", _after_comment(source, end)
        yield kind, at, end
        at = end


def _after(source: str, closing: str, start: int) -> int:
    found = source.find(closing, start)
    return len(source) if found < 0 else found + len(closing)


def _after_comment(source: str, start: int) -> int:
    """The end of a comment that may hold others."""
    depth = 1
    for match in re.compile(r"/\*|\*/").finditer(source, start):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    return len(source)
