"""Runbooks: one for each alert, none without, and each command in them can be typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer.main

from execution import cli
from tests.ops.conftest import ROOT, rules_of
from tests.test_house import _leaves

FOLDER = ROOT / "docs/runbooks"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
SECTIONS = ["What it means", "See it", "What to do", "It is over when"]
ALERTS = {(rule["alert"], rule["annotations"]["runbook"]) for rule in rules_of(ROOT / "ops/alerts.yaml")}


@pytest.fixture(scope="module")
def commands() -> dict[str, click.Command]:
    cli.join_commands()
    return _leaves(typer.main.get_command(cli.cli))


def typed(text: str) -> Iterator[str]:
    """What a page tells to type: in backquotes, and as lines of a block."""
    for block in re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from (line for line in block.splitlines() if line.startswith("keeper "))
    yield from re.findall(r"`(keeper [^`\n]+)`", text)


def wrong_in(line: str, commands: dict[str, click.Command]) -> str:
    """What of a command there is not; empty where it can be typed as it stands."""
    words = shlex.split(line)[1:]
    for length in range(len(words), 0, -1):
        if (command := commands.get(" ".join(words[:length]))) is not None:
            break
    else:
        return "no such command"
    given, rest = words[length:], {param.name for param in command.params}
    known = {option: param for param in command.params for option in (*param.opts, *param.secondary_opts)}
    places = [param for param in command.params if param.param_type_name == "argument"]
    arguments, values = 0, iter(given)
    for word in values:
        if not word.startswith("--"):
            arguments += 1
        elif word not in known:
            return f"no option {word}"
        else:
            rest.discard(known[word].name)
            if not getattr(known[word], "is_flag", False) and next(values, None) is None:
                return f"{word} without a value"
    if arguments > len(places) and all(place.nargs != -1 for place in places):
        return "too many arguments"
    # By nargs: one that takes any number may take none.
    needed = sum(place.required and place.nargs != -1 for place in places)
    missing = [param.name for param in command.params if param.required and param.name in rest and param not in places]
    return "too few arguments" if arguments < needed else f"without {missing[0]}" if missing else ""


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_runbook_says_four_things(page: Path) -> None:
    text = page.read_text()

    assert re.match(r"# \S", text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    assert all(part.strip() for part in re.split(r"^## .+$", text, flags=re.MULTILINE))
    assert list(typed(text)), "nothing of Keeper's is told to type"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_its_commands_can_be_typed(page: Path, commands: dict[str, click.Command]) -> None:
    wrong = {line: what for line in typed(page.read_text()) if (what := wrong_in(line, commands))}

    assert wrong == {}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("keeper shelves list", "no such command"),
        ("keeper jobs list --colour red", "no option --colour"),
        ("keeper jobs show", "too few arguments"),
        ("keeper jobs show JOB --limit 3", "no option --limit"),
        ("keeper jobs list JOB", "too many arguments"),
        ("keeper verify", "without user_id"),
        ("keeper jobs list --state", "--state without a value"),
    ],
)
def test_a_planted_wrong_command_is_found(line: str, what: str, commands: dict[str, click.Command]) -> None:
    assert wrong_in(line, commands) == what


def test_every_runbook_is_named_by_an_alert_and_by_the_index() -> None:
    index = dict(
        re.findall(r"^\| \[[^]]+\]\(([a-z-]+\.md)\) \| (.+?) \|$", (FOLDER / "README.md").read_text(), re.MULTILINE)
    )

    told = {
        (alert, f"docs/runbooks/{page}") for page, names in index.items() for alert in re.findall(r"`(\w+)`", names)
    }

    assert {ROOT / runbook for _, runbook in ALERTS} == set(PAGES)
    assert told == ALERTS
