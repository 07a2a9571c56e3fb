"""What the commands do, one function each; they answer facts and print nothing."""

from __future__ import annotations

import base64
import getpass
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NoReturn

import dramatiq
import httpx
import redis
from supabase.lib.client_options import SyncClientOptions

import supabase
from execution import backfill_manager, daily_financial_roll, full_refresh, jobs, pieces, runs, workers
from execution.api_key import is_token
from execution.app import App
from execution.backfill_manager import BackfillManager, JobTable
from execution.budget.budgets import scope_of
from execution.catalog import entity_of_streams, platform_named
from execution.certificates import why_unreached
from execution.connections import registration
from execution.connections.choice import chosen, matching, narrowed
from execution.connections.connector import ConnectRequest
from execution.errors import KeeperError, StoreError, UserError
from execution.full_refresh import FullRefreshes
from execution.job_runner import SliceOutcome
from execution.jobs import OPERATOR_MUST_ACT
from execution.operators import Operators
from execution.platforms import changed_objects
from execution.process.heartbeat import Heartbeat
from execution.process.shutdown import EXIT_SECONDS, HeldLeases, Shutdown
from execution.streams import Children, Person, Records, shapes
from execution.sync_orchestrator import RoundRules, SyncOrchestrator
from execution.trust import trusted
from execution.valkey import why_away

_REMAP_ROWS = 1000
_AUTH_TIMEOUT_S = 10.0
_CARE_EVERY_S = 60.0
_WARN_EVERY_S = 86_400.0
_HOUSE_EVERY_S = 60.0
# Laws give a month. From this age on an open obligation is an alarm.
ALARM_SECONDS = 7 * 86_400.0
_HOUSE_STEP_S = 1.0
# So long days are rolled up at once, before the rest of the house has its turn again.
_ROLLING_S = 5.0


def manager(app: App, broker: dramatiq.Broker | None = None) -> BackfillManager:
    broker = broker or workers.make_broker(app.settings, [])
    return BackfillManager(store=app.store, table=JobTable.load(app.catalog), ring=lambda: workers.ring(broker))


def orchestrator(app: App, broker: dramatiq.Broker | None = None) -> SyncOrchestrator:
    broker = broker or workers.make_broker(app.settings, [])
    return SyncOrchestrator(store=app.store, rules=RoundRules.load(), ring=lambda: workers.ring(broker))


def full_refreshes(app: App, broker: dramatiq.Broker | None = None) -> FullRefreshes:
    broker = broker or workers.make_broker(app.settings, [])
    return FullRefreshes(store=app.store, table=JobTable.load(app.catalog), ring=lambda: workers.ring(broker))


def operators(app: App) -> Operators:
    broker = workers.make_broker(app.settings, [])
    return Operators(store=app.store, backfills=manager(app, broker), rounds=orchestrator(app, broker))


def create_user(app: App, *, email: str, plan: str | None) -> dict[str, Any]:
    """Create a user through Supabase Auth, or find the one with this address; then put the user on the plan.

    Without a plan, who is there keeps the one they have.
    """
    if plan is not None:
        JobTable.load(app.catalog).check_plan(plan)
    # The machine's proxy variables are not for our database: the store does not use them either.
    http = httpx.Client(
        verify=trusted(),
        trust_env=False,
        timeout=_AUTH_TIMEOUT_S,
        event_hooks={"request": [_without_false_token]},
    )
    client = supabase.create_client(
        app.settings.supabase_url,
        app.settings.supabase_service_role_key.get_secret_value(),
        options=SyncClientOptions(httpx_client=http),
    )
    try:
        user_id = client.auth.admin.create_user({"email": email, "email_confirm": True}).user.id
    except supabase.AuthApiError as error:
        if error.status in (401, 403):
            raise UserError("Supabase Auth refuses our key.", hint="Check SUPABASE_SERVICE_ROLE_KEY.") from None
        if error.code not in ("email_exists", "user_already_exists"):
            raise UserError(
                f"The user was not created: {error.message.rstrip('.')}.", hint="Check the address."
            ) from None
        # Not from Auth's own list: it comes in pages, and a service has more users than one.
        user_id = app.store.rpc("user_by_email", p_email=email)
        if user_id is None:
            raise UserError(f"There is a user with the address {email}, but it cannot be found.") from None
    except (supabase.AuthError, OSError) as error:
        raise UserError(
            f"Supabase Auth does not answer ({why_unreached(error)}).", hint="Check SUPABASE_URL."
        ) from None
    finally:
        http.close()
    if plan is not None:
        app.store.rpc("set_plan", p_user_id=user_id, p_plan=plan)
    return _user(app, user_id, email)


