"""Square: orders of all locations with their lines, payments, payouts, the catalog, stock, people, appointments.

    python -m execution.sync_square --user ID

loads all of it for one user, in this process. Everything that is particular to the platform stands in
`execution/platforms/square/`.
"""

from __future__ import annotations

from execution import sync
from execution.platforms.square.platform import SQUARE

ENTITIES = SQUARE.entities()

if __name__ == "__main__":
    sync.main(SQUARE)
