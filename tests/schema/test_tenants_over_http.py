"""Promise 14 as an attacker meets it: over PostgREST, with the tokens that one can have, make or forge."""

from __future__ import annotations

import base64
import json
import time
import uuid

import httpx
import jwt
import pytest

from tests.holes import statement
from tests.schema.asking import contents
from tests.schema.rows import tables, title


@pytest.fixture
def rest(env):
    with httpx.Client(base_url=f"{env['SUPABASE_URL']}/rest/v1", trust_env=False) as client:
        yield client


def headers(env, token, **more):
    return {"apikey": env["SUPABASE_ANON_KEY"], "Authorization": f"Bearer {token}", **more}


def token_of(env, user_id=None, secret=None, algorithm="HS256", **claims):
    body = {"role": "authenticated", "aud": "authenticated", "exp": int(time.time()) + 3600} | claims
    body |= {"sub": user_id} if user_id else {}
    return jwt.encode(body, secret or env["SUPABASE_JWT_SECRET"], algorithm=algorithm)


def public_names(db):
    return [title(table).removeprefix("public.") for table in tables(db, "public")]


def key_column(row):
    return next(name for name in ("id", "platform_id", "source_id", "job_id", "user_id") if name in row)


def requests_about(name, row):
    """Every verb about one row: method, query, body, headers. All rows of a tenant are named by its user_id."""
    key = key_column(row)
    one = {key: f"eq.{row[key]}", "user_id": f"eq.{row['user_id']}"}
    # What the server makes by itself may not be named at all, whoever asks.
    made = {"rejected_records": {"id", "raw_md5"}}.get(name, set())
    body = {k: v for k, v in row.items() if v is not None and k not in made}
    merge, ignore = "resolution=merge-duplicates", "resolution=ignore-duplicates"
    columns = "user_id"
    return {
        "select": ("GET", {"select": columns, **one}, None, {}),
        "count": ("GET", {"select": columns, "limit": "0", **one}, None, {"Prefer": "count=exact"}),
        "one object": ("GET", {"select": columns, **one}, None, {"Accept": "application/vnd.pgrst.object+json"}),
        "or filter": (
            "GET",
            {"select": columns, "or": f"(user_id.eq.{row['user_id']},and({key}.eq.{row[key]}))"},
            None,
            {},
        ),
        "insert": ("POST", {}, body, {"Prefer": "return=minimal"}),
        "upsert, merging": ("POST", {}, body, {"Prefer": merge}),
        "upsert, ignoring": ("POST", {}, body, {"Prefer": ignore}),
        "update": ("PATCH", one, {"user_id": row["user_id"]}, {"Prefer": "return=representation"}),
        "delete": ("DELETE", one, None, {"Prefer": "return=representation"}),
    }


def give_away(own, row):
    """One's own row, moved to whom another one belongs."""
    key = key_column(own)
    mine = {key: f"eq.{own[key]}", "user_id": f"eq.{own['user_id']}"}
    return "PATCH", mine, {"user_id": row["user_id"]}, {"Prefer": "return=minimal"}


def send(rest, env, token, name, request):
    method, query, body, more = request
    answer = rest.request(method, f"/{name}", params=query, json=body, headers=headers(env, token, **more))
    return answer.status_code, answer.headers.get("content-range"), answer.text


def nobodys(row):
    return row | {"user_id": str(uuid.uuid4())}


def test_every_verb_on_every_table_with_another_tenants_token(db, env, rest, tenants):
    """Nothing of Bob's is seen, changed, counted or told apart from what nobody has."""
    before = contents(db)
    token = token_of(env, tenants.ann)
    for name in public_names(db):
        row = tenants.bob_rows[f"public.{name}"]
        theirs, never = requests_about(name, row), requests_about(name, nobodys(row))
        own = tenants.ann_rows[f"public.{name}"]
        theirs["give away"], never["give away"] = give_away(own, row), give_away(own, nobodys(row))
        for verb, request in theirs.items():
            status, content_range, text = send(rest, env, token, name, request)
            assert (status, content_range, text) == send(rest, env, token, name, never[verb]), f"{verb} {name}"
            if verb in ("select", "or filter"):
                assert (status, text) == (200, "[]"), f"{verb} {name}"
            elif verb == "count":
                assert (status, content_range) == (200, "*/0"), name
            elif verb == "one object":
                assert status == 406, name
            else:
                assert status == 403, f"{verb} {name}: {text}"
                assert json.loads(text)["code"] == "42501", f"{verb} {name}: {text}"

    assert contents(db) == before


def test_the_same_requests_show_bob_his_rows(db, env, rest, tenants):
    """Not vacuous: Bob's token gets each of them."""
    token = token_of(env, tenants.bob)
    for name in public_names(db):
        request = requests_about(name, tenants.bob_rows[f"public.{name}"])["select"]
        status, _, text = send(rest, env, token, name, request)
        assert (status, json.loads(text)) == (200, [{"user_id": tenants.bob}]), name


