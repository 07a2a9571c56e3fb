"""Where the folders are that belong to the code and hold none, and which commands belong to it.

A wheel carries `directives/` and `supabase/` inside the package (`setup.py` puts them there) and declares its commands;
in a checkout the folders stand beside it, and where nothing has installed it (an image, a dyno) the commands are read
of the page that declares them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The folder of this name. The wheel's comes first: beside an installed package stands what others installed."""
    inside = _PACKAGE / "_shipped" / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def commands() -> list[EntryPoint]:
    """The commands from outside of this package by name: those that are installed, and our own in any case."""
    group = "keeper.commands"
    found = {point.name: point for point in (*_declared(group), *entry_points(group=group))}
    return [found[name] for name in sorted(found)]


def _declared(group: str) -> Iterator[EntryPoint]:
    page = _PACKAGE.parent / "pyproject.toml"
    project = tomllib.loads(page.read_text())["project"] if page.is_file() else {}
    # Beside an installed package may stand somebody else's.
    if project.get("name") == "keeper":
        for name, value in project["entry-points"][group].items():
            yield EntryPoint(name=name, value=value, group=group)
