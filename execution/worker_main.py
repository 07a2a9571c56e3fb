"""What Dramatiq imports in every worker process: the broker and its actor, made from the environment."""

import signal

from execution.process.logs import configure
from execution.workers import leaving, set_up

configure()
broker = set_up()
leaving.listen(signal.SIGTERM)
