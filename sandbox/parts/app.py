"""The application that every stand-in is: the control plane beside the vendor's API."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from starlette.types import Receive, Scope, Send

from sandbox.parts.control import CONTROL, BaseControl
from sandbox.parts.faults import Rule
from sandbox.parts.responses import HttpResponse
from sandbox.parts.transport import Asgi, Sleep, compress, send_with_fault

# Faults that let no status out.
_SILENT = ("reset", "hang")


class BaseSandbox(ABC):
    """An ASGI application; `sleep` is what slow responses wait with, so that tests need not."""

    def __init__(self, control: BaseControl[Any], sleep: Sleep) -> None:
        self.control = control
        self.faults = control.faults
        self.schedule = control.schedule
        self._sleep = sleep
        self._control_app = control.app()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self._control_app(scope, receive, send)
        else:
            await self.serve((scope, receive, send))

    @abstractmethod
    async def serve(self, asgi: Asgi) -> None:
        """Answer a request of the vendor's API."""

    async def send(self, response: HttpResponse, rule: Rule | None, asgi: Asgi, *, gzip: bool) -> None:
        if gzip:
            compress(response, dict(asgi[0]["headers"]).get(b"accept-encoding", b""))
        await send_with_fault(rule, response, asgi, self._sleep)


def sent_status(response: HttpResponse, rule: Rule | None) -> int:
    """What the client sees; 0 where it sees none."""
    return 0 if rule and rule.kind in _SILENT else response.status
