"""The gateway passes on what it gets, to the byte, and finishes what it has begun."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import socket
import struct
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution import operations
from execution.app import App
from execution.settings import Settings
from sandbox.stack.gateway.http1 import BadMessage, Chunked, Head, Sized
from sandbox.stack.gateway.relay import Client
from tests.sandbox.stack.conftest import until

BODY = (json.dumps({"nul": "\u0000", "text": "x" * 40}) + '{"größe":"日本語 🧶"}\r\n\r\n').encode() * 3000
REQUEST = b"POST /rest/v1/rpc/f HTTP/1.1\r\nHost: x\r\napikey: k\r\nContent-Length: 5\r\n\r\nhello"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def api(bare):
    headers = {"apikey": bare.env["SUPABASE_SERVICE_ROLE_KEY"]}
    with httpx.Client(base_url=bare.env["SUPABASE_URL"], headers=headers) as client:
        yield client


@pytest.fixture
def kept(bare):
    """The table that `rpc/keep` writes to."""
    with psycopg.connect(bare.env["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("truncate public.kept")
        yield lambda: [row[0] for row in connection.execute("select body from public.kept").fetchall()]


TEXT = {"Content-Type": "text/plain"}


def test_a_large_body_arrives_unchanged(api, kept):
    """300 KB with NUL escapes, UTF-8 and what looks like the end of a head."""
    answer = api.post("/rest/v1/rpc/keep", content=BODY, headers=TEXT)

    assert len(BODY) > 300_000
    assert answer.json() == hashlib.md5(BODY, usedforsecurity=False).hexdigest()
    assert kept() == [BODY.decode()]


def test_a_chunked_body_arrives_unchanged(api, kept):
    answer = api.post("/rest/v1/rpc/keep", content=iter([BODY[:7], BODY[7:99_999], BODY[99_999:]]), headers=TEXT)

    assert answer.status_code == 200
    assert kept() == [BODY.decode()]


def test_a_large_answer_comes_back_unchanged_on_a_connection_that_stays(api):
    api.post("/rest/v1/rpc/keep", content=BODY, headers=TEXT)

    answers = [api.get("/rest/v1/kept", params={"select": "body", "limit": 1}) for _ in range(20)]

    assert {len(answer.json()[0]["body"]) for answer in answers} == {len(BODY.decode())}
    assert len(api._transport._pool.connections) == 1


def test_a_request_without_a_key_is_refused_as_by_the_hosted_gateway(bare):
    """Also when it has a valid token, and its body is read before the answer."""
    bearer = {"Authorization": f"Bearer {bare.env['SUPABASE_SERVICE_ROLE_KEY']}"}

    with httpx.Client(base_url=bare.env["SUPABASE_URL"]) as client:
        answer = client.post("/rest/v1/rpc/keep", content=BODY, headers=bearer)
        elsewhere = client.get("/storage/v1/object", headers=bearer)

    assert (answer.status_code, answer.json()["message"]) == (401, "No API key found in request")
    assert elsewhere.status_code == 404


def test_the_key_is_the_bearer_unless_there_is_one(api, bare):
    as_anon = {"Authorization": f"Bearer {bare.env['SUPABASE_ANON_KEY']}"}

    allowed = api.post("/rest/v1/mine", json={"note": "row-level security lets only service_role write this"})
    forged = api.get("/rest/v1/numbers?limit=1", headers={"Authorization": "Bearer nonsense"})
    in_the_query = httpx.get(f"{bare.env['SUPABASE_URL']}/rest/v1/numbers?limit=1&apikey=x", headers=as_anon)

    assert (allowed.status_code, forged.status_code) == (201, 401)
    assert in_the_query.status_code != 401


def test_answers_of_both_kinds_take_turns_on_one_connection(api):
    statuses = [api.get(path).status_code for path in ("/rest/v1/mine", "/auth/v1/health", "/rest/v1/", "/x") * 3]

    assert statuses == [200, 200, 200, 404] * 3


def test_a_page_is_kept_although_its_sender_died(bare, kept):
    """The client's connection is reset right after the last byte; the transaction is finished all the same."""
    where = urlsplit(bare.env["SUPABASE_URL"])
    head = (
        f"POST /rest/v1/rpc/keep HTTP/1.1\r\nHost: x\r\napikey: {bare.env['SUPABASE_SERVICE_ROLE_KEY']}\r\n"
        f"Content-Type: text/plain\r\nContent-Length: 9\r\n\r\n"
    )
    with psycopg.connect(bare.env["DATABASE_URL"]) as blocker, socket.socket() as client:
        blocker.execute("lock table public.kept in exclusive mode")
        client.connect((where.hostname, where.port))
        client.sendall(head.encode() + b"last page")
        _until_blocked(bare)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        blocker.commit()

    until(lambda: kept() == ["last page"])