def _without_false_token(request: httpx.Request) -> None:
    """The client sends every key as bearer, too; Supabase takes only a token there."""
    if not is_token(request.headers.get("Authorization", "").removeprefix("Bearer ")):
        del request.headers["Authorization"]


def find_user(app: App, *, email: str) -> dict[str, Any]:
    """The user with this address. Raises UserError where there is none: a mistyped address makes nobody."""
    found = user_by_email(app, email.strip())
    if found is None:
        raise UserError(f"There is no user with the address {email}:", hint="check it, or use `keeper user create`.")
    return found


def user_by_email(app: App, email: str) -> dict[str, Any] | None:
    """The user with this address, or None."""
    user_id = app.store.rpc("user_by_email", p_email=email)
    return _user(app, user_id, email) if user_id is not None else None


def _user(app: App, user_id: str, email: str) -> dict[str, Any]:
    return {"user_id": user_id, "email": email, "plan": backfill_manager.status(app.store, user_id)["plan"]}


def connect(
    app: App,
    *,
    platform: str,
    user_id: str,
    shop_id: str,
    access_token: str,
    refresh_token: str | None,
    expires_at: datetime | None,
    currency: str | None = None,
) -> dict[str, Any]:
    """Connect a shop; the token is tried before anything is written."""
    connection = app.connector.connect(
        ConnectRequest(
            platform=platform,
            user_id=user_id,
            shop_id=shop_id,
            access_token=access_token,
            refresh_token=refresh_token,
            expires_at=expires_at,
            currency=currency,
        )
    )
    app.limiter.give_back()
    return {
        "connection_id": connection.connection_id,
        "platform": connection.platform,
        "user_id": connection.user_id,
        "shop_id": connection.shop_id,
        "shop_name": connection.shop_name,
        "currency": connection.currency,
        "missing_rights": list(connection.missing_rights),
    }


def moment(text: str | None) -> datetime | None:
    """A time as people and programs write it: ISO 8601 with an offset, or Unix seconds."""
    if text is None:
        return None
    try:
        read = datetime.fromtimestamp(int(text), UTC) if text.isdecimal() else datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise UserError(
            f"{text!r} is no time.", hint="Write it like 2026-11-22T10:00:00Z or in Unix seconds."
        ) from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def start_backfill(
    app: App, *, user_id: str, platform: str | None, shop_id: str | None = None, entities: Sequence[str], again: bool
) -> dict[str, Any]:
    _check_valkey(app)
    return manager(app).start(
        user_id, platform=platform, shop_id=shop_id, entities=entities, trigger="command", again=again
    )


def sync(
    app: App, *, user_id: str, platform: str | None, shop_id: str | None = None, entities: Sequence[str]
) -> dict[str, Any]:
    _check_valkey(app)
    return orchestrator(app).sync(user_id, platform=platform, shop_id=shop_id, entities=entities, trigger="command")


def start_full_refresh(
    app: App, *, user_id: str, platform: str | None, shop_id: str | None = None, confirm: str | None, dry_run: bool
) -> dict[str, Any]:
    _check_valkey(app)
    return full_refreshes(app).start(
        user_id, platform=platform, shop_id=shop_id, confirm=confirm, trigger="command", dry_run=dry_run
    )


def full_refresh_status(
    app: App, *, user_id: str, platform: str | None, shop_id: str | None = None
) -> list[dict[str, Any]]:
    """The newest full refresh of each of a user's shops; of its jobs also what backfills may call a day."""
    found = full_refresh.status(app.store, user_id, platform=platform, shop_id=shop_id)
    for one in found:
        allowed = calls_per_day(app, one["platform"])
        for job in one["jobs"]:
            job["backfill_calls_per_day"] = allowed
    return found


