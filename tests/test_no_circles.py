"""No circle of files: what a module imports never leads back to it, in any of the packages."""

from __future__ import annotations

import sys
from pathlib import Path

import grimp
import pytest

PACKAGES = ("execution", "keeper", "sandbox", "web")


def circles(*packages: str) -> list[list[str]]:
    """Modules that reach each other, each circle once: the strongly connected components (Tarjan)."""
    graph = grimp.build_graph(*packages, cache_dir=None)
    imports = {module: sorted(graph.find_modules_directly_imported_by(module)) for module in sorted(graph.modules)}
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        number[module] = lowest[module] = len(number)
        path.append(module)
        for imported in imports[module]:
            if imported not in number:
                visit(imported)
                lowest[module] = min(lowest[module], lowest[imported])
            elif imported in path:
                lowest[module] = min(lowest[module], number[imported])
        if lowest[module] == number[module]:
            circle = path[path.index(module) :]
            del path[path.index(module) :]
            if len(circle) > 1:
                found.append(sorted(circle))

    for module in imports:
        if module not in number:
            visit(module)
    return found


def test_no_file_is_in_a_circle() -> None:
    """Imports for types alone and imports inside functions count too."""
    assert circles(*PACKAGES) == []


def test_a_planted_circle_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three files in two folders, tied by an import in a function and by one for types alone."""
    package = tmp_path / "planted_circle"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "inner" / "__init__.py").touch()
    (package / "first.py").write_text("from planted_circle.inner import second\n")
    (package / "inner" / "second.py").write_text("def late():\n    import planted_circle.third\n")
    (package / "third.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from planted_circle.first import late\n"
    )
    (package / "apart.py").write_text("import planted_circle.first\n")
    monkeypatch.syspath_prepend(tmp_path)

    found = circles("planted_circle")

    assert found == [["planted_circle.first", "planted_circle.inner.second", "planted_circle.third"]]
    assert "planted_circle" not in sys.modules, "a graph is read, not run"
