"""Settings that the control plane changes while the stand-in runs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar


@dataclass(kw_only=True)
class RuntimeSettings:
    """A subclass is a dataclass of defaults; `choices` are the words that a text setting may hold."""

    choices: ClassVar[dict[str, tuple[str, ...]]] = {}

    def change(self, wanted: dict[str, Any]) -> None:
        """Take all of `wanted`, or raise ValueError and take nothing."""
        kinds = {f.name: f.type for f in fields(self)}
        for name, value in wanted.items():
            if name not in kinds:
                raise ValueError(f"unknown setting {name}; known: {', '.join(kinds)}")
            self.check(name, value, str(kinds[name]))
        for name, value in wanted.items():
            setattr(self, name, value)

    def check(self, name: str, value: Any, kind: str) -> None:
        """Refuse a value of the wrong kind. Subclasses add what only they know."""
        if name in self.choices and value not in self.choices[name]:
            raise ValueError(f"{name} must be one of {', '.join(self.choices[name])}")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if kind == "int" and not (isinstance(value, int) and number and 0 < value <= 10**12):
            raise ValueError(f"{name} must be a whole number from 1 to 10^12")
        if kind == "float" and not (number and value >= 0):
            raise ValueError(f"{name} must be a number of at least 0")
        if kind == "bool" and not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false")
        if name.endswith("_probability") and value > 1:
            raise ValueError(f"{name} must lie between 0 and 1")