def test_an_embedded_or_ordered_read_shows_no_more(env, rest, tenants):
    token = token_of(env, tenants.ann)
    embeds = rest.get("/profiles", params={"select": "user_id,orders:sync_jobs(user_id)"}, headers=headers(env, token))
    lease = rest.get("/sync_jobs", params={"select": "id", "order": "lease_id"}, headers=headers(env, token))
    guess = rest.get("/sync_jobs", params={"select": "id", "lease_id": "not.is.null"}, headers=headers(env, token))

    assert embeds.json() == [{"user_id": tenants.ann, "orders": [{"user_id": tenants.ann}]}]
    assert [lease.status_code, guess.status_code] == [403, 403]


def bad_tokens(env, user_id):
    claims = {"role": "authenticated", "sub": user_id, "exp": int(time.time()) + 3600}
    unsigned = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
                for part in ({"alg": "none", "typ": "JWT"}, claims)]  # fmt: skip
    good = token_of(env, user_id)
    header, _, signature = good.split(".")
    raised = base64.urlsafe_b64encode(json.dumps(claims | {"role": "service_role"}).encode()).rstrip(b"=").decode()
    return {
        "expired": token_of(env, user_id, exp=int(time.time()) - 3600),
        "not yet": token_of(env, user_id, nbf=int(time.time()) + 3600),
        "wrong secret": token_of(env, user_id, secret="x" * 40),
        "empty secret": token_of(env, user_id, secret="\0"),
        "alg none": ".".join(unsigned) + ".",
        "other hash, wrong secret": token_of(env, user_id, secret="x" * 64, algorithm="HS512"),
        "forged service_role": token_of(env, None, secret="x" * 40, role="service_role"),
        "claims exchanged": f"{header}.{raised}.{signature}",
        "no JWT": "Bob",
    }


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_token_that_is_not_good_opens_nothing(db, env, rest, tenants):
    for kind, token in bad_tokens(env, tenants.bob).items():
        for name in public_names(db):
            answer = rest.get(f"/{name}", params={"select": "user_id"}, headers=headers(env, token))
            assert answer.status_code == 401, f"{kind}: {answer.text}"
            assert tenants.bob not in answer.text, kind


def test_anon_reads_and_writes_nothing(db, env, rest, tenants):
    before = contents(db)
    for token in (env["SUPABASE_ANON_KEY"], token_of(env, tenants.bob, role="anon")):
        for name in public_names(db):
            for verb, request in requests_about(name, tenants.bob_rows[f"public.{name}"]).items():
                status, _, text = send(rest, env, token, name, request)
                assert status in (401, 403), f"{verb} {name}: {status} {text}"
                assert tenants.bob not in text, f"{verb} {name}"

    assert contents(db) == before


@pytest.mark.parametrize("role", ["postgres", "supabase_admin", "authenticator", "nobody", "", "service_role; drop"])
def test_a_signed_token_for_a_role_that_the_api_may_not_take_is_refused(env, rest, tenants, role):
    answer = rest.get(
        "/profiles", params={"select": "user_id"}, headers=headers(env, token_of(env, tenants.bob, role=role))
    )

    assert answer.status_code in (400, 401, 403), answer.text
    assert tenants.bob not in answer.text


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"sub": ""},
        {"sub": str(uuid.UUID(int=0))},
        {"user_metadata": {"is_admin": True, "role": "service_role"}},
        {"app_metadata": {"role": "service_role"}},
        {"sub": "not a uuid"},
        {"sub": "' or true --"},
    ],
)
def test_a_token_of_nobody_in_particular_shows_no_row(db, env, rest, tenants, claims):
    token = token_of(env, **claims)
    for name in public_names(db):
        answer = rest.get(f"/{name}", params={"select": "user_id"}, headers=headers(env, token))
        assert tenants.bob not in answer.text
        # A `sub` that is no uuid cannot be compared with one: refused rather than empty.
        assert (answer.status_code, answer.text) == (200, "[]") or answer.json()["code"] == "22P02", name


@pytest.mark.parametrize(
    "profile", ["private", "auth", "supabase_migrations", "extensions", "information_schema", "pg_catalog"]
)
def test_the_api_exposes_the_schema_public_alone(env, rest, tenants, profile):
    for token in (env["SUPABASE_ANON_KEY"], token_of(env, tenants.ann), env["SUPABASE_SERVICE_ROLE_KEY"]):
        read = rest.get("/platform_tokens", headers=headers(env, token, **{"Accept-Profile": profile}))
        write = rest.post("/platform_tokens", json={}, headers=headers(env, token, **{"Content-Profile": profile}))
        call = rest.post(
            "/rpc/lock_scope", json={"p_scope": "x"}, headers=headers(env, token, **{"Content-Profile": profile})
        )

        assert [a.json()["code"] for a in (read, write, call)] == ["PGRST106"] * 3


def test_private_tables_have_no_address(db, env, rest, tenants):
    """Without a profile header as well; and the worker's own key reads no token either."""
    for table in tables(db, "private"):
        name = title(table).removeprefix("private.")
        for token in (env["SUPABASE_ANON_KEY"], token_of(env, tenants.ann), env["SUPABASE_SERVICE_ROLE_KEY"]):
            assert rest.get(f"/{name}", headers=headers(env, token)).status_code == 404, name


