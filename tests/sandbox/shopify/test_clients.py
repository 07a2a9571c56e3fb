"""Clients that were written for Shopify, unmodified, work against the stand-in."""

from __future__ import annotations

import datetime as dt
import ipaddress
import warnings
from collections.abc import Iterator
from typing import Any

import gql
import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from gql.transport.httpx import HTTPXTransport

from tests.sandbox.shopify.conftest import Shop, running

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it was written for older Pythons
    import shopify as client


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A throw-away certificate of 127.0.0.1 and its key."""
    folder, key = tmp_path_factory.mktemp("tls"), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return files


@pytest.fixture(scope="module")
def small(certificate, tmp_path_factory) -> Iterator[Shop]:
    """A few orders behind https: the client makes an instance of every nested object, and takes its time."""
    with running(tmp_path_factory.mktemp("shopify-tls"), certificate) as shopify:
        yield shopify.shop(orders=12)


@pytest.fixture
def session(small, certificate, monkeypatch) -> Iterator[Any]:
    """By its own configuration: `127` under the domain `0.0.1` is 127.0.0.1; and it trusts what the system trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    port = small.shopify.url.rsplit(":", 1)[1]
    client.Session.setup(myshopify_domain="0.0.1", port=port, api_key="client", secret="secret")
    session = client.Session("127", "2026-07", small.headers["x-shopify-access-token"])
    client.ShopifyResource.activate_session(session)
    yield session
    client.ShopifyResource.clear_session()
    client.Session.setup(myshopify_domain="myshopify.com", port=None)


@pytest.mark.filterwarnings("ignore")
def test_shopify_api_reads_by_rest(session, small):
    """Its pages follow the Link header; counts, one order, its lines and the shop are found."""
    found, page = [], client.Order.find(status="any", limit=5)
    while True:
        found += [order.id for order in page]
        if not page.has_next_page():
            break
        page = page.next_page()

    truth = small.truth("orders")
    one = client.Order.find(truth[0]["id"])
    assert sorted(found) == sorted(order["id"] for order in truth)
    assert client.Order.count(status="any") == 12
    assert (one.name, len(one.line_items)) == (truth[0]["name"], truth[0]["lines"])
    assert client.Shop.current().myshopify_domain == small.domain


@pytest.mark.filterwarnings("ignore")
def test_shopify_api_asks_graphql_and_exchanges_codes(session, small):
    """Its GraphQL call, and its check of the callback's signature with the code's exchange."""
    answer = orjson.loads(client.GraphQL().execute("{ shop { myshopifyDomain } }"))
    query = {"client_id": "client", "scope": "read_orders", "state": "s", "redirect_uri": "http://127.0.0.1:9/"}
    back = small.shopify.http.get("/admin/oauth/authorize", params={**query, "shop": small.domain})

    params = dict(back.next_request.url.params)
    token = client.Session("127", "2026-07").request_token(params)

    assert answer["data"]["shop"]["myshopifyDomain"] == small.domain
    assert token.startswith("shpat_")


def test_gql_fetches_the_schema_and_asks(shop):
    """It introspects, checks a query against what it was told, and pages."""
    url = f"{shop.shopify.url}/admin/api/2026-07/graphql.json"
    transport = HTTPXTransport(url=url, headers=shop.headers, trust_env=False)
    text = gql.gql("query($n: Int!) { orders(first: $n, sortKey: ID) { nodes { id } pageInfo { hasNextPage } } }")
    text.variable_values = {"n": 5}

    with gql.Client(transport=transport, fetch_schema_from_transport=True) as session:
        found = session.execute(text)["orders"]
        assert "Order" in session.client.schema.type_map

    assert len(found["nodes"]) == 5
    assert found["pageInfo"]["hasNextPage"] is True