def cancel_full_refresh(app: App, *, user_id: str, run_id: str) -> None:
    """Take back that one was asked for, on record with who is at this machine."""
    full_refresh.cancel(app.store, user_id, run_id, by=who_is_here())


def roll_back(app: App, *, run_id: str, with_later: bool, dry_run: bool) -> dict[str, Any]:
    """Take a run back, on record with who is at this machine."""
    return runs.roll_back(app.store, run_id, actor=who_is_here(), with_later=with_later, dry_run=dry_run)


def who_is_here() -> str:
    """Who is at this machine, for the record."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        return socket.gethostname()


def webhooks(app: App, *, user_id: str, platform: str | None, shop_id: str | None = None) -> list[dict[str, Any]]:
    """How the webhooks of a user's shops stand: `state` is a key of `registration.WORDS`."""
    shops = _of_shops(app, user_id, platform, shop_id)["connections"]
    found = registration.standings(app.store, user_id, shops)
    named = ("connection_id", "platform", "shop_id", "shop_name")
    return [
        {**{name: shop[name] for name in named}, **found[shop["connection_id"]]}
        for shop in shops
        if shop["connection_id"] in found
    ]


def check_webhooks(app: App, *, user_id: str, platform: str | None, shop_id: str | None = None) -> dict[str, Any]:
    """Queue that the webhooks of a user's shops are looked at now. Answers how many shops."""
    shops = chosen(backfill_manager.status(app.store, user_id), platform=platform, shop_id=shop_id)
    able = registration.registrable(app.settings)
    if not any(shop["platform"] in able for shop in shops):
        raise UserError(
            "None of these shops' webhooks can be asked for here:",
            hint="see `keeper webhooks list`, and set PUBLIC_URL and the platform's webhook secret.",
        )
    queued = app.store.rpc(
        "check_webhooks",
        p_user_id=user_id,
        p_connection_ids=[shop["connection_id"] for shop in shops],
        p_platforms=able,
        p_trigger="command",
    )
    workers.ring(workers.make_broker(app.settings, []))
    return {"shops": queued}


def _check_valkey(app: App) -> None:
    """A person who starts something is told that nobody would hear the bell; workers get along without for a while."""
    try:
        app.valkey.ping()
    except (redis.RedisError, OSError) as error:
        raise UserError(f"Nothing was queued. Valkey: {why_away(error)}.", hint="Check REDIS_URL.") from None


def status(app: App, *, user_id: str, platform: str | None, shop_id: str | None = None) -> dict[str, Any]:
    """The user's backfill, of some shops or all; `backfill_calls_per_day` is what all backfills may call a day."""
    facts = _of_shops(app, user_id, platform, shop_id)
    allowed = {name: calls_per_day(app, name) for name in {job["platform"] for job in facts["jobs"]}}
    for job in facts["jobs"]:
        job["backfill_calls_per_day"] = allowed[job["platform"]]
    return facts


def _of_shops(app: App, user_id: str, platform: str | None, shop_id: str | None) -> dict[str, Any]:
    """The user's backfill as far as the shops go that are meant: a platform that is not connected has none."""
    facts = backfill_manager.status(app.store, user_id)
    if shop_id is not None:
        return narrowed(facts, chosen(facts, platform=platform, shop_id=shop_id))
    if platform is not None:
        platform_named(platform)
    return narrowed(facts, matching(facts["connections"], platform=platform))


def calls_per_day(app: App, platform: str) -> int | None:
    """What the platform's headers told, else the directive's number; None without a day's limit, or without its key."""
    budget = app.budgets[platform]
    if budget.per_day is None or budget.shared_by != "app":
        return None
    try:
        settings = app.settings.platform(platform)
    except UserError:
        return None
    limits = app.store.rpc("limits_of", p_scope=scope_of(budget, settings).key) or {}
    return int((limits.get("per_day") or budget.per_day) * budget.backfill_share)


