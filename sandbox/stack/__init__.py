"""The embedded stack: PostgreSQL, PostgREST, Valkey and a gateway, behaving as hosted Supabase and a Redis do."""

from sandbox.stack.errors import AlreadyRunning, NotInstalled, StackError, Stopped, UnusableFolder
from sandbox.stack.signals import StopFlag, stop_flag
from sandbox.stack.stack import Extra, Stack, running_env

__all__ = [
    "AlreadyRunning",
    "Extra",
    "NotInstalled",
    "Stack",
    "StackError",
    "StopFlag",
    "Stopped",
    "UnusableFolder",
    "running_env",
    "stop_flag",
]