def _until_blocked(bare):
    waiting = "select count(*) from pg_locks where not granted"
    with psycopg.connect(bare.env["DATABASE_URL"], autocommit=True) as watcher:
        until(lambda: watcher.execute(waiting).fetchone()[0] > 0)


class Backend:
    """An upstream that answers when it is told to, and notes what it got."""

    def __init__(self):
        self.got = b""
        self.arrived, self.answer, self.left = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.left_early = False

    async def __call__(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError):
            self.got = await reader.readuntil(b"hello")
            self.arrived.set()
            waiting = asyncio.ensure_future(reader.read())
            await self.answer.wait()
            self.left_early = waiting.done()
            writer.write(RESPONSE)
            await waiting
        self.left.set()
        writer.close()


async def _through_a_gateway(backend, act):
    loop = asyncio.get_running_loop()
    upstream = await asyncio.start_server(backend, "127.0.0.1", 0)
    rest_port = upstream.sockets[0].getsockname()[1]
    gateway = await loop.create_server(lambda: Client(rest_port, None, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.sockets[0].getsockname()[1])
    async with upstream, gateway:
        await asyncio.wait_for(act(reader, writer), 10)
        writer.close()
        await asyncio.wait_for(backend.left.wait(), 10)


@pytest.mark.parametrize("reset", [True, False])
def test_a_client_that_vanishes_is_not_noticed_upstream_before_the_answer(reset):
    """Whether its connection is reset, as by a crash with unread data, or ended."""
    backend = Backend()

    async def act(_, writer):
        writer.write(REQUEST)
        await backend.arrived.wait()
        if reset:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
        await asyncio.sleep(0.05)  # nothing is to happen: give it the time to happen
        backend.answer.set()

    asyncio.run(_through_a_gateway(backend, act))

    assert backend.left.is_set()
    assert not backend.left_early


def test_half_a_request_is_given_up_with_its_client():
    """Upstream must see the connection end, or it would wait for the rest."""
    backend = Backend()

    async def act(_, writer):
        writer.write(REQUEST[:-1])
        await asyncio.sleep(0.05)
        writer.transport.abort()

    asyncio.run(_through_a_gateway(backend, act))

    assert not backend.arrived.is_set()


def test_the_head_is_rewritten_and_nothing_else():
    backend = Backend()

    async def act(reader, writer):
        writer.write(REQUEST)
        backend.answer.set()
        assert await reader.readexactly(len(RESPONSE)) == RESPONSE

    asyncio.run(_through_a_gateway(backend, act))

    expected = REQUEST.replace(b"/rest/v1", b"").replace(b"Host", b"Authorization: Bearer k\r\nHost")
    assert backend.got == expected


def test_an_absent_postgrest_is_a_503():
    async def act():
        loop = asyncio.get_running_loop()
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            gateway = await loop.create_server(lambda: Client(closed.getsockname()[1], None, {}), "127.0.0.1", 0)
            async with gateway, httpx.AsyncClient() as client:
                url = f"http://127.0.0.1:{gateway.sockets[0].getsockname()[1]}/rest/v1/x"
                return (await client.get(url, headers={"apikey": "k"})).status_code

    assert asyncio.run(act()) == 503


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.binary(max_size=30), st.data())
def test_a_chunked_body_ends_where_it_ends_however_it_is_cut(chunks, after, data):
    wire = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\nTrailer: x\r\n\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    body, taken = Chunked(), 0

    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        assert not body.done or start == end
        taken += body.feed(wire[start:end] + (after if end == len(wire) else b""))

    assert (body.done, taken) == (True, len(wire))


