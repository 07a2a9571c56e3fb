"""What hosts read of the checkout agrees with the Procfile and the settings, and needs nothing of the sandbox."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

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


def test_what_the_image_copies_is_enough_to_answer(tmp_path: Path) -> None:
    """Its steps as far as they go without Docker: the files of each COPY in an empty folder, and its command there."""
    for sources, target in re.findall(r"^COPY (.*) (\S+)$", DOCKERFILE, re.MULTILINE):
        for name in sources.split():
            copy = tmp_path / (target if (ROOT / name).is_dir() else name)
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, copy)
    found = re.search(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)
    assert found is not None
    program, *words = json.loads(found[1])
    assert program == "python"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    env = {**os.environ, **WHOLE, "SUPABASE_URL": "http://127.0.0.1:1", "PORT": port}
    where = "import execution, web; print(execution.__file__, web.__file__)"

    seen = subprocess.run(
        [sys.executable, "-c", where], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    with subprocess.Popen([sys.executable, *words], cwd=tmp_path, env=env, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}", tries=3000)
            with client(f"http://127.0.0.1:{port}") as asking:
                answer = asking.get("/health/live")
        finally:
            process.terminate()

    assert all(path.startswith(str(tmp_path)) for path in seen.stdout.split())
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})
