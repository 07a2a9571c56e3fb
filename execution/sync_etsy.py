"""Etsy: paid orders with their lines, refunds, shipments and buyers; listings; the payment account's ledger.

    python -m execution.sync_etsy --user ID

loads all of it for one user, in this process. Everything that is particular to the platform stands in
`execution/platforms/etsy/`.
"""

from __future__ import annotations

from execution import sync
from execution.platforms.etsy.platform import ETSY

ENTITIES = ETSY.entities()

if __name__ == "__main__":
    sync.main(ETSY)
