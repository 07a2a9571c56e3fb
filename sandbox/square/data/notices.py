"""That something happened which Square tells applications of."""

from __future__ import annotations

from typing import NamedTuple

from sandbox.parts.responses import Doc


class Notice(NamedTuple):
    """The type of the event, and the record as it is now."""

    type: str
    doc: Doc