def run_until_idle(app: App, *, wait_seconds: float) -> dict[str, Any]:
    """Work until nothing is claimable, nor will be within `wait_seconds`.

    Raises KeeperError where a job waits for a setting to be mended: waiting alone will not help it.
    """
    runner, slices = app.runner(), 0
    while True:
        while runner.work_one() is not SliceOutcome.IDLE:
            slices += 1
        beat = jobs.tick(app.store)
        due = [beat[name] for name in ("next_due", "next_lapse") if beat[name]]
        away = min(
            ((datetime.fromisoformat(d) - datetime.fromisoformat(beat["now"])).total_seconds() for d in due),
            default=None,
        )
        if beat["queued"] or beat["rescued"] or beat["woken"] or full_refresh.swap_proven(app.store):
            continue
        if away is None or away > wait_seconds:
            _check_waits(app)
            return {"slices": slices, "next_due": beat["next_due"], "running_elsewhere": beat["running"]}
        app.clock.sleep(min(max(away, 0.05), 1.0))


def sample(
    app: App, *, user_id: str, platform: str | None = None, shop_id: str | None = None, times: int
) -> list[dict[str, Any]]:
    """Read random old pages of a user's shops again, so many of each entity that can be, and compare field by field.

    Answers {connection_id, entity, compared, differences}: records. What differs is mended, and its entity read again.
    """
    shops = [shop["connection_id"] for shop in _of_shops(app, user_id, platform, shop_id)["connections"]]

    def asked(*, queue: bool) -> dict[str, Any]:
        found: dict[str, Any] = app.store.rpc("sample_now", p_user_id=user_id, p_connection_ids=shops, p_queue=queue)
        return found

    before = {(one["connection_id"], one["entity"]): one for one in asked(queue=False)["entities"]}
    for _ in range(times):
        if asked(queue=True)["queued"]:
            run_until_idle(app, wait_seconds=1.0)
    counts = ("compared", "differences")
    return [
        # What was compared before fades by less than a record meanwhile.
        {**one, **{name: round(one[name] - before[one["connection_id"], one["entity"]][name]) for name in counts}}
        for one in asked(queue=False)["entities"]
        if (one["connection_id"], one["entity"]) in before
    ]


def verify(
    app: App, *, user_id: str, platform: str | None, shop_id: str | None = None, repair: bool = True
) -> dict[str, Any]:
    """Every entity of the user's shops: its certificate, and its audit, its proofs and what is kept aside as it is now.

    What is complete and does not hold is queued to be read again, or stays doubted until its shop is connected again;
    without `repair` it is only told.
    """
    entities: list[dict[str, Any]] = []
    for shop in _of_shops(app, user_id, platform, shop_id)["connections"]:
        named = {name: shop[name] for name in ("platform", "connection_id", "shop_id")}
        for entity in app.catalog.of(shop["platform"]):
            listing = entity.listing
            found = pieces.whole(
                app.store,
                "verify_completed",
                p_user_id=user_id,
                p_connection_id=shop["connection_id"],
                p_entity=entity.name,
                p_stream=listing.name if listing else "",
                p_table=entity.table,
                p_time_column=entity.time_column,
                p_proofs=list(entity.proofs),
            )
            is_held = found["status"] in jobs.CERTIFIED and found["audit"].get("missing_rows", 0) == 0
            is_held = is_held and all(proof["ok"] for proof in found["proofs"])
            shortfall = app.reject_limits.shortfall(entity.name, found.get("rejects", ()))
            kept_aside = {"shortfall": shortfall.reason if shortfall else ""}
            ok = found["status"] == "completed" and is_held and shortfall is None
            entities.append({**named, "entity": entity.name, "ok": ok, "is_held": is_held, **kept_aside, **found})
        if repair:
            _read_again(app, user_id, shop, [e for e in entities if e["connection_id"] == shop["connection_id"]])
    return {"user_id": user_id, "ok": bool(entities) and all(e["ok"] for e in entities), "entities": entities}


