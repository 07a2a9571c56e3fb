"""Records by their ids: one alone, several as a list, or a map with an error for each that is not there."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from sandbox.parts.responses import Doc, HttpResponse
from sandbox.square.api.context import Context
from sandbox.square.api_versions import shaped
from sandbox.square.responses import not_found


def one(ctx: Context, kind: str, member: str, key: str) -> HttpResponse:
    raw = ctx.store.raw(kind, key)
    if raw is None:
        raise not_found(f"Could not find {kind.replace('_', ' ')} with ID {key}.")
    return HttpResponse(body=b'{"%b":%b}' % (member.encode(), shaped(kind, raw, ctx.version)))


def listed(ctx: Context, kind: str, member: str, raws: Iterable[bytes], extra: Doc | None = None) -> HttpResponse:
    """A list that has no pages; `{}` where it is empty."""
    docs = [shaped(kind, raw, ctx.version) for raw in raws]
    members = [b'"%b":[%b]' % (member.encode(), b",".join(docs))] if docs else []
    members += [orjson.dumps(name) + b":" + orjson.dumps(value) for name, value in (extra or {}).items() if value]
    return HttpResponse(body=b"{%b}" % b",".join(members))


def mapped(ctx: Context, kind: str, members: tuple[str, str], keys: list[str]) -> HttpResponse:
    """The status is 200 though some be missing."""
    told: Doc = {}
    for key in keys:
        doc = ctx.store.get(kind, key)
        missing = not_found(f"Could not find {kind} with ID {key}.").error
        told[key] = {members[1]: doc} if doc is not None else {"errors": [missing]}
    return HttpResponse(body=orjson.dumps({members[0]: told} if told else {}))
