"""What every answer carries, and what no request may bring: pure ASGI, so that streams pass untouched."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web import problems
from web.problems import Problem

# A platform's largest order is far smaller, and nothing else brings a body worth the name.
LARGEST_BODY = 2 * 1024 * 1024
LONGEST_BODY_S = 20.0


class SecurityHeaders:
    """No inline script, no frame, no sniffing, nothing kept by caches unless a route says so."""

    def __init__(self, app: ASGIApp, *, form_targets: Sequence[str], https: bool) -> None:
        self._app = app
        # Browsers hold a form's redirects against form-action too: connecting leads to the platforms' consent pages.
        targets = " ".join(("'self'", *form_targets))
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
            f"connect-src 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action {targets}"
        )
        self._headers = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            # Not `no-referrer`: with it a browser calls the Origin of our own forms "null".
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
        }
        if https:
            self._headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, dressed)


class BodyLimit:
    """413 before a body that is too large is in memory, whether it announces its size or not; 408 for one too slow.

    415 for a form in parts, which nobody here sends: its sender names the alphabet, and some make texts of it that
    cannot be written down again.
    """

    def __init__(self, app: ASGIApp, *, largest: int = LARGEST_BODY, longest_s: float = LONGEST_BODY_S) -> None:
        self._app = app
        self._largest = largest
        self._longest_s = longest_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(Headers(scope=scope))
        if refusal is not None:
            await problems.answer(refusal)(scope, receive, send)
            return
        seen, is_whole = 0, False
        until = asyncio.get_running_loop().time() + self._longest_s

        async def counted() -> Message:
            nonlocal seen, is_whole
            if is_whole:  # what is asked for now is whether the reader is still there
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise _too_slow() from None
            is_whole = not message.get("more_body", False)
            seen += len(message.get("body", b""))
            if seen > self._largest:
                raise _too_large(self._largest)
            return message

        await self._app(scope, counted, send)

    def _refusal(self, headers: Headers) -> Problem | None:
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._largest:
            return _too_large(self._largest)
        if headers.get("content-type", "").lower().startswith("multipart/"):
            return Problem(415, "form_in_parts", "Send a form as application/x-www-form-urlencoded.")
        return None


def _too_large(largest: int) -> Problem:
    return Problem(413, "too_large", f"A body may have {largest // 1024} KiB at most.", headers={"Connection": "close"})


def _too_slow() -> Problem:
    return Problem(408, "too_slow", "The body did not come in time.", headers={"Connection": "close"})
