"""Every attack on what callers use has a test, and each test is seen to fail (reliability B8 and B9, rows 50-71)."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from pydantic import SecretStr

from execution.connections import consent as oauth
from execution.http import signatures
from execution.http.signatures import Delivery
from execution.platforms.printify import webhooks as printify
from execution.platforms.shopify import webhooks as shopify
from execution.process import logs
from execution.store import Store
from tests.holes import Hole, assert_seen, code, function, statement
from tests.process import test_logs
from tests.web import test_leaks
from tests.web.admin import test_admin
from tests.web.admin.test_admin import make_admin  # noqa: F401  a fixture
from tests.web.auth import test_sessions
from tests.web.routes import test_connections, test_onboarding, test_platform_webhooks
from tests.web.routes.test_connections import browser, shop  # noqa: F401  fixtures
from tests.web.routes.test_onboarding import from_supabase, secret, supabase_url  # noqa: F401  fixtures
from tests.web.routes.test_platform_webhooks import hooks, hooks_env, hooks_url, shopify_seller  # noqa: F401  fixtures
from tests.web.test_leaks import transcript_of  # noqa: F401  a fixture
from web import connecting, http_limits, problems, security_headers
from web.auth import csrf, rate_limits, sessions
from web.routes import onboarding
from web.routes.onboarding import Accepted

_pending, _decode, _rpc, _verified = oauth.pending, sessions.jwt.decode, Store.rpc, onboarding._verified


def one_verifier(key, state, **rest):
    """PKCE in form only: everybody's codes fit everybody's consents."""
    return replace(_pending(key, "the same", **rest), state=state)


def blind_to(**options):
    """A decoder of tokens that leaves one check out."""

    def decode(token, key, *, options, **rest):
        return _decode(token, key, options={**options, **blind}, **rest)

    blind = options
    return decode


def of_any_role(*args, **rest):
    """What a token may do is not read: it is somebody's, so it is a user's."""
    return {**_decode(*args, **rest), "role": "authenticated"}


async def nothing(*_):
    """A check that checks nothing."""


async def passed_on(self, scope, receive, send):
    await self._app(scope, receive, send)


def remembered(self, function, /, **args):
    """Who is an administrator is asked once, and never again."""
    if function != "is_admin":
        return _rpc(self, function, **args)
    return _KNOWN.setdefault(args["p_user_id"], _rpc(self, function, **args))


_KNOWN: dict[str, bool] = {}


def parsed_first(web, delivery):
    orjson.loads(delivery.body)
    return _verified(web, delivery)


def newest_alone(setting):
    return _secrets(setting)[:1]


_secrets = onboarding.secrets_of
OAUTH, ADMIN, HOOK, WHO = test_connections, test_admin, test_onboarding, test_sessions

CONNECTING = [
    Hole(
        row=50,
        without="a state is used up",
        seen_by=OAUTH.test_a_state_works_once,
        plants=[
            function(
                "finish_oauth",
                {
                    "delete from private.oauth_states": "select * into found_ from private.oauth_states",
                    "returning * into found_": "",
                },
            )
        ],
    ),
    Hole(
        row=50,
        without="a state must be one of ours",
        seen_by=OAUTH.test_a_forged_or_missing_state_is_refused,
        plants=[function("finish_oauth", {"state_hash = p_state_hash": "true"})],
    ),
    Hole(
        row=50,
        without="a state belongs to a user",
        seen_by=OAUTH.test_a_state_of_another_user_is_refused_and_stays_theirs,
        plants=[function("finish_oauth", {"and user_id = p_user_id": ""})],
    ),
    Hole(
        row=50,
        without="a state belongs to a platform",
        seen_by=OAUTH.test_a_state_of_another_platform_is_refused,
        plants=[
            function("finish_oauth", {"and platform = p_platform": ""}),
            code(connecting, "_connect", lambda *_: None),
        ],
    ),
    Hole(
        row=50,
        without="a state ends",
        seen_by=OAUTH.test_a_state_ends_after_ten_minutes,
        plants=[function("finish_oauth", {"> clock_timestamp()": "is not null"})],
    ),
    Hole(
        row=50,
        without="each consent has its own verifier",
        seen_by=OAUTH.test_a_code_of_another_consent_fails_pkce,
        plants=[code(oauth, "pending", one_verifier)],
    ),
    Hole(
        row=50,
        without="the way back is ours",
        seen_by=OAUTH.test_the_way_back_is_a_page_of_ours,
        plants=[code(connecting, "local_path", lambda wanted: wanted)],
        given={"wanted": "//evil.example"},
    ),
    Hole(
        row=50,
        without="a form comes from our page",
        seen_by=OAUTH.test_a_foreign_page_cannot_begin,
        plants=[code(csrf.Csrf, "check", nothing)],
    ),
]
ANOTHERS = [
    Hole(
        row=57,
        without="orders are the asker's",
        seen_by=ADMIN.test_sums_and_orders_are_the_sellers_own,
        plants=[function("recent_orders", {"where a.user_id = p_user_id": "where true"})],
    ),
    Hole(
        row=57,
        without="a user's record is for administrators",
        seen_by=ADMIN.test_nothing_tells_anothers_rows_from_no_rows,
        plants=[function("is_admin", {"return exists": "return true or exists"})],
        given={"method": "GET", "path": "/admin/users/{other}/backfill", "body": None},
    ),
    *(
        Hole(
            row=58,
            without=f"tokens are looked at ({kind})",
            seen_by=WHO.test_a_token_that_is_not_right_is_nobody,
            plants=[code(sessions.jwt, "decode", blind_to(**{option: False}))],
            given={"claims": WHO.BAD[kind]},
        )
        for kind, option in {
            "expired": "verify_exp",
            "not before": "verify_nbf",
            "another project": "verify_iss",
            "another audience": "verify_aud",
            "another secret": "verify_signature",
        }.items()
    ),
    *(
        Hole(
            row=58,
            without=f"a token says what it must ({kind})",
            seen_by=WHO.test_a_token_that_is_not_right_is_nobody,
            plants=[code(sessions.jwt, "decode", weak)],
            given={"claims": WHO.BAD[kind]},
        )
        for kind, weak in {
            "service role": of_any_role,
            "anon": of_any_role,
            "no expiry": blind_to(require=[]),
            "no subject": blind_to(require=[]),
        }.items()
    ),
    Hole(
        row=58,
        without="the database says who is an administrator",
        seen_by=WHO.test_metadata_makes_nobody_an_administrator,
        plants=[function("is_admin", {"return exists": "return true or exists"})],
    ),
]
ADMINISTRATORS = [
    Hole(
        row=62,
        without="administrators are few",
        seen_by=ADMIN.test_for_everybody_else_there_is_no_such_page,
        plants=[function("is_admin", {"return exists": "return true or exists"})],
    ),
    Hole(
        row=62,
        without="the role is read at each request",
        seen_by=ADMIN.test_one_who_was_an_administrator_is_none_at_the_very_next_request,
        plants=[code(Store, "rpc", remembered)],
    ),
    Hole(
        row=62,
        without="a form comes from our page",
        seen_by=ADMIN.test_an_administrators_cookie_obeys_no_foreign_page,
        plants=[code(csrf.Csrf, "check", nothing)],
    ),
    Hole(
        row=62,
        without="no other site may frame us",
        seen_by=WHO.test_every_answer_carries_the_headers_that_browsers_need,
        plants=[code(security_headers.SecurityHeaders, "__call__", passed_on)],
    ),
    Hole(
        row=62,
        without="actions are counted",
        seen_by=ADMIN.test_a_thousand_resyncs_are_thirty,
        plants=[code(rate_limits, "count_action", lambda *_: None)],
    ),
    Hole(
        row=62,
        without="what administrators do is on record",
        seen_by=ADMIN.test_an_administrator_forces_a_resync_and_it_is_on_record,
        plants=[function("record_admin_action", {"s.user_id = p_subject_id": "s.user_id = p_subject_id and false"})],
    ),
    Hole(
        row=62,
        without="the record only grows",
        seen_by=ADMIN.test_the_record_is_for_reading,
        plants=[
            statement(
                "grant usage on schema private to service_role;"
                "grant select, update, delete on private.admin_actions to service_role",
                "reset role; revoke usage on schema private from service_role;"
                "revoke select, update, delete on private.admin_actions from service_role",
            )
        ],
    ),
]
DELIVERIES = [
    Hole(
        row=63,
        without="signatures are compared",
        seen_by=HOOK.test_what_is_not_signed_as_it_should_be_is_401_and_changes_nothing,
        plants=[code(signatures, "any_equal", lambda *_: True)],
    ),
    Hole(
        row=63,
        without="a signature is over the bytes",
        seen_by=HOOK.test_a_body_that_changed_by_one_byte_or_was_written_anew_is_refused,
        plants=[code(signatures, "any_equal", lambda *_: True)],
    ),
    Hole(
        row=63,
        without="a delivery is fresh",
        seen_by=HOOK.test_what_is_not_signed_as_it_should_be_is_401_and_changes_nothing,
        plants=[code(signatures, "TOLERANCE_S", 86_400)],
    ),
    Hole(
        row=63,
        without="a header comes once",
        seen_by=HOOK.test_a_header_that_comes_twice_is_refused,
        plants=[code(Delivery, "only", Delivery.first)],
    ),
    Hole(
        row=63,
        without="a database webhook's secret comes once",
        seen_by=HOOK.test_a_database_webhook_without_the_secret_is_nobody,
        plants=[code(Delivery, "only", Delivery.first)],
        given={"secrets": (HOOK.FIRST, "s3")},
    ),
    Hole(
        row=63,
        without="two secrets are good while one is rotated out",
        seen_by=HOOK.test_old_and_new_secret_are_good_while_one_is_rotated_out,
        plants=[code(onboarding, "secrets_of", newest_alone)],
    ),
    Hole(
        row=63,
        without="a platform's goodbye names its shop where it is signed",
        seen_by=test_platform_webhooks.test_a_signature_of_something_else_ends_and_erases_nothing,
        plants=[code(shopify, "_demand", lambda *_: None)],
    ),
    Hole(
        row=63,
        without="a platform's signature is compared",
        seen_by=test_platform_webhooks.test_what_is_not_signed_as_it_should_be_changes_nothing,
        plants=[code(place, "any_equal", lambda *_: True) for place in (signatures, printify, shopify)],
    ),
    Hole(
        row=63,
        without="a signature is looked at first",
        seen_by=HOOK.test_nothing_is_parsed_before_it_is_verified,
        plants=[code(onboarding, "_verified", parsed_first)],
    ),
    Hole(
        row=63,
        without="no secret lets nobody in",
        seen_by=HOOK.test_no_secret_and_a_comma_too_many_let_nobody_in,
        plants=[code(onboarding, "secrets_of", lambda _: [""])],
        given={"setting": ""},
    ),
    Hole(
        row=63,
        without="deliveries are remembered",
        seen_by=HOOK.test_a_hundred_replays_get_one_answer_and_have_one_effect,
        plants=[function("accept_delivery", {"if not found then": "if false then"})],
    ),
    Hole(
        row=63,
        without="bodies have a limit",
        seen_by=WHO.test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not,
        plants=[code(http_limits.BodyLimit, "__call__", passed_on)],
    ),
    *(
        Hole(
            row=64,
            without=f"the jobs are there before the answer ({when})",
            seen_by=test,
            plants=[code(onboarding, "_accept", lambda *_: Accepted(run_ids=[], jobs=[]))],
        )
        for when, test in {
            "all is well": HOOK.test_a_signed_event_is_202_and_its_jobs_are_there,
            "the database is away": HOOK.test_a_database_that_is_away_is_503_so_that_it_comes_again,
        }.items()
    ),
]
LOGS = [
    Hole(
        row=70,
        without="settings hide what is secret",
        seen_by=test_leaks.test_settings_show_no_secret_when_they_are_printed,
        plants=[code(SecretStr, "__repr__", SecretStr.get_secret_value)],
    ),
    Hole(
        row=70,
        without="what nobody expected stays inside",
        seen_by=test_leaks.test_an_error_that_nobody_expected_is_dressed_and_stays_inside,
        plants=[code(problems.ErrorBoundary, "__call__", passed_on)],
        given={"accept": "application/json", "also_its_page": False},
    ),
    Hole(
        row=71,
        without="a value is one line",
        seen_by=test_logs.test_a_value_cannot_begin_another_event,
        plants=[code(logs, "_one_line", lambda _, __, event: event)],
        given={"name": "\x1b[31mAda"},
    ),
]


@pytest.mark.parametrize("hole", [*CONNECTING, *ANOTHERS, *ADMINISTRATORS, *DELIVERIES, *LOGS], ids=str)
def test_a_planted_hole_is_seen(hole, db, request, clean):
    assert_seen(hole, db, request)
