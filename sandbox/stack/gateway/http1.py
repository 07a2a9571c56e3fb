"""Where HTTP/1.1 messages begin and end; everything between is passed on as it came (RFC 9112)."""

from __future__ import annotations

from dataclasses import dataclass

HEAD_LIMIT_BYTES = 64 * 1024
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed",
            413: "Content Too Large", 422: "Unprocessable Content", 431: "Request Header Fields Too Large",
            500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable"}  # fmt: skip


class BadMessage(Exception):
    """The peer does not speak HTTP/1.1 as we understand it."""


class Sized:
    """A body of known length; `feed` says how many of the bytes belong to it."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0

    def feed(self, data: bytes) -> int:
        taken = min(self._left, len(data))
        self._left -= taken
        self.done = self._left == 0
        return taken


class Chunked:
    """A chunked body, with its chunk extensions and trailers."""

    def __init__(self) -> None:
        self.done = False
        self._line = b""
        self._skip = 0
        self._in_trailers = False

    def feed(self, data: bytes) -> int:
        at = 0
        while at < len(data) and not self.done:
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            end = data.find(b"\n", at)
            self._line += data[at : end if end >= 0 else len(data)]
            if len(self._line) > HEAD_LIMIT_BYTES:
                raise BadMessage("endless chunk header")
            if end < 0:
                return len(data)
            at = end + 1
            self._take_line()
        return at

    def _take_line(self) -> None:
        line, self._line = self._line.strip(), b""
        if self._in_trailers:
            self.done = not line
            return
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError as error:
            raise BadMessage("malformed chunk size") from error
        self._in_trailers = size == 0
        self._skip = size + 2 if size else 0  # the chunk and the line end after it


class UntilClose:
    """A response that ends with its connection."""

    done = False

    def feed(self, data: bytes) -> int:
        return len(data)


Body = Sized | Chunked | UntilClose


@dataclass(frozen=True, kw_only=True)
class Head:
    """The first line's three parts, and the headers by lower-case name; `raw` are the header lines as they came."""

    first: tuple[bytes, bytes, bytes]
    headers: dict[bytes, bytes]
    raw: bytes

    @classmethod
    def parse(cls, block: bytes) -> Head:
        line, _, raw = block.partition(b"\r\n")
        parts = line.split(b" ", 2)
        if len(parts) < 2:
            raise BadMessage("malformed first line")
        headers = {}
        for header in raw.split(b"\r\n"):
            name, _, value = header.partition(b":")
            headers[name.strip().lower()] = value.strip()
        return cls(first=(parts[0], parts[1], parts[2] if len(parts) > 2 else b""), headers=headers, raw=raw)

    @property
    def closes(self) -> bool:
        return b"close" in self.headers.get(b"connection", b"").lower()

    def request_body(self) -> Body:
        return self._body() or Sized(0)

    def response_body(self, method: bytes) -> Body:
        if method == b"HEAD" or self.first[1] in {b"204", b"304"}:
            return Sized(0)
        return self._body() or UntilClose()

    def _body(self) -> Body | None:
        length = self.headers.get(b"content-length")
        if b"chunked" in self.headers.get(b"transfer-encoding", b"").lower():
            if length is not None:
                raise BadMessage("both Content-Length and Transfer-Encoding")
            return Chunked()
        if length is None:
            return None
        if not length.isdigit():
            raise BadMessage("malformed Content-Length")
        return Sized(int(length))


def response(status: int, body: bytes, *, close: bool = False) -> bytes:
    """A whole JSON answer of our own."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}", "Content-Type: application/json; charset=utf-8",
             f"Content-Length: {len(body)}", *(["Connection: close"] if close else []), "", ""]  # fmt: skip
    return "\r\n".join(lines).encode() + body
