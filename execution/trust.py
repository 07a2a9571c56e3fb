"""Whose certificates count: those that httpx brings. Loaded once a process, for each time takes 30 ms."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def trusted() -> ssl.SSLContext:
    """For `verify` of every client. Connections of all threads may share it."""
    return httpx.create_ssl_context(trust_env=False)
