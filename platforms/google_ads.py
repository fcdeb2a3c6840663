"""Google Ads: cost per ad and day, Performance Max per campaign, and UTM parameters on new ads, over its REST API."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.words.connection import Account, Flow, Identity, Json, Kind
from bot.words.errors import AccessDenied, RedkeyError, Refused, TryLater
from bot.words.freight import Ad, CostRow, TagChange
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
from platforms._answers import chunks, digits, expected, text
from platforms._beside import beside
from platforms._google_ads_errors import partial_failures, read_api_error, read_token_error
from platforms._google_ads_rows import (
    ACCOUNTS,
    ADS,
    CHANGES,
    COST_OF_ADS,
    COST_OF_CAMPAIGNS,
    COST_TOTALS,
    account_of,
    ads_of,
    cost_rows,
    made_at,
    unconfirmed,
)
from platforms._google_ads_settings import GoogleAdsSettings
from platforms._google_ads_stream import rows_of
from platforms._unfolding import TooLarge

# https://developers.google.com/google-ads/api/docs/change-status: 90 days, at most 10,000 rows a query.
_CHANGES_KEPT = timedelta(days=89)
_SCOPES = ("https://www.googleapis.com/auth/adwords",)
_CHANGES_LIMIT = 10_000
# A change shows up minutes late, and an hour happens twice when summer time ends.
_CHANGES_OVERLAP = timedelta(hours=1, minutes=10)
_MUTATE_LIMIT = 10_000  # operations per ads:mutate
_IDS_PER_QUERY = 1_000
_DAYS_PER_QUERY = 7  # each query counts against the app's daily quota, and each answer is held in memory


# https://developers.google.com/google-ads/api/docs/sunset-dates tells months: the first day of each is early enough.
_VERSION_ENDS = {
    "v23": date(2027, 2, 1),
    "v24": date(2027, 5, 1),
    "v25": date(2027, 8, 1),
    "v26": date(2027, 11, 1),
}


class GoogleAds(Platform, CostSource, AdTagger):
    """Downloads cost per ad and account day; what a campaign spends without ads (Performance Max) is kept per campaign.

    The last `restate_days` days are read again, as Google still changes them. Google tells the cost of the last 37
    months. New ads, paused ones included, get `utm`
    appended to their final URL suffix; this needs no new review. Google lists changed ads for 90 days: after a longer
    outage all ads are looked at.

    Log in with a Google account that reaches the accounts, directly or through a manager account. It needs 2-Step
    Verification. The Google Cloud project that owns the OAuth client must have access to the Google Ads API.
    """

    name = "Google Ads"
    kind = Kind.ADS
    flows = (Flow.COST, Flow.TAGGING)
    Settings = GoogleAdsSettings
    settings: GoogleAdsSettings
    # 37 months of days: https://developers.google.com/google-ads/api/reference/rpc/v26/DateRangeErrorEnum.DateRangeError
    look_back_days = 1120

    def __init__(self, settings: PlatformSettings, now: Clock = lambda: datetime.now(UTC)) -> None:
        super().__init__(settings, now)
        self.restate_days = self.settings.restate_days
        self.utm, self.autotagging = self.settings.utm, self.settings.autotagging
        self.domains = self.settings.domains

    @property
    def needs(self) -> dict[Flow, tuple[str, ...]]:
        """One permission is for everything; people may still untick its box."""
        return {Flow.COST: _SCOPES, Flow.TAGGING: _SCOPES}

    @property
    def version_ends(self) -> date | None:
        return self.settings.version_ends or _VERSION_ENDS.get(self.settings.version)

    @property
    def oauth(self) -> OAuth:
        return OAuth(
            authorize_url=self.settings.authorize_url,
            token_url=self.settings.token_url,
            revoke_url=self.settings.revoke_url,
            scopes=("openid", "email", *_SCOPES),
            # Without prompt=consent a second consent brings no refresh token.
            authorize_params={"access_type": "offline", "prompt": "consent"},
            issuer="https://accounts.google.com",
            refresh_ttl=7 * 86_400 if self.settings.testing else None,
            revokes_person=True,
        )

    async def identify(self, fetch: Fetch) -> Identity:
        answer = await fetch("GET", self.settings.userinfo_url)
        with expected("Google's answer about the login"):
            who = answer.json()
            return Identity(id=text(who["sub"]), login=text(who.get("email") or who["sub"]))

    async def accounts(self, fetch: Fetch) -> list[Account]:
        found: dict[str, Account] = {}
        for root in await self._roots(fetch):
            try:
                rows = await self._stream(fetch, Account(root, "", parent=root), ACCOUNTS)
            except (AccessDenied, Refused):
                if self.settings.login_customer_id:
                    raise
                continue  # a closed account stays in the list of accessible ones
            with expected("Google's list of accounts"):
                clients = [row["customerClient"] for row in rows]
                reached = [account_of(client, root) for client in clients if _is_open(client)]
            for account in reached:
                # An account both shared directly and managed: the direct way does not depend on a manager.
                if account.id not in found or not account.parent:
                    found[account.id] = account
        return sorted(found.values(), key=lambda account: int(account.id))

    async def probe(self, fetch: Fetch, account: Account) -> None:
        await self._stream(fetch, account, "SELECT customer.id FROM customer LIMIT 1")

    def read_error(self, answer: Answer) -> RedkeyError:
        return read_api_error(answer)

    def read_refusal(self, answer: Answer) -> RedkeyError:
        return read_token_error(answer, testing=self.settings.testing)

    async def cost(self, fetch: Fetch, account: Account, since: date, until: date) -> AsyncIterator[CostPage]:
        days = _DAYS_PER_QUERY
        while since <= until:
            through = min(since + timedelta(days=days - 1), until)
            try:
                rows = await self._cost_rows(fetch, account, since, through)
            except TooLarge:
                if days == 1:
                    raise
                days = max(days // 2, 1)
                continue
            yield CostPage(rows, through)
            since = through + timedelta(days=1)

    async def _cost_rows(self, fetch: Fetch, account: Account, since: date, until: date) -> list[CostRow]:
        """Cost per ad, and per campaign what its ads do not explain: Performance Max has no ads to report on.

        The campaigns are asked first: cost that arrives between the two answers then shows at the ads only, and never
        as a remainder.
        """
        days = {"since": since, "until": until}
        campaigns = await self._streamed(fetch, account, COST_OF_CAMPAIGNS.format(**days))
        ads = await self._streamed(fetch, account, COST_OF_ADS.format(**days))
        with expected("Google's cost report"):
            # In a thread: the answers may have megabytes, and whoever clicks meanwhile must not wait for them.
            return await beside(cost_rows, campaigns.body, ads.body, account)

    async def cost_totals(self, fetch: Fetch, account: Account, since: date, until: date) -> dict[date, int]:
        rows = await self._stream(fetch, account, COST_TOTALS.format(since=since, until=until))
        totals: dict[date, int] = defaultdict(int)
        with expected("Google's cost totals"):
            for row in rows:
                totals[date.fromisoformat(row["segments"]["date"])] += int(row["metrics"].get("costMicros", 0))
        return dict(totals)

    async def ads(self, fetch: Fetch, account: Account, since: datetime | None) -> AsyncIterator[Sequence[Ad]]:
        listed = since is not None and since >= self.now() - _CHANGES_KEPT
        changed = await self._changed(fetch, account, since) if since and listed else None
        if changed is None:
            async for rows in self._pages(fetch, account, ADS):
                yield ads_of(rows, {})
            return
        for ids in chunks(sorted(changed), _IDS_PER_QUERY):
            query = f"{ADS} AND ad_group_ad.ad.id IN ({', '.join(ids)})"
            async for rows in self._pages(fetch, account, query):
                yield ads_of(rows, changed)

    async def _changed(self, fetch: Fetch, account: Account, since: datetime) -> dict[str, datetime | None] | None:
        """Ads made or changed since then, with the moment they were made where that was their last change.

        None: Google cannot list them, as more changed in one second than one answer holds.
        """
        zone = ZoneInfo(account.time_zone)
        begin = f"{(since - _CHANGES_OVERLAP).astimezone(zone):%Y-%m-%d %H:%M:%S}"
        until = f"{(self.now() + timedelta(days=1)).astimezone(zone):%Y-%m-%d %H:%M:%S}"
        found: dict[str, datetime | None] = {}
        while True:
            query = CHANGES.format(since=begin, until=until, limit=_CHANGES_LIMIT)
            rows = await self._stream(fetch, account, query)
            with expected("Google's list of changes"):
                changes = [row["changeStatus"] for row in rows]
                found |= {
                    digits(change["adGroupAd"].rpartition("~")[2]): made_at(change, zone)
                    for change in changes
                    if change["resourceStatus"] != "REMOVED"
                }
                last = text(changes[-1]["lastChangeDateTime"])[:19] if changes else ""
            if len(changes) < _CHANGES_LIMIT:
                return found
            if last == begin:
                return None
            begin = last

    async def tag(self, fetch: Fetch, account: Account, changes: Sequence[TagChange]) -> list[TagResult]:
        parts = [await self._mutate(fetch, account, some) for some in chunks(changes, _MUTATE_LIMIT)]
        return [result for part in parts for result in part]

    async def _mutate(self, fetch: Fetch, account: Account, changes: Sequence[TagChange]) -> list[TagResult]:
        operations = [
            {
                "updateMask": "finalUrlSuffix",
                "update": {
                    "resourceName": f"customers/{account.id}/ads/{digits(change.ad.id)}",
                    "finalUrlSuffix": change.wanted,
                },
            }
            for change in changes
        ]
        body = {"operations": operations, "partialFailure": True}
        answer = await fetch("POST", self._url(account, "/ads:mutate"), json=body, headers=self._headers(account))
        with expected("Google's answer to the tagging"):
            said = answer.json()
            applied, problems = said.get("results", []), partial_failures(said)
            return [
                TagResult(change.ad.id, problems.get(n) or problems.get(None) or unconfirmed(applied, n))
                for n, change in enumerate(changes)
            ]

    async def _roots(self, fetch: Fetch) -> list[str]:
        """The accounts this login may enter by itself; managers among them lead to more."""
        if self.settings.login_customer_id:
            return [self.settings.login_customer_id]
        url = f"/{self.settings.version}/customers:listAccessibleCustomers"
        answer = await fetch("GET", url, headers=self._headers(None))
        with expected("Google's list of accounts"):
            names = answer.json().get("resourceNames", [])
            return [digits(name.removeprefix("customers/")) for name in names]

    async def _stream(self, fetch: Fetch, account: Account, query: str) -> list[Json]:
        answer = await self._streamed(fetch, account, query)
        with expected("Google's answer to a query"):
            return list(rows_of(answer.body, dict))

    async def _streamed(self, fetch: Fetch, account: Account, query: str) -> Answer:
        url = self._url(account, "/googleAds:searchStream")
        return await fetch("POST", url, json={"query": query}, headers=self._headers(account))

    async def _pages(self, fetch: Fetch, account: Account, query: str) -> AsyncIterator[list[Json]]:
        body, seen = {"query": query}, set[str]()
        while True:
            url = self._url(account, "/googleAds:search")
            answer = await fetch("POST", url, json=body, headers=self._headers(account))
            with expected("Google's answer to a query"):
                said = answer.json()
                rows, token = list(said.get("results", [])), str(said.get("nextPageToken") or "")
            yield rows
            if not token:
                return
            if token in seen:
                raise TryLater("Google's pages go round in circles")
            seen.add(token)
            body = {"query": query, "pageToken": token}

    def _url(self, account: Account, what: str) -> str:
        return f"/{self.settings.version}/customers/{digits(account.id)}{what}"

    def _headers(self, account: Account | None) -> dict[str, str]:
        via = (account.parent or self.settings.login_customer_id) if account else ""
        secret = self.settings.developer_token.get_secret_value()
        return ({"login-customer-id": via} if via else {}) | ({"developer-token": secret} if secret else {})


def _is_open(client: Json) -> bool:
    """Whether it is an account that can have ads: neither closed nor a manager."""
    return client.get("status") == "ENABLED" and not client.get("manager")
