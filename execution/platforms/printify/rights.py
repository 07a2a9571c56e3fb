"""What each of Printify's lists needs to be granted (sheet 3.3), and where a token says what it was.

The sheet names the scopes, and says that nobody maps them to calls: each list is taken to need the one of its name. The
list of shops needs one too; without it nobody can say whose shop it is.
"""

from __future__ import annotations

from execution.http.messages import Send
from execution.jwt_claims import jwt_claims
from execution.platforms.rights import Granted, Rights


def _told(_send: Send, access_token: str) -> Granted | None:
    """`scopes` of the token, which is a JWT; one that does not say tells nothing."""
    scopes = jwt_claims(access_token).get("scopes")
    return frozenset(scopes) if isinstance(scopes, list) and all(isinstance(s, str) for s in scopes) else None


PRINTIFY_RIGHTS = Rights(needs={"orders": ("orders.read",), "products": ("products.read",)}, told=_told)
