"""One event is one JSON line, whatever a shop is called (reliability, row 71)."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import NoReturn

import pytest
import structlog
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from execution.process import logs

NAMES = st.text(max_size=60) | st.text(alphabet="ab\n\r\x1b\x85\u2028\u2029\x00", max_size=20)
EACH = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def _logged(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """The one event that was written; anything but one line of plain characters fails."""
    written = capsys.readouterr().err
    lines = written.splitlines()
    assert len(lines) == 1, written
    assert lines[0].isprintable()
    assert lines[0].isascii()
    event: dict[str, object] = json.loads(lines[0])
    return event


@EACH
@given(NAMES)
@example('Ada\n{"event": "forged"}')
@example("\x1b[31mred\u2028")
def test_a_value_cannot_begin_another_event(capsys: pytest.CaptureFixture[str], name: str) -> None:
    logs.configure("info")

    structlog.get_logger().info("shop_connected", shop=name, nested={"shop": [name]})

    event = _logged(capsys)
    assert event["event"] == "shop_connected"
    # Not after a viewer has decoded it, either.
    assert str(event["shop"]).isprintable()


@EACH
@given(NAMES)
def test_an_exception_cannot_either(capsys: pytest.CaptureFixture[str], name: str) -> None:
    logs.configure("info")

    try:
        _fail(name)
    except ValueError:
        structlog.get_logger().exception("slice_broke")

    assert _logged(capsys)["event"] == "slice_broke"


def _fail(name: str) -> NoReturn:
    raise ValueError(name)


@EACH
@given(NAMES)
@example("Ada\nCRITICAL forged")
def test_nor_what_a_library_logs(capsys: pytest.CaptureFixture[str], name: str) -> None:
    logging.getLogger().handlers.clear()
    logs.configure("info")

    logging.getLogger("a.library").warning("shop %s", name)

    assert _logged(capsys)["logger"] == "a.library"
