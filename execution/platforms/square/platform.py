"""Square: announced to sellers; nothing of it is read yet."""

from __future__ import annotations

from execution.platform_settings import PlatformVariables
from execution.platforms.platform import Announced
from execution.platforms.square.tokens import SQUARE_TOKENS
from execution.platforms.words import SellerWords

SQUARE = Announced(
    name="square",
    title="Square",
    words=SellerWords(brings="Orders and payments from your counter."),
    variables=PlatformVariables(client_id="SQUARE_APP_ID", client_secret="SQUARE_APP_SECRET"),  # noqa: S106  a name
    tokens=SQUARE_TOKENS,
)
