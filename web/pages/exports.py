"""Files of what a page lists, sent while they are read: a page of rows is in memory, whatever the file's length.

A file that cannot be brought to its end is cut off, so that nobody takes it for the whole.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

from starlette.responses import Response, StreamingResponse

from web.problems import Problem
from web.sheets import BOM, CSV, XLSX, Cell, Workbook, csv_line

Rows = Sequence[Sequence[Cell]]
Pages = AsyncIterator[Rows]
_CHUNK = 64 * 1024
# Of a user at once, in this process: each takes its share of the database and, as a workbook, of the disk.
_MOST_OF_A_USER = 2
_under_way = Counter[str]()


async def download(user_id: str, *, name: str, kind: str, title: str, head: Sequence[str], pages: Pages) -> Response:
    """The file `name`.`kind`. 429 where the user is being sent too many; what the first page raises is answered."""
    if _under_way[user_id] >= _MOST_OF_A_USER:
        raise Problem(429, "too_many_questions", headers={"Retry-After": "30"})
    first: Rows = await anext(pages, ())
    body = _csv(user_id, head, first, pages) if kind == "csv" else _xlsx(user_id, title, head, first, pages)
    return StreamingResponse(
        body,
        media_type=CSV if kind == "csv" else XLSX,
        headers={"Content-Disposition": f'attachment; filename="{name}.{kind}"', "Cache-Control": "no-store"},
    )


@contextmanager
def _counted(user_id: str) -> Iterator[None]:
    _under_way[user_id] += 1
    try:
        yield
    finally:
        _under_way[user_id] -= 1
        if not _under_way[user_id]:
            del _under_way[user_id]


async def _csv(user_id: str, head: Sequence[str], first: Rows, pages: Pages) -> AsyncGenerator[bytes]:
    with _counted(user_id):
        yield (BOM + csv_line(head)).encode()
        yield "".join(map(csv_line, first)).encode()
        async for rows in pages:
            yield "".join(map(csv_line, rows)).encode()


async def _xlsx(user_id: str, title: str, head: Sequence[str], first: Rows, pages: Pages) -> AsyncGenerator[bytes]:
    """On disk until it is whole: a workbook is packed at its end."""
    with _counted(user_id), tempfile.TemporaryFile(prefix="keeper-") as file:
        book = Workbook(file, head, title=title)
        try:
            await asyncio.to_thread(_add, book, first)
            async for rows in pages:
                await asyncio.to_thread(_add, book, rows)
        finally:
            # Its own files are removed with it, also where nobody waits for it any more.
            await asyncio.to_thread(book.close)
        file.seek(0)
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk


def _add(book: Workbook, rows: Rows) -> None:
    for row in rows:
        book.add(row)
