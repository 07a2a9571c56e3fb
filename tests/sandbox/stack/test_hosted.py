"""The bare stack has what a new project on hosted Supabase has."""

from __future__ import annotations

import uuid
from contextlib import ExitStack

import httpx
import jwt
import psycopg
import pytest
from supabase.lib.client_options import SyncClientOptions
from supabase_auth.errors import AuthApiError

from supabase import create_client
from tests.sandbox.stack.conftest import until


@pytest.fixture
def db(bare):
    with psycopg.connect(bare.env["DATABASE_URL"], autocommit=True) as connection:
        yield connection


@pytest.fixture
def client_of(bare):
    """A supabase-py client with a key, and for an end user his token."""
    with ExitStack() as closing:

        def make(key, token=None):
            http = closing.enter_context(httpx.Client())
            headers = {"Authorization": f"Bearer {token or bare.env[key]}"}
            return create_client(
                bare.env["SUPABASE_URL"], bare.env[key], SyncClientOptions(headers=headers, httpx_client=http)
            )

        yield make


def _token(env, user_id):
    claims = {"sub": str(user_id), "role": "authenticated", "aud": "authenticated"}
    return jwt.encode(claims, env["SUPABASE_JWT_SECRET"], algorithm="HS256")


def test_an_answer_has_at_most_1000_rows(client_of):
    client = client_of("SUPABASE_SERVICE_ROLE_KEY")

    plain = client.table("numbers").select("n").execute()
    wider = client.table("numbers").select("n").limit(2000).execute()

    assert (len(plain.data), len(wider.data)) == (1000, 1000)


def test_an_admin_makes_users_and_finds_them(client_of):
    admin = client_of("SUPABASE_SERVICE_ROLE_KEY").auth.admin

    made = admin.create_user({"email": "Ann@Example.com", "email_confirm": True, "password": "long enough"}).user

    assert made.email == "ann@example.com"
    assert made.email_confirmed_at is not None
    assert admin.get_user_by_id(made.id).user.email == made.email
    assert made.id in [user.id for user in admin.list_users()]
    with pytest.raises(AuthApiError, match="already been registered") as twice:
        admin.create_user({"email": "ann@example.com"})
    assert (twice.value.status, twice.value.code) == (422, "email_exists")


def test_a_password_is_not_stored_as_it_is(bare, db):
    body = {"email": "pw@example.com", "password": "correct horse"}
    headers = {"Authorization": f"Bearer {bare.env['SUPABASE_SERVICE_ROLE_KEY']}"}
    answer = httpx.post(f"{bare.env['SUPABASE_URL']}/auth/v1/admin/users", json=body, headers=headers)

    stored = db.execute("select encrypted_password from auth.users where email = 'pw@example.com'").fetchone()[0]

    assert answer.status_code == 200
    assert "correct horse" not in stored + answer.text
    assert stored not in answer.text


@pytest.mark.parametrize("key", ["SUPABASE_ANON_KEY", None])
def test_users_are_for_admins_only(bare, key):
    headers = {"apikey": bare.env[key]} if key else {}

    answer = httpx.post(f"{bare.env['SUPABASE_URL']}/auth/v1/admin/users", json={"email": "x@y.z"}, headers=headers)

    assert answer.status_code == 401


def test_the_keys_open_what_their_roles_may_see(bare, db, client_of):
    """Row-level security counts for anon and end users, not for service_role."""
    ann, bob = uuid.uuid4(), uuid.uuid4()
    db.execute("truncate public.mine")
    db.execute("insert into public.mine values (%s, 'a'), (%s, 'b')", [ann, bob])

    def seen(key, token=None):
        return [row["note"] for row in client_of(key, token).table("mine").select("note").order("note").execute().data]

    assert seen("SUPABASE_ANON_KEY") == []
    assert seen("SUPABASE_ANON_KEY", _token(bare.env, ann)) == ["a"]
    assert seen("SUPABASE_SERVICE_ROLE_KEY") == ["a", "b"]


def test_a_forged_token_is_refused(bare):
    forged = jwt.encode({"role": "service_role"}, "x" * 40, algorithm="HS256")

    answer = httpx.get(
        f"{bare.env['SUPABASE_URL']}/rest/v1/mine",
        headers={"apikey": bare.env["SUPABASE_ANON_KEY"], "Authorization": f"Bearer {forged}"},
    )

    assert answer.status_code == 401


def test_the_owner_of_tables_is_no_superuser(db):
    attributes = "rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin, rolinherit"
    roles = {row[0]: row[1:] for row in db.execute(f"select {attributes} from pg_roles where rolname !~ '^pg_'")}

    assert roles == {
        "supabase_admin": (True, True, True, True, True, True),
        "postgres": (False, True, True, True, True, True),
        "supabase_auth_admin": (False, False, True, False, True, False),
        "authenticator": (False, False, False, False, True, False),
        "anon": (False, False, False, False, False, False),
        "authenticated": (False, False, False, False, False, False),
        "service_role": (False, True, False, False, False, False),
    }


def test_what_is_made_in_public_is_open_to_the_api_by_default(db):
    """As on hosted: a migration that forgets to revoke must be seen to have forgotten."""
    db.execute("create table public.fresh (id int)")
    db.execute("create function public.fresh_one() returns int language sql as 'select 1'")

    for role in ("anon", "authenticated", "service_role"):
        allowed = db.execute(
            """select has_table_privilege(%(role)s, 'public.fresh', 'insert'),
                      has_function_privilege(%(role)s, 'public.fresh_one()', 'execute')""",
            {"role": role},
        ).fetchone()
        assert allowed == (True, True)


def test_the_owner_may_refer_to_users_and_use_vectors_but_not_build_in_auth(db):
    db.execute("create table public.refers (id uuid references auth.users on delete cascade, v extensions.vector(3))")
    db.execute("create extension if not exists vector with schema extensions")
    db.execute("insert into public.refers values (null, '[1,2,3]')")

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("create table auth.mine (id int)")


def test_the_api_sees_a_new_table_without_being_told(bare, db):
    """Hosted Supabase reloads PostgREST's schema after every change of it."""
    headers = {"apikey": bare.env["SUPABASE_SERVICE_ROLE_KEY"]}
    with httpx.Client(base_url=bare.env["SUPABASE_URL"], headers=headers) as client:
        assert client.get("/rest/v1/newcomer").status_code == 404

        db.execute("create table public.newcomer (id int)")

        until(lambda: client.get("/rest/v1/newcomer").status_code == 200, seconds=10)


def test_requests_over_the_api_are_cut_off_as_on_hosted(bare, db):
    """Anon after 3 seconds, everybody else after 8."""
    db.execute(
        "create function public.patience() returns text language sql as $$select current_setting('statement_timeout')$$"
    )
    headers = {"apikey": bare.env["SUPABASE_ANON_KEY"]}

    def asked(key):
        bearer = {"Authorization": f"Bearer {bare.env[key]}"}
        answer = httpx.post(f"{bare.env['SUPABASE_URL']}/rest/v1/rpc/patience", headers=headers | bearer)
        return answer.json() if answer.status_code == 200 else None

    until(lambda: asked("SUPABASE_ANON_KEY"), seconds=10)
    assert (asked("SUPABASE_ANON_KEY"), asked("SUPABASE_SERVICE_ROLE_KEY")) == ("3s", "8s")
