"""What is sent as JSON is taken as it stands, by every route that takes any."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from web.app import ROUTERS
from web.inputs import Body, Day, Id, Moment
from web.routes import session


class Sample(Body):
    number: int = 1
    truth: bool = False
    text: str = ""
    day: Day | None = None
    moment: Moment | None = None
    id: Id | None = None


def test_every_json_body_of_a_route_is_strict() -> None:
    bodies = {
        one
        for router in (*ROUTERS, session.dev_router)
        for route in router.routes
        if isinstance(route, APIRoute)
        for name, one in get_type_hints(route.endpoint).items()
        if name != "return" and isinstance(one, type) and issubclass(one, BaseModel)
    }

    assert len(bodies) >= 6
    assert [one.__name__ for one in bodies if not issubclass(one, Body)] == []
    assert [one.__name__ for one in bodies if one.model_config.get("extra") != "forbid"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": True}, {"number": "12"}, {"number": 1.0}, {"truth": 1}, {"truth": "true"}, {"text": 7}, {"day": 0},
        {"day": "2026-03-04T00:00:00"}, {"day": 20260304}, {"day": "2026-02-30"}, {"moment": 0}, {"moment": "0"},
        {"moment": "2026-03-04"}, {"moment": "2026-03-04T05:06:07"}, {"id": 7}, {"id": "7"}, {"more": 1},
    ],
)  # fmt: skip
def test_what_is_of_another_kind_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate(wrong)


def test_what_json_has_no_kind_for_is_a_text() -> None:
    said = Sample.model_validate(
        {"day": "2026-03-04", "moment": "2026-03-04T05:06:07Z", "id": "9d35f1c0-0d1b-4a5e-8a3e-6d0b0a8f7c11"}
    )

    assert (str(said.day), said.moment and said.moment.hour, str(said.id)[:4]) == ("2026-03-04", 5, "9d35")
