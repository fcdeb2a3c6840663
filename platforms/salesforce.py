"""Salesforce: touchpoints upserted by their id, a few at a time or as a bulk job, each record answered for."""

import asyncio
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from bot.words.connection import Account, Cause, Flow, Identity, Kind
from bot.words.errors import AccessDenied, Misconfigured, RedkeyError, Refused, TryLater
from bot.words.freight import Pushed, PushResult, PushState, Touchpoint, Touchpoints
from bot.words.interfaces import Answer, Clock, Fetch, Notes, Platform, PlatformSettings
from bot.words.oauth import OAuth
from platforms._answers import chunks, expected, text
from platforms._environment import AS_JSON
from platforms._salesforce_bulk import Bulk, Call
from platforms._salesforce_errors import read_api_error, read_token_error
from platforms._salesforce_records import Record, Recorder, Records, by_length, json_of, quoted
from platforms._salesforce_results import Told, read_json, retry
from platforms._touchpoints import TwoObjects

# "More than 2,000 records: Bulk API": https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/
_BULK_ABOVE = 2_000
_BULK_RECORDS = 10_000
_BULK_CALLS = 10  # create, upload, close, look a few times, fetch three results
_COLLECTION = 200
_OWN_HOSTS = (".salesforce.com", ".force.com", ".cloudforce.com", ".salesforce.mil", ".sfcrmproducts.cn")
_USAGE = re.compile(r"api-usage=(\d{1,12})/(\d{1,12})")
_ENOUGH = 0.9  # of the org's daily calls: the rest is for everybody else
_REST = timedelta(minutes=5)
_NAME = r"^[A-Za-z][A-Za-z0-9_]*$"


# From the environment it comes as JSON text.


class SalesforceSettings(PlatformSettings):
    login_url: str = Field(
        "https://login.salesforce.com", description="where people log in; test.salesforce.com or your My Domain"
    )
    userinfo_url: str = Field("", description="who consented; derived from login_url unless set")
    version: str = Field("v66.0", pattern=r"^v\d+\.0$", description="version of the Salesforce API")
    object: str = Field("bizible2__Bizible_Touchpoint__c", pattern=_NAME, description="where touchpoints go")
    attribution_object: str = Field(
        "bizible2__Bizible_Attribution_Touchpoint__c", pattern=_NAME, description="where attribution touchpoints go"
    )
    external_id: str = Field("bizible2__UniqueId__c", pattern=_NAME, description="the field that holds the id")
    date_field: str = Field(
        "bizible2__Touchpoint_Date__c", pattern=r"^\w*$", description="takes occurred_at; empty: not written"
    )
    email_field: str = Field("bizible2__Email__c", pattern=r"^\w*$", description="takes email; empty: not written")
    fields: Annotated[dict[str, str], AS_JSON] = Field(
        default_factory=dict, description="renames touchpoint fields: name in the touchpoint = name in Salesforce"
    )
    batch_size: int = Field(200, ge=1, le=_COLLECTION, description="records per call, up to 200")
    daily_credits: int = Field(100_000, ge=0, description="API calls Redkey may spend a day; 0: no limit of its own")
    on_refused: Literal["set_aside", "pause"] = Field(
        "set_aside",
        description="what a refused record does: it is set aside and retried daily, or the push pauses there",
    )
    session_minutes: int = Field(90, ge=1, description="how long an access token is used; below the org's time-out")
    idle_days: int = Field(0, ge=0, description="after so many days unused the org ends a login; 0: not known")


