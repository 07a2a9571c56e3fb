"""The helper that death tests rely on: it sees a request whose sender is gone, until the server has ended it."""

from __future__ import annotations

import socket

from tests.process.abandoned_requests import abandoned, let_abandoned_end


def test_a_request_is_an_orphan_from_its_senders_death_to_its_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        served, _ = server.accept()
        client.sendall(b"a whole request")
        assert abandoned(port) == 0

        client.close()
        assert abandoned(port) == 1

        served.close()
        let_abandoned_end(port)
        assert abandoned(port) == 0
