"""The environment is read once, and every mistake in it is told together."""

import base64
import json
from datetime import UTC, datetime

import pytest

from execution.catalog import PLATFORMS
from execution.errors import UserError
from execution.settings import HistoryWindow, Settings, database_url
from tests.worlds.leased import RING

WHOLE = {
    "SUPABASE_URL": "http://127.0.0.1:54321",
    "SUPABASE_SERVICE_ROLE_KEY": "canary-service-role",
    "REDIS_URL": "redis://:canary-redis@127.0.0.1:6379/0",
    "TOKEN_KEYS": RING,
    "ETSY_KEYSTRING": "canary-keystring",
    "ETSY_SHARED_SECRET": "canary-shared",
    "DATABASE_URL": "postgresql://postgres:canary-db@127.0.0.1/postgres",
}


def test_every_mistake_is_in_one_line_that_says_what_to_do():
    """A missing, an ill-formed and a half-set variable are named together, none of their values is."""
    environ = WHOLE | {"SUPABASE_URL": "", "REDIS_URL": "http://canary-redis", "HISTORY_WINDOW": "soon"}

    with pytest.raises(UserError) as raised:
        Settings.load(environ)

    line = str(raised.value)
    assert "SUPABASE_URL is missing" in line
    assert "REDIS_URL is not a redis:// or rediss:// or unix:// address" in line
    assert "HISTORY_WINDOW is not a window like all, 2y, 18mo or 90d" in line
    assert "set it right, or take a whole set from `keeper up --print-env`." in line
    assert "\n" not in line
    assert "canary" not in line


def test_an_empty_environment_names_all_four_that_every_process_needs():
    """Nothing set: the four names, in one line."""
    with pytest.raises(UserError) as raised:
        Settings.load({})

    named = [word for word in str(raised.value).replace(",", "").split() if word.isupper() and "_" in word]
    assert named == ["SUPABASE_URL", "SUPABASE_SERVICE_ROLE_KEY", "REDIS_URL", "TOKEN_KEYS"]


@pytest.mark.parametrize(
    ("ring", "fault"),
    [
        ("k1:short", "TOKEN_KEYS holds a key 'k1' that is not 32 bytes in base64url"),
        (f"{RING},{RING}", "TOKEN_KEYS has no usable or a repeated id in entry 2"),
        ("A" * 43, "TOKEN_KEYS has no usable or a repeated id in entry 1"),
    ],
)
def test_a_wrong_key_ring_is_told_without_showing_a_key(ring, fault):
    """The entry is named by its id or number; the key itself stays out of the line."""
    with pytest.raises(UserError) as raised:
        Settings.load(WHOLE | {"TOKEN_KEYS": ring})

    assert fault in str(raised.value)
    assert "AAAA" not in str(raised.value)


def test_no_secret_shows_in_a_repr():
    """Printing settings, or one platform's, shows no secret."""
    settings = Settings.load(WHOLE)

    shown = repr(settings) + str(settings) + repr(settings.platform("etsy").client_secret) + repr(settings.keyring())

    assert "canary" not in shown
    assert "AAAA" not in shown


def test_settings_cannot_be_changed():
    """What was read at the start stays."""
    settings = Settings.load(WHOLE)

    with pytest.raises(ValueError, match="frozen"):
        settings.supabase_url = "http://elsewhere"


def test_a_key_without_its_secret_is_an_error_that_names_both():
    """Etsy answers 403 to half a key, so half a key is refused before the first call."""
    settings = Settings.load({name: value for name, value in WHOLE.items() if name != "ETSY_SHARED_SECRET"})

    with pytest.raises(UserError, match="ETSY_KEYSTRING is set without ETSY_SHARED_SECRET"):
        settings.platform("etsy")


