"""Installed from a wheel into a clean environment, as any library is, Keeper does its main job in an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.standins.etsy import Etsy

ROOT = Path(__file__).resolve().parents[2]
_NO_INDEX = {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def _run(argv: list[str], *, cwd: Path, env: dict[str, str] | None = None) -> str:
    whole = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | _NO_INDEX | (env or {})
    ended = subprocess.run(argv, cwd=cwd, env=whole, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 0, f"{argv}: {ended.stdout}{ended.stderr}"
    return ended.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from what git knows, and so from nothing that another build left."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.split("\0"):
        if name and not name.startswith(("tests/", "docs/")) and (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(built)]
    _run([*build, str(source)], cwd=built)
    (found,) = built.glob("*.whl")
    return found


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A clean environment: the wheel, and the packages that it depends on."""

    bin: Path
    empty: Path

    def run(self, program: str, *words: str, env: dict[str, str] | None = None) -> str:
        return _run([str(self.bin / program), *words], cwd=self.empty, env=env)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    _run([sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", str(wheel)], cwd=folder)
    # The dependencies are those of this environment; its own .pth files, and so this checkout, are not followed.
    site = next((folder / "lib").glob("python*")) / "site-packages"
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Installed(bin=folder / "bin", empty=tmp_path_factory.mktemp("empty"))


def test_the_main_job_runs_from_an_empty_folder(
    installed: Installed, clean: None, product_env: dict[str, str], etsy: Etsy
) -> None:
    """migrate, a user, a shop, a backfill, its proof: directives and SQL came with the wheel."""
    shop = etsy.shop(orders=12)

    def keeper(words: str) -> str:
        return installed.run("keeper", *words.split(), env={**product_env, "LOG_LEVEL": "critical"})

    where = installed.run("python", "-c", "import execution, keeper, web; print(execution.__file__, keeper.__file__)")
    assert str(ROOT) not in where
    assert keeper("--version").startswith("keeper ")
    assert keeper("migrate") == "Nothing to do: the database is up to date.\n"
    user = keeper("user create --email ada@example.com").strip()
    keeper(f"connect etsy --user {user} --shop-id {shop.id} --access-token {shop.access_token}")
    keeper(f"backfill start --user {user}")
    keeper("run --until-idle")
    assert json.loads(keeper(f"verify --user {user} --json"))["ok"] is True
    # The web process finds its pages, the worker its actor.
    made = "from execution.app import App; from execution.settings import Settings; from web.app import create_app; "
    installed.run("python", "-c", f"{made}create_app(App(settings=Settings.load()))", env=product_env)
    installed.run("python", "-c", "import execution.worker_main", env=product_env)


def test_whatever_the_code_reads_from_its_folders_is_in_the_wheel(wheel: Path) -> None:
    """Every file beside the modules, and all of the shipped folders; `py.typed` says that there are types."""
    with zipfile.ZipFile(wheel) as opened:
        held = set(opened.namelist())
    beside = {
        str(path.relative_to(ROOT))
        for package in ("execution", "keeper", "sandbox", "web")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    shipped = {
        f"execution/_shipped/{path.relative_to(ROOT)}"
        for folder in ("directives", "supabase")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    }

    assert (beside | shipped) - held == set()
    assert {"keeper/py.typed", "execution/py.typed"} <= held


@pytest.mark.parametrize("library", ["execution", "keeper", "web"])
def test_nothing_reads_a_folder_beside_its_package(library: str) -> None:
    """Such a path leads a wheel out of itself: `execution.shipped` knows where the folders are."""
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in (ROOT / library).rglob("*.py")
        if path.name != "shipped.py"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if "__file__" in line and _leaves_the_package(line, depth=len(path.relative_to(ROOT).parts) - 1)
    ]

    assert found == []


def _leaves_the_package(line: str, *, depth: int) -> bool:
    climbed = line.count(".parent") - line.count(".parents")
    climbed += int(line.partition("parents[")[2].partition("]")[0] or 0) + 1 if ".parents[" in line else 0
    return climbed > depth


@pytest.mark.parametrize(
    ("line", "leaves"),
    [
        ('Path(__file__).resolve().parents[2] / "directives"', True),
        ('Path(__file__).resolve().parent.parent.parent / "supabase"', True),
        ("Path(__file__).resolve().parent.parent", False),
    ],
)
def test_a_planted_path_is_found(line: str, *, leaves: bool) -> None:
    assert _leaves_the_package(line, depth=2) is leaves
