"""Dynamics 365 (Dataverse): touchpoints upserted by their id, many at a time, a bad one set aside and the rest written."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from bot.words.connection import Account, Flow, Identity, Kind
from bot.words.errors import AccessDenied, Misconfigured, RedkeyError, Refused, TryLater
from bot.words.freight import Pushed, PushResult, PushState, Touchpoint
from bot.words.interfaces import Answer, Clock, Fetch, Notes, Platform, PlatformSettings
from bot.words.oauth import OAuth
from bot.words.pace import Quota
from platforms._answers import chunks, expected, text
from platforms._dynamics_365_errors import other_organization, read_api_error
from platforms._dynamics_365_records import Record, any_of, by_length, quoted, record_of
from platforms._dynamics_365_tables import DESCRIPTION, Table, described, guid
from platforms._dynamics_365_upserts import HEADERS, Upserts
from platforms._entra import REFRESH_SECONDS, TENANT, authorize_url, read_token_error, token_url
from platforms._environment import AS_JSON
from platforms._touchpoints import TwoObjects

_NAME = r"^[A-Za-z][A-Za-z0-9_]*$"

# From the environment it comes as JSON text.
# Columns are lower-case in the Web API, and people copy schema names.
_Lower = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)


class Dynamics365Settings(PlatformSettings):
    tenant: str = Field(
        "organizations",
        pattern=TENANT,
        description="who may log in: organizations, or one tenant's id or domain",
    )
    org_url: str = Field(
        "",
        validate_default=True,
        description="address of the environment, such as https://contoso.crm4.dynamics.com; needed",
    )
    version: str = Field("v9.2", pattern=r"^v\d+\.\d+$", description="version of the Dataverse Web API")
    object: Annotated[str, _Lower] = Field(
        "bizible2_bizible_touchpoints", pattern=_NAME, description="where touchpoints go: the table's entity set name"
    )
    attribution_object: Annotated[str, _Lower] = Field(
        "bizible2_bizible_attribution_touchpoints", pattern=_NAME, description="where attribution touchpoints go"
    )
    external_id: Annotated[str, _Lower] = Field(
        "bizible2_uniqueid", pattern=_NAME, description="the column that holds the id; an alternate key must be on it"
    )
    date_field: Annotated[str, _Lower] = Field(
        "bizible2_touchpoint_date", pattern=r"^\w*$", description="takes occurred_at; empty: not written"
    )
    email_field: Annotated[str, _Lower] = Field("", pattern=r"^\w*$", description="takes email; empty: not written")
    fields: Annotated[dict[str, str], AS_JSON] = Field(
        default_factory=dict, description="renames touchpoint fields: name in the touchpoint = column in Dataverse"
    )
    batch_size: int = Field(200, ge=1, le=1_000, description="records per call, up to 1,000")
    daily_credits: int = Field(
        40_000, ge=0, description="records Redkey may write a day, as Microsoft counts each; 0: no limit of its own"
    )
    on_refused: Literal["set_aside", "pause"] = Field(
        "set_aside",
        description="what a refused record does: it is set aside and retried daily, or the push pauses there",
    )

    @field_validator("org_url")
    @classmethod
    def _needed(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("client_id") and not value:
            raise ValueError("is missing: the address of your environment, such as https://contoso.crm4.dynamics.com")
        if "?" in value:
            raise ValueError("is not an environment's address: it holds a ?")
        return value.rstrip("/")


class Dynamics365(Platform, TwoObjects):
    """Upserts touchpoints by an alternate key, `batch_size` at a time (UpsertMultiple).

    One bad record undoes a whole call, so a refused call is halved until that record stands alone; it is set aside with
    Dataverse's reason, and the others are written. Lookups are written as
    `"Navigation_Property@odata.bind": "/contacts(...)"`.

    Register an app in the Microsoft Entra admin center with a client secret and the delegated permission
    user_impersonation of Dynamics CRM. In Power Apps, the table needs an alternate key on exactly the column that
    `external_id` names, and the person who logs in a security role that may read, create, write and append there.
    `authorize_url` and `token_url` follow from `tenant`; `api_url` is `org_url` unless set. Microsoft ends a login that
    was not used for 90 days.
    """

    name = "Dynamics 365"
    kind = Kind.CRM
    # Of 6,000 in five minutes: https://learn.microsoft.com/en-us/power-apps/developer/data-platform/api-limits
    quota = Quota(5_400, timedelta(minutes=5))
    flows = (Flow.TOUCHPOINTS,)
    Settings = Dynamics365Settings
    settings: Dynamics365Settings

    def __init__(self, settings: PlatformSettings, now: Clock = lambda: datetime.now(UTC)) -> None:
        super().__init__(settings, now)
        self._api = f"/api/data/{self.settings.version}"
        self._tables: dict[str, Table] = {}
        self._reached = ""  # the organization that org_url was seen to lead to

    @property
    def oauth(self) -> OAuth:
        own = self.settings
        return OAuth(
            authorize_url=own.authorize_url or authorize_url(own.tenant),
            token_url=own.token_url or token_url(own.tenant),
            revoke_url=own.revoke_url,  # Entra has none: people withdraw consent at myapps.microsoft.com
            scopes=(self._scope, "offline_access"),
            scope_on_refresh=True,  # https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
            authorize_params={"prompt": "select_account"},
            # A used refresh token is replaced, not revoked, so a lost answer costs nothing.
            refresh_ttl=REFRESH_SECONDS,
            refresh_slides=True,
        )

    @property
    def needs(self) -> dict[Flow, tuple[str, ...]]:
        """Entra names only the service's own scopes as granted, never offline_access."""
        return {Flow.TOUCHPOINTS: (self._scope,)}

    @property
    def _scope(self) -> str:
        return f"{self.settings.org_url or '{org_url}'}/user_impersonation"

    def base_url(self, kept: Mapping[str, str]) -> str:
        return self.settings.api_url or self.settings.org_url

    async def identify(self, fetch: Fetch) -> Identity:
        """A user of one organization. The name is asked from Dataverse: its tokens are not good for Microsoft Graph."""
        org, user = await self._who(fetch)
        try:
            row = await self._get(fetch, f"systemusers({user})", {"$select": "domainname"})
        except (AccessDenied, Refused):
            row = {"domainname": f"user {user}"}  # a name is not worth failing for
        with expected("Dynamics 365's answer about the login"):
            return Identity(f"{org}/{user}", text(row["domainname"]))

    async def accounts(self, fetch: Fetch) -> list[Account]:
        org, _ = await self._who(fetch)
        try:
            row = await self._get(fetch, f"organizations({org})", {"$select": "name"})
        except (AccessDenied, Refused):
            row = {"name": f"Dynamics 365 organization {org}"}
        with expected("Dynamics 365's answer about the organization"):
            return [Account(org, text(row["name"]))]

    async def probe(self, fetch: Fetch, account: Account) -> None:
        """The login, the organization, the key and the right to read the table, each asked for anew."""
        self._tables.clear()
        self._reached = ""
        await self._check_organization(fetch, account)
        table = await self._table(fetch, self.settings.object)
        await self._get(fetch, table.entity_set, {"$select": table.key, "$top": "1"})

    def read_error(self, answer: Answer) -> RedkeyError:
        return read_api_error(answer)

    def read_refusal(self, answer: Answer) -> RedkeyError:
        return read_token_error(answer)

    def batch_size(self, waiting: int) -> int:
        return self.settings.batch_size

    def calls_for(self, records: int) -> int:
        """Each record of a call counts: https://learn.microsoft.com/power-platform/admin/api-request-limits-allocations"""
        return records

    async def push(self, fetch: Fetch, account: Account, touchpoints: Sequence[Touchpoint], notes: Notes) -> Pushed:
        await self._check_organization(fetch, account)
        results: dict[str, PushResult] = {}
        for entity_set, records in self.records_by_object(touchpoints, self._record, results).items():
            try:
                table = await self._table(fetch, entity_set)
            except Misconfigured as wrong:
                if entity_set == self.settings.object:
                    raise
                results |= _set_aside(records, f"{entity_set} takes nothing: {wrong.cause.words} {wrong.cause.cure}")
                continue
            if not await self._put(Upserts(fetch, self._api, table, notes), records, results):
                break
        return Pushed.of(touchpoints, results, "Dynamics 365 said nothing about this record")

    async def _put(self, upserts: Upserts, records: Sequence[Record], results: dict[str, PushResult]) -> bool:
        """False: what was under way must wait, but some results are known."""
        for some in chunks(records, self.settings.batch_size):
            try:
                await upserts.put(some)
            except TryLater:
                results |= upserts.results
                if not results:
                    raise
                return False
        results |= upserts.results
        return True

    async def find(self, fetch: Fetch, account: Account, touchpoints: Sequence[Touchpoint]) -> set[str]:
        await self._check_organization(fetch, account)
        held: set[str] = set()
        for entity_set, ids in self.ids_by_object(touchpoints).items():
            found: set[str] = set()
            for some in by_length(dict.fromkeys(ids), self.settings.external_id):
                found |= await self._held(fetch, entity_set, some)
            # Dataverse keeps an id as it was first written and does not mind capitals.
            folded = {each.casefold() for each in found}
            held |= {each for each in ids if each.casefold() in folded}
        return held

    async def _held(self, fetch: Fetch, entity_set: str, ids: Sequence[str]) -> set[str]:
        key = self.settings.external_id
        found: set[str] = set()
        more: str | None = entity_set
        params: Mapping[str, str] | None = {"$select": key, "$filter": any_of(key, ids)}
        while more is not None:
            page = await self._get(fetch, more, params)
            with expected("Dynamics 365's answer to a query"):
                found |= {text(row[key]) for row in page["value"]}
                more, params = self._next(fetch, page.get("@odata.nextLink")), None
        return found

    def _next(self, fetch: Fetch, link: object) -> str | None:
        """The next page, relative to the API. The token goes along, so it must lie where the first one lay."""
        if link is None:
            return None
        start = f"{self.base_url(fetch.kept).rstrip('/')}{self._api}/"
        if not text(link).startswith(start):
            raise ValueError("expected an address of the API")
        return text(link).removeprefix(start)

    async def _who(self, fetch: Fetch) -> tuple[str, str]:
        who = await self._get(fetch, "WhoAmI")
        with expected("Dynamics 365's answer about the login"):
            return guid(who["OrganizationId"]), guid(who["UserId"])

    async def _check_organization(self, fetch: Fetch, account: Account) -> None:
        """Touchpoints must not go to another environment because an address in the settings was changed."""
        if not self._reached:
            self._reached, _ = await self._who(fetch)
        if self._reached != account.id:
            raise other_organization(self._reached)

    async def _table(self, fetch: Fetch, entity_set: str) -> Table:
        """Raises Misconfigured where the table is not there, or its key is not there or not active."""
        if entity_set not in self._tables:
            asked = {**DESCRIPTION, "$filter": f"EntitySetName eq {quoted(entity_set)}"}
            found = await self._get(fetch, "EntityDefinitions", asked)
            with expected("Dynamics 365's description of the table"):
                self._tables[entity_set] = described(entity_set, self.settings.external_id, found["value"])
        return self._tables[entity_set]

    async def _get(self, fetch: Fetch, what: str, params: Mapping[str, str] | None = None) -> Any:
        return (await fetch("GET", f"{self._api}/{what}", params=params, headers=HEADERS)).json()

    def _record(self, touchpoint: Touchpoint) -> Record:
        own = self.settings
        return record_of(touchpoint, names=own.fields, key=own.external_id, date=own.date_field, email=own.email_field)


def _set_aside(records: Sequence[Record], why: str) -> dict[str, PushResult]:
    return {record.id: PushResult(record.id, PushState.SET_ASIDE, why) for record in records}