def test_credentials_are_demanded_only_when_the_platform_is_used():
    """A worker for Etsy starts without Square's; using Square names what is missing."""
    settings = Settings.load(WHOLE)

    assert settings.platform("etsy").client_id == "canary-keystring"
    with pytest.raises(UserError, match="SQUARE_APP_ID and SQUARE_APP_SECRET are missing"):
        settings.platform("square")
    with pytest.raises(UserError, match="'amazon' is not a platform"):
        settings.platform("amazon")


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1:9000", "http://127.0.0.1:9000/", "http://127.0.0.1:9000/v3/application"]
)
def test_a_base_url_replaces_scheme_and_host_only(base):
    """The vendor's path stays, whatever path the override has; the token endpoint goes along."""
    etsy = Settings.load(WHOLE | {"ETSY_API_BASE_URL": base}).platform("etsy")

    assert etsy.api_url("https://api.etsy.com/v3/application") == "http://127.0.0.1:9000/v3/application"
    assert (
        etsy.refresh_url("https://api.etsy.com/v3/public/oauth/token") == "http://127.0.0.1:9000/v3/public/oauth/token"
    )


def test_a_token_url_may_be_whole_or_a_host():
    """ETSY_TOKEN_URL with a path is taken as it is; without one the vendor's path is kept."""
    vendor = "https://api.etsy.com/v3/public/oauth/token"

    whole = Settings.load(WHOLE | {"ETSY_TOKEN_URL": "http://127.0.0.1:1/token"}).platform("etsy")
    host = Settings.load(WHOLE | {"ETSY_TOKEN_URL": "http://127.0.0.1:1"}).platform("etsy")

    assert whole.refresh_url(vendor) == "http://127.0.0.1:1/token"
    assert host.refresh_url(vendor) == "http://127.0.0.1:1/v3/public/oauth/token"


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("all", None),
        ("2y", datetime(2024, 11, 22, 12, tzinfo=UTC)),
        ("18mo", datetime(2025, 5, 22, 12, tzinfo=UTC)),
        ("90d", datetime(2026, 8, 24, 12, tzinfo=UTC)),
    ],
)
def test_the_history_window_is_a_time(text, start):
    """HISTORY_WINDOW says where a backfill begins."""
    window = Settings.load(WHOLE | {"HISTORY_WINDOW": text}).history_window

    assert window.start(datetime(2026, 11, 22, 12, tzinfo=UTC)) == start


def test_a_window_of_months_never_begins_later_than_asked():
    """The 31st of a month that has none becomes the 28th: more is read, never less."""
    window = HistoryWindow(months=1)

    assert window.start(datetime(2026, 3, 31, tzinfo=UTC)) == datetime(2026, 2, 28, tzinfo=UTC)


def test_the_environment_defaults_to_production():
    """Tokens written without KEEPER_ENVIRONMENT are production's."""
    assert Settings.load(WHOLE).keeper_environment == "production"


def test_migrating_needs_only_the_database():
    """`keeper migrate` runs where nothing but DATABASE_URL is set."""
    assert database_url({"DATABASE_URL": "postgresql://h/db"}) == "postgresql://h/db"
    with pytest.raises(UserError, match="DATABASE_URL is missing"):
        database_url({})
    with pytest.raises(UserError, match="DATABASE_URL is not a postgresql:// address"):
        database_url({"DATABASE_URL": "mysql://h/db"})


@pytest.mark.parametrize(
    ("said", "asked_for"),
    [
        ({"SHOPIFY_ALL_ORDERS": "true"}, ("read_all_orders",)),
        ({"SHOPIFY_PAYMENTS": "true"}, ("read_shopify_payments_accounts", "read_shopify_payments_payouts")),
        ({}, ()),
    ],
)
def test_a_right_that_shopify_approves_an_app_for_is_asked_for_where_the_app_may(
    said: dict[str, str], asked_for: tuple[str, ...]
) -> None:
    """Shopify refuses the whole consent to an app that asks for it unapproved."""
    key = {"SHOPIFY_CLIENT_ID": "id", "SHOPIFY_CLIENT_SECRET": "secret"}

    settings = Settings.load({**WHOLE, **key, **said})

    assert settings.platform("shopify").extra_scopes == asked_for


