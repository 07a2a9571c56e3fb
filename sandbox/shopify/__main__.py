"""`python -m sandbox.shopify`: one sandbox as a process of its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sandbox.parts import process
from sandbox.shopify.app import Sandbox
from sandbox.shopify.oauth import TOKEN
from sandbox.shopify.world import World

_OPTIONS = {"--client-id": "sandboxclientid000000000000000001", "--client-secret": "shpss_sandboxsecret00000000000001"}


def main(arguments: list[str] | None = None) -> int:
    return process.main(
        arguments,
        name="shopify",
        description="A Shopify for tests and demos.",
        options=_OPTIONS,
        build=_build,
        env=_env,
    )


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


if __name__ == "__main__":
    sys.exit(main())
