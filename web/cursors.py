"""Where a page of a list ended, as one word of an address: the next page goes on behind it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

# Texts that the database takes: it has no NUL.
_Text = Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=400)]
_Amount = Annotated[int, Field(ge=-(2**62), le=2**62)]


class AfterOrder(BaseModel):
    ordered_at: AwareDatetime
    connection_id: UUID
    platform_id: _Text


class AfterProduct(BaseModel):
    revenue: _Amount
    connection_id: UUID
    product: _Text
    currency: _Text


class AfterDay(BaseModel):
    day: date
    connection_id: UUID
    currency: _Text
    money_class: Annotated[_Text, Field(alias="class")]


def cursor(place: Mapping[str, Any] | None) -> str | None:
    if place is None:
        return None
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def place_of(kind: type[BaseModel], word: str | None) -> dict[str, Any] | None:
    """The place again. Raises ValueError for a word that is none of ours."""
    if not word:
        return None
    try:
        read = json.loads(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)))
        return kind.model_validate(read).model_dump(mode="json", by_alias=True)
    except (ValueError, ValidationError, RecursionError):
        raise ValueError("not the `next` of a page") from None
