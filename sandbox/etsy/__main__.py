"""`python -m sandbox.etsy`: one sandbox as a process of its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sandbox.etsy.app import Sandbox
from sandbox.etsy.oauth import TOKEN_PATH
from sandbox.etsy.world import World
from sandbox.parts import process

_OPTIONS = {"--keystring": "sandboxkeystring0000000a", "--shared-secret": "sandboxsec"}


def main(arguments: list[str] | None = None) -> int:
    return process.main(
        arguments,
        name="etsy",
        description="An Etsy for tests and demos.",
        options=_OPTIONS,
        build=_build,
        env=_env,
    )


def _build(options: argparse.Namespace, folder: Path) -> tuple[World, Sandbox]:
    world = World(folder=folder, keystring=options.keystring, shared_secret=options.shared_secret, seed=options.seed)
    return world, Sandbox(world)


def _env(world: World, url: str) -> dict[str, str]:
    return {
        "ETSY_API_BASE_URL": url,
        "ETSY_TOKEN_URL": url + TOKEN_PATH,
        "ETSY_KEYSTRING": world.keystring,
        "ETSY_SHARED_SECRET": world.shared_secret,
    }


if __name__ == "__main__":
    sys.exit(main())
