"""`python -m sandbox.printify`: one sandbox as a process of its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sandbox.parts.process import parser, run
from sandbox.printify.app import Sandbox
from sandbox.printify.oauth import REFRESH_PATH
from sandbox.printify.world import World


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    return run(options, name="printify", build=_build, env=_env)


def _build(options: argparse.Namespace, folder: Path) -> tuple[World, Sandbox]:
    world = World(folder=folder, app_id=options.app_id, seed=options.seed)
    return world, Sandbox(world)


def _env(world: World, url: str) -> dict[str, str]:
    return {
        "PRINTIFY_API_BASE_URL": url,
        "PRINTIFY_TOKEN_URL": url + REFRESH_PATH,
        "PRINTIFY_APP_ID": world.app_id,
    }


def _parser() -> argparse.ArgumentParser:
    made = parser("printify", "A Printify for tests and demos.")
    made.add_argument("--app-id", default="sandboxapp0000000000000a")
    return made


if __name__ == "__main__":
    sys.exit(main())
