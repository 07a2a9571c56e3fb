"""`python -m web`: the web process from a checkout that nothing has installed, as a dyno runs it."""

import typer

from execution.errors import KeeperError
from execution.terminal import refuse
from web.cli import web

if __name__ == "__main__":
    try:
        typer.run(web)
    except KeeperError as error:
        refuse(str(error), 2)
