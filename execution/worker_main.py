"""What Dramatiq imports in every worker process: the broker and its actor, made from the environment.

It may have been started by hand, so it checks in by itself.
"""

import signal

from execution import traces
from execution.app import App
from execution.command_line import EXIT_BAD_INPUT
from execution.errors import StoreUnavailable, UserError
from execution.process.logs import configure
from execution.settings import Settings
from execution.terminal import refuse
from execution.workers import set_up, shutdown


def check_in() -> None:
    """Refuse to work here in one line, as `keeper worker` does."""
    app = App(settings=Settings.load())
    try:
        app.wait_for_boot()
    finally:
        app.close()


try:
    configure()
    traces.configure("worker")
    check_in()
except (UserError, StoreUnavailable) as error:
    refuse(str(error), EXIT_BAD_INPUT)
broker = set_up()
shutdown.listen(signal.SIGTERM)
