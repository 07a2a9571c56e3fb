"""What hosts read of the checkout agrees with the Procfile and the settings, and needs nothing of the sandbox."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from execution.settings import Settings

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
