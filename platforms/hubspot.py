"""HubSpot: touchpoints upserted by a unique property, up to a hundred a call, each record answered for."""

import math
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from bot.words.connection import Account, Flow, Identity, Kind
from bot.words.errors import RedkeyError, Refused
from bot.words.freight import Pushed, PushResult, PushState, Touchpoint
from bot.words.interfaces import Answer, Fetch, Notes, Platform, PlatformSettings
from bot.words.oauth import OAuth
from bot.words.pace import Quota
from platforms._answers import chunks, digits, expected
from platforms._environment import AS_JSON, BY_WORDS
from platforms._hubspot_errors import not_unique, read_api_error, read_token_error
from platforms._hubspot_records import Record, json_of, read_batch, read_found, reason_of, record_of
from platforms._touchpoints import TwoObjects
from platforms._verdicts import plain_text

_BATCH = 100  # https://developers.hubspot.com/docs/api-reference/latest/crm/objects/custom-objects/guide
_OBJECT = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
_PROPERTY = r"^[a-z][a-z0-9_]*$"
_CUSTOM = re.compile(r"2-\d+|p\d*_.+")
# Activities have no scopes of their own: https://developers.hubspot.com/docs/api-reference/latest/crm/activities/notes/guide
_FAMILIES = {
    **dict.fromkeys(("contact", "0-1", "notes", "tasks", "calls", "emails", "meetings"), "contacts"),
    **dict.fromkeys(("company", "0-2"), "companies"),
    **dict.fromkeys(("deal", "0-3"), "deals"),
}


class HubspotSettings(PlatformSettings):
    authorize_url: str = "https://app.hubspot.com/oauth/authorize"
    api_url: str = "https://api.hubapi.com"
    version: str = Field("2026-03", pattern=r"^\d{4}-\d{2}$", description="version of the HubSpot API")
    object: str = Field(
        "p_touchpoint", pattern=_OBJECT, description="where touchpoints go: p_ and a custom object's name, or 2-1234567"
    )
    attribution_object: str = Field(
        "", pattern=rf"{_OBJECT}|^$", description="where attribution touchpoints go; empty: to the same object"
    )
    external_id: str = Field(
        "touchpoint_id", pattern=_PROPERTY, description="the property that holds the id; it must require unique values"
    )
    date_field: str = Field(
        "occurred_at", pattern=rf"{_PROPERTY}|^$", description="takes occurred_at; empty: not written"
    )
    email_field: str = Field("email", pattern=rf"{_PROPERTY}|^$", description="takes email; empty: not written")
    fields: Annotated[dict[str, str], AS_JSON] = Field(
        default_factory=dict, description="renames touchpoint fields: name in the touchpoint = name in HubSpot"
    )
    scopes: Annotated[tuple[str, ...], BY_WORDS] = Field(
        (), description="required permissions, as in the app's settings in HubSpot; empty: they follow from object"
    )
    optional_scopes: Annotated[tuple[str, ...], BY_WORDS] = Field(
        ("crm.objects.owners.read",), description="permissions asked for where the HubSpot account has them"
    )
    batch_size: int = Field(100, ge=1, le=_BATCH, description="records per call, up to 100")
    daily_credits: int = Field(100_000, ge=0, description="API calls Redkey may spend a day; 0: no limit of its own")
    on_refused: Literal["set_aside", "pause"] = Field(
        "set_aside",
        description="what a refused record does: it is set aside and retried daily, or the push pauses there",
    )


