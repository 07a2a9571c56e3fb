"""What resolvers know of the request that they answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.parts.responses import Doc
from sandbox.shopify.data.live_shop import LiveShop
from sandbox.shopify.graphql.errors import FieldError, scope_denied
from sandbox.shopify.settings import Settings


@dataclass(kw_only=True)
class Context:
    """One request: its shop, what its token may see, and what is noted on the way."""

    settings: Settings
    live_shop: LiveShop
    scopes: frozenset[str]
    now: int
    base_url: str = ""
    # When the caller's token dies.
    token_ends: float | None = None
    # Bulk operations read nested connections whole.
    unpaged: bool = False
    errors: list[Doc] = field(default_factory=list)
    searches: list[Doc] = field(default_factory=list)
    # Rows read by each connection, for the actual cost.
    counts: dict[int, int] = field(default_factory=dict)
    # The index within each list being walked, outermost first.
    at: dict[int, int] = field(default_factory=dict)

    def error(self, error: FieldError, path: tuple[Any, ...]) -> None:
        """Numbers in a compiled path stand for lists; here they become indices."""
        where = [part if isinstance(part, str) else self.at.get(part, 0) for part in path]
        self.errors.append({"message": str(error), "path": where, "extensions": error.extensions})

    def need(self, scope: str, name: str) -> None:
        """Refuse without the scope; a `write_x` scope implies `read_x` (sheet section 2.1)."""
        if scope not in self.scopes and scope.replace("read_", "write_", 1) not in self.scopes:
            raise scope_denied(name, scope)

    @property
    def oldest_order(self) -> int | None:
        """Orders before it are hidden without `read_all_orders`, silently (sheet section 0, fact 7)."""
        return None if "read_all_orders" in self.scopes else self.now - self.settings.order_days * 86_400
