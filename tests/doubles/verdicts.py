"""What a seller reads of a platform's verdict."""

from __future__ import annotations

from execution.errors import Fatal
from execution.platforms.api import Verdict
from execution.platforms.platform import Platform
from execution.seller_messages import message_of


def words_of(verdict: Verdict, platform: Platform) -> str:
    """What a seller reads where this ends a job."""
    return message_of(Fatal("x", code=verdict.code, words=verdict.words, facts=verdict.facts), platform)
