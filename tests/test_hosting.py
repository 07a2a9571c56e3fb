"""What hosts read of the checkout agrees with the Procfile and the settings, and needs nothing of the sandbox."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
import yaml

from execution.settings import Settings
from tests.test_settings import WHOLE
from tests.web.conftest import client, wait_for

ROOT = Path(__file__).resolve().parents[1]
APP = json.loads((ROOT / "app.json").read_text())
RENDER = yaml.safe_load((ROOT / "render.yaml").read_text())
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_heroku_is_told_which_buildpack() -> None:
    """Beside a package.json it would take Node's."""
    assert [one["url"] for one in APP["buildpacks"]] == ["heroku/python"]
    assert set(APP["formation"]) == set(PROCFILE) - {"release"}
    assert (ROOT / ".python-version").read_text().strip() in DOCKERFILE


def test_every_host_runs_the_processes_of_the_procfile() -> None:
    web, *others = RENDER["services"]

    assert web["preDeployCommand"] == PROCFILE["release"]
    assert [one["dockerCommand"] for one in others] == [PROCFILE["worker"], PROCFILE["clock"]]
    assert json.dumps(PROCFILE["web"].split()) in DOCKERFILE


def test_every_variable_that_a_host_asks_for_is_read() -> None:
    asked = {*APP["env"], *(one["key"] for group in RENDER["envVarGroups"] for one in group["envVars"])}

    assert asked - Settings.variables() == set()
    assert {"SUPABASE_URL", "SUPABASE_SERVICE_ROLE_KEY", "REDIS_URL", "TOKEN_KEYS", "DATABASE_URL"} <= asked


def test_the_image_copies_what_is_there_and_nothing_of_the_sandbox() -> None:
    copied = [name for line in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()]

    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert "sandbox" not in DOCKERFILE
    assert {"execution", "web", "directives", "supabase", "requirements.txt"} <= set(copied)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The files of each COPY in an empty folder."""
    for sources, target in re.findall(r"^COPY (.*) (\S+)$", DOCKERFILE, re.MULTILINE):
        for name in sources.split():
            copy = tmp_path / (target if (ROOT / name).is_dir() else name)
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, copy)
    return tmp_path


def test_the_image_has_every_command_but_those_of_the_sandbox(image: Path) -> None:
    """Nothing is installed there, so no entry point of ours is: the first administrator is made there all the same."""
    # Only packages, as `pip install --requirement` leaves them: ours is not among them, nor the sandbox beside it.
    packages = image / "packages"
    packages.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "keeper" not in path.name.lower():
            (packages / path.name).symlink_to(path)
    run = "import sys; sys.path[:0] = sys.argv[1:3]; sys.argv[1:3] = []; from execution import cli; cli.main()"
    python = [sys.executable, "-I", "-S", "-c", run, str(image), str(packages)]

    def said(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*python, *words], cwd=image, env=os.environ | WHOLE, capture_output=True, text=True, check=False
        )

    listed = said("--help").stdout

    assert said("--version").stdout.startswith("keeper ")
    assert {
        name for name in shipped_commands() if re.search(rf"^  {name} ", listed, re.MULTILINE)
    } == shipped_commands()
    assert "'nobody' is not a user id" in said("admin", "--user", "nobody").stderr
    assert "needs the package sandbox" in said("demo").stderr


def shipped_commands() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return set(project["entry-points"]["keeper.commands"])


def test_what_the_image_copies_is_enough_to_answer(image: Path) -> None:
    """Its steps as far as they go without Docker: its command, among what it copies."""
    found = re.search(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)
    assert found is not None
    program, *words = json.loads(found[1])
    assert program == "python"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    env = {**os.environ, **WHOLE, "SUPABASE_URL": "http://127.0.0.1:1", "PORT": port}
    where = "import execution, web; print(execution.__file__, web.__file__)"

    seen = subprocess.run([sys.executable, "-c", where], cwd=image, env=env, capture_output=True, text=True, check=True)
    with subprocess.Popen([sys.executable, *words], cwd=image, env=env, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}", tries=3000)
            with client(f"http://127.0.0.1:{port}") as asking:
                answer = asking.get("/health/live")
        finally:
            process.terminate()

    assert all(path.startswith(str(image)) for path in seen.stdout.split())
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})
