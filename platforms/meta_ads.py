"""Meta Ads: cost per ad and day, and UTM parameters on ads, over the Marketing API."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from bot.words.connection import Account, Flow, Identity, Json, Kind, Secret
from bot.words.errors import RedkeyError
from bot.words.freight import Ad, TagChange
from bot.words.interfaces import (
    AdTagger,
    Answer,
    Clock,
    CostPage,
    CostSource,
    Fetch,
    Platform,
    PlatformSettings,
    TagResult,
)
from bot.words.oauth import Inspect, Inspection, OAuth
from platforms._answers import digits, expected, text
from platforms._environment import BY_COMMAS
from platforms._meta_ads_creatives import AD_FIELDS, BY_HAND, Recreation, ads_of
from platforms._meta_ads_errors import STATUSES, TooMuch, read_api_error, read_fault, read_token_error
from platforms._meta_ads_graph import Graph
from platforms._meta_ads_insights import Insights

_DAY = timedelta(days=1)
_DAYS_PER_QUERY = 7
_CLOSED = 101
_PAGE = "100"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# https://developers.facebook.com/docs/graph-api/changelog/versions; v26.0, the newest, has no end yet.
_VERSION_ENDS = {
    "v21.0": date(2027, 1, 21),
    "v22.0": date(2027, 5, 20),
    "v23.0": date(2027, 10, 8),
    "v24.0": date(2028, 2, 18),
    "v25.0": date(2028, 7, 29),
}
_FORBIDDEN = (
    "set tag_by_recreating = true in [platforms.meta_ads] first, then reauthorize: changing ads needs a permission"
)


class MetaAdsSettings(PlatformSettings):
    authorize_url: str = Field("", description="where people consent; from the version unless set")
    token_url: str = Field("", description="where tokens come from; from api_url and the version unless set")
    revoke_url: str = Field("", description="where logins are ended; from api_url and the version unless set")
    api_url: str = Field("https://graph.facebook.com", description="the API's host; the version is appended")
    version: str = Field("v26.0", pattern=r"^v\d+\.\d+$", description="version of the Graph and Marketing API")
    config_id: str = Field(
        "",
        pattern=r"^\d*$",
        description="configuration of Facebook Login for Business; it then decides the permissions",
    )
    tag_by_recreating: bool = Field(
        False,
        description="true: connections may opt in to having their ads made anew, which sends each to review and learning "
        "again (redkey tagging preview, then optin); false: ads without parameters are only named",
    )
    autotagging: bool = Field(True, description="whether new connections look for ads without parameters")
    utm: str = Field(
        "utm_source=facebook&utm_medium=cpc&utm_campaign={{campaign.id}}&utm_content={{ad.id}}",
        pattern=r"^[^?&#\s][^#\s]*$",
        description="what is appended to the ads' URL parameters",
    )
    domains: Annotated[tuple[str, ...], BY_COMMAS] = Field(
        (), description="your own domains; ads that lead elsewhere are not tagged; empty: all are"
    )
    restate_days: int = Field(28, ge=0, le=90, description="past days whose cost is read again, as Meta restates it")


class MetaAds(Platform, CostSource, AdTagger):
    """Downloads cost per ad and account day, of deleted and archived ads too; large accounts through Meta's reports.

    The last `restate_days` days are read again, as Meta still changes them. Meta tells the cost of the last 37 months.

    What a Meta ad shows cannot be changed afterwards, URL parameters included. So ads without them are only named, and a
    person adds them in Ads Manager. Redkey can make such ads anew from the same post, likes and comments kept; **each of
    them goes through Meta's review again and starts learning anew**. So it does that only where `tag_by_recreating` is set
    and somebody has opted in for the connection: `redkey tagging preview ID` shows what would be done, `redkey tagging
    optin ID` lets it be done. Ads that would lose something (dynamic creatives, catalogues, partnerships) are left to
    people even then.

    A login lasts about 60 days and is renewed while it is alive; 90 days after a person logged in they must do so again.
    The Meta app needs Facebook Login with the redirect URI, and advanced access to ads_read; to ads_management too for
    tagging. Log in with a Facebook account that has a role in the ad accounts.
    """

    name = "Meta Ads"
    kind = Kind.ADS
    flows = (Flow.COST, Flow.TAGGING)
    Settings = MetaAdsSettings
    settings: MetaAdsSettings
    by_hand = BY_HAND
    look_back_days = 1120  # 37 months: https://developers.facebook.com/docs/marketing-api/insights/parameters

    def __init__(self, settings: PlatformSettings, now: Clock = lambda: datetime.now(UTC)) -> None:
        super().__init__(settings, now)
        self.restate_days = self.settings.restate_days
        self.utm, self.autotagging = self.settings.utm, self.settings.autotagging
        self.domains = self.settings.domains
        self.forbidden = "" if self.settings.tag_by_recreating else _FORBIDDEN

    @property
    def needs(self) -> dict[Flow, tuple[str, ...]]:
        """The permissions without which a flow stands still."""
        return {Flow.COST: ("ads_read",), Flow.TAGGING: self._scopes[-1:]}

    @property
    def _scopes(self) -> tuple[str, ...]:
        return ("ads_read", "ads_management") if self.settings.tag_by_recreating else ("ads_read",)

    @property
    def version_ends(self) -> date | None:
        return self.settings.version_ends or _VERSION_ENDS.get(self.settings.version)

    @property
    def oauth(self) -> OAuth:
        own = self.settings
        graph = f"{own.api_url.rstrip('/')}/{own.version}"
        # Without rerequest Facebook does not ask again for a permission that was once declined.
        business = {"config_id": own.config_id, "override_default_response_type": "true"}
        return OAuth(
            authorize_url=own.authorize_url or f"https://www.facebook.com/{own.version}/dialog/oauth",
            token_url=own.token_url or f"{graph}/oauth/access_token",
            revoke_url=own.revoke_url or f"{graph}/me/permissions",
            revoke_method="DELETE",
            revokes_person=True,
            scopes=() if own.config_id else self._scopes,
            pkce=False,
            authorize_params=business if own.config_id else {"auth_type": "rerequest"},
            # https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived
            extends="fb_exchange_token",
            # A read may go out as a POST with method=get, as Facebook's own JavaScript SDK does with long ones; so the
            # token stands in the body and not in the address.
            inspect=Inspect(
                url=f"{graph}/debug_token?method=get",
                field="input_token",
                bearer=Secret(f"{own.client_id}|{own.client_secret.get_secret_value()}"),
            ),
            proof="appsecret_proof",
        )

    async def identify(self, fetch: Fetch) -> Identity:
        who = await self._graph(fetch).get("me", fields="id,name")
        with expected("Meta's answer about the login"):
            return Identity(id=digits(who["id"]), login=text(who.get("name") or digits(who["id"])))

    async def accounts(self, fetch: Fetch) -> list[Account]:
        found: list[Account] = []
        fields = "account_id,name,account_status,currency,timezone_name"
        async for rows in self._graph(fetch).pages("me/adaccounts", fields=fields, limit=_PAGE):
            with expected("Meta's list of ad accounts"):
                found += [_account(row) for row in rows if row.get("account_status") != _CLOSED]
        return sorted(found, key=lambda account: int(account.id))

    async def probe(self, fetch: Fetch, account: Account) -> None:
        """Ask for the account's status: its ads may have been stopped although the login is well."""
        told = await self._graph(fetch).get(f"act_{digits(account.id)}", fields="account_id,account_status")
        with expected("Meta's answer about the ad account"):
            status = int(told["account_status"])
        if status in STATUSES:
            raise STATUSES[status].error(f"account_status.{status}")

    def read_error(self, answer: Answer) -> RedkeyError:
        return read_api_error(answer)

    def read_refusal(self, answer: Answer) -> RedkeyError:
        return read_token_error(answer)

    def read_inspection(self, answer: Answer) -> Inspection:
        """https://developers.facebook.com/docs/graph-api/reference/debug_token: 0 stands for never."""
        with expected("Meta's answer about the new login"):
            told: Json = answer.json()["data"]
            if told["is_valid"] is False:
                error = told.get("error") or {}
                found = read_fault({"code": 190, **error, "error_subcode": error.get("subcode")}, {})
                raise found or ValueError("not valid, without a known reason")
            ends, needed = (int(told.get(name) or 0) for name in ("expires_at", "data_access_expires_at"))
            scopes = told.get("scopes") or []
            if told["is_valid"] is not True or not isinstance(scopes, list):
                raise ValueError("neither valid nor not")
            return Inspection(
                expires_at=_EPOCH + timedelta(seconds=ends) if ends else None,
                refresh_expires_at=_EPOCH + timedelta(seconds=needed) if needed else None,
                scopes=tuple(text(scope) for scope in scopes),
            )

    async def cost(self, fetch: Fetch, account: Account, since: date, until: date) -> AsyncIterator[CostPage]:
        """While Meta works on a report, pages without rows come: they say that we are still at it."""
        insights, days = self._insights(fetch, account), _DAYS_PER_QUERY
        while since <= until:
            through = min(since + timedelta(days=days - 1), until)
            try:
                async for rows in insights.of_ads(since, through):
                    yield CostPage((), since - _DAY) if rows is None else CostPage(rows, through)
            except TooMuch:
                if days == 1:
                    raise
                days = max(days // 2, 1)
                continue
            since = through + _DAY

    async def cost_totals(self, fetch: Fetch, account: Account, since: date, until: date) -> dict[date, int]:
        return await self._insights(fetch, account).totals(since, until)

    async def ads(self, fetch: Fetch, account: Account, since: datetime | None) -> AsyncIterator[Sequence[Ad]]:
        asked: Json = {"fields": AD_FIELDS, "limit": _PAGE}
        if since is not None:
            changed = {"field": "ad.updated_time", "operator": "GREATER_THAN", "value": int(since.timestamp()) - 1}
            asked["filtering"] = [changed]
        async for rows in self._graph(fetch).pages(f"act_{digits(account.id)}/ads", **asked):
            yield ads_of(rows)

    async def tag(self, fetch: Fetch, account: Account, changes: Sequence[TagChange]) -> list[TagResult]:
        if not self.settings.tag_by_recreating:
            return [TagResult(change.ad.id, BY_HAND.format(change.wanted)) for change in changes]
        seen = [change for change in changes if change.ad.urls or not self.domains]
        unseen = [change.ad.id for change in changes if not change.ad.urls and self.domains]
        unknown = "Redkey cannot see where this ad leads, and only ads that lead to your own domains are tagged."
        return [TagResult(ad, unknown) for ad in unseen] + await Recreation(self._graph(fetch), account.id).run(seen)

    def _graph(self, fetch: Fetch) -> Graph:
        return Graph(fetch, self.settings.version)

    def _insights(self, fetch: Fetch, account: Account) -> Insights:
        return Insights(self._graph(fetch), account.id, account.currency)


def _account(row: Json) -> Account:
    number = digits(row["account_id"])
    return Account(
        id=number,
        name=text(row.get("name") or number),
        currency=text(row["currency"]),
        time_zone=_known_zone(text(row["timezone_name"])),
    )


def _known_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return "UTC"  # one odd account must not hide all others
