"""Reading of parameters: each operation declares its own, and a bad value is a 400 that names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from sandbox.etsy.responses import EtsyError

EARLIEST = 946_684_800  # 1 January 2000, the lowest time the spec allows
MAX_OFFSET = 12_000
MAX_IDS = 100
ASCENDING = ("asc", "ascending", "up")
DIRECTIONS = (*ASCENDING, "desc", "descending", "down")


@dataclass(frozen=True, kw_only=True)
class Param:
    """One query parameter as the spec declares it. `kind`: int, time, bool, word, words, ids, text."""

    kind: str
    default: Any = None
    required: bool = False
    low: int = 0
    high: int = 2**63 - 1
    words: tuple[str, ...] = ()


LIMIT = Param(kind="int", default=25, low=1, high=100)
OFFSET = Param(kind="int", default=0)
TIME = Param(kind="time", low=EARLIEST)
BOOL = Param(kind="bool")

Params = dict[str, Any]


def read_params(declared: dict[str, Param], query: bytes, *, clamp: bool) -> Params:
    """Values by name with defaults filled in; parameters that the operation does not know are ignored."""
    given = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    values = {name: _read(name, param, given.get(name), clamp=clamp) for name, param in declared.items()}
    if values.get("offset", 0) > MAX_OFFSET:
        raise EtsyError(400, "Offset provided is greater than the maximum offset allowed.")
    return values


def _read(name: str, param: Param, text: str | None, *, clamp: bool) -> Any:
    if text is None or (text == "" and not param.required):
        if param.required:
            raise EtsyError(400, f"Missing required parameter: {name}")
        return param.default
    if param.kind in ("int", "time"):
        return _whole(name, param, text, clamp=clamp and name == "limit")
    if param.kind == "bool":
        return _boolean(name, text)
    if param.kind == "ids":
        return _ids(name, text)
    if param.kind == "words":
        return [_word(name, param, word) for word in text.split(",")]
    return _word(name, param, text) if param.words else text


def _whole(name: str, param: Param, text: str, *, clamp: bool) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise EtsyError(400, f"Expected int value for '{name}' (got {text[:40]})")
    value = int(text)
    if clamp and value > param.high:
        return param.high
    if not param.low <= value <= param.high:
        raise EtsyError(400, f"Invalid value for '{name}': must be between {param.low} and {param.high}")
    return value


def _boolean(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise EtsyError(400, f"Expected bool value for '{name}' (got {text[:40]})")
    return text.lower() in ("true", "1")


def _ids(name: str, text: str) -> list[int]:
    parts = text.split(",")
    if len(parts) > MAX_IDS:
        raise EtsyError(400, f"Too many values for '{name}': at most {MAX_IDS} are allowed")
    return [_whole(name, Param(kind="int", low=1), part, clamp=False) for part in parts]


def _word(name: str, param: Param, word: str) -> str:
    if word not in param.words:
        raise EtsyError(400, f"Invalid value for '{name}': must be one of {', '.join(param.words)}")
    return word
