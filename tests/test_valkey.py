"""A Valkey whose certificate its host signed itself: what is told names the certificate, and the advice works."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from execution.settings import Settings
from execution.valkey import certificate_refused, connect_valkey
from tests.test_settings import WHOLE
from web.health.readiness import Readiness


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that answers every command with PONG, over TLS, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "valkey")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = folder / "valkey.pem"
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

    assert "its certificate is signed by nobody we know" in certificate_refused(refused.value)
    assert "REDIS_URL" in certificate_refused(refused.value)


def test_what_is_advised_works(address: str) -> None:
    with connect_valkey(f"{address}?ssl_cert_reqs=none&protocol=2") as client:
        assert client.ping()


def test_readiness_names_the_certificate(address: str) -> None:
    async def reason() -> str:
        async with Readiness(Settings.load(WHOLE | {"REDIS_URL": address})) as readiness:
            return await readiness._ask_valkey()

    assert "certificate" in asyncio.run(reason())


def test_another_fault_is_no_matter_of_a_certificate() -> None:
    with connect_valkey("redis://127.0.0.1:1/0") as client, pytest.raises(redis.ConnectionError) as away:
        client.ping()

    assert certificate_refused(away.value) == ""
