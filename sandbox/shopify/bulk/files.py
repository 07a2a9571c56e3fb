"""Results of bulk operations: signed links that die, files that are streamed without a token (sheet section 4.1)."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, quote

from sandbox.parts.clock import Clock
from sandbox.parts.responses import Headers, HttpResponse
from sandbox.shopify.bulk.operations import BulkOperations, Operation
from sandbox.shopify.settings import Settings

PREFIX = "/bulk-storage/"
_PATH = re.compile(r"/bulk-storage/(\d+)/result\.jsonl")
_RANGE = re.compile(rb"bytes=(\d+)-(\d*)")
_PIECE = 1 << 16
_XML = b"application/xml; charset=UTF-8"


class BulkFiles:
    """Links to results, signed with the application's secret, and what they lead to."""

    def __init__(self, operations: BulkOperations, settings: Settings, clock: Clock, secret: str) -> None:
        self._operations = operations
        self._settings = settings
        self._clock = clock
        self._secret = secret

    def link(self, operation: Operation, base_url: str) -> str:
        """Of storage, not of the shop: whoever has it may read, until it dies."""
        ends = (operation.completed or 0) + self._settings.bulk_url_seconds
        path = f"{PREFIX}{operation.number}/result.jsonl"
        shown = quote(f'attachment; filename="bulk-{operation.number}.jsonl"', safe="")
        query = f"Expires={ends}&response-content-disposition={shown}"
        return f"{base_url}{path}?{query}&Signature={self._sign(path, ends)}"

    def find(self, path: str, query: str) -> tuple[Operation | None, HttpResponse | None]:
        """The operation whose file is meant, or the refusal of the storage."""
        match, given = _PATH.fullmatch(path), parse_qs(query)
        operation = self._operations.operations.get(int(match[1])) if match else None
        if operation is None or not operation.path.exists():
            return None, _error(404, "NoSuchKey", "The specified key does not exist.")
        ends, signature = given.get("Expires", ["0"])[0], given.get("Signature", [""])[0]
        if not ends.isdecimal() or not hmac.compare_digest(signature, self._sign(path, int(ends))):
            return None, _error(403, "SignatureDoesNotMatch", "Access denied.")
        if self._clock.now() > int(ends):
            return None, _error(400, "ExpiredToken", "The provided token has expired.")
        return operation, None

    def _sign(self, path: str, ends: int) -> str:
        return hmac.new(self._secret.encode(), f"{path}:{ends}".encode(), hashlib.sha256).hexdigest()


def head_of(operation: Operation, headers: dict[bytes, bytes]) -> tuple[int, int, int, Headers]:
    """(status, first byte, byte after the last, headers); a range is honoured, as storage does."""
    shown: Headers = [
        (b"content-type", b"application/jsonl"),
        (b"accept-ranges", b"bytes"),
        (b"etag", b'"%x"' % operation.number),
    ]
    wanted = _RANGE.fullmatch(headers.get(b"range", b""))
    if wanted is None:
        return 200, 0, operation.size, [*shown, (b"content-length", b"%d" % operation.size)]
    first = int(wanted[1])
    last = min(int(wanted[2]) if wanted[2] else operation.size - 1, operation.size - 1)
    if first > last:
        return 416, 0, 0, [(b"content-range", b"bytes */%d" % operation.size), (b"content-length", b"0")]
    shown.append((b"content-range", b"bytes %d-%d/%d" % (first, last, operation.size)))
    return 206, first, last + 1, [*shown, (b"content-length", b"%d" % (last + 1 - first))]


async def pieces(operation: Operation, first: int, end: int) -> AsyncIterator[bytes]:
    with operation.path.open("rb") as file:
        file.seek(first)
        while first < end and (data := file.read(min(_PIECE, end - first))):
            first += len(data)
            yield data


def _error(status: int, code: str, message: str) -> HttpResponse:
    body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return HttpResponse(status=status, body=body.encode(), content_type=_XML)
