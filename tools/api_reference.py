"""Write docs/api.md from the docstrings of the public interface.

python -m tools.api_reference            write it
python -m tools.api_reference --check    exit status 1 where it is not current
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keeper

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"
# What its user is given first, then the parts, then what they answer, then what they raise.
_FIRST = (
    keeper.Keeper,
    keeper.Users,
    keeper.Connections,
    keeper.Backfills,
    keeper.Refreshes,
    keeper.Runs,
    keeper.Events,
)
_INTRODUCTION = """# The Python interface

Written from the docstrings by `python -m tools.api_reference`. What stands here is public and typed (`py.typed`);
everything else may change with any release. `examples/` has an onboarding webhook, the handler of a settings page,
a receiver of events, and a script like a notebook.

```python
from keeper import Keeper
```
"""


def page() -> str:
    """The whole page."""
    public = [getattr(keeper, name) for name in keeper.__all__]
    errors = [one for one in public if issubclass(one, Exception)]
    results = [one for one in public if one not in (*_FIRST, *errors)]
    parts = [_INTRODUCTION]
    parts += [_described(one, _methods(one)) for one in _FIRST]
    parts += ["## What it answers\n", *(_described(one, _fields(one), level=3) for one in results)]
    parts += ["## What it raises\n", *(_described(one, [], level=3) for one in errors)]
    return "\n".join(parts)


def _described(kind: type[Any], members: list[str], *, level: int = 2) -> str:
    base = f" ({kind.__base__.__name__})" if issubclass(kind, Exception) and kind.__base__ else ""
    return "\n".join([f"{'#' * level} {kind.__name__}{base}\n", f"{_text(kind)}\n", *members])


def _methods(kind: type[Any]) -> list[str]:
    found = [_method("Keeper" if kind is keeper.Keeper else "", kind.__init__)] if kind is keeper.Keeper else []
    return found + [_method(name, method) for name, method in _public(kind) if callable(method)]


def _public(kind: type[Any]) -> Iterator[tuple[str, Any]]:
    # In the order in which they stand: a reader meets the ordinary ones first.
    return ((name, member) for name, member in vars(kind).items() if not name.startswith("_"))


def _method(name: str, method: Callable[..., Any]) -> str:
    signature = inspect.signature(method)
    kept = [one for one in signature.parameters.values() if one.name != "self"]
    shown = str(signature.replace(parameters=kept)).replace("'", "").replace(" -> None", "")
    word = "async " if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method) else ""
    text = _text(method) if method.__name__ != "__init__" else ""
    return f"`{word}{name}{shown}`\n\n{text}\n" if text else f"`{word}{name}{shown}`\n"


def _fields(kind: type[Any]) -> list[str]:
    rows = [_row(one.name, str(one.type)) for one in dataclasses.fields(kind)]
    rows += [
        _row(name, str(inspect.signature(member.fget).return_annotation), _text(member.fget))
        for name, member in _public(kind)
        if isinstance(member, property) and member.fget
    ]
    return ["| | |\n|---|---|", *rows, ""]


def _row(name: str, kind: str, about: str = "") -> str:
    told = kind.replace("|", "\\|")
    return f"| `{name}` | `{told}` {about}".rstrip() + " |"


def _text(of: object) -> str:
    return inspect.getdoc(of) or ""


def main() -> int:
    """Exit status 1 where the page was to be checked and says something else."""
    if "--check" in sys.argv[1:]:
        return int(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