class Hubspot(Platform, TwoObjects):
    """Upserts touchpoints by a property with unique values, `batch_size` at a time.

    Each record is answered for: what passes is tried again, what HubSpot refuses for good is set aside with HubSpot's
    reason, and the others are written. When
    HubSpot's limits are reached (per ten seconds, or the account's day) Redkey waits; nobody need log in for that.

    In HubSpot's developer account, create an app with the scope oauth and the read and write scopes of the object. Those
    of custom objects (crm.objects.custom.read and .write) belong among the app's optional scopes, as only Enterprise
    accounts have them; so does crm.objects.owners.read, which lets Redkey name the person who logged in. That person
    must be allowed to connect apps to the HubSpot account. In that account, create the custom object, a property of it
    that requires unique values, and the properties that touchpoints fill.
    """

    name = "HubSpot"
    kind = Kind.CRM
    # Of 100 in ten seconds, the least of its plans; the rest is for people and for other programs:
    # https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines
    quota = Quota(90, timedelta(seconds=10))
    flows = (Flow.TOUCHPOINTS,)
    Settings = HubspotSettings
    settings: HubspotSettings

    @property
    def oauth(self) -> OAuth:
        own, at = self.settings, f"{self.settings.api_url.rstrip('/')}/oauth/{self.settings.version}/token"
        required, optional = self._scopes()
        return OAuth(
            authorize_url=own.authorize_url,
            token_url=own.token_url or at,
            revoke_url=own.revoke_url or f"{at}/revoke",
            scopes=required,
            authorize_params={"optional_scope": " ".join(optional)} if optional else {},
            # The answer names the account, the person and the scopes, as introspection would; so nothing else is asked:
            # https://developers.hubspot.com/changelog/additional-details-returned-when-generating-oauth-access-tokens
            keep=("hub_id", "user_id"),
        )

    @property
    def needs(self) -> dict[Flow, tuple[str, ...]]:
        """The scopes without which touchpoints cannot be pushed."""
        return {Flow.TOUCHPOINTS: tuple(s for s in self.settings.scopes if s != "oauth") or self._rights()}

    async def identify(self, fetch: Fetch) -> Identity:
        """A person in one portal: HubSpot's logins are made for both, and neither stands for the other."""
        portal = await self._portal(fetch)
        with expected("HubSpot's answer about the login"):
            hub = digits(portal["portalId"])
            user = digits(fetch.kept["user_id"]) if "user_id" in fetch.kept else ""
        if not user:
            return Identity(hub, f"HubSpot account {hub}")
        return Identity(f"{hub}/{user}", await self._email(fetch, user) or f"user {user} of HubSpot account {hub}")

    async def accounts(self, fetch: Fetch) -> list[Account]:
        portal = await self._portal(fetch)
        with expected("HubSpot's answer about the account"):
            hub = digits(portal["portalId"])
            currency, zone = plain_text(portal.get("companyCurrency")), plain_text(portal.get("timeZone"))
        return [Account(hub, f"HubSpot account {hub}", currency, zone or "UTC")]

    async def probe(self, fetch: Fetch, account: Account) -> None:
        """Ask for the property that everything hangs on: the login, the object and the key are proven at once."""
        own = self.settings
        answer = await fetch("GET", f"/crm/properties/{own.version}/{own.object}/{own.external_id}")
        with expected("HubSpot's answer about the property"):
            unique = answer.json()["hasUniqueValue"] is not False
        if not unique and own.external_id != "email":  # HubSpot keeps contacts' emails unique by itself
            raise not_unique("hasUniqueValue")

    def read_error(self, answer: Answer) -> RedkeyError:
        return read_api_error(answer)

    def read_refusal(self, answer: Answer) -> RedkeyError:
        return read_token_error(answer)

    def batch_size(self, waiting: int) -> int:
        return self.settings.batch_size

    def calls_for(self, records: int) -> int:
        return math.ceil(records / self.settings.batch_size)

    async def push(self, fetch: Fetch, account: Account, touchpoints: Sequence[Touchpoint], notes: Notes) -> Pushed:
        results: dict[str, PushResult] = {}
        for kind, records in self.records_by_object(touchpoints, self._record, results).items():
            for some in chunks(records, self.settings.batch_size):
                results |= await self._upsert(fetch, kind, some)
        return Pushed.of(touchpoints, results, "HubSpot said nothing about this record")

    async def _upsert(self, fetch: Fetch, kind: str, records: Sequence[Record]) -> dict[str, PushResult]:
        """Upsert up to 100. What is refused without a name is halved until it is known which record it is."""
        own = self.settings
        url = f"/crm/objects/{own.version}/{kind}/batch/upsert"
        try:
            answer = await fetch("POST", url, json=json_of(records, own.external_id))
        except Refused as refused:
            return await self._halved(fetch, kind, records, reason_of(refused.code, str(refused).partition(": ")[2]))
        with expected("HubSpot's answer about the records"):
            said = read_batch(records, answer.json(), own.external_id)
        left = [record for record in records if record.id not in said.results]
        if said.nameless and left:
            return {**said.results, **await self._halved(fetch, kind, left, said.nameless)}
        return dict(said.results)

    async def _halved(self, fetch: Fetch, kind: str, records: Sequence[Record], why: str) -> dict[str, PushResult]:
        if len(records) == 1:
            return {records[0].id: PushResult(records[0].id, PushState.SET_ASIDE, why)}
        half = len(records) // 2
        return await self._upsert(fetch, kind, records[:half]) | await self._upsert(fetch, kind, records[half:])

    async def find(self, fetch: Fetch, account: Account, touchpoints: Sequence[Touchpoint]) -> set[str]:
        own = self.settings
        held: set[str] = set()
        for kind, ids in self.ids_by_object(touchpoints).items():
            for some in chunks(list(dict.fromkeys(ids)), _BATCH):
                asked = {"idProperty": own.external_id, "inputs": [{"id": each} for each in some]}
                asked |= {"properties": [own.external_id], "propertiesWithHistory": []}
                answer = await fetch("POST", f"/crm/objects/{own.version}/{kind}/batch/read", json=asked)
                with expected("HubSpot's answer about the records"):
                    held |= read_found(some, answer.json(), own.external_id)
        return held

    async def _portal(self, fetch: Fetch) -> Any:
        return (await fetch("GET", f"/account-info/{self.settings.version}/details")).json()

    async def _email(self, fetch: Fetch, user: str) -> str:
        """The person's email, where this login may ask for it: a name is not worth failing for."""
        url = f"/crm/owners/{self.settings.version}/{user}"
        answer = await fetch("GET", url, params={"idProperty": "userId"}, accept=(400, 403, 404))
        if answer.status != 200:
            return ""
        with expected("HubSpot's answer about the person"):
            return plain_text(answer.json().get("email"))

    def _rights(self) -> tuple[str, ...]:
        """The scopes of the objects, in the order they are asked for."""
        objects = dict.fromkeys((self.settings.object, self.settings.attribution_object or self.settings.object))
        families = ["custom" if _CUSTOM.fullmatch(each) else _FAMILIES.get(each, each) for each in objects]
        return tuple(f"crm.objects.{family}.{right}" for family in families for right in ("read", "write"))

    def _scopes(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Required and optional ones. Consent fails as a whole where a required scope is not in the portal's plan."""
        own, rights = self.settings, self._rights()
        gated = tuple(each for each in rights if each.startswith("crm.objects.custom."))
        required = own.scopes or ("oauth", *(each for each in rights if each not in gated))
        optional = (*(() if own.scopes else gated), *own.optional_scopes)
        return tuple(dict.fromkeys(required)), tuple(s for s in dict.fromkeys(optional) if s not in required)

    def _record(self, touchpoint: Touchpoint) -> Record:
        own = self.settings
        return record_of(
            touchpoint, names=own.fields, external_id=own.external_id, date=own.date_field, email=own.email_field
        )
