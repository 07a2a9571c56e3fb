"""The platforms that Keeper can call, by name."""

from __future__ import annotations

from collections.abc import Mapping

from execution.errors import UserError
from execution.etsy_api import ETSY
from execution.platforms import Platform

KNOWN: Mapping[str, Platform] = {platform.name: platform for platform in (ETSY,)}


def platform_named(name: str) -> Platform:
    """The platform, or a UserError that names those there are."""
    if name not in KNOWN:
        raise UserError(f"'{name}' is not a platform that Keeper can connect:", hint=f"use {', '.join(sorted(KNOWN))}.")
    return KNOWN[name]
