"""The pages of administrators: users, jobs, any sync of anybody, budgets, money, health. Others find no such pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, get_args
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from execution import tenants
from execution.catalog import PLATFORMS
from execution.errors import UserError
from execution.operators import JobFilter
from web import messages
from web.admin import acting, views
from web.admin.administrators import AdminDep, operator_of, record
from web.admin.operating import Kind, State
from web.auth.current_user import User
from web.backfills import BackfillRequest
from web.context import Web, WebDep
from web.pages import render
from web.pages.money_words import link
from web.problems import Problem
from web.routes.backfill import EARLIEST

router = APIRouter(prefix="/admin")
_ROWS = 50
_AGES = {"": None, "1h": timedelta(hours=1), "6h": timedelta(hours=6), "1d": timedelta(days=1), "7d": timedelta(days=7)}
_KINDS = {
    "complete": "Everything: load what is missing, and look for what is new",
    "incremental": "Only what is new",
    "historical": "All orders once more, from a day on",
    "refresh": "One shop anew, beside what is there",
}
_DONE = {
    "started": "Started. What it does stands below.",
    "nothing": "Nothing had to be started: it runs already, or is complete.",
    "cancel": "Ended.",
    "retry": "Asked for once more.",
    "run-now": "It goes on now.",
    "replay": "Tried once more. What still cannot be mapped stands below.",
    "pause": "Paused: nothing is read.",
    "resume": "Resumed.",
    "undone": "Taken back.",
}


@router.get("")
def home(admin: AdminDep) -> Response:  # noqa: ARG001  asked for its refusal
    return RedirectResponse("/admin/tenants", 303)


@router.get("/tenants")
def tenants_page(
    request: Request,
    admin: AdminDep,
    web: WebDep,
    search: Annotated[str, Query(max_length=200)] = "",
    before: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    formats = render.formats_of(request)
    found = acting.tenants(web, search=search, before=before, limit=_ROWS)
    return _page(
        request,
        admin,
        "admin_tenants.html",
        search=search,
        tenants=[views.tenant_line(one, formats) for one in found],
        more_href=_more("/admin/tenants", found, "user_id", search=search),
    )


@router.get("/jobs")
def jobs_page(  # noqa: PLR0917  FastAPI passes by name
    request: Request,
    admin: AdminDep,
    web: WebDep,
    state: Annotated[str, Query(max_length=40)] = "",
    platform: Annotated[str, Query(max_length=40)] = "",
    kind: Annotated[str, Query(max_length=40)] = "",
    age: Annotated[str, Query(max_length=4)] = "",
    code: Annotated[str, Query(max_length=80)] = "",
    user_id: Annotated[str, Query(max_length=40)] = "",
    before: Annotated[str, Query(max_length=100)] = "",
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    formats = render.formats_of(request)
    chosen = {"state": state, "platform": platform, "kind": kind, "age": age, "code": code, "user_id": user_id}
    wanted = JobFilter(
        user_id=user_id.strip() or None,
        platform=platform or None,
        kind=kind or None,
        states=[state] if state else (),
        code=code.replace("\0", "").strip() or None,
        older_than=_AGES.get(age),
    )
    found, mistake = [], ""
    try:
        found = acting.jobs(web, wanted, before=before, limit=_ROWS)
    except Problem as problem:
        if problem.status_code not in (404, 422):
            raise
        mistake = problem.detail
    return _page(
        request,
        admin,
        "admin_jobs.html",
        status=422 if mistake else 200,
        done=done,
        mistake=mistake,
        chosen=chosen,
        states=get_args(State),
        kinds=get_args(Kind),
        ages=list(_AGES),
        platforms=sorted(PLATFORMS),
        paused=web.operators.paused_platforms(),
        jobs=[views.job_line(one, formats) for one in found],
        more_href=_more("/admin/jobs", found, "job_id", **chosen),
    )


@router.get("/jobs/{job_id}")
def job_page(
    job_id: UUID, request: Request, admin: AdminDep, web: WebDep, done: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    formats = render.formats_of(request)
    job = acting.asked(lambda: web.operators.job(str(job_id)))
    rejected = acting.rejected_of(web, job)
    return _page(
        request,
        admin,
        "admin_job.html",
        done=done,
        job=views.job_line(job, formats),
        facts=views.job_facts(job, formats),
        rejected=rejected,
    )


@router.post("/jobs/{job_id}/{act}")
def act_on_job(job_id: UUID, act: str, admin: AdminDep, web: WebDep) -> Response:
    """Try again, end, or hurry one. What cannot be done is said on its own page."""
    acts: dict[str, Callable[[], Any]] = {
        "retry": lambda: acting.retry(web, admin.id, str(job_id)),
        "cancel": lambda: acting.asked(lambda: web.operators.cancel(str(job_id), operator_of(admin))),
        "run-now": lambda: acting.asked(lambda: web.operators.hurry(str(job_id), operator_of(admin))),
        "replay": lambda: acting.replay(web, admin.id, acting.asked(lambda: web.operators.job(str(job_id)))),
    }
    if act not in acts:
        raise Problem(404, "not_found")
    acts[act]()
    return RedirectResponse(f"/admin/jobs/{job_id}?done={act}", 303)


@router.post("/jobs/platforms/{platform}/{act}")
def act_on_platform(platform: str, act: str, admin: AdminDep, web: WebDep) -> Response:
    acts = {"pause": web.operators.pause_platform, "resume": web.operators.resume_platform}
    if act not in acts or platform not in PLATFORMS:
        raise Problem(404, "not_found")
    acting.asked(lambda: acts[act](platform, operator_of(admin)))
    return RedirectResponse(f"/admin/jobs?done={act}", 303)


@router.get("/sync")
def sync_page(
    request: Request,
    admin: AdminDep,
    web: WebDep,
    user_id: Annotated[str, Query(max_length=60)] = "",
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Any sync of a user: started, watched, taken back."""
    if not user_id.strip():
        return _page(request, admin, "admin_sync.html", tenant=None, typed="", mistake="", done="")
    return _sync(request, admin, web, user_id.strip(), done=done)


