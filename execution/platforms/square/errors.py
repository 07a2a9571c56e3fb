"""Square's error envelope (sheet 4): codes and sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass

from execution.http.small_bodies import json_object

# A cursor that Square does not know any more: they live for some minutes (sheet 0.7).
CURSOR_DEAD = "cursor_dead"
_RIGHT = re.compile(r"\b[A-Z]+(?:_[A-Z]+)*_(?:READ|WRITE)(?:_[A-Z]+)*\b")


@dataclass(frozen=True, kw_only=True)
class Errors:
    """`codes` as they stand there, `text` in one line; false where the body has no envelope."""

    codes: tuple[str, ...] = ()
    text: str = ""

    def __bool__(self) -> bool:
        return bool(self.codes)

    def has(self, *codes: str) -> bool:
        return any(code in self.codes for code in codes)

    @property
    def right(self) -> str:
        """The right that a refusal names; empty where it names none."""
        found = _RIGHT.search(self.text)
        return found[0] if found else ""


def errors_in(body: bytes) -> Errors:
    """What a body says is wrong. A page has no envelope, however big it is."""
    if b'"errors"' not in body[:512] and (len(body) > 65_536 or b'"errors"' not in body):
        return Errors()
    try:
        listed = json_object(body).get("errors")
    except ValueError:
        return Errors()
    errors = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    codes = tuple(one["code"] for one in errors if isinstance(one.get("code"), str))
    texts = (f"{one.get('code', '')}: {one.get('detail') or ''}".rstrip(": ") for one in errors)
    return Errors(codes=codes, text=" ".join("; ".join(texts).split())[:300])
