"""Printify: what was printed for orders of other platforms, with what it cost; products and their variants.

    python -m execution.sync_printify --user ID

loads all of it for one user, in this process. Everything that is particular to the platform stands in
`execution/platforms/printify/`.
"""

from __future__ import annotations

from execution import sync
from execution.platforms.printify.platform import PRINTIFY

ENTITIES = PRINTIFY.entities()

if __name__ == "__main__":
    sync.main(PRINTIFY)