def test_no_function_answers_an_end_user(db, env, rest, tenants):
    """Each function of the API, with arguments that would work: refused before it runs."""
    before = contents(db)
    functions = db.execute("""
        select proname, coalesce(proargnames[:pronargs], '{}') from pg_proc
        where pronamespace = 'public'::regnamespace""").fetchall()
    assert len(functions) > 20
    for token in (env["SUPABASE_ANON_KEY"], token_of(env, tenants.ann)):
        for name, arguments in functions:
            body = dict.fromkeys((argument for argument in arguments if argument), None)
            if name == "commit_page":
                answer = rest.post(
                    f"/rpc/{name}", content="{}", headers=headers(env, token, **{"Content-Type": "text/plain"})
                )
            else:
                answer = rest.post(f"/rpc/{name}", json=body, headers=headers(env, token))
            assert answer.status_code in (401, 403), f"{name}: {answer.text}"
            assert answer.json()["code"] == "42501", f"{name}: {answer.text}"

    assert contents(db) == before


def test_the_description_of_the_api_names_to_each_what_it_may_use(db, env, rest):
    """PostgREST follows privileges: anon is told of nothing, an end user of no function."""
    response = {
        role: rest.get("/", headers=headers(env, token)).json()["paths"]
        for role, token in (("anon", env["SUPABASE_ANON_KEY"]), ("user", token_of(env, str(uuid.uuid4()))))
    }

    assert set(response["anon"]) <= {"/"}
    assert not [path for path in response["user"] if path.startswith("/rpc/")]
    assert {path.strip("/") for path in response["user"]} - {""} == set(public_names(db))


HOSTILE = [
    "*",
    "eq.1",
    "a,b)",
    "1)or(user_id.not.is.null",
    "1;drop table orders",
    "%27",
    "\\",
    "' or true --",
    '"',
    "$$",
]


def shown(rest, env, token, value):
    """What a hostile value brings to light, in each place of a read that takes one."""
    plain = ({"platform_id": f"eq.{value}"}, {"platform_id": f"in.({value})"}, {"raw->>x": f"eq.{value}"})
    shapes = ({"order": value}, {"or": f"({value})"}, {f"raw->>{value}": "is.null"}, {"columns": value})
    for query in (*plain, *shapes):
        answer = rest.get("/orders", params={"select": "user_id", **query}, headers=headers(env, token))
        assert answer.status_code in (200, 400), answer.text
        yield answer.text


@pytest.mark.parametrize("value", HOSTILE)
def test_a_filter_is_a_value_and_never_a_piece_of_query(env, rest, tenants, value):
    """B8 row 61."""
    token = token_of(env, tenants.ann)

    assert tenants.bob not in "".join(shown(rest, env, token, value))


PASTES = """
    create function public.planted(q text) returns setof public.orders
    language plpgsql stable security definer set search_path = '' as $f$
    begin return query execute concat('select * from public.orders where platform_id = ''', q, ''''); end $f$;
    grant execute on function public.planted(text) to authenticated;
    notify pgrst, 'reload schema'"""


def test_a_place_that_pastes_values_into_statements_is_seen(db, env, rest, tenants):
    """The planted control of row 61: one of these values is all that such a function needs."""
    token, seen = token_of(env, tenants.ann), ""
    with statement(PASTES, "drop function public.planted(text); notify pgrst, 'reload schema'")(db):
        _until_known(rest, env, token)
        for value in HOSTILE:
            seen += rest.get("/rpc/planted", params={"q": value}, headers=headers(env, token)).text

    assert tenants.bob in seen


def _until_known(rest, env, token):
    """PostgREST has read the schema again."""
    for _ in range(200):
        if rest.get("/rpc/planted", params={"q": "x"}, headers=headers(env, token)).status_code != 404:
            return
        time.sleep(0.02)
    raise AssertionError("PostgREST does not know the planted function")


NAMES = [
    "receipts_orders(b.raw) as m limit (select count(public.set_admin(user_id, true)) from public.profiles)), --",
    "orders($1, $2, $3, $4); drop table public.orders; --",
    'x"',
    "orders'",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_name_and_never_a_piece_of_statement(db, env, rest, tenants, name):
    """Row 61, one floor below: a function that looks for another by name finds none, and nothing changes."""
    before, key = contents(db), env["SUPABASE_SERVICE_ROLE_KEY"]
    named, answers = {"p_shape": "receipts", "p_table": "orders"}, []
    mine = {"p_user_id": tenants.ann, "p_connection_id": tenants.ann_rows["public.connected_accounts"]["id"]}
    for wrong in ({argument: name} for argument in (*named, "column")):
        columns = {wrong.pop("column", "status"): [name]}
        body = {**named, **wrong, **mine, "p_columns": columns, "p_after": "", "p_limit": 10}
        answers = [*answers, rest.post("/rpc/remap_records", json=body, headers=headers(env, key))]

    assert contents(db) == before
    assert {answer.status_code for answer in answers} <= {400, 404}
