"""`python -m sandbox.square`: one sandbox as a process of its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sandbox.parts import process
from sandbox.square.app import Sandbox
from sandbox.square.oauth import TOKEN
from sandbox.square.world import World

_OPTIONS = {
    "--app-id": "sq0idp-sandbox00000000000001",
    "--app-secret": "sq0csp-sandboxsecret0000000000000000001",
    "--access-token": "EAAAEsandboxapplication000000001",
}


def main(arguments: list[str] | None = None) -> int:
    return process.main(
        arguments,
        name="square",
        description="A Square for tests and demos.",
        options=_OPTIONS,
        build=_build,
        env=_env,
    )


def _build(options: argparse.Namespace, folder: Path) -> tuple[World, Sandbox]:
    world = World(
        folder=folder,
        app_id=options.app_id,
        app_secret=options.app_secret,
        access_token=options.access_token,
        seed=options.seed,
    )
    return world, Sandbox(world)


def _env(world: World, url: str) -> dict[str, str]:
    return {
        "SQUARE_API_BASE_URL": url,
        "SQUARE_TOKEN_URL": url + TOKEN,
        "SQUARE_APP_ID": world.app_id,
        "SQUARE_APP_SECRET": world.app_secret,
        "SQUARE_ACCESS_TOKEN": world.access_token,
    }


if __name__ == "__main__":
    sys.exit(main())
