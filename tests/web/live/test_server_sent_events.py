"""What is sent as an event arrives as one."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from web.live.server_sent_events import event


@given(data=st.text(max_size=200))
def test_an_event_is_one_event_whatever_it_holds(data: str) -> None:
    """A line break inside does not end it: the browser joins its lines again."""
    sent = event("progress", data).decode()

    assert sent.endswith("\n\n")
    assert "\n\n" not in sent[:-2]
    assert all(re.match(r"(event|data): ", line) for line in sent[:-2].split("\n"))