@router.post("/sync")
def start(  # noqa: PLR0917  FastAPI passes by name
    request: Request,
    admin: AdminDep,
    web: WebDep,
    user_id: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "",
    connection_id: Annotated[str, Form()] = "",
    since: Annotated[str, Form()] = "",
    confirm: Annotated[str, Form()] = "",
) -> Response:
    """Begin what was chosen; what was chosen wrong is said at its field, and nothing is begun."""
    tenant = acting.asked(lambda: web.operators.tenant(user_id))
    shops = {shop["connection_id"]: shop for shop in tenant["shops"]}
    typed = {"kind": kind, "connection_id": connection_id, "since": since, "confirm": confirm[:200]}
    mistake = ""
    if kind not in _KINDS:
        mistake = "Choose what to do."
    elif connection_id and connection_id not in shops:
        mistake = "This user has no such shop."
    elif kind == "refresh" and not connection_id:
        mistake = "A full refresh is of one shop: choose it."
    if mistake:
        return _sync(request, admin, web, user_id, typed=typed, mistake=mistake)
    shop = shops.get(connection_id)
    wanted = BackfillRequest(platform=shop["platform"], shop_id=shop["shop_id"]) if shop else BackfillRequest()
    try:
        jobs = _begun(web, admin, user_id, kind, wanted, since=since, confirm=confirm.strip())
    except Problem as problem:
        if problem.status_code not in (404, 409, 422):
            raise
        return _sync(request, admin, web, user_id, typed=typed, mistake=problem.detail)
    done = "started" if any(job["outcome"] == "queued" for job in jobs) else "nothing"
    return RedirectResponse(link("/admin/sync", user_id=user_id, done=done), 303)


def _begun(
    web: Web, admin: User, user_id: str, kind: str, wanted: BackfillRequest, *, since: str, confirm: str
) -> list[Mapping[str, Any]]:
    action = {"complete": "complete_sync", "incremental": "incremental_sync", "historical": "historical_orders_sync"}
    if kind == "refresh":
        acting.begin(web, admin.id, "complete_sync", user_id, wanted, full_refresh=True)
        return list(acting.refresh(web, user_id, wanted, confirm=confirm)["jobs"])
    if kind == "historical":
        wanted = BackfillRequest(
            platform=wanted.platform, shop_id=wanted.shop_id, entities=("orders",), since=_day(since)
        )
    acting.begin(web, admin.id, action[kind], user_id, wanted)
    jobs: list[Mapping[str, Any]] = []
    if kind != "incremental":
        jobs += acting.backfill(web, user_id, wanted)["jobs"]
    if kind != "historical":
        jobs += acting.rounds(web, user_id, wanted)["jobs"]
    return jobs


