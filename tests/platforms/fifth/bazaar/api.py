"""How Bazaar is called. What its answers mean is their status."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from execution.errors import Retriable
from execution.http.messages import Headers, Request, Send
from execution.http.retry_after import retry_after
from execution.http.small_bodies import error_text, json_object
from execution.platform_settings import PlatformSettings
from execution.platforms.api import ACCEPTED, Api, ResponseKind, ShopIdentity, Verdict, verdict


def _headers(_: PlatformSettings, access_token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {access_token}"}


def _classify(status: int, headers: Headers, body: bytes, now: datetime) -> Verdict:
    reason = f"Bazaar answered {status}: {error_text(body)}"
    match status:
        case 200:
            return ACCEPTED
        case 401:
            return verdict(ResponseKind.TOKEN_REJECTED, reason, "reconnect_needed")
        case 404:
            return verdict(ResponseKind.GONE, reason)
        case 429:
            wait = retry_after(headers, now, default=timedelta(seconds=1))
            return Verdict(kind=ResponseKind.THROTTLED, reason=reason, wait=wait)
        case _ if status >= 500:
            return verdict(ResponseKind.TRY_AGAIN, reason)
        case _:
            return verdict(ResponseKind.REQUEST_WRONG, reason, "request_wrong")


def _identify(send: Send, _shop: str, _token: str) -> ShopIdentity:
    try:
        shop = json_object(send(Request(path="/shop")).body)
        return ShopIdentity(
            shop_id=shop["id"],
            name=shop["name"],
            currency=shop["currency"],
            created_at=datetime.fromtimestamp(shop["opened"], UTC),
        )
    except (ValueError, KeyError) as error:
        raise Retriable(f"/shop answered no shop: {error}") from None


BAZAAR_API = Api(
    base_url="https://api.bazaar.example/v1",
    headers=_headers,
    classify=_classify,
    identify=_identify,
    request_id_header="x-request-id",
)
