"""Logs are events: one JSON line each on standard error, with a stable name and no payload."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import structlog

from execution.errors import UserError

_LEVELS = ("debug", "info", "warning", "error", "critical")


def _one_line(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Values from outside cannot start a new line or colour a terminal; JSON escapes the rest."""
    return {
        key: "".join(c if c.isprintable() else "�" for c in value)
        if isinstance(value, str) and key != "exception"
        else value
        for key, value in event.items()
    }


def configure(level: str | None = None) -> None:
    """Set up logging for this process. LOG_LEVEL: debug, info (default), warning, error or critical.

    UserError for another word: it would hide what somebody wanted to see.
    """
    name = level or os.environ.get("LOG_LEVEL") or "info"
    if name.lower() not in _LEVELS:
        raise UserError(f"LOG_LEVEL is {name!r}:", hint=f"write {', '.join(_LEVELS[:-1])} or {_LEVELS[-1]}.")
    number = logging.getLevelNamesMapping()[name.upper()]
    first: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = [
        # Tracebacks without locals: a local may be a token.
        structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
        _one_line,
        structlog.processors.JSONRenderer(ensure_ascii=True),
    ]
    # What libraries log has the same form: their messages may hold a shop's name, too.
    of_libraries = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *first],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(of_libraries)
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING))
    structlog.configure(
        processors=[*first, *last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
