"""The demo from its first process to its report."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
from rich.console import Console

from execution import operations
from execution.app import App
from execution.clock import SystemClock
from execution.errors import KeeperError
from execution.process import logs
from execution.reports import costs, progress
from execution.settings import Settings
from sandbox.demo import report
from sandbox.demo.calls import least_calls
from sandbox.demo.figures import counted, read_figures
from sandbox.demo.onboarding_webhook import send_onboarding
from sandbox.demo.plan import Plan, etsy_faults, printify_change, shopify_faults
from sandbox.demo.processes import DemoProcesses, new_processes
from sandbox.demo.result import DemoResult, SellerResult
from sandbox.demo.second_act import play
from sandbox.demo.stand_ins import Shop, StandIns
from sandbox.stack import StackError, StopFlag, Stopped, stop_flag

_PATIENCE_S, _ORDERS_A_SECOND = 180.0, 20
# Orders to list with their profit.
_NEWEST = 5


@dataclass(frozen=True, kw_only=True)
class _WatchingClock(SystemClock):
    """A clock whose waits end when a signal comes, when a process dies, or when it takes too long."""

    processes: DemoProcesses
    flag: StopFlag
    deadline: float

    def sleep(self, seconds: float) -> None:
        self.processes.check()
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
    # Children keep what they spool here too, so that it goes with the rest.
    os.environ["TMPDIR"] = str(data)
    processes = new_processes(data)
    try:
        with stop_flag(processes.kill) as flag:
            processes.stack.pause = flag.pause
            status = _run_processes(plan, processes, flag, console, as_json=as_json)
    except Stopped as stopped:
        print(f"Stopped ({stopped.signal.name}); nothing is left running.", file=sys.stderr)
        status = 128 + stopped.signal
    except (StackError, KeeperError, httpx.HTTPError) as error:
        print(f"The demo failed: {error}\nIts logs are in {data / 'logs'}.", file=sys.stderr)
        return 1
    shutil.rmtree(data, ignore_errors=True)
    return status


def _run_processes(plan: Plan, processes: DemoProcesses, flag: StopFlag, console: Console, *, as_json: bool) -> int:
    began = time.monotonic()
    console.print("Starting PostgreSQL, PostgREST, Valkey and stand-ins for the platforms ...", style="dim")
    with processes.open():
        stand_ins = StandIns(processes.stack.env)
        app = App(settings=Settings.load(processes.stack.env))
        try:
            result = _load_shops(plan, processes, flag, console, stand_ins=stand_ins, app=app, began=began)
        finally:
            app.store.close()
            app.valkey.close()
            stand_ins.close()
        _print(result, console, as_json=as_json)
        if plan.keep:
            console.print(report.how_to_use(processes.stack.data, result.first.user_id))
            _stay(processes, flag)
    return 0 if result.ok else 1


def _load_shops(
    plan: Plan,
    processes: DemoProcesses,
    flag: StopFlag,
    console: Console,
    *,
    stand_ins: StandIns,
    app: App,
    began: float,
) -> DemoResult:
    ada = operations.create_user(app, email="ada@example.com", plan="pro")["user_id"]
    ben = operations.create_user(app, email="ben@example.com", plan="starter")["user_id"]
    cleo = operations.create_user(app, email="cleo@example.com", plan="starter")["user_id"]
    flag.pause(0)
    shops = stand_ins.open_shops(plan)
    of = {ada: (shops.etsy, shops.printify, shops.shopify), ben: (shops.second,), cleo: (shops.counter, shops.salon)}
    for user_id, shop in ((user_id, shop) for user_id, theirs in of.items() for shop in theirs):
        _connect(app, user_id, shop)
    at_etsy, at_shopify = etsy_faults(plan, shops.etsy.shop_id), shopify_faults(plan)
    stand_ins.etsy.plant(at_etsy)
    stand_ins.shopify.plant(at_shopify)
    if change := printify_change(plan):
        stand_ins.printify.post(f"/shops/{shops.printify.shop_id}/mutations", change)
    console.print(report.opening(plan, shops))
    backfill_began = time.monotonic()
    for user_id in of:
        send_onboarding(processes.keeper.url, processes.stack.env, user_id)
    deadline = backfill_began + _PATIENCE_S + plan.orders / _ORDERS_A_SECOND
    clock = _WatchingClock(processes=processes, flag=flag, deadline=deadline)
    progress.watch(lambda: _all(app, Ada=ada, Ben=ben, Cleo=cleo), console=console, clock=clock)
    backfill_seconds = time.monotonic() - backfill_began
    sellers = tuple(_seller_result(app, name, user) for name, user in (("Ada", ada), ("Ben", ben), ("Cleo", cleo)))
    finished = all(each.status["backfill_status"] == "completed" for each in sellers)
    figures, printed = read_figures(app.store, ada), costs.report(app.store, ada, limit=_NEWEST)
    calls = stand_ins.calls()
    rejected = [{k: v for k, v in r.items() if k != "raw"} for r in operations.rejected(app, user_id=ada)]
    second_act = None
    if all(each.ok for each in sellers):
        console.print("Now the platforms change, and rounds follow ...", style="dim")
        second_act = play(app, stand_ins, shops, ada, pause=clock.sleep)
    return DemoResult(
        shops=shops,
        first=sellers[0],
        second=sellers[1],
        third=sellers[2],
        counted=counted(app.store, cleo),
        figures=figures,
        costs=printed,
        struck=(
            *stand_ins.etsy.struck(at_etsy),
            *stand_ins.shopify.struck(at_shopify),
            *stand_ins.newcomers(plan),
        ),
        refreshes=stand_ins.etsy.requests()["refresh_grants"],
        calls=calls,
        least_calls=sum(least_calls(app.store, t.user_id, t.status) for t in sellers[:2]) if finished else 0,
        rejected=rejected,
        second_act=second_act,
        backfill_seconds=backfill_seconds,
        total_seconds=time.monotonic() - began,
    )


def _connect(app: App, user_id: str, shop: Shop) -> None:
    operations.connect(
        app,
        platform=shop.platform,
        user_id=user_id,
        shop_id=shop.shop_id,
        access_token=shop.access_token,
        refresh_token=shop.refresh_token,
        expires_at=datetime.fromtimestamp(shop.expires_at, UTC),
    )


def _all(app: App, **sellers: str) -> dict[str, Any]:
    """The status of all sellers as one; but for the first's, platforms carry a name."""
    jobs: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    statuses = {name: operations.status(app, user_id=user_id, platform=None) for name, user_id in sellers.items()}
    first = next(iter(statuses))
    for name, status in statuses.items():
        for kept, found in ((jobs, status["jobs"]), (failures, status["failures"])):
            kept += [{**row, "platform": f"{'' if name == first else name + ': '}{row['platform']}"} for row in found]
    open_ones = [each["backfill_status"] for each in statuses.values() if each["backfill_status"] != "completed"]
    ended = "in_progress" if "in_progress" in open_ones else (open_ones or ["completed"])[0]
    return {**statuses[first], "jobs": jobs, "failures": failures, "backfill_status": ended}


def _seller_result(app: App, name: str, user_id: str) -> SellerResult:
    return SellerResult(
        name=name,
        user_id=user_id,
        status=operations.status(app, user_id=user_id, platform=None),
        verified=operations.verify(app, user_id=user_id, platform=None),
    )


def _print(result: DemoResult, console: Console, *, as_json: bool) -> None:
    if as_json:
        facts = {**asdict(result), "ok": result.ok}
        for name, shop in facts["shops"].items():
            facts["shops"][name] = {key: shop[key] for key in ("platform", "shop_id", "shop_name")}
        sys.stdout.write(orjson.dumps(facts, option=orjson.OPT_INDENT_2).decode() + "\n")
        sys.stdout.flush()
        return
    report.show_result(result, console)


def _stay(processes: DemoProcesses, flag: StopFlag) -> None:
    """Until a signal comes: that is how a demo that stays is meant to end."""
    try:
        while True:
            processes.check()
            flag.pause(0.2)
    except Stopped:
        return
