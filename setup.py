"""What pyproject.toml cannot say: the folders outside of every package that a wheel carries all the same."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# Found again by execution/shipped.py.
SHIPPED = ("directives", "supabase")
_ROOT = Path(__file__).resolve().parent


class BuildPy(build_py):
    """Puts them into the package that is built; an editable install reads them where they are."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for name in SHIPPED:
            target = Path(self.build_lib) / "execution" / "_shipped" / name
            # What an older build left must not travel along.
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(_ROOT / name, target)


setup(cmdclass={"build_py": BuildPy})
