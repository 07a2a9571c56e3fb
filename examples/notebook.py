"""A shop from its first call to its proof, cell by cell, as in a notebook; no worker has to run.

python notebook.py you@example.com etsy SHOP_ID < token
"""

from __future__ import annotations

import sys

from keeper import Keeper

# %% Who, and which shop.
email, platform, shop_id = sys.argv[1:4]
token = sys.stdin.readline().strip()
keeper = Keeper()

# %% A user, and the shop. The token is tried before it is stored.
user = keeper.users.create(email)
shop = keeper.connections.connect(platform, user.user_id, shop_id=shop_id, access_token=token)
print(f"{shop.shop_name}: {shop.status}")

# %% What it would cost, and then the start.
estimate = keeper.backfills.estimate(user.user_id)
print(f"about {estimate.calls} calls")
keeper.backfills.start(user.user_id)

# %% The work itself, in this process.
keeper.backfills.run_until_idle()
for job in keeper.backfills.status(user.user_id).jobs:
    print(f"{job.entity}: {job.status}, {job.records_done} records")

# %% The proof.
proven = keeper.verify(user.user_id)
print("complete" if proven.ok else "not complete")
keeper.close()
sys.exit(0 if proven.ok else 1)
