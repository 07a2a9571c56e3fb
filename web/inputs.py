"""What callers send as JSON is taken as it stands: a number is no text, a truth no number, a day no number."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field


class Body(BaseModel):
    """A JSON body of a request: of these members alone, each of its own kind."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _written_like(pattern: str, example: str) -> BeforeValidator:
    """JSON has no days and no moments: they are texts, and a number is none of them."""

    def check(value: Any) -> Any:
        # A default is a day already.
        if isinstance(value, (int, float)) or (isinstance(value, str) and not re.match(pattern, value, re.ASCII)):
            raise ValueError(f"must be written like {example}")
        return value

    return BeforeValidator(check)


Day = Annotated[date, Field(strict=False), _written_like(r"\d{4}-\d\d-\d\d\Z", "2026-03-04")]
Moment = Annotated[AwareDatetime, Field(strict=False), _written_like(r"\d{4}-\d\d-\d\dT", "2026-03-04T05:06:07Z")]
Id = Annotated[UUID, Field(strict=False)]
