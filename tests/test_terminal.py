"""What others wrote is read at a terminal, and steers it nowhere."""

from __future__ import annotations

import ast
import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.table import Table

from execution import terminal
from execution.terminal import moment_text

ROOT = Path(__file__).resolve().parents[1]
HOSTILE = [
    "\x1b[2J\x1b[31mred", "\x1b]8;;http://evil\x07link\x1b]8;;\x07", "\x1b]52;c;cm0gLXJm\x07", "\x9b31m", "a\rb",
    "a\nb", "a\x08b", "a\u202eb", "a\u2066b", "a\u2028b", "a\u200bb", "\x00", "a\x7f", "\ud800", "\U000e0041",
]  # fmt: skip
HARMLESS = [
    "Büro & Söhne",
    "東京の店",
    "a\u00a0b",
    "👩\u200d🎨 studio",
    "نیم\u200cفاصله",
    "[bold]not[/bold] [/x]",
    ":smile:",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("table", [False, True])
def test_a_text_that_steers_is_shown_without_its_effect(
    text: str, capsys: pytest.CaptureFixture[str], *, as_json: bool, table: bool
) -> None:
    """As a sentence, in a table, and as JSON, which gives it back as it was."""
    if as_json and text == "\ud800":
        pytest.skip("no JSON holds half a character")

    def words(facts: dict[str, Any]) -> Any:
        if not table:
            return f"Connected {facts['shops'][0]['name']}."
        rows = Table("name")
        rows.add_row(facts["shops"][0]["name"])
        return rows

    terminal.show({"shops": [{"name": text}]}, as_json=as_json, text=words)

    out = capsys.readouterr().out
    assert [char for char in out if char != "\n" and not (char.isprintable() or char in "\u200c\u200d")] == []
    if as_json:
        assert json.loads(out)["shops"][0]["name"] == text
    elif not table:
        assert out.count("\n") == 1


@pytest.mark.parametrize("text", HARMLESS)
def test_a_name_stays_as_it_is_written(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In any script, with joiners, and with what would be markup."""
    terminal.show({"name": text}, as_json=False, text=lambda facts: facts["name"])

    assert capsys.readouterr().out == f"{text}\n"


def test_a_refusal_is_one_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        terminal.refuse("Shop \x1b[2J belongs\nto \u202esomeone", 2)

    assert capsys.readouterr().err == "Shop �[2J belongs to �someone\n"


# Who else writes to a stream: SQL for a file, from our own declarations.
_OTHERS = {"execution/terminal.py", "execution/schema/mapping.py"}


def writes(source: str) -> list[int]:
    """Lines that write to a terminal past the printer."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id in {"print", "Console"})
            or (isinstance(node.func, ast.Attribute) and node.func.attr in {"echo", "secho", "Console"})
            or (ast.unparse(node.func).startswith(("sys.stdout.", "sys.stderr.")))
        )
    ]


def test_nobody_prints_past_the_printer() -> None:
    files = [path for room in ("execution", "keeper", "web") for path in (ROOT / room).rglob("*.py")]
    found = [(str(path.relative_to(ROOT)), line) for path in files for line in writes(path.read_text())]

    assert [(file, line) for file, line in found if file not in _OTHERS] == []


@pytest.mark.parametrize(
    "line", ["print(x)", "typer.echo(x)", "sys.stdout.write(x)", "sys.stderr.write(x)", "rich.console.Console()"]
)
def test_a_planted_print_is_found(line: str) -> None:
    assert writes(line) == [1]


# A time of day as it is formatted, and beside it a zone: the zone's name, or a wire's own "Z" or offset.
_TIME = re.compile(r"%H:?%M(?::?%S)?(?:\.%f)?(Z|%Z|%z|\+00:00)?")


def bare_times(source: str) -> list[str]:
    return [found[0] for found in _TIME.finditer(source) if not found[1]]


def test_no_time_is_formatted_without_its_zone() -> None:
    """One printer names the zone; an event's ends with Z, the name of a migration is no time that anybody reads."""
    rooms = ("execution", "keeper", "sandbox/demo", "tools")
    files = [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]
    known = {"execution/terminal.py", "execution/events/message.py", "tools/migration.py"}
    found = {str(path.relative_to(ROOT)) for path in files if bare_times(path.read_text())}

    assert len(files) > 100
    assert found == known
    assert bare_times('f"{local:%b %d %H:%M}"') == ["%H:%M"]


@pytest.mark.parametrize(
    ("zone", "said"),
    [("UTC", "Nov 23 06:10 UTC"), ("Europe/Berlin", "Nov 23 07:10 CET"), ("Asia/Dubai", "Nov 23 10:10 UTC+04")],
)
def test_a_time_is_told_with_the_readers_zone(monkeypatch: pytest.MonkeyPatch, zone: str, said: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert moment_text(datetime(2026, 11, 23, 6, 10, tzinfo=UTC)) == said
    finally:
        monkeypatch.undo()
        time.tzset()
