"""The demo: two sellers at three platforms, loaded through real parts by real processes while platforms misbehave.

Then the platforms change, rounds follow, and one of them is taken back and done again (`second_act`).
"""

from sandbox.demo.plan import Plan
from sandbox.demo.run import run_demo

__all__ = ["Plan", "run_demo"]