def _read_again(app: App, user_id: str, shop: Mapping[str, Any], entities: Sequence[dict[str, Any]]) -> None:
    """Queue what does not hold any more. What only misses rejected records would miss them again."""
    doubted = [e for e in entities if e["status"] in jobs.CERTIFIED and not e["is_held"]]
    if not doubted:
        return
    app.store.rpc("doubt_jobs", p_user_id=user_id, p_job_ids=[e["job_id"] for e in doubted])
    if shop["status"] != "connected":
        return
    queued = manager(app).start(
        user_id,
        platform=shop["platform"],
        shop_id=shop["shop_id"],
        entities=[e["entity"] for e in doubted],
        trigger="verification",
    )
    outcomes = {job["entity"]: job["outcome"] for job in queued["jobs"]}
    for entity in doubted:
        entity["outcome"] = outcomes[entity["entity"]]


def remap(app: App, *, user_id: str, platform: str, shop_id: str | None = None, entity: str | None) -> dict[str, Any]:
    """Derive typed columns again, shop by shop and table by table, in batches by key."""
    shops = chosen(backfill_manager.status(app.store, user_id), platform=platform, shop_id=shop_id)
    entities = [app.catalog.find(platform, entity)] if entity else app.catalog.of(platform)
    tables = []
    for shop in shops:
        for records in shapes(step for one in entities for step in one.steps):
            parts: tuple[Records | Children | Person, ...] = (records, *records.children, *records.people)
            tables += [_remap_table(app, user_id, shop, records.name, part) for part in parts]
    return {"user_id": user_id, "platform": platform, "tables": tables}


def _remap_table(
    app: App, user_id: str, shop: Mapping[str, Any], shape: str, part: Records | Children | Person
) -> dict[str, Any]:
    # A column that is worked out later from other rows is not the mapping's to set back.
    columns = {column.name: column.shown_by for column in part.columns if column.only_if is None}
    if not isinstance(part, Person) and part.currency:
        columns["currency"] = ()
    totals: dict[str, Any] = {"shape": shape, "table": part.table, "rows": 0, "changed": 0}
    totals |= {name: shop[name] for name in ("platform", "shop_id")}
    after = ""
    while True:
        batch = app.store.rpc(
            "remap_records",
            p_user_id=user_id,
            p_connection_id=shop["connection_id"],
            p_shape=shape,
            p_table=part.table,
            p_columns=columns,
            p_after=after,
            p_limit=_REMAP_ROWS,
        )
        if not batch["rows"]:
            return totals
        totals["rows"] += batch["rows"]
        totals["changed"] += batch["changed"]
        after = batch["after"]


def rebuild(app: App, *, user_id: str, platform: str | None = None, shop_id: str | None = None) -> list[dict[str, Any]]:
    """Derive again what is derived from rows: costs, their links, what orders cost; printers' shops first."""
    shops = _of_shops(app, user_id, platform, shop_id)["connections"]
    totals = []
    for shop in sorted(shops, key=lambda one: not platform_named(one["platform"]).profit.costs):
        rows, after = 0, ""
        while True:
            batch = app.store.rpc(
                "rebuild_derived", p_user_id=user_id, p_connection_id=shop["connection_id"], p_after=after
            )
            if not batch["rows"]:
                break
            rows, after = rows + batch["rows"], batch["after"]
        totals.append({"platform": shop["platform"], "shop_id": shop["shop_id"], "rows": rows})
    return totals


def rejected(
    app: App, *, user_id: str, platform: str | None = None, shop_id: str | None = None
) -> list[dict[str, Any]]:
    """Records of a user's shops that were rejected ('open') or landed in part ('partial'); their bytes in base64."""
    shops = _of_shops(app, user_id, platform, shop_id)["connections"]
    columns = "id,platform,connection_id,entity,stream,platform_id,status,reason,sqlstate,first_seen_at,raw"
    found = [
        {
            **row,
            "shop_id": shop["shop_id"],
            "raw": base64.b64encode(bytes.fromhex(row["raw"].removeprefix("\\x"))).decode(),
        }
        for shop in shops
        for status in ("open", "partial")
        for row in app.store.read("rejected_records", columns, "id", connection_id=shop["connection_id"], status=status)
    ]
    return sorted(found, key=lambda row: int(row["id"]))


