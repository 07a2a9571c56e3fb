"""A Valkey whose certificate its host signed itself: what is told names the certificate, and the advice works."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from execution.settings import Settings
from execution.valkey import connect_valkey, why_away
from sandbox.stack import Stack
from tests.standins.etsy import Etsy
from tests.test_settings import WHOLE
from tests.worlds.users import make_user
from web.health import readiness

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with _server(tmp_path_factory.mktemp("tls") / "valkey.pem") as url:
        yield url


@contextmanager
def _server(pem: Path, *, valid_days: int = 1, address: str = "127.0.0.1") -> Iterator[str]:
    """A server that answers every command with PONG, over TLS, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "valkey")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=9)).not_valid_after(now + timedelta(days=valid_days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_serve, args=(listening, tls), daemon=True).start()
        yield f"rediss://127.0.0.1:{listening.getsockname()[1]}/0"


def _serve(listening: socket.socket, tls: ssl.SSLContext) -> None:
    while True:
        try:
            plain, _ = listening.accept()
            with plain, tls.wrap_socket(plain, server_side=True) as one:
                while data := one.recv(4096):
                    one.sendall(b"+PONG\r\n" if b"PING" in data else b"+OK\r\n" * data.count(b"*"))
        except ssl.SSLError:
            continue
        except OSError:
            return


def test_the_certificate_is_named_and_what_to_set(address: str) -> None:
    with connect_valkey(address) as client, pytest.raises(redis.ConnectionError) as refused:
        client.ping()

    assert "its certificate is signed by nobody we know" in why_away(refused.value)
    assert "REDIS_URL" in why_away(refused.value)


@pytest.mark.parametrize(
    ("valid_days", "address", "said"),
    [(-1, "127.0.0.1", "has expired: have the host"), (1, "10.9.8.7", "is made out to another name")],
)
def test_a_certificate_of_somebody_we_know_may_be_wrong_as_well(
    tmp_path: Path, valid_days: int, address: str, said: str
) -> None:
    pem = tmp_path / "valkey.pem"
    with (
        _server(pem, valid_days=valid_days, address=address) as url,
        connect_valkey(f"{url}?ssl_ca_certs={pem}") as client,
        pytest.raises(redis.ConnectionError) as refused,
    ):
        client.ping()

    assert said in why_away(refused.value)


def test_who_speaks_no_tls_is_not_asked_for_a_certificate() -> None:
    def answer() -> None:
        with contextlib.suppress(OSError):
            for _ in range(2):
                line, _ = listening.accept()
                with line:
                    line.sendall(b"-ERR unknown command\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=answer, daemon=True).start()
        url = f"rediss://127.0.0.1:{listening.getsockname()[1]}/0"
        with connect_valkey(url) as client, pytest.raises(redis.ConnectionError) as refused:
            client.ping()

    assert why_away(refused.value) == "it does not speak TLS at this address: begin REDIS_URL with redis://"


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("command", ["backfill start", "run --until-idle"])
def test_every_command_that_needs_valkey_names_its_certificate(
    stack: Stack, etsy: Etsy, db: psycopg.Connection[Any], address: str, command: str
) -> None:
    """`run` does without bells and paces by Postgres: it says so in its log."""
    user = f" --user {make_user(db)}" if command == "backfill start" else ""
    env = {**os.environ, **stack.env, **etsy.env, "REDIS_URL": address, "LOG_LEVEL": "warning"}
    argv = [sys.executable, "-m", "execution", *f"{command}{user}".split()]
    said = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120, check=False)

    assert "its certificate is signed by nobody we know" in said.stderr
    assert "?ssl_ca_certs=FILE" in said.stderr
    assert (said.returncode == 2) == (command == "backfill start")


_UNREACHED = re.compile(r"RedisError|TransportError|ConnectError|AuthError|BrokerConnectionError|ConnectionClosed")


def _by_type_alone(source: str) -> list[str]:
    """Handlers of a connection that did not come about, and that say of it no more than the error's type."""
    found = []
    for handler in ast.walk(ast.parse(source)):
        if isinstance(handler, ast.ExceptHandler) and handler.type and _UNREACHED.search(ast.unparse(handler.type)):
            text = "\n".join(map(ast.unparse, handler.body))
            if re.search(r"type\(\w+\).__name__", text):
                found.append(text)
    return found


def test_no_broken_connection_is_told_by_its_type_alone() -> None:
    files = [path for room in ("execution", "web", "keeper") for path in (ROOT / room).rglob("*.py")]

    assert {path.name: found for path in files if (found := _by_type_alone(path.read_text()))} == {}
    assert _by_type_alone("try: ask()\nexcept (RedisError, OSError) as e: log.warning('x', error=type(e).__name__)")


def test_what_is_advised_works(address: str) -> None:
    with connect_valkey(f"{address}?ssl_cert_reqs=none&protocol=2") as client:
        assert client.ping()


def test_readiness_names_the_certificate(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "CHECK_SECONDS", 60.0)  # a shake of hands takes its time on a busy machine

    async def reason() -> str:
        async with readiness.Readiness(Settings.load(WHOLE | {"REDIS_URL": address})) as asking:
            return await asking._ask_valkey()

    assert "certificate" in asyncio.run(reason())


def test_another_fault_is_no_matter_of_a_certificate() -> None:
    with connect_valkey("redis://127.0.0.1:1/0") as client, pytest.raises(redis.ConnectionError) as away:
        client.ping()

    assert why_away(away.value) == "does not answer (ConnectionError)"
