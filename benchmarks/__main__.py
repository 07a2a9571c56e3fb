"""Every benchmark, one after the other: `make bench`. Each is a module with its own options and exit status."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HELPERS = ("__init__", "__main__", "world", "plain_loop", "big_shop", "bar_chart", "fresh_orders", "fresh_rounds")


def main() -> None:
    folder = Path(__file__).parent
    names = sorted(path.stem for path in folder.glob("*.py") if path.stem not in HELPERS)
    results = {}
    for name in names:
        print(f"== {name}", flush=True)
        results[name] = subprocess.call([sys.executable, "-m", f"benchmarks.{name}"])
    print("\n" + "\n".join(f"{name:12} {'kept' if status == 0 else 'MISSED'}" for name, status in results.items()))
    sys.exit(max(results.values()))


if __name__ == "__main__":
    main()
