"""The few routes of Supabase Auth that Keeper needs: an admin makes and finds users (github.com/supabase/auth)."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import uuid
from datetime import UTC, datetime
from typing import Any

import jwt
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

ADMINS = {"service_role", "supabase_admin"}
_PROVIDERS = {"provider": "email", "providers": ["email"]}
_LIST_LIMIT = 1000


class Refusal(Exception):
    """An answer other than 200, shaped as GoTrue shapes it."""

    def __init__(self, status: int, error_code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": status, "error_code": error_code, "msg": message}


class Users:
    """Answers requests below /auth/v1."""

    def __init__(self, database_url: str, jwt_secret: str) -> None:
        self._database_url, self._jwt_secret = database_url, jwt_secret

    async def answer(self, method: str, path: str, token: str, body: bytes) -> tuple[int, object]:
        try:
            return 200, await asyncio.to_thread(self._answer, method, path, token, body)
        except Refusal as refusal:
            return refusal.status, refusal.body
        except psycopg.Error as error:
            return 500, {"code": 500, "error_code": "unexpected_failure", "msg": f"Database error: {error}"}

    def _answer(self, method: str, path: str, token: str, body: bytes) -> object:
        if path == "/health":
            return {
                "name": "GoTrue",
                "version": "embedded",
                "description": "the user routes of Keeper's embedded stack",
            }
        if path != "/admin/users" and not path.startswith("/admin/users/"):
            raise Refusal(404, "not_found", f"{path} is not part of the embedded stack")
        self._require_admin(token)
        user_id = path.removeprefix("/admin/users").strip("/")
        if method == "POST" and not user_id:
            return self._create(_decoded(body))
        if method == "GET":
            return self._find(user_id) if user_id else {"users": self._list(), "aud": "authenticated"}
        raise Refusal(405, "method_not_allowed", f"{method} {path} is not part of the embedded stack")

    def _require_admin(self, token: str) -> None:
        try:
            claims = jwt.decode(token, self._jwt_secret, algorithms=["HS256"], options={"verify_aud": False})
        except jwt.PyJWTError as error:
            raise Refusal(401, "bad_jwt", f"This endpoint requires a valid Bearer token: {error}") from error
        if claims.get("role") not in ADMINS:
            raise Refusal(401, "not_admin", "User not allowed")

    def _create(self, wanted: dict[str, Any]) -> object:
        email = str(wanted.get("email") or "").strip().lower()
        if "@" not in email:
            raise Refusal(400, "validation_failed", "Unable to validate email address: invalid format")
        values = {
            "email": email,
            "password": _hashed(str(wanted["password"])) if wanted.get("password") else None,
            "confirmed_at": datetime.now(UTC) if wanted.get("email_confirm") else None,
            "app": Jsonb({**_PROVIDERS, **(wanted.get("app_metadata") or {})}),
            "user": Jsonb(wanted.get("user_metadata") or {}),
        }
        try:
            rows = self._query(
                """insert into auth.users (instance_id, aud, role, email, encrypted_password, email_confirmed_at,
                                           raw_app_meta_data, raw_user_meta_data)
                   values ('00000000-0000-0000-0000-000000000000', 'authenticated', 'authenticated', %(email)s,
                           %(password)s, %(confirmed_at)s, %(app)s, %(user)s)
                   returning *""",
                values,
            )
        except psycopg.errors.UniqueViolation as error:
            message = "A user with this email address has already been registered"
            raise Refusal(422, "email_exists", message) from error
        return _shown(rows[0])

    def _find(self, user_id: str) -> object:
        try:
            wanted = {"id": uuid.UUID(user_id)}
        except ValueError as error:
            raise Refusal(404, "validation_failed", "user_id must be an UUID") from error
        rows = self._query("select * from auth.users where id = %(id)s and deleted_at is null", wanted)
        if not rows:
            raise Refusal(404, "user_not_found", "User not found")
        return _shown(rows[0])

    def _list(self) -> list[object]:
        statement = "select * from auth.users where deleted_at is null order by created_at, id limit %(limit)s"
        return [_shown(row) for row in self._query(statement, {"limit": _LIST_LIMIT})]

    def _query(self, statement: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        with psycopg.connect(self._database_url, row_factory=dict_row) as connection:
            return connection.execute(statement, values).fetchall()


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        wanted = json.loads(body)
    except ValueError as error:
        raise Refusal(400, "bad_json", "Could not read the body as JSON") from error
    if not isinstance(wanted, dict):
        raise Refusal(400, "bad_json", "The body must be a JSON object")
    return wanted


def _hashed(password: str) -> str:
    salt = secrets.token_bytes(16)
    return f"scrypt${salt.hex()}${hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1).hex()}"


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A user as the API shows it: times in RFC 3339, no password, no tokens."""
    times = ("created_at", "updated_at", "email_confirmed_at", "confirmed_at", "last_sign_in_at", "invited_at")
    return {
        "id": str(row["id"]),
        "aud": row["aud"] or "authenticated",
        "role": row["role"] or "authenticated",
        "email": row["email"],
        "phone": row["phone"] or "",
        "app_metadata": row["raw_app_meta_data"] or {},
        "user_metadata": row["raw_user_meta_data"] or {},
        "identities": [],
        "is_anonymous": row["is_anonymous"],
        **{name: row[name].isoformat() for name in times if row[name] is not None},
    }
