"""The demo: a seeded Etsy shop, loaded through real parts by real processes while the platform misbehaves."""

from sandbox.demo.plan import Plan
from sandbox.demo.run import run_demo

__all__ = ["Plan", "run_demo"]
