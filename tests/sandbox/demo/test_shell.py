"""What a person is told to type in another shell can be typed there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sandbox.shell import lines_for


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with a blank in its name, and an environment in it."""
    folder = tmp_path / "my data"
    folder.mkdir()
    (folder / "env").write_text("SUPABASE_URL=http://127.0.0.1:1\n")
    return folder


def test_the_lines_work_in_a_shell_that_does_not_know_keeper(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    lines = [*lines_for(data), "command -v keeper", "echo $SUPABASE_URL"]

    finished = subprocess.run(
        ["sh", "-ec", "\n".join(lines)], capture_output=True, text=True, check=True
    ).stdout.split()
    assert finished[0].endswith("/bin/keeper")
    assert finished[1] == "http://127.0.0.1:1"


def test_who_has_keeper_at_hand_is_not_told_to_look_for_it(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = data / "keeper"
    here.write_text("#!/bin/sh\n")
    here.chmod(0o755)
    monkeypatch.setenv("PATH", str(data))

    assert len(lines_for(data)) == 1
