"""`tests.runner.child` for three platforms: names of requests say whose they are, so that kinds are told apart."""

from __future__ import annotations

import re

import httpx

from tests.runner import child

_IDS = re.compile(r"/[0-9a-f-]*[0-9][0-9a-f-]*(?=/|$)|/[a-z0-9-]+\.myshopify\.com")


def _kind(_: httpx.HTTPTransport, request: httpx.Request) -> str:
    """Method and path without ids, and which server: the same kind in every life."""
    return f"{request.method} {request.url.port} {_IDS.sub('/id', request.url.path)}"


if __name__ == "__main__":
    child._request_name = _kind
    child.main()