def test_a_sized_body_takes_no_more_than_its_own():
    body = Sized(5)

    assert (body.feed(b"abc"), body.done, body.feed(b"defgh"), body.done) == (3, False, 2, True)


@pytest.mark.parametrize("headers", [b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"Content-Length: -1"])
def test_a_body_of_two_minds_is_refused(headers):
    """A request whose end is doubtful could smuggle another."""
    head = Head.parse(b"POST / HTTP/1.1\r\n" + headers)

    with pytest.raises(BadMessage):
        head.request_body()


HEAD_ANSWER = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class EndsWhatIsNotThere:
    """An upstream that answers a HEAD with a head, and ends the body that it must not have when it is asked again."""

    def __init__(self):
        self.left = asyncio.Event()

    async def __call__(self, reader, writer):
        asked = b""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            asked = await reader.readuntil(b"\r\n\r\n")
            writer.write(HEAD_ANSWER if asked.startswith(b"HEAD") else RESPONSE)
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"0\r\n\r\n" + RESPONSE)
        writer.close()
        if asked.startswith(b"GET"):
            self.left.set()


def test_what_follows_the_answer_to_a_head_spoils_no_later_answer():
    """PostgREST ends the chunked body of a HEAD; the next request on the client's connection gets its own answer."""

    async def act(reader, writer):
        writer.write(b"HEAD /rest/v1/x HTTP/1.1\r\nHost: x\r\napikey: k\r\n\r\n")
        assert await reader.readexactly(len(HEAD_ANSWER)) == HEAD_ANSWER
        writer.write(b"GET /rest/v1/x HTTP/1.1\r\nHost: x\r\napikey: k\r\n\r\n")
        assert await reader.readexactly(len(RESPONSE)) == RESPONSE

    asyncio.run(_through_a_gateway(EndsWhatIsNotThere(), act))


@pytest.mark.parametrize("kind", ["SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY"])
def test_both_kinds_of_key_do_all_that_keeper_asks(stack, clean, kind):
    """Sent as the product sends them: a token also as bearer, a key of the newer kind as `apikey` alone."""
    env = {**stack.env, "SUPABASE_SERVICE_ROLE_KEY": stack.env[kind]}
    app = App(settings=Settings.load(env))
    try:
        user = operations.create_user(app, email="ada@example.com", plan="pro")
        again = operations.create_user(app, email="ada@example.com", plan=None)
    finally:
        app.close()

    assert again == user


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"apikey": "SUPABASE_SECRET_KEY"}, 200),
        # Hosted Supabase passes it on, and it is refused as no token.
        ({"apikey": "SUPABASE_SECRET_KEY", "Authorization": "SUPABASE_SECRET_KEY"}, 401),
        ({"apikey": "SUPABASE_PUBLISHABLE_KEY"}, 401),
        ({"apikey": "sb_secret_of_another_project"}, 401),
        ({"apikey": "SUPABASE_SERVICE_ROLE_KEY"}, 200),
        ({"apikey": "SUPABASE_PUBLISHABLE_KEY", "Authorization": "SUPABASE_SERVICE_ROLE_KEY"}, 200),
    ],
)
def test_keys_are_checked_by_the_hosted_rule(stack, headers, status):
    sent = {name: stack.env.get(value, value) for name, value in headers.items()}
    if "Authorization" in sent:
        sent["Authorization"] = f"Bearer {sent['Authorization']}"

    url = f"{stack.env['SUPABASE_URL']}/rest/v1/rpc/schema_version"
    answer = httpx.post(url, headers=sent, json={}, trust_env=False)

    assert answer.status_code == status, answer.text
