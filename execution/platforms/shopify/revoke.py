"""Taking leave of Shopify: `appUninstall` takes every token of the shop along.

Two days later Shopify asks us to forget the shop.
"""

from __future__ import annotations

from execution.http.messages import Response
from execution.http.small_bodies import json_object
from execution.platforms.api import Revoke
from execution.platforms.shopify.graphql import graphql


def _uninstalled(response: Response) -> bool:
    """GraphQL answers 200 also to what it did not do."""
    fields = json_object(response.body)
    try:
        refused = fields["data"]["appUninstall"]["userErrors"]
    except (KeyError, TypeError):
        return False
    return not fields.get("errors") and refused == []


SHOPIFY_REVOKE = Revoke(
    request=graphql(
        "mutation KeeperLeaves { appUninstall { app { id } userErrors { field message code } } }", points=10
    ),
    is_done=_uninstalled,
)