@pytest.mark.parametrize("variable", ["WEBHOOK_SECRET", "SUPABASE_WEBHOOK_SECRET", "ETSY_WEBHOOK_SECRET"])
@pytest.mark.parametrize("secret", ["whsec_", "guess-me", "canary-long-and-good-enough, short"])
def test_a_secret_that_can_be_guessed_is_refused(variable, secret):
    """Whoever guesses it, or signs with an empty one, could start what they like."""
    with pytest.raises(UserError) as raised:
        Settings.load(WHOLE | {variable: secret})

    assert f"{variable} has a secret of less than 16 characters" in str(raised.value)
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("between", [" ", ",", ", "])
def test_a_client_secret_is_rotated_in_one_setting(between):
    """Calls use the new one, which comes first; what is signed with the old one is still accepted."""
    new, old = "n" * 32, "o" * 32
    settings = Settings.load(WHOLE | {"SHOPIFY_CLIENT_ID": "id", "SHOPIFY_CLIENT_SECRET": f"{new}{between}{old}"})

    assert settings.platform("shopify").secret == new
    assert settings.webhook_secrets("shopify") == [new, old]


def told(**changes: str) -> str:
    with pytest.raises(UserError) as raised:
        Settings.load(WHOLE | changes)
    line = str(raised.value)
    assert "canary" not in line
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("redis://:canary@h/0?socket_timeout=soon", "has an option 'socket_timeout' that this scheme does not have"),
        ("redis://h/0?bogus=canary", "has an option 'bogus' that"),
        ("redis://h/0?ssl_cert_reqs=none", "has an option 'ssl_cert_reqs' that"),
        ("rediss://h/0?ssl_cert_reqs=maybe", "has an option 'ssl_cert_reqs' that"),
        ("rediss://h/0?ssl_ca_certs=/canary.pem", "names a file with ssl_ca_certs that is not there"),
        ("redis://h/0?protocol=9", "has an option 'protocol' that"),
        ("redis://h/0?Canary-2=x", "has an option that this scheme does not have"),
        ("redis://h/zero", "has no number of a database after its host"),
        ("redis://h/-5", "has no number of a database after its host"),
        ("unix:///run/valkey?db=z", "has an option 'db' that"),
    ],
)
def test_an_address_of_valkey_that_no_client_can_be_made_of_is_refused(url: str, fault: str) -> None:
    """The library would say it in words of its own, in a traceback, with the first call."""
    assert f"REDIS_URL {fault}" in told(REDIS_URL=url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://h",
        "redis://h/",
        "redis://u:p@h:7000/5?socket_timeout=2",
        "rediss://h/0?ssl_cert_reqs=none",
        "unix:///run/v?db=2",
    ],
)
def test_options_that_the_client_has_are_taken(url: str) -> None:
    assert Settings.load(WHOLE | {"REDIS_URL": url}).redis_url.get_secret_value() == url


def token(**claims: str) -> str:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{part}.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("key", "whose"),
    [
        ("sb_publishable_canary", "publishable"),
        (token(role="anon", iss="supabase"), "anon"),
        (token(role="authenticated", sub="canary"), "authenticated"),
    ],
)
def test_a_key_that_everybody_may_see_is_no_service_key(key: str, whose: str) -> None:
    """The database would refuse the first call, in words that name no key."""
    line = told(SUPABASE_SERVICE_ROLE_KEY=key)

    assert f"SUPABASE_SERVICE_ROLE_KEY is the project's {whose} key" in line
    assert key not in line


@pytest.mark.parametrize(
    "key", ["sb_secret_x", token(role="service_role"), token(iss="x"), "a.b.c", "a.W10.c", "opaque"]
)
def test_a_key_that_may_be_the_secret_one_is_taken(key: str) -> None:
    assert Settings.load(WHOLE | {"SUPABASE_SERVICE_ROLE_KEY": key})