def _day(text: str) -> datetime:
    if not text:
        return acting.FIRST_ORDERS
    try:
        since = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Problem(422, "invalid_input", "This is no day: write it like 2018-01-01.") from None
    if not EARLIEST <= since <= datetime.now(UTC):
        raise Problem(422, "invalid_input", "The day has to be between 2000 and now.")
    return since


@router.post("/sync/undo")
def undo(
    admin: AdminDep, web: WebDep, user_id: Annotated[str, Form()] = "", run_id: Annotated[str, Form()] = ""
) -> Response:
    tenant = acting.asked(lambda: web.operators.tenant(user_id))
    acting.roll_back(web, admin.id, tenant["user_id"], run_id, with_later=False, dry_run=False)
    return RedirectResponse(link("/admin/sync", user_id=user_id, done="undone"), 303)


@router.post("/sync/{act}")
def pausing(act: str, admin: AdminDep, web: WebDep, user_id: Annotated[str, Form()] = "") -> Response:
    if act not in ("pause", "resume"):
        raise Problem(404, "not_found")
    tenant = acting.asked(lambda: web.operators.tenant(user_id))
    try:
        if act == "pause":
            tenants.pause(web.app, user_id=tenant["user_id"], by="admin")
        else:
            tenants.resume(web.app, user_id=tenant["user_id"], by="admin", ring=False)
            web.manager.ring()
    except UserError as error:
        raise Problem(404, "unknown_user", error.message) from None
    record(web, admin.id, act, UUID(tenant["user_id"]), {})
    return RedirectResponse(link("/admin/sync", user_id=user_id, done=act), 303)


@router.get("/budgets")
def budgets(request: Request, admin: AdminDep, web: WebDep) -> Response:
    formats = render.formats_of(request)
    report = web.operators.budgets()
    return _page(
        request,
        admin,
        "admin_budgets.html",
        scopes=[views.scope_line(one, formats) for one in report["scopes"]],
        tenants=report["tenants"],
        waiting=report["waiting"],
    )


@router.get("/money")
def money(request: Request, admin: AdminDep, web: WebDep) -> Response:
    return _page(request, admin, "admin_money.html", money=web.operators.money())


@router.get("/health")
def health(request: Request, admin: AdminDep, web: WebDep) -> Response:
    formats = render.formats_of(request)
    facts = web.app.store.rpc("pipeline_health")
    counts = web.operators.counts()
    return _page(
        request,
        admin,
        "admin_health.html",
        open=views.counted(counts["open"], formats),
        failed=views.counted(counts["failed"], formats),
        facts=facts,
        paused=web.operators.paused_platforms(),
        beats=views.beats(facts["heartbeats"]),
    )


def _sync(
    request: Request,
    admin: User,
    web: Web,
    user_id: str,
    *,
    typed: Mapping[str, str] | None = None,
    mistake: str = "",
    done: str = "",
) -> Response:
    formats = render.formats_of(request)
    try:
        tenant = acting.asked(lambda: web.operators.tenant(user_id))
    except Problem as problem:
        return _page(
            request,
            admin,
            "admin_sync.html",
            status=404,
            tenant=None,
            typed=user_id,
            mistake=problem.detail,
            done="",
        )
    record(web, admin.id, "look", UUID(tenant["user_id"]), {})
    jobs = acting.open_jobs(web, tenant["user_id"])
    return _page(
        request,
        admin,
        "admin_sync.html",
        status=422 if mistake else 200,
        done=done,
        tenant=views.tenant_line(tenant, formats),
        shops=[(shop["connection_id"], views.shop_line(shop)) for shop in tenant["shops"]],
        kinds=_KINDS,
        typed=typed or {"kind": "complete", "connection_id": "", "since": "", "confirm": ""},
        mistake=mistake,
        jobs=[views.job_line(one, formats) for one in jobs],
        runs=[views.run_line(one, formats) for one in acting.runs_of(web, tenant["user_id"])],
    )


def _page(
    request: Request, admin: User, template: str, *, done: str = "", status: int = 200, **values: Any
) -> Response:
    notice = render.Notice(tone="good", text=_DONE[done]) if done in _DONE else None
    shared = {"notice": notice, "link": link, "title_of": messages.platform_title}
    return render.page(request, template, user=admin, status=status, **shared, **values)


def _more(path: str, found: list[dict[str, Any]], key: str, **kept: str) -> str:
    following = acting.after(found, key, _ROWS)
    return link(path, **kept, before=following) if following else ""
