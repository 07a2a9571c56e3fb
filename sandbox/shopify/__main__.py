"""`python -m sandbox.shopify`: one sandbox as a process of its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sandbox.parts.process import parser, run
from sandbox.shopify.app import Sandbox
from sandbox.shopify.oauth import TOKEN
from sandbox.shopify.world import World


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    return run(options, name="shopify", build=_build, env=_env)


def _build(options: argparse.Namespace, folder: Path) -> tuple[World, Sandbox]:
    world = World(folder=folder, client_id=options.client_id, client_secret=options.client_secret, seed=options.seed)
    return world, Sandbox(world)


def _env(world: World, url: str) -> dict[str, str]:
    return {
        "SHOPIFY_API_BASE_URL": url,
        "SHOPIFY_TOKEN_URL": url + TOKEN,
        "SHOPIFY_CLIENT_ID": world.client_id,
        "SHOPIFY_CLIENT_SECRET": world.client_secret,
        # The app of the sandbox is approved for the whole history.
        "SHOPIFY_ALL_ORDERS": "true",
    }


def _parser() -> argparse.ArgumentParser:
    made = parser("shopify", "A Shopify for tests and demos.")
    made.add_argument("--client-id", default="sandboxclientid000000000000000001")
    made.add_argument("--client-secret", default="shpss_sandboxsecret00000000000001")
    return made


if __name__ == "__main__":
    sys.exit(main())
