"""docs/api.md says what the docstrings say."""

from __future__ import annotations

import inspect

import keeper
from tools.api_reference import PAGE, page


def test_the_page_is_current() -> None:
    """Otherwise: `python -m tools.api_reference`."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_everything_public_is_described() -> None:
    """A name without a docstring would be an empty heading."""
    for name in keeper.__all__:
        kind = getattr(keeper, name)
        members = [one for key, one in vars(kind).items() if not key.startswith("_") and inspect.isfunction(one)]
        assert all(inspect.getdoc(one) for one in (kind, *members)), name
        assert f"# {name}" in page()
