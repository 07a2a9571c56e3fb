"""`python -m execution`: the command line from a checkout that nothing has installed, as a dyno runs it."""

from execution.cli import main

main()
