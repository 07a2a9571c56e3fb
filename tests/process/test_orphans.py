"""The helper that death tests rely on: it sees a request whose sender is gone, until the server has ended it."""

from __future__ import annotations

import socket

from tests.process.orphans import let_orphans_end, orphans


def test_a_request_is_an_orphan_from_its_senders_death_to_its_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        served, _ = server.accept()
        client.sendall(b"a whole request")
        assert orphans(port) == 0

        client.close()
        assert orphans(port) == 1

        served.close()
        let_orphans_end(port)
        assert orphans(port) == 0
