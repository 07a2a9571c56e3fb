"""Numbers, money and times as a seller reads them: in their English and in their time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError, negotiate_locale
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_compact_currency, format_currency, format_decimal

from execution.currencies import digits, major

# The pages are in English: a German date in an English sentence helps nobody.
_LOCALES = ("en_US", "en_GB", "en_CA", "en_AU", "en_NZ", "en_IE", "en_IN", "en_ZA")
_MOST_WANTED = 20


@dataclass(frozen=True, kw_only=True)
class Formats:
    """How one reader wants things written. `now` is the database's time of the facts on the page."""

    locale: Locale
    zone: ZoneInfo
    now: datetime

    def number(self, value: int) -> str:
        return format_decimal(value, locale=self.locale)

    def percent(self, share: float) -> str:
        """Rounded down: 100 % is said only of what is whole."""
        return f"{int(min(max(share, 0.0), 1.0) * 100)}%"

    def money(self, minor: int, currency: str) -> str:
        """Minor units of a currency, never through a float."""
        return str(format_currency(major(minor, currency), currency, locale=self.locale))

    def money_short(self, minor: int, currency: str) -> str:
        """For tiles and axes: $12.3K."""
        if abs(minor) < 10_000 * 10 ** digits(currency):
            whole = format_currency(
                round(major(minor, currency)), currency, locale=self.locale, currency_digits=False, format="¤#,##0"
            )
            return str(whole)
        return format_compact_currency(major(minor, currency), currency, locale=self.locale, fraction_digits=1)

    def day(self, moment: datetime | date) -> str:
        return format_date(self._local(moment), format="medium", locale=self.locale)

    def short_day(self, day: date) -> str:
        return format_date(day, format="MMM d", locale=self.locale)

    def month(self, first: date) -> str:
        return format_date(first, format="MMM ’yy", locale=self.locale)

    def moment(self, moment: datetime) -> str:
        """Day and time, for a tooltip or a table."""
        return format_datetime(moment, format="medium", tzinfo=self.zone, locale=self.locale)

    def when(self, moment: datetime) -> str:
        """A time to come, as people say it: `at 18:05`, `tomorrow 06:10`, `Mon, Nov 23, 06:10`."""
        local, today = moment.astimezone(self.zone), self.now.astimezone(self.zone)
        time = format_time(local, format="short", tzinfo=self.zone, locale=self.locale)
        days = (local.date() - today.date()).days
        if days == 0:
            return f"at {time}"
        if days == 1:
            return f"tomorrow {time}"
        return f"{format_date(local, format='EEE, MMM d', locale=self.locale)}, {time}"

    def ago(self, moment: datetime) -> str:
        """A time that has passed: `just now`, `12 minutes ago`, `yesterday 18:05`, `Nov 3, 2026`."""
        passed = self.now - moment
        if passed < timedelta(seconds=60):
            return "just now"
        if passed < timedelta(hours=1):
            return f"{_count(int(passed.total_seconds() // 60), 'minute')} ago"
        if passed < timedelta(hours=12):
            return f"{_count(int(passed.total_seconds() // 3600), 'hour')} ago"
        local, today = moment.astimezone(self.zone), self.now.astimezone(self.zone)
        time = format_time(local, format="short", tzinfo=self.zone, locale=self.locale)
        days = (today.date() - local.date()).days
        if days < 2:
            return f"{'today' if days == 0 else 'yesterday'} {time}"
        return self.day(moment)

    def _local(self, moment: datetime | date) -> date:
        return moment.astimezone(self.zone).date() if isinstance(moment, datetime) else moment


def span(wait: timedelta) -> str:
    """A length of time, as rough as a forecast is: `less than a minute`, `about 3 hours`."""
    seconds = wait.total_seconds()
    if seconds < 45:
        return "less than a minute"
    if seconds < 90 * 60:
        return f"about {_count(max(1, round(seconds / 60)), 'minute')}"
    if seconds < 36 * 3600:
        return f"about {_count(round(seconds / 3600), 'hour')}"
    return f"about {_count(round(seconds / 86400), 'day')}"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def formats_for(*, accept_language: str, zone: str, now: datetime | None = None) -> Formats:
    """What a browser asks for; nonsense is answered as if nothing had been asked."""
    return Formats(locale=_locale(accept_language), zone=_zone(zone), now=now or datetime.now(UTC))


def _locale(accept_language: str) -> Locale:
    wanted = [part.partition(";")[0].strip().replace("-", "_") for part in accept_language.split(",")[:_MOST_WANTED]]
    try:
        return Locale.parse(negotiate_locale(wanted, _LOCALES) or _LOCALES[0])
    except (ValueError, UnknownLocaleError):
        return Locale.parse(_LOCALES[0])


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
