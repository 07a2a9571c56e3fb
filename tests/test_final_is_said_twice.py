"""Nothing that a platform says once ends anything for good: what may end something, and by whose hands."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from execution.errors import Fatal, Refusal, Retriable, Signal, Skip, Snooze
from execution.platform_client import PlatformClient
from execution.platforms.api import ResponseKind, Verdict

EXECUTION = Path(__file__).parents[1] / "execution"
# What ends a job, a connection or a record, and the modules that remember the first saying before they do it.
ENDS = {
    "fail_job": {"jobs.py"},
    "mark_reconnect_needed": {"token_manager.py"},
    "fail_token_refresh": {"tokens/refresh.py", "tokens/care.py"},
    "close_gone": {"slices/lookup_step.py"},
}
MAY_END = {"fail": {"job_runner.py"}, "give_up": {"job_runner.py", "platform_client.py"}}
# Errors of ours in what platforms answer are not their refusals.
OF_A_PLATFORM = {ResponseKind.KEY_REFUSED: "platform_key_refused"}


class Limiter:
    """Whatever it is told."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


@pytest.mark.parametrize("kind", [kind for kind in ResponseKind if kind is not ResponseKind.ACCEPTED])
def test_no_verdict_is_final_by_itself(kind: ResponseKind) -> None:
    """A refusal is remembered, and a record that is gone too; of a key an operator is told, and no job fails."""
    client = PlatformClient.__new__(PlatformClient)
    cast("Any", client)._limiter, cast("Any", client)._scope = Limiter(), None
    cast("Any", client)._platform = type("Named", (), {"name": "x"})

    with pytest.raises(Signal) as raised:
        client._refuse(Verdict(kind=kind, reason="x", wait=timedelta(seconds=1), code=OF_A_PLATFORM.get(kind, "x")))

    assert isinstance(raised.value, Refusal | Retriable | Skip | Snooze) or (
        isinstance(raised.value, Fatal) and raised.value.code == OF_A_PLATFORM.get(kind)
    )


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr, node


def test_nobody_else_ends_anything() -> None:
    found: dict[str, set[str]] = {name: set() for name in ENDS | MAY_END}
    for path in EXECUTION.rglob("*.py"):
        module = str(path.relative_to(EXECUTION))
        for name, call in calls(ast.parse(path.read_text())):
            first = call.args[0] if call.args else None
            if name == "rpc" and isinstance(first, ast.Constant) and first.value in ENDS:
                found[str(first.value)].add(module)
            if name in MAY_END:
                found[name].add(module)
    # `jobs.fail` stands where `fail_job` is called through `_park` and its like.
    assert found == ENDS | MAY_END
