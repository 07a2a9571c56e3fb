"""Reads a body as it streams in, never more than a cap of *decoded* bytes, and notices when it was cut."""

from __future__ import annotations

import zlib

import httpx
import orjson

from execution.errors import BodyTooBig, Retriable

MAX_BODY_BYTES = 20 * 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS


class BodyReader:
    """Collects chunks as they came off the wire; `finish` answers the decoded whole.

    httpx decodes a 146 kB body into 150 MB without asking (reliability finding 7), so the decoding is done here.
    """

    def __init__(self, headers: httpx.Headers, max_bytes: int = MAX_BODY_BYTES) -> None:
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", "x-gzip", ""):
            raise Retriable(f"the body is encoded as {encoding[:20]}, which was not asked for")
        self._inflate = zlib.decompressobj(_GZIP) if "gzip" in encoding else None
        self._ends_with_connection = not {"content-length", "transfer-encoding"} & set(headers)
        self._max_bytes = max_bytes
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> None:
        if self._inflate is None:
            self._add(chunk)
            return
        while chunk:
            chunk = self._inflate_some(chunk)

    def finish(self) -> bytes:
        """The body. Raises Retriable where it was cut short."""
        if self._inflate is not None and not self._inflate.eof:
            raise Retriable("the body was cut inside its compression")
        body = b"".join(self._pieces)
        if self._ends_with_connection and body[:1] in (b"{", b"["):
            _demand_whole(body)
        return body

    def _inflate_some(self, chunk: bytes) -> bytes:
        """Inflate at most one byte beyond the cap; answer what is left of the chunk."""
        if self._inflate is None or self._inflate.eof:  # a further member follows (RFC 1952, 2.2)
            self._inflate = zlib.decompressobj(_GZIP)
        try:
            self._add(self._inflate.decompress(chunk, self._max_bytes - self._size + 1))
        except zlib.error:
            raise Retriable("the body's compression is broken") from None
        return self._inflate.unused_data or self._inflate.unconsumed_tail

    def _add(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._max_bytes:
            raise BodyTooBig(f"the body is bigger than {self._max_bytes} bytes")
        self._pieces.append(data)


def _demand_whole(body: bytes) -> None:
    # Nothing on the wire told where this body ends, so only its own brackets can.
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Retriable("the body was cut, or is not JSON") from None
