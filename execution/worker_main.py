"""What Dramatiq imports in every worker process: the broker and its actor, made from the environment."""

import signal

from execution.process.logs import configure
from execution.workers import set_up, shutdown

configure()
broker = set_up()
shutdown.listen(signal.SIGTERM)
