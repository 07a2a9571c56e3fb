"""What each of Etsy's lists needs to be granted (sheet 4.4 and 6), and how a token is asked what it was."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from execution.http.messages import Request, Send
from execution.platforms.rights import Granted, Rights


def _told(send: Send, access_token: str) -> Granted | None:
    """`tokenScopes`. Its shape is not documented: an answer of another shape tells nothing."""
    request = Request(
        path="/scopes",
        method="POST",
        body=urlencode({"token": access_token}).encode(),
        content_type="application/x-www-form-urlencoded",
    )
    try:
        scopes = json.loads(send(request).body).get("scopes")
    except (ValueError, AttributeError):
        return None
    return frozenset(scopes) if isinstance(scopes, list) and all(isinstance(s, str) for s in scopes) else None


ETSY_RIGHTS = Rights(
    needs={
        "receipts": ("transactions_r",),
        "transactions": ("transactions_r",),
        "ledger_entries": ("transactions_r",),
        "payments": ("transactions_r",),
        "listings": ("listings_r",),
    },
    told=_told,
)
