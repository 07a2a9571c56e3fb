"""What Dramatiq imports in every worker process: the broker and its actor, made from the environment."""

from execution.logs import configure
from execution.workers import set_up

configure()
broker = set_up()
