"""What each of Square's lists needs to be granted (sheet 2.3; the vendor's OpenAPI document), and how a token is asked.

Lists that show one location unless it is named need the locations as well.
"""

from __future__ import annotations

from execution.platforms.rights import Rights
from execution.platforms.square.api import told

_PLACES = "MERCHANT_PROFILE_READ"

SQUARE_RIGHTS = Rights(
    needs={
        "locations": (_PLACES,),
        "orders": ("ORDERS_READ", _PLACES),
        "named_orders": ("ORDERS_READ",),
        "payments": ("PAYMENTS_READ", _PLACES),
        "refunds": ("PAYMENTS_READ",),
        "payouts": ("PAYOUTS_READ", _PLACES),
        "payout_entries": ("PAYOUTS_READ", _PLACES),
        "disputes": ("DISPUTES_READ",),
        "categories": ("ITEMS_READ",),
        "items": ("ITEMS_READ",),
        "variations": ("ITEMS_READ",),
        "vendors": ("VENDOR_READ",),
        "counts": ("INVENTORY_READ",),
        "customers": ("CUSTOMERS_READ",),
        "team_members": ("EMPLOYEES_READ",),
        "loyalty_accounts": ("LOYALTY_READ",),
        # Without the second only appointments that our own application made are shown (sheet 0.5).
        "bookings": ("APPOINTMENTS_READ", "APPOINTMENTS_ALL_READ"),
    },
    told=told,
)
