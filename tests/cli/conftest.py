"""The command line as a person types it: in this process for speed, against the real stack and the sandbox's Etsy."""

from __future__ import annotations

import gc
import re
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from execution import cli
from sandbox.stack import Stack
from tests.standins.etsy import Etsy


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command answered."""

    status: int
    out: str
    err: str

    def refusal(self) -> str:
        """The one line of a refusal: nothing on standard output, no second line, no traceback."""
        assert self.status != 0, self.out
        assert self.out == ""
        assert self.err.count("\n") == 1, self.err
        return self.err.strip()


Keeper = Callable[..., Said]
# Whatever a command tells: a time of day without its zone is another one for each who reads it.
BARE_TIME = re.compile(
    r"(?<![\d.:+-])(?:[01]\d|2[0-3]):[0-5]\d(?::\d\d(?:\.\d+)?)?(?![\d:.])(?! ?(?:UTC|[A-Z]{2,5}\b|Z|[+-]\d))"
)


@pytest.fixture
def whole_env(stack: Stack, etsy: Etsy) -> dict[str, str]:
    return {**stack.env, **etsy.env}


@contextmanager
def _as_a_process() -> Iterator[None]:
    """A command's connections end with its process; here they end with the block, and no later test hears of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        # What is here already ends no connection: to walk through it takes half a second a command.
        gc.freeze()
        yield
        gc.collect()


def _exit_status() -> int:
    """Run the command; no reference to its traceback, and so to its connections, is left."""
    try:
        cli.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    raise AssertionError("main() answered instead of exiting")


@pytest.fixture
def keeper(
    whole_env: dict[str, str],
    clean: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Keeper:
    """Run `keeper WORDS`; keyword arguments change the environment, None unsets."""

    def run(words: str, **changes: str | None) -> Said:
        with monkeypatch.context() as patch:
            for name, value in {**whole_env, **changes}.items():
                patch.delenv(name, raising=False) if value is None else patch.setenv(name, value)
            patch.setattr(sys, "argv", ["keeper", *shlex.split(words)])
            with _as_a_process():
                status = _exit_status()
        captured = capsys.readouterr()
        assert BARE_TIME.findall(captured.out + captured.err) == []
        return Said(status=status, out=captured.out, err=captured.err)

    return run