WRONG = [
    "http://", "https://a b", "http://h:port", "http://h:99999", "http://[::1", "http://.h", "http://u:canary@h", "http://h/?x=canary",
    "http://h/#canary", "ftp://h", "h", "//h", "http:h", "http://" + "a" * 70 + ".example",
]  # fmt: skip
ADDRESSES = sorted(
    name for name in Settings.variables() - {"REDIS_URL", "DATABASE_URL"} if name.endswith(("_URL", "_ISSUER"))
)


@pytest.mark.parametrize("variable", ADDRESSES)
def test_every_address_of_the_web_is_one_or_is_refused(variable: str) -> None:
    """A new platform's too: what is no address would be a traceback with the first call."""
    for address in WRONG:
        assert f"{variable} " in told(**{variable: address})
    assert len(ADDRESSES) >= 10


@pytest.mark.parametrize("service", ["/rest/v1", "/auth/v1/"])
def test_the_address_of_one_service_is_not_the_projects(service: str) -> None:
    assert "SUPABASE_URL is the address of one service" in told(SUPABASE_URL=f"https://x.supabase.co{service}")


@pytest.mark.parametrize("wrong", ["canary\u2013canary", "canary\r\nX-Evil: 1\u00e9", "c\u00e4nary", "canary\x00"])
def test_a_key_goes_into_a_header_or_is_refused(wrong: str) -> None:
    """Pasted from a text that made dashes long; the client would break over it with the first call."""
    keys = ["SUPABASE_SERVICE_ROLE_KEY"]
    for platform in PLATFORMS.values():
        keys += filter(None, (platform.variables.client_id, platform.variables.client_secret))
    for variable in keys:
        assert f"{variable} has a character that no key has" in told(**{variable: wrong})
    assert len(keys) >= 6


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        ("KEEPER_ENVIRONMENT", "live\ncanary", "has a character that nobody can read"),
        ("BUDGET_SHADOW", "canary", "should be a valid boolean"),
        ("SHOPIFY_READ", "canary", "should be 'graphql' or 'rest'"),
    ],
)
def test_a_word_that_is_none_of_a_settings_is_refused(variable: str, value: str, fault: str) -> None:
    assert f"{variable} {fault}" in told(**{variable: value})


WHSEC = "whsec_" + "A" * 43 + "="


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"EVENTS_URL": "http://service.example/"}, "EVENTS_URL is not an https:// address, and not on this machine"),
        ({"EVENTS_URL": "https://canary:canary@service.example/"}, "EVENTS_URL has a user, a query or a fragment"),
        ({"EVENTS_SECRET": "canary-canary-canary-canary"}, "EVENTS_SECRET has a secret that is not whsec_"),
        ({"EVENTS_SECRET": "whsec_Y2FuYXJ5"}, "EVENTS_SECRET has a secret that is not whsec_"),
        ({"EVENTS_SECRET": f"{WHSEC} canary"}, "EVENTS_SECRET has a secret that is not whsec_"),
    ],
)
def test_where_events_must_not_go_and_what_signs_nothing_is_told(changes, fault):
    with pytest.raises(UserError) as raised:
        Settings.load(WHOLE | changes)

    assert fault in str(raised.value)
    assert "canary" not in str(raised.value)


def test_who_is_told_is_set_whole_or_not_at_all():
    told = {"EVENTS_URL": "https://service.example/told", "EVENTS_SECRET": f"{WHSEC},{WHSEC}"}
    events = Settings.load(WHOLE | told).events()

    assert (events.url, events.secrets, events.is_development) == (told["EVENTS_URL"], [WHSEC] * 2, False)
    assert Settings.load(WHOLE).events() is None
    for name, value in told.items():
        with pytest.raises(UserError, match="set both, or none"):
            Settings.load(WHOLE | {name: value}).events()
