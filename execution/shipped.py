"""Where the folders are that belong to the code and hold none: `directives/` and `supabase/`.

A wheel carries them inside the package (`setup.py` puts them there); in a checkout they stand beside it.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The folder of this name. The wheel's comes first: beside an installed package stands what others installed."""
    inside = _PACKAGE / "_shipped" / name
    return inside if inside.is_dir() else _PACKAGE.parent / name
