"""The one printer of the command line: what others wrote (a shop's name, a platform's reason) moves no terminal.

Characters that steer are shown as `�`: escape sequences, line ends, marks that turn the direction of writing. In JSON
they are written as numbers, so that nothing is lost.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NoReturn, TypeVar, cast

import orjson
from rich.console import Console, RenderableType

F = TypeVar("F")

# Joiners are part of names in many scripts, and of signs.
_JOINERS = "\u200c\u200d"
_STEERS = ("Cc", "Cf", "Cs", "Zl", "Zp")

# Neither markup nor signs by name: a text is shown as it is written.
console = Console(highlight=False, markup=False, emoji=False)


def plain(text: str) -> str:
    """The text in one line that can only be read."""
    if text.isprintable():
        return text
    return "".join("�" if _steers(char) else char for char in text)


def moment_text(moment: datetime) -> str:
    """Day and time in the reader's own zone, which is named."""
    local = moment.astimezone()
    return f"{local:%b %d} {time_text(local)}"


def time_text(moment: datetime) -> str:
    """The time alone. Two people who read it may sit in two zones."""
    local = moment.astimezone()
    zone = local.tzname() or ""
    return f"{local:%H:%M} {zone if zone.isalpha() else f'UTC{zone}'}"


def plain_facts(facts: F) -> F:
    """The same facts with every text in them plain."""
    return cast("F", _plain(facts))


def show(facts: F, *, as_json: bool, text: Callable[[F], RenderableType]) -> None:
    """Print facts for a program, or what `text` makes of them, a sentence or a table, for a person."""
    if as_json:
        say(re.sub(r"[^\n -~]", _escaped, orjson.dumps(facts, default=str, option=orjson.OPT_INDENT_2).decode()))
        return
    shown = text(plain_facts(facts))
    if isinstance(shown, str):
        console.print(shown, soft_wrap=True)
    else:
        console.print(shown)


@contextmanager
def progress_of(text: str) -> Iterator[Callable[[str], None]]:
    """What is being done, on standard error and for a person alone: what is called tells the next of it."""
    shown = Console(stderr=True, highlight=False, markup=False, emoji=False)
    if not shown.is_terminal:
        yield lambda _: None
        return
    with shown.status(text) as status:
        yield lambda now: status.update(plain(now))


def say(text: str) -> None:
    """Lines of our own words."""
    sys.stdout.write(text + "\n")


def refuse(line: str, status: int) -> NoReturn:
    """One line on standard error, and the end."""
    sys.stderr.write(plain(" ".join(line.split())) + "\n")
    sys.exit(status)


def _plain(facts: Any) -> Any:
    if isinstance(facts, str):
        return plain(facts)
    if isinstance(facts, Mapping):
        return {_plain(name): _plain(value) for name, value in facts.items()}
    if isinstance(facts, Sequence) and not isinstance(facts, bytes):
        return [_plain(one) for one in facts]
    return facts


def _steers(char: str) -> bool:
    return unicodedata.category(char) in _STEERS and char not in _JOINERS


def _escaped(found: re.Match[str]) -> str:
    """A character that steers, as JSON writes it; all of them stand within strings."""
    char = found[0]
    if not _steers(char):
        return char
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def pour(lines: Iterable[bytes]) -> None:
    """Bytes for another program, as they are: they are JSON, where nothing moves a terminal."""
    for line in lines:
        sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
