"""A process that answers an order with its own number, or tells its parent that it has begun and never ends.

python -m tests.runner.orders_child
"""

from __future__ import annotations

import json
import os
import signal
import sys


def main() -> None:
    for line in sys.stdin:
        if json.loads(line)["hang"]:
            os.kill(os.getppid(), signal.SIGUSR1)
            signal.pause()
        print(json.dumps({"pid": os.getpid()}), flush=True)


if __name__ == "__main__":
    main()
