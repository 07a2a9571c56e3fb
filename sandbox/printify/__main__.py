"""`python -m sandbox.printify`: one sandbox as a process of its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sandbox.parts import process
from sandbox.printify.app import Sandbox
from sandbox.printify.oauth import REFRESH_PATH
from sandbox.printify.world import World

_OPTIONS = {"--app-id": "sandboxapp0000000000000a"}


def main(arguments: list[str] | None = None) -> int:
    return process.main(
        arguments,
        name="printify",
        description="A Printify for tests and demos.",
        options=_OPTIONS,
        build=_build,
        env=_env,
    )


def _build(options: argparse.Namespace, folder: Path) -> tuple[World, Sandbox]:
    world = World(folder=folder, app_id=options.app_id, seed=options.seed)
    return world, Sandbox(world)


def _env(world: World, url: str) -> dict[str, str]:
    return {
        "PRINTIFY_API_BASE_URL": url,
        "PRINTIFY_TOKEN_URL": url + REFRESH_PATH,
        "PRINTIFY_APP_ID": world.app_id,
    }


if __name__ == "__main__":
    sys.exit(main())