def replay_rejected(
    app: App, *, user_id: str, platform: str | None = None, shop_id: str | None = None
) -> dict[str, int]:
    """Try every record of a user's shops once more that was rejected or landed in part."""
    shops = _of_shops(app, user_id, platform, shop_id)["connections"]
    totals = {"landed": 0, "refused": 0}
    for shop in shops:
        after: int | None = 0
        while after is not None:
            try:
                batch = app.store.rpc(
                    "replay_rejected", p_user_id=user_id, p_after=after, p_connection_id=shop["connection_id"]
                )
            except StoreError as error:
                raise UserError(error.message, hint=error.hint) from None
            totals["landed"] += batch["landed"]
            totals["refused"] += batch["refused"]
            after = batch["after"]
    return totals


FetchOutcome = Literal["queued", "no_lookup", "no_key", "not_connected"]
FETCH_OUTCOME_WORDS: Mapping[FetchOutcome, str] = {
    "queued": "queued",
    "no_lookup": "cannot be asked for by id",
    "no_key": "have no id that could be read",
    "not_connected": "wait for the shop to be connected again",
}


def fetch_rejected(
    app: App,
    *,
    user_id: str,
    platform: str | None = None,
    shop_id: str | None = None,
    entities: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Queue that records of a user's shops which were rejected, or landed in part, are read by id once more.

    Answers, by shop and stream, how many have which FetchOutcome.
    """
    shops = _of_shops(app, user_id, platform, shop_id)["connections"]
    for shop in shops:
        for entity in entities:
            app.catalog.find(shop["platform"], entity)
    _check_valkey(app)
    found: list[dict[str, Any]] = []
    for shop in shops:
        entity_of = entity_of_streams(shop["platform"])
        try:
            answer = app.store.rpc(
                "fetch_rejected",
                p_user_id=user_id,
                p_connection_id=shop["connection_id"],
                p_kinds=changed_objects.kinds(app.catalog.find(shop["platform"], changed_objects.NAME)),
                p_streams=[name for name, entity in entity_of.items() if entity in entities] if entities else None,
                p_trigger="command",
            )
        except StoreError as error:
            raise UserError(error.message, hint=error.hint) from None
        named = {name: shop[name] for name in ("platform", "connection_id", "shop_id")}
        found += [{**named, "entity": entity_of.get(one["stream"]), **one} for one in answer]
    if any(one["outcome"] == "queued" for one in found):
        workers.ring(workers.make_broker(app.settings, []))
    return found


def _check_waits(app: App) -> None:
    columns = "id,platform,entity,park_reason,park_code"
    for job in app.store.read("sync_jobs", columns, "id", status="parked"):
        if job["park_code"] in OPERATOR_MUST_ACT:
            raise KeeperError(f"{job['platform']} {job['entity']} waits: {job['park_reason']}")


def work_forever(*, processes: int, threads: int) -> NoReturn:
    """Become Dramatiq's own process manager on our actor, so that a signal to us is a signal to it."""
    # A dyno gives 30 seconds after SIGTERM, Dramatiq takes ten minutes unless told otherwise (reliability finding 3).
    argv = [sys.executable, "-m", "dramatiq", "execution.worker_main", "--processes", str(processes)]
    argv += ["--threads", str(threads), "--worker-shutdown-timeout", "20000", "--skip-logging"]
    os.execv(sys.executable, argv)  # noqa: S606  our own interpreter, fixed arguments


def keep_time(app: App, *, every_seconds: float) -> None:
    """Beat until a signal comes, a second one ends at once. A beat that fails is told, and the next one tries again."""
    # A setting that cannot be used is told before anything begins.
    sender = app.event_sender()
    shutdown = Shutdown(held_leases=HeldLeases(), give_back=lambda _: None)
    # Python's own handler would raise in the middle of a beat.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    shutdown.listen(signal.SIGTERM, signal.SIGINT)
    stop = shutdown.asked
    # A thread of its own: a token endpoint may take half a minute, and the beat must not wait for it.
    care = threading.Thread(target=_care_for_tokens, args=(app, stop), name="token-care", daemon=True)
    care.start()
    house = threading.Thread(target=_keep_house, args=(app, stop), name="housekeeping", daemon=True)
    house.start()
    sending = [threading.Thread(target=sender.until, args=(stop,), name="events", daemon=True)] if sender else []
    for thread in sending:
        thread.start()
    broker = workers.make_broker(app.settings, [])
    # In the beat itself, not beside it: a clock that hangs is not alive.
    heartbeat = Heartbeat(app.hasty_store, "clock", app.clock)
    while not stop.is_set():
        try:
            workers.tick(app, broker)
            heartbeat.beat()
        except KeeperError as error:
            workers.log.warning("tick_failed", error=str(error))
        except Exception:  # noqa: BLE001  it is logged
            # Without a beat every lapsed lease and every parked job would wait for ever.
            workers.log.exception("tick_broke")
        stop.wait(every_seconds)
    # A refresh that ends in time is stored: the platform may not issue the pair twice. An event that is received in
    # time is not sent once more.
    ends_at = app.clock.monotonic() + EXIT_SECONDS
    for thread in (care, *sending):
        thread.join(max(0.0, ends_at - app.clock.monotonic()))


def keep_house(app: App) -> dict[str, Any]:
    """One step: proven full refreshes are swapped in, what has outlived its time goes, and shops that are to be erased;
    days that were touched and that no worker rolled up are. Says what waits for people.
    """
    full_refresh.swap_proven(app.store)
    done: dict[str, Any] = app.store.rpc("keep_house")
    if able := registration.registrable(app.settings):
        done["looked_after"] = app.store.rpc("queue_upkeep", p_platforms=able)
    ends_at = app.clock.monotonic() + _ROLLING_S
    done["rolling"] = not daily_financial_roll.roll_up(app.store, over=lambda: app.clock.monotonic() >= ends_at)
    if done["failed"]:
        workers.log.error("work_failed", why=done["failed"])
    if done["oldest_seconds"] > ALARM_SECONDS:
        workers.log.error("obligations_wait", open=done["open"], oldest_days=int(done["oldest_seconds"] // 86_400))
    return done


def declare_money(app: App) -> list[dict[str, str]]:
    """What directives/daily_financial_roll.md says is what figures go by; an edit of it restates what it changes."""
    changed = daily_financial_roll.declare(app.store)
    if changed:
        workers.log.info("money_classes_changed", kinds=[" ".join(one.values()) for one in changed])
    return changed


def _keep_house(app: App, stop: threading.Event) -> None:
    """Step after step while there is something to do, then every minute or so."""
    is_declared = False
    while not stop.is_set():
        busy = False
        try:
            if not is_declared:
                declare_money(app)
                is_declared = True
            done = keep_house(app)
            busy = any(done[name] for name in ("pruned", "erased", "unfinished", "deleting", "rolling"))
        except KeeperError as error:
            workers.log.warning("housekeeping_failed", error=str(error))
        except Exception:  # noqa: BLE001  it is logged
            # Nobody starts this thread again, and tables would grow for ever.
            workers.log.exception("housekeeping_broke")
        stop.wait(_HOUSE_STEP_S if busy else app.rng.uniform(_HOUSE_EVERY_S / 2, _HOUSE_EVERY_S))


def _care_for_tokens(app: App, stop: threading.Event) -> None:
    """Look every minute or so for pairs that are due; say once a day which tokens end soon."""
    warned_at = float("-inf")
    while not stop.is_set():
        try:
            while not stop.is_set() and app.token_care.once():
                pass
            if app.clock.monotonic() - warned_at >= _WARN_EVERY_S:
                app.token_care.warn()
                warned_at = app.clock.monotonic()
        except KeeperError as error:
            workers.log.warning("token_care_failed", error=str(error))
        except Exception:  # noqa: BLE001  it is logged
            # Nobody starts this thread again, and idle pairs would die of it.
            workers.log.exception("token_care_broke")
        stop.wait(app.rng.uniform(_CARE_EVERY_S / 2, _CARE_EVERY_S))
