"""The demo: two sellers at three platforms, loaded through real parts by real processes while platforms misbehave."""

from sandbox.demo.plan import Plan
from sandbox.demo.run import run_demo

__all__ = ["Plan", "run_demo"]
