"""What was looked at, what was found, and what to do: a line each. Nothing secret ever stands in one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "failed", "not checked"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """`advice` is empty where nothing is to be done."""

    name: str
    status: Status
    found: str
    advice: str = ""


def ok(name: str, found: str) -> Line:
    return Line(name=name, status="ok", found=found)


def warning(name: str, found: str, advice: str) -> Line:
    return Line(name=name, status="warning", found=found, advice=advice)


def failed(name: str, found: str, advice: str) -> Line:
    return Line(name=name, status="failed", found=found, advice=advice)


def not_checked(name: str, why: str, advice: str = "") -> Line:
    return Line(name=name, status="not checked", found=why, advice=advice)
