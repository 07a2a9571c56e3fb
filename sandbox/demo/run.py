"""The demo from curtain to curtain."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import orjson
from rich.console import Console

from execution import logs, operations, progress
from execution.app import App
from execution.clock import SystemClock
from execution.errors import KeeperError
from execution.settings import Settings
from sandbox.demo import show
from sandbox.demo.calls import least_calls
from sandbox.demo.figures import read_figures
from sandbox.demo.plan import Plan, troubles
from sandbox.demo.shop import EtsySandbox
from sandbox.demo.stage import Stage, new_stage
from sandbox.demo.story import Story
from sandbox.demo.trigger import trigger
from sandbox.stack import StackError, StopFlag, Stopped, stop_flag

_PATIENCE_S, _ORDERS_A_SECOND = 150.0, 50


@dataclass(frozen=True, kw_only=True)
class _Watchful(SystemClock):
    """A clock whose waits end when a signal comes, when a process dies, or when it takes too long."""

    stage: Stage
    flag: StopFlag
    deadline: float

    def sleep(self, seconds: float) -> None:
        self.stage.check()
        if time.monotonic() > self.deadline:
            raise StackError("the backfill takes longer than it may in a demo.")
        self.flag.pause(seconds)


def run_demo(plan: Plan, *, as_json: bool) -> int:
    """Run it and answer the exit status: 0 when everything is complete and proven. Leaves no process, and no folder
    unless something failed: then its logs are worth a look.
    """
    logs.configure("warning")
    console = Console(highlight=False, quiet=as_json)
    data = Path(tempfile.mkdtemp(prefix="keeper-demo-"))
    stage = new_stage(data)
    try:
        with stop_flag(stage.kill) as flag:
            stage.stack.pause = flag.pause
            status = _play(plan, stage, flag, console, as_json=as_json)
    except Stopped as stopped:
        print(f"Stopped ({stopped.signal.name}); nothing is left running.", file=sys.stderr)
        status = 128 + stopped.signal
    except (StackError, KeeperError, httpx.HTTPError) as error:
        print(f"The demo failed: {error}\nIts logs are in {data / 'logs'}.", file=sys.stderr)
        return 1
    shutil.rmtree(data, ignore_errors=True)
    return status


def _play(plan: Plan, stage: Stage, flag: StopFlag, console: Console, *, as_json: bool) -> int:
    began = time.monotonic()
    console.print("Starting PostgreSQL, PostgREST, Valkey and a stand-in for Etsy ...", style="dim")
    with stage.open():
        etsy = EtsySandbox(stage.stack.env["ETSY_API_BASE_URL"])
        app = App(settings=Settings.load(stage.stack.env))
        try:
            story = _tell(plan, stage, flag, console, etsy=etsy, app=app, began=began)
        finally:
            app.store.close()
            app.valkey.close()
            etsy.close()
        _print(story, console, as_json=as_json)
        if plan.keep:
            console.print(show.how_to_use(stage.stack.data, story.user_id))
            _stay(stage, flag)
    return 0 if story.ok else 1


def _tell(
    plan: Plan, stage: Stage, flag: StopFlag, console: Console, *, etsy: EtsySandbox, app: App, began: float
) -> Story:
    user_id = operations.create_user(app, email="ada@example.com", plan="pro")["user_id"]
    flag.pause(0)
    seller = etsy.open_shop(plan)
    operations.connect(
        app,
        platform="etsy",
        user_id=user_id,
        shop_id=seller.shop_id,
        access_token=seller.access_token,
        refresh_token=seller.refresh_token,
        expires_at=datetime.fromtimestamp(seller.expires_at, UTC),
    )
    etsy.plant(troubles(plan))
    console.print(show.opening(plan, seller))
    backfill_began = time.monotonic()
    trigger(stage.house.url, stage.stack.env, user_id)
    deadline = backfill_began + _PATIENCE_S + plan.orders / _ORDERS_A_SECOND
    status = progress.watch(
        lambda: operations.status(app, user_id=user_id, platform=None),
        console=console,
        clock=_Watchful(stage=stage, flag=flag, deadline=deadline),
    )
    backfill_seconds = time.monotonic() - backfill_began
    requests = etsy.requests()
    finished = status["backfill_status"] == "completed"
    return Story(
        seller=seller,
        user_id=user_id,
        status=status,
        verified=operations.verify(app, user_id=user_id, platform=None),
        figures=read_figures(app.store, user_id),
        struck=etsy.struck(troubles(plan)),
        refreshes=requests["refresh_grants"],
        # Token refreshes are no calls of the API: they have no operation in the sheet's sense and cost no budget.
        calls=requests["by_rate"].get("counted", 0),
        least_calls=least_calls(app.store, user_id, status) if finished else 0,
        rejected=[{k: v for k, v in r.items() if k != "raw"} for r in operations.rejected(app, user_id=user_id)],
        backfill_seconds=backfill_seconds,
        total_seconds=time.monotonic() - began,
    )


def _print(story: Story, console: Console, *, as_json: bool) -> None:
    if as_json:
        facts = {**asdict(story), "ok": story.ok}
        facts["seller"] = {"shop_id": story.seller.shop_id, "shop_name": story.seller.shop_name}
        sys.stdout.write(orjson.dumps(facts, option=orjson.OPT_INDENT_2).decode() + "\n")
        sys.stdout.flush()
        return
    show.story(story, console)


def _stay(stage: Stage, flag: StopFlag) -> None:
    """Until a signal comes: that is how a demo that stays is meant to end."""
    try:
        while True:
            stage.check()
            flag.pause(0.2)
    except Stopped:
        return
