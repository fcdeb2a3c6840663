"""Microsoft Advertising: cost per ad and day from its reports, and UTM parameters on new ads, over its REST API."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count, islice

from bot.words.connection import Account, Flow, Identity, Json, Kind
from bot.words.errors import RedkeyError, TryLater
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
from platforms._answers import digits, expected, text
from platforms._entra import REFRESH_SECONDS, authorize_url, read_token_error, token_url
from platforms._microsoft_advertising_ads import ADS, LEVELS, Levels, Place, ad_rows, download, has_ads, write_suffixes
from platforms._microsoft_advertising_errors import INACTIVE, NO_ACCOUNT, read_api_error
from platforms._microsoft_advertising_orders import LONG_PAUSES, Calls, FullSyncNeeded, Order, Orders, Service
from platforms._microsoft_advertising_reports import Report, cost_pages, cost_rows, totals
from platforms._microsoft_advertising_settings import MicrosoftAdvertisingSettings
from platforms._microsoft_advertising_zones import zone_of
from platforms._unfolding import TooLarge
from platforms._verdicts import without

_DAY = timedelta(days=1)
_DAYS_PER_REPORT = 31
# https://learn.microsoft.com/advertising/bulk-service/downloadcampaignsbyaccountids: 30 days back at most.
_CHANGES_KEPT = timedelta(days=29)
_ACCOUNTS_PER_PAGE = 1_000
_ADS_PER_PAGE = 1_000


class MicrosoftAdvertising(Platform, CostSource, AdTagger):
    """Downloads cost per ad and account day through Microsoft's reports; what a campaign spends without ads (Performance
    Max) is kept per campaign.

    The last `restate_days` days are read again, as Microsoft still changes them. It tells the cost of the last 36
    months. New ads, paused ones included, get `utm` appended to their final URL suffix; this needs no new review.
    Product and text ads take no suffix of their own and are only named. Microsoft lists changed ads for 30 days: after a
    longer outage all ads are looked at.

    Register an app in the Microsoft Entra admin center with a client secret, for work and personal accounts. A Super
    Admin of a Microsoft Advertising account gets the developer token. Log in with an account that is a user of Microsoft
    Advertising; multi-factor authentication is required. Microsoft ends a login that was not used for 90 days.
    `authorize_url` and `token_url` follow from `tenant`.
    """

    name = "Microsoft Advertising"
    kind = Kind.ADS
    flows = (Flow.COST, Flow.TAGGING)
    Settings = MicrosoftAdvertisingSettings
    settings: MicrosoftAdvertisingSettings
    look_back_days = 1095

    def __init__(self, settings: PlatformSettings, now: Clock = lambda: datetime.now(UTC)) -> None:
        super().__init__(settings, now)
        own = self.settings
        self.restate_days = own.restate_days
        self.utm, self.autotagging, self.domains = own.utm, own.autotagging, own.domains
        ours = [own.addresses[service] for service in (Service.BULK, Service.REPORTING)]
        self.orders = Orders(now, own.download_hosts, ours)
        self._places: dict[str, Mapping[str, Place]] = {}  # by account: those of the page of ads last given

    @property
    def oauth(self) -> OAuth:
        own = self.settings
        return OAuth(
            authorize_url=own.authorize_url or authorize_url(own.tenant),
            token_url=own.token_url or token_url(own.tenant),
            revoke_url=own.revoke_url,  # Entra has none: people withdraw consent at myapps.microsoft.com
            scopes=(own.scope, "offline_access"),
            # Without it a token for something else may come: https://learn.microsoft.com/answers/questions/1398345
            scope_on_refresh=True,
            authorize_params={"prompt": "select_account"},
            # A used refresh token is replaced, not revoked, so a lost answer costs nothing.
            refresh_ttl=REFRESH_SECONDS,
            refresh_slides=True,
        )

    @property
    def needs(self) -> dict[Flow, tuple[str, ...]]:
        """Entra names only the service's own scopes as granted, never offline_access."""
        return {Flow.COST: (self.settings.scope,), Flow.TAGGING: (self.settings.scope,)}

    async def identify(self, fetch: Fetch) -> Identity:
        who = await self._user(fetch)
        with expected("Microsoft's answer about the login"):
            names = (who.get("UserName"), (who.get("ContactInfo") or {}).get("Email"))
            login = next((name for name in names if name and "@" in name), names[0])
            return Identity(id=digits(who["Id"]), login=text(login))

    async def accounts(self, fetch: Fetch) -> list[Account]:
        who = await self._user(fetch)
        with expected("Microsoft's answer about the login"):
            mine = {"Field": "UserId", "Operator": "Equals", "Value": digits(who["Id"])}
        found: dict[str, Account | None] = {}
        for page in count():
            asked = {"Predicates": [mine], "PageInfo": {"Index": page, "Size": _ACCOUNTS_PER_PAGE}}
            said = await self._calls(fetch).post(Service.CUSTOMER, "/CustomerManagement/v13/Accounts/Search", asked)
            with expected("Microsoft's list of accounts"):
                some = {digits(row["Id"]): None if _inactive(row) else _account(row) for row in said["Accounts"] or []}
            if not some:
                break
            if some.keys() <= found.keys():
                raise TryLater("Microsoft's pages go round in circles")
            found |= some
        return sorted((account for account in found.values() if account), key=lambda account: int(account.id))

    async def probe(self, fetch: Fetch, account: Account) -> None:
        asked = {"AccountId": digits(account.id)}
        said = await self._calls(fetch).post(Service.CUSTOMER, "/CustomerManagement/v13/Account/Query", asked)
        with expected("Microsoft's answer about the account"):
            told = said["Account"]
            if told is None:
                raise NO_ACCOUNT.error("unknown")
            if digits(told["Id"]) != account.id:
                raise ValueError("expected the account that was asked for")
            if _inactive(told):
                raise INACTIVE.error("Inactive")

    def read_error(self, answer: Answer) -> RedkeyError:
        return without(read_api_error(answer), self.settings.developer_token.get_secret_value())

    def read_refusal(self, answer: Answer) -> RedkeyError:
        return read_token_error(answer)

    async def cost(self, fetch: Fetch, account: Account, since: date, until: date) -> AsyncIterator[CostPage]:
        """While Microsoft works on a report, pages without rows come: they say that we are still at it."""
        calls, days = self._calls(fetch), _DAYS_PER_REPORT
        while since <= until:
            through = min(since + _DAY * (days - 1), until)
            orders = [kind.order(account, since, through) for kind in (Report.OF_CAMPAIGNS, Report.OF_ADS)]
            try:
                async for files in self.orders.files(calls, *orders, pauses=LONG_PAUSES):
                    if files is None:
                        yield CostPage((), since - _DAY)
                        continue
                    rows = await asyncio.to_thread(cost_rows, files[0], files[1], account, since, through)
            except TooLarge:
                if days == 1:
                    raise
                days = max(days // 2, 1)
                continue
            for page in cost_pages(rows, since, through):
                yield page
            since = through + _DAY

    async def cost_totals(self, fetch: Fetch, account: Account, since: date, until: date) -> dict[date, int]:
        file = await self._file(self._calls(fetch), Report.OF_ACCOUNT.order(account, since, until))
        return await asyncio.to_thread(totals, file, account, since, until)

    async def ads(self, fetch: Fetch, account: Account, since: datetime | None) -> AsyncIterator[Sequence[Ad]]:
        """While Microsoft works on a list, empty pages come: they say that we are still at it."""
        listed = since if since is not None and since >= self.now() - _CHANGES_KEPT else None
        try:
            async for some in self._ads(self._calls(fetch), account, listed):
                yield some
        except FullSyncNeeded:
            if listed is None:
                raise
            async for some in self._ads(self._calls(fetch), account, None):
                yield some

    async def _ads(self, calls: Calls, account: Account, since: datetime | None) -> AsyncIterator[Sequence[Ad]]:
        entities = ADS if since else (*LEVELS, *ADS)
        async for files in self.orders.files(calls, download(account, entities, since)):
            if files is None:
                yield ()
                continue
            (listed,) = files
        if since is None:
            whole = listed
        elif not await asyncio.to_thread(has_ads, listed):
            return
        else:
            # What an ad inherits is not among what changed; asked for last, so that a new ad group is in it.
            async for files in self.orders.files(calls, download(account, LEVELS, None)):
                if files is None:
                    yield ()
                    continue
                (whole,) = files
        levels = await asyncio.to_thread(Levels, whole)
        rows = ad_rows(listed)
        while some := await asyncio.to_thread(lambda: list(islice(rows, _ADS_PER_PAGE))):
            found = [each for row in some if (each := levels.ad(row))]
            self._places[account.id] = {ad.id: place for ad, place in found}
            yield [ad for ad, _ in found]

    async def tag(self, fetch: Fetch, account: Account, changes: Sequence[TagChange]) -> list[TagResult]:
        calls, places = self._calls(fetch), self._places.get(account.id, {})
        if any(change.ad.id not in places for change in changes):
            places = {}
            async for _ in self._ads(calls, account, None):
                places |= self._places.get(account.id, {})
        problems = await write_suffixes(calls, account, changes, places)
        return [TagResult(change.ad.id, problems[change.ad.id]) for change in changes]

    async def _file(self, calls: Calls, order: Order) -> bytes:
        async for files in self.orders.files(calls, order):
            if files is not None:
                return files[0]
        raise TryLater("Microsoft gave no file")  # files() ends with one, or raises

    async def _user(self, fetch: Fetch) -> Json:
        """Whoever logged in: no id was named."""
        said = await self._calls(fetch).post(Service.CUSTOMER, "/CustomerManagement/v13/User/Query", {"UserId": None})
        with expected("Microsoft's answer about the login"):
            return dict(said["User"])

    def _calls(self, fetch: Fetch) -> Calls:
        return Calls(fetch, self.settings.addresses, self.settings.developer_token.get_secret_value())


def _inactive(row: Json) -> bool:
    return row.get("AccountLifeCycleStatus") == "Inactive"


def _account(row: Json) -> Account:
    number = digits(row["Id"])
    return Account(
        id=number,
        name=text(row.get("Name") or row.get("Number") or number),
        currency=text(row["CurrencyCode"]),
        time_zone=zone_of(row.get("TimeZone")),
        parent=digits(row["ParentCustomerId"]),
    )
