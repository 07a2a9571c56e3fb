"""The doorbell as the web process rings it: nobody's request waits for Valkey."""

from __future__ import annotations

import threading
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from execution import workers
from execution.settings import Settings

_PATIENCE_S = "1"


class WakeupBell:
    """Rings in the background; a bell that is being rung already is enough. Not heard: the clock makes up for it."""

    def __init__(self, settings: Settings) -> None:
        self._broker = workers.make_broker(_impatient(settings), [])
        self._ringing = threading.Lock()

    def ring(self) -> None:
        if self._ringing.acquire(blocking=False):
            threading.Thread(target=self._ring, name="bell", daemon=True).start()

    def _ring(self) -> None:
        try:
            workers.ring(self._broker)
        finally:
            self._ringing.release()

    def close(self) -> None:
        self._broker.close()


def _impatient(settings: Settings) -> Settings:
    """The same settings with time limits on Valkey: the library's own wait is endless."""
    parts = urlsplit(settings.redis_url.get_secret_value())
    limits = {"socket_timeout": _PATIENCE_S, "socket_connect_timeout": _PATIENCE_S}
    query = urlencode(limits | dict(parse_qsl(parts.query)))
    url = urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
    return settings.model_copy(update={"redis_url": type(settings.redis_url)(url)})
