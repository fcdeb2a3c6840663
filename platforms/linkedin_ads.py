"""LinkedIn Ads: cost per creative and day, and UTM parameters on campaigns, over the versioned Marketing API."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from bot.words.connection import Account, Flow, Identity, Json, Kind
from bot.words.errors import AccessDenied, RedkeyError, Refused
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
from bot.words.oauth import OAuth
from platforms._answers import chunks, expected, text
from platforms._environment import BY_WORDS
from platforms._linkedin_ads_analytics import Analytics
from platforms._linkedin_ads_errors import may_not_tag, no_role, read_api_error, read_token_error
from platforms._linkedin_ads_restli import Restli, id_of
from platforms._linkedin_ads_tracking import Campaigns, Tracking, check, entries_of, moment

_ACCOUNTS_A_PAGE = 500
_CAMPAIGNS_A_PAGE = 500
_CAMPAIGNS_AT_A_TIME = 20  # each is asked for its parameters, and progress is saved in between
_CLOSED = frozenset({"CANCELED", "CANCELLED", "PENDING_DELETION", "REMOVED"})
_RUNNING = ("ACTIVE", "PAUSED", "DRAFT")  # whatever ended counts as changed when somebody starts it again
_MESSAGES = "SPONSORED_INMAILS"  # message and conversation ads take no tracking parameters


def _expressible(utm: str) -> str:
    try:
        check(entries_of(utm))
    except Refused as refused:
        raise ValueError(str(refused)) from None
    return utm


_Expressible = AfterValidator(_expressible)


class LinkedinAdsSettings(PlatformSettings):
    authorize_url: str = "https://www.linkedin.com/oauth/v2/authorization"
    token_url: str = "https://www.linkedin.com/oauth/v2/accessToken"  # noqa: S105 - an address
    revoke_url: str = "https://www.linkedin.com/oauth/v2/revoke"
    api_url: str = "https://api.linkedin.com"
    userinfo_url: str = Field("https://api.linkedin.com/v2/userinfo", description="who consented")
    introspect_url: str = Field(
        "https://www.linkedin.com/oauth/v2/introspectToken",
        description="where LinkedIn tells about a token; not called, as every new token comes with its dates and scopes",
    )
    version: str = Field(
        "202608",
        pattern=r"^20\d{2}(0[1-9]|1[0-2])$",
        description="version of the LinkedIn Marketing API, as year and month; each is switched off after a year",
    )
    scopes: Annotated[tuple[str, ...], BY_WORDS] = Field(
        ("openid", "profile", "email", "r_ads", "r_ads_reporting", "rw_ads"),
        description="permissions asked for; the app must be approved for each. Without rw_ads costs work, tagging does not",
    )
    autotagging: bool = Field(True, description="whether new connections tag their campaigns")
    utm: Annotated[str, _Expressible] = Field(
        "utm_source=linkedin&utm_medium=paid&utm_campaign={{CAMPAIGN_ID}}&utm_content={{CREATIVE_ID}}",
        pattern=r"^[^?&#\s][^#\s]*$",
        description="the tracking parameters campaigns get; placeholders in double braces, by LinkedIn's own names",
    )
    restate_days: int = Field(7, ge=0, le=90, description="past days whose cost is read again, as LinkedIn restates it")


class LinkedinAds(Platform, CostSource, AdTagger):
    """Downloads cost per creative and day, of ended and removed ones too. LinkedIn's days are UTC days everywhere.

    The last `restate_days` days are read again, as LinkedIn still changes them; it tells the cost of the last ten years.
    When LinkedIn answers with no cost at all, Redkey first makes sure that the login still has a role in the account.

    Tagging sets tracking parameters on campaigns: one write covers every creative of the campaign, later ones too, and
    nothing is reviewed again. Parameters that are there already stay as they are. Message and conversation ads take none.
    Placeholders are ACCOUNT_ID, CAMPAIGN_GROUP_ID, CAMPAIGN_ID and CREATIVE_ID, each with _NAME in place of _ID too. A
    role that may only look at the account is enough for costs; tagging needs Campaign Manager.

    A login lasts a year, however often it is used, or 60 days where LinkedIn gives the app no refresh tokens. The app
    needs the products Advertising API and Sign In with LinkedIn using OpenID Connect.
    """

    name = "LinkedIn Ads"
    kind = Kind.ADS
    flows = (Flow.COST, Flow.TAGGING)
    Settings = LinkedinAdsSettings
    settings: LinkedinAdsSettings
    tags_campaigns = True
    needs: ClassVar[dict[Flow, tuple[str, ...]]] = {
        Flow.COST: ("r_ads", "r_ads_reporting"),
        Flow.TAGGING: ("rw_ads",),
    }
    look_back_days = 3650
    domains: tuple[str, ...] = ()  # where a campaign leads is in its posts, which ads permissions do not show

    def __init__(self, settings: PlatformSettings, now: Clock = lambda: datetime.now(UTC)) -> None:
        super().__init__(settings, now)
        self.restate_days = self.settings.restate_days
        self.utm, self.autotagging = self.settings.utm, self.settings.autotagging

    @property
    def version_ends(self) -> date:
        """In the middle of the same month a year later.

        https://learn.microsoft.com/linkedin/marketing/integrations/migrations
        """
        year, month = int(self.settings.version[:4]), int(self.settings.version[4:])
        return self.settings.version_ends or date(year + 1, month, 15)

    @property
    def oauth(self) -> OAuth:
        return OAuth(
            authorize_url=self.settings.authorize_url,
            token_url=self.settings.token_url,
            revoke_url=self.settings.revoke_url,
            scopes=self.settings.scopes,
            pkce=False,
            # LinkedIn does not say whether revoking one token ends the person's other logins to this app. So none is
            # revoked while a login of theirs is in use.
            revokes_person=True,
        )

    async def identify(self, fetch: Fetch) -> Identity:
        answer = await fetch("GET", self.settings.userinfo_url)
        with expected("LinkedIn's answer about the login"):
            who = answer.json()
            return Identity(id=text(who["sub"]), login=text(who.get("email") or who.get("name") or who["sub"]))

    async def accounts(self, fetch: Fetch) -> list[Account]:
        restli = self._restli(fetch)
        roles = await restli.roles()
        found: list[Account] = []
        async for rows in restli.pages("/adAccounts", _ACCOUNTS_A_PAGE, q="search"):
            with expected("LinkedIn's list of ad accounts"):
                found += [_account(row) for row in rows if row.get("status") not in _CLOSED]
        return sorted((each for each in found if each.id in roles), key=lambda account: int(account.id))

    async def probe(self, fetch: Fetch, account: Account) -> None:
        """Ask for the roles: the reports of an account that was taken away are empty, and no error."""
        if id_of(account.id) not in await self._restli(fetch).roles():
            raise no_role()

    def read_error(self, answer: Answer) -> RedkeyError:
        return read_api_error(answer, self.now())

    def read_refusal(self, answer: Answer) -> RedkeyError:
        return read_token_error(answer)

    async def cost(self, fetch: Fetch, account: Account, since: date, until: date) -> AsyncIterator[CostPage]:
        """While the lists are read, pages without rows come: they say that we are still at it."""
        analytics = Analytics(self._restli(fetch), account)
        async for _ in analytics.read_book():
            yield CostPage((), since - timedelta(days=1))
        async for rows, through in analytics.of_creatives(since, until):
            yield CostPage(rows, through)

    async def cost_totals(self, fetch: Fetch, account: Account, since: date, until: date) -> dict[date, int]:
        return await Analytics(self._restli(fetch), account).totals(since, until)

    async def ads(self, fetch: Fetch, account: Account, since: datetime | None) -> AsyncIterator[Sequence[Ad]]:
        restli, number = self._restli(fetch), id_of(account.id)
        status = {"status": {"values": _RUNNING}}
        role = (await restli.roles()).get(number, "")
        campaigns = Campaigns(restli, number)
        async for rows in restli.pages(
            f"/adAccounts/{number}/adCampaigns", _CAMPAIGNS_A_PAGE, q="search", search=status
        ):
            with expected("LinkedIn's list of campaigns"):
                changed = [row for row in rows if row.get("type") != _MESSAGES and _changed(row, since)]
            for some in chunks(changed, _CAMPAIGNS_AT_A_TIME):
                yield await campaigns.ads(some, role)

    async def tag(self, fetch: Fetch, account: Account, changes: Sequence[TagChange]) -> list[TagResult]:
        """A role that may look but not write is a problem of the tags, and no lost account: costs go on."""
        restli = self._restli(fetch)
        tracking, results = Tracking(restli), list[TagResult]()
        for change in changes:
            try:
                await tracking.tag(change.ad.id, change.before, change.wanted)
                results.append(TagResult(change.ad.id))
            except AccessDenied as denied:
                role = (await restli.roles()).get(id_of(account.id))
                if role is None:
                    raise
                results.append(TagResult(change.ad.id, may_not_tag(role, denied)))
            except Refused as refused:
                results.append(TagResult(change.ad.id, str(refused)[:500]))
        return results

    def _restli(self, fetch: Fetch) -> Restli:
        return Restli(fetch, self.settings.version)


def _account(row: Json) -> Account:
    """LinkedIn's accounts have a currency, but no time zone: campaigns begin and end at midnight UTC.

    https://www.linkedin.com/help/lms/answer/a427004
    """
    number = id_of(row["id"])
    return Account(number, text(row.get("name") or number), text(row["currency"]), "UTC")


def _changed(row: Json, since: datetime | None) -> bool:
    at = moment(row, "lastModified")
    return since is None or at is None or at >= since