class Salesforce(Platform, TwoObjects):
    """Upserts touchpoints by their id: up to 2,000 waiting ones in calls of `batch_size`, more as one bulk job.

    Each record is answered for. Locked records and the like are tried again; what Salesforce refuses for good is set
    aside with Salesforce's reason. When the org has used 90 % of its daily API calls, Redkey pauses five minutes at a
    time and leaves the rest to others. `authorize_url`, `token_url` and `revoke_url` follow from `login_url`, the API's
    host comes with the login; it must be one of Salesforce's own hosts or the host of `login_url`.

    Create an External Client App with the scopes api, refresh_token and openid. Salesforce keeps five logins of one
    user for one app: the sixth silently ends the first.
    """

    name = "Salesforce"
    kind = Kind.CRM
    flows = (Flow.TOUCHPOINTS,)
    Settings = SalesforceSettings
    settings: SalesforceSettings
    pauses: Sequence[float] = (0.1, 0.4, 1.0, 2.0, *[5.0] * 60)  # seconds between looks at a bulk job, in one push

    def __init__(self, settings: PlatformSettings, now: Clock = lambda: datetime.now(UTC)) -> None:
        super().__init__(settings, now)
        self._data = f"/services/data/{self.settings.version}"
        self._rest_until: dict[str, datetime] = {}

    @property
    def needs(self) -> dict[Flow, tuple[str, ...]]:
        return {Flow.TOUCHPOINTS: ("api",)}

    @property
    def oauth(self) -> OAuth:
        return OAuth(
            authorize_url=self.settings.authorize_url or self._login("/services/oauth2/authorize"),
            token_url=self.settings.token_url or self._login("/services/oauth2/token"),
            revoke_url=self.settings.revoke_url or self._login("/services/oauth2/revoke"),
            scopes=("api", "refresh_token", "openid"),
            authorize_params={"prompt": "login consent"},
            keep=("instance_url",),
            rotates=True,
            access_ttl=self.settings.session_minutes * 60,  # Salesforce sends no expires_in
            refresh_ttl=self.settings.idle_days * 86_400 or None,
            refresh_slides=True,
        )

    def base_url(self, kept: Mapping[str, str]) -> str:
        """The org's own host, as the token response named it. It gets the token, so it must be Salesforce's."""
        url = self.settings.api_url or kept.get("instance_url") or self.settings.login_url
        if url in {self.settings.api_url, self.settings.login_url} or self._is_own(url):
            return url
        cause = Cause(
            "foreign_instance_url",
            "Salesforce's answer named a server that is not Salesforce's.",
            "Whoever runs Redkey must check login_url and token_url in [platforms.salesforce].",
            vendor=url[:200],
        )
        raise Misconfigured(cause)

    def _is_own(self, url: str) -> bool:
        try:
            parts, login = urlsplit(url), urlsplit(self.settings.login_url)
            host, port = parts.hostname or "", parts.port
            same = (parts.scheme, host, port) == (login.scheme, login.hostname, login.port)
        except ValueError:
            return False
        plain = not parts.query and not parts.fragment and parts.username is None and "\\" not in url
        return plain and (same or (parts.scheme == "https" and port in {None, 443} and host.endswith(_OWN_HOSTS)))

    async def identify(self, fetch: Fetch) -> Identity:
        who = await self._who(fetch)
        with expected("Salesforce's answer about the login"):
            # A copied sandbox org has the same user ids, so the org belongs to the identity.
            return Identity(f"{_org(who)}/{text(who['user_id'])}", text(who["preferred_username"]))

    async def accounts(self, fetch: Fetch) -> list[Account]:
        who = await self._who(fetch)
        with expected("Salesforce's answer about the login"):
            org = _org(who)
        try:
            answer = await self._query(fetch, "SELECT Name FROM Organization LIMIT 1")
        except (AccessDenied, Refused):
            answer = {"records": []}  # a name is not worth failing for
        with expected("Salesforce's answer about the org"):
            names = [text(record["Name"]) for record in answer["records"]]
        return [Account(org, names[0] if names else f"Salesforce org {org}")]

    async def probe(self, fetch: Fetch, account: Account) -> None:
        await self._query(fetch, f"SELECT Id FROM {self.settings.object} LIMIT 1")  # noqa: S608 - a checked name

    def read_error(self, answer: Answer) -> RedkeyError:
        return read_api_error(answer)

    def read_refusal(self, answer: Answer) -> RedkeyError:
        return read_token_error(answer)

    def batch_size(self, waiting: int) -> int:
        return self.settings.batch_size if waiting <= _BULK_ABOVE else _BULK_RECORDS

    def calls_for(self, records: int) -> int:
        return math.ceil(records / self.settings.batch_size) if records <= _BULK_ABOVE else _BULK_CALLS

    async def push(self, fetch: Fetch, account: Account, touchpoints: Sequence[Touchpoint], notes: Notes) -> Pushed:
        call, some = self._minded(fetch, account), Touchpoints.of(touchpoints)
        bulk = Bulk(call, self._data, self.settings.external_id, notes, self.pauses)
        told = Told()
        # In a thread: there may be thousands, and whoever clicks meanwhile must not wait for them.
        groups = await asyncio.to_thread(self._records, some, told.others)
        for sobject in {**bulk.noted(), **groups}:
            told.add(await self._push(call, bulk, sobject, groups.get(sobject, Records([]))))
        await bulk.forget()
        return Pushed(some.ids, told.taken, told.others, "Salesforce said nothing about this record")

    async def _push(self, call: Call, bulk: Bulk, sobject: str, records: Records) -> Told:
        told = Told()
        if sobject in bulk.noted():
            told.add(await bulk.finish(sobject, records))
        rest = told.without(records)
        if len(rest) > _BULK_ABOVE:
            await bulk.start(sobject, rest)
            told.add(await bulk.finish(sobject, rest))
            # A job that failed as a whole says nothing about its records; calls of 200 do.
            rest = told.without(records)
        for some in chunks(rest[:_BULK_ABOVE], self.settings.batch_size):
            told.add(Told.by(await self._collection(call, sobject, some)))
        return told

    async def _collection(self, call: Call, sobject: str, records: Sequence[Record]) -> dict[str, PushResult]:
        """Upsert up to 200. One value of a wrong type fails the whole call, so a refused call is halved until it fits."""
        url = f"{self._data}/composite/sobjects/{sobject}/{self.settings.external_id}"
        body = json_of(records, sobject, self.settings.external_id)
        try:
            answer = await call("PATCH", url, json=body)
        except Refused as refused:
            if refused.code == "INVALID_FIELD" and (strange := await self._strange(call, sobject, records)):
                good = [record for record in records if record.id not in strange]
                return strange | (await self._collection(call, sobject, good) if good else {})
            if len(records) == 1:
                return {records[0].id: PushResult(records[0].id, PushState.SET_ASIDE, str(refused))}
            half = len(records) // 2
            first = await self._collection(call, sobject, records[:half])
            return first | await self._collection(call, sobject, records[half:])
        with expected("Salesforce's answer about the records"):
            said = answer.json()
            if len(said) != len(records):
                return retry(records, "Salesforce's answer holds fewer results than records")
            return {result.id: result for result in read_json(records, said)}

    async def _strange(self, call: Call, sobject: str, records: Sequence[Record]) -> dict[str, PushResult]:
        """Records with fields the object does not have: one look instead of a call per record."""
        answer = await call("GET", f"{self._data}/sobjects/{sobject}/describe")
        with expected("Salesforce's description of the object"):
            known = {text(field["name"]).lower() for field in answer.json()["fields"]}
        found = {}
        for record in records:
            wrong = next((name for name in record.fields if name.lower() not in known), None)
            if wrong:
                reason = f"{sobject} has no field {wrong}, or this user may not see it."
                found[record.id] = PushResult(record.id, PushState.SET_ASIDE, reason)
        return found

    async def find(self, fetch: Fetch, account: Account, touchpoints: Sequence[Touchpoint]) -> set[str]:
        call = self._minded(fetch, account)
        held: set[str] = set()
        for sobject, ids in self.ids_by_object(touchpoints).items():
            for some in by_length(ids):
                held |= await self._held(call, sobject, some)
        return held & {touchpoint.id for touchpoint in touchpoints}

    async def _held(self, call: Call, sobject: str, ids: Iterable[str]) -> set[str]:
        field = self.settings.external_id
        listed = ",".join(quoted(each) for each in ids)
        answer = await self._query(call, f"SELECT {field} FROM {sobject} WHERE {field} IN ({listed})")  # noqa: S608 - quoted
        with expected("Salesforce's answer to a query"):
            found = {text(record[field]) for record in answer["records"]}
            while not answer["done"]:
                more = text(answer["nextRecordsUrl"])
                if not more.startswith("/services/data/"):
                    raise ValueError("expected a path of the API")
                answer = (await call("GET", more)).json()
                found |= {text(record[field]) for record in answer["records"]}
        return found

    async def _query(self, call: Call | Fetch, soql: str) -> Any:
        return (await call("GET", f"{self._data}/query", params={"q": soql})).json()

    async def _who(self, fetch: Fetch) -> Any:
        url = self.settings.userinfo_url or self._login("/services/oauth2/userinfo")
        return (await fetch("GET", url)).json()

    def _login(self, path: str) -> str:
        return self.settings.login_url.rstrip("/") + path

    def _records(self, touchpoints: Touchpoints, results: dict[str, PushResult]) -> dict[str, Records]:
        """Records by object; what cannot be one is set aside in `results`."""
        own = self.settings
        recorder = Recorder(names=own.fields, external_id=own.external_id, date=own.date_field, email=own.email_field)
        return {name: recorder.all(some, results) for name, some in self.by_object(touchpoints).items()}

    def _minded(self, fetch: Fetch, account: Account) -> Call:
        """Calls that leave the last tenth of the org's calls to others. Raises TryLater while the org must rest."""
        if (wait := self._rest_until.get(account.id, self.now()) - self.now()) > timedelta():
            raise TryLater("the Salesforce org has used 90 % of its API calls of the last 24 hours", after=wait)

        async def call(method: str, url: str, **more: Any) -> Answer:
            answer = await fetch(method, url, **more)
            used = _USAGE.search(answer.headers.get("sforce-limit-info", ""))
            if used and int(used[1]) >= _ENOUGH * int(used[2]):
                self._rest_until[account.id] = self.now() + _REST
            return answer

        return call


def _org(who: Any) -> str:
    org = text(who["organization_id"])
    if not (org.isascii() and org.isalnum()):
        raise ValueError("expected a Salesforce id")
    return org
