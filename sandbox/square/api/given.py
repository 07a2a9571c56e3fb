"""What a request gives: fields of a query or of a body, each read as what it should be, or refused by name."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sandbox.parts.responses import Doc
from sandbox.square.data.timestamps import parsed
from sandbox.square.responses import invalid


class Given:
    """Fields of an object; `where` is its place in the body. Texts of a query are numbers where numbers are asked."""

    def __init__(self, fields: Doc, where: str = "", *, is_query: bool = False) -> None:
        self.fields = fields
        self._where = where
        self._is_query = is_query

    def refuse_unknown(self, known: Collection[str]) -> None:
        for name in self.fields:
            if name not in known:
                code = "UNKNOWN_QUERY_PARAMETER" if self._is_query else "UNKNOWN_BODY_PARAMETER"
                raise invalid(code, f"Unknown parameter {self.path(name)}.", self.path(name))

    def path(self, name: str) -> str:
        return f"{self._where}.{name}" if self._where else name

    def has(self, name: str) -> bool:
        return self.fields.get(name) is not None

    def text(self, name: str) -> str | None:
        value = self.fields.get(name)
        if value is None or isinstance(value, str):
            return value or None
        raise invalid("EXPECTED_STRING", "Expected a string value.", self.path(name))

    def whole(self, name: str) -> int | None:
        value = self.fields.get(name)
        if self._is_query and isinstance(value, str) and value.removeprefix("-").isdecimal():
            return int(value)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise invalid("EXPECTED_INTEGER", "Expected an integer value.", self.path(name))

    def flag(self, name: str) -> bool:
        value = self.fields.get(name)
        if self._is_query and value in ("true", "false"):
            return bool(value == "true")
        if value is None or isinstance(value, bool):
            return bool(value)
        raise invalid("EXPECTED_BOOLEAN", "Expected a boolean value.", self.path(name))

    def time(self, name: str) -> int | None:
        text = self.text(name)
        if text is None:
            return None
        try:
            return parsed(text)
        except ValueError as error:
            raise invalid("INVALID_TIME", f"{text!r} is not a valid RFC 3339 timestamp.", self.path(name)) from error

    def word(self, name: str, known: Collection[str], default: str) -> str:
        text = self.text(name)
        if text is None:
            return default
        if text not in known:
            raise invalid("INVALID_ENUM_VALUE", f"`{text}` is not a valid enum value.", self.path(name))
        return text

    def texts(self, name: str, *, known: Collection[str] | None = None, most: int | None = None) -> list[str]:
        """A list of texts; in a query they stand between commas."""
        value: Any = self.fields.get(name)
        if value is None:
            return []
        if self._is_query:
            value = value.split(",")
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise invalid("EXPECTED_ARRAY", "Expected an array of strings.", self.path(name))
        if most is not None and len(value) > most:
            raise invalid("ARRAY_LENGTH_TOO_LONG", f"Array must have at most {most} elements.", self.path(name))
        for each in value:
            if known is not None and each not in known:
                raise invalid("INVALID_ENUM_VALUE", f"`{each}` is not a valid enum value.", self.path(name))
        return value

    def part(self, name: str, known: Collection[str], *, strict: bool = True) -> Given:
        """An object inside; empty where it is absent."""
        value = self.fields.get(name)
        if value is None:
            return Given({}, self.path(name))
        if not isinstance(value, dict):
            raise invalid("EXPECTED_OBJECT", "Expected an object.", self.path(name))
        found = Given(value, self.path(name))
        if strict:
            found.refuse_unknown(known)
        return found

    def span(self, name: str) -> tuple[int | None, int | None]:
        """A TimeRange."""
        found = self.part(name, ("start_at", "end_at"))
        start, end = found.time("start_at"), found.time("end_at")
        if start is not None and end is not None and start > end:
            raise invalid("INVALID_TIME_RANGE", "start_at must not be after end_at.", self.path(name))
        return start, end

    def refused(self, name: str, default: int, most: int, least: int = 1) -> int:
        """A limit that is refused outside of its bounds."""
        value = self.whole(name)
        if value is None:
            return default
        if value < least:
            raise invalid("VALUE_TOO_LOW", f"Value must be at least {least}.", self.path(name))
        if value > most:
            raise invalid("VALUE_TOO_HIGH", f"Value must be at most {most}.", self.path(name))
        return value

    def ignored(self, name: str, most: int) -> int:
        """A limit that counts as not given outside of its bounds."""
        value = self.whole(name)
        return value if value is not None and 1 <= value <= most else most

    def capped(self, name: str, most: int) -> int:
        """A limit that is brought down."""
        value = self.whole(name)
        return most if value is None or value < 1 else min(value, most)
