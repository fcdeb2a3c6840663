"""LinkedIn's tracking parameters as the suffix that tagging thinks in: key=value pairs, {{CAMPAIGN_ID}} for what LinkedIn
fills in.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from bot.words.connection import Json
from bot.words.errors import AccessDenied, Refused
from bot.words.freight import Ad
from platforms._answers import expected, text
from platforms._linkedin_ads_restli import Restli, encoded, id_of, urn

# https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/dynamic-utm-tracking
PLACEHOLDERS = frozenset(
    f"{level}_{what}" for level in ("ACCOUNT", "CAMPAIGN_GROUP", "CAMPAIGN", "CREATIVE") for what in ("ID", "NAME")
)
_PLACEHOLDER = re.compile(r"\{\{([A-Z_]+)\}\}")
_DYNAMIC, _CUSTOM = "dynamicValueParameters", "customValueParameters"
_UNSAFE = re.compile(r"[&#\s]")
# Sponsored content leads where its post says, which ads permissions do not show.
_TELLING = frozenset({"TEXT_AD", "DYNAMIC"})
_CREATIVES_A_PAGE = 100


@dataclass(frozen=True)
class Entry:
    """One parameter: LinkedIn fills in a `dynamic` one, and sends a custom one as it is."""

    dynamic: bool
    value: str

    def shown(self) -> str:
        """As it stands in a suffix. What would end the pair there is encoded."""
        if self.dynamic:
            return f"{{{{{self.value}}}}}"
        return _UNSAFE.sub(lambda found: quote(found[0]), self.value)


Entries = Mapping[str, Entry]


def suffix_of(entries: Entries) -> str:
    return "&".join(f"{key}={entry.shown()}" for key, entry in entries.items())


def entries_of(suffix: str) -> dict[str, Entry]:
    """Read a suffix. Where a key stands twice, the first one counts."""
    found: dict[str, Entry] = {}
    for pair in suffix.split("&"):
        key, _, value = pair.partition("=")
        match = _PLACEHOLDER.fullmatch(value)
        known = match is not None and match[1] in PLACEHOLDERS
        if key and key not in found:
            found[key] = Entry(known, match[1] if known and match else value)
    return found


def check(entries: Entries) -> None:
    """Raises Refused for what LinkedIn cannot express."""
    for key, entry in entries.items():
        if not entry.dynamic and ("{{" in entry.value or "}}" in entry.value):
            given = f"{key}={entry.value}"
            raise Refused(f"LinkedIn cannot fill in {given}: a placeholder must be one it knows, and stand alone")


def merged(there: Entries, before: str, wanted: str) -> dict[str, Entry]:
    """Carry a change of a suffix over to what is there now. What somebody else changed meanwhile stays as it is."""
    old, new = entries_of(before), entries_of(wanted)
    ours = {key for key, entry in old.items() if key in there and _same(there[key], entry)}
    result = {key: entry for key, entry in there.items() if key in new or key not in ours}
    for key, entry in new.items():
        unchanged = key in old and _same(entry, old[key])
        if not unchanged and (key not in there or key in ours):
            result[key] = entry
    return result


def _same(one: Entry, other: Entry) -> bool:
    return one.shown() == other.shown()


class Tracking:
    """The tracking parameters of campaigns. They hold for all creatives of a campaign, later ones too."""

    def __init__(self, restli: Restli) -> None:
        self._restli = restli

    async def read(self, campaign: str) -> dict[str, Entry]:
        answer = await self._restli.find(_path(campaign), {}, accept=(404,))
        if answer.status == 404:
            return {}
        with expected("LinkedIn's tracking parameters"):
            said = answer.json()
            return {
                text(key): Entry(kind == _DYNAMIC, value if value == "" else text(value))
                for kind in (_CUSTOM, _DYNAMIC)
                for key, value in (said.get(kind) or {}).items()
            }

    async def write(self, campaign: str, entries: Entries) -> None:
        """The campaign is named in the address and in the body, or LinkedIn answers 422."""
        if not entries:
            await self._restli.delete(_path(campaign))
            return
        body: Json = {"adEntity": {"sponsoredCampaign": urn("sponsoredCampaign", campaign)}}
        body[_DYNAMIC] = {key: entry.value for key, entry in entries.items() if entry.dynamic}
        body[_CUSTOM] = {key: entry.value for key, entry in entries.items() if not entry.dynamic}
        await self._restli.put(_path(campaign), body)

    async def tag(self, campaign: str, before: str, wanted: str) -> None:
        """Write nothing where nothing is to be changed. Raises Refused."""
        there = await self.read(campaign)
        entries = merged(there, before, wanted)
        if entries != there:
            check({key: entry for key, entry in entries.items() if there.get(key) != entry})
            await self.write(campaign, entries)


class Campaigns:
    """What can be tagged: one campaign is one ad to the tagger."""

    def __init__(self, restli: Restli, account: str) -> None:
        self._restli = restli
        self._at = f"/adAccounts/{id_of(account)}"
        self._tracking = Tracking(restli)

    async def ads(self, campaigns: Iterable[Json], role: str) -> list[Ad]:
        """The campaigns with what is appended there, and where those lead that say so themselves."""
        with expected("LinkedIn's list of campaigns"):
            found = {id_of(row["id"]): row for row in campaigns}
            telling = [number for number, row in found.items() if row.get("type") in _TELLING]
        pages = await self._landing_pages(telling) if telling else {}
        return [await self._ad(number, row, pages.get(number, ()), role) for number, row in found.items()]

    async def _ad(self, number: str, row: Json, pages: Iterable[str], role: str) -> Ad:
        try:
            there = await self._tracking.read(number)
        except AccessDenied:
            if not role:
                raise
            there = {}  # the account is fine; that its parameters may not be seen shows itself when they are written
        with expected("LinkedIn's list of campaigns"):
            created, name = moment(row, "created"), str(row.get("name") or "")
        return Ad(number, name, tuple(pages), suffix=suffix_of(there), created_at=created)

    async def _landing_pages(self, campaigns: list[str]) -> dict[str, list[str]]:
        urns = [urn("sponsoredCampaign", each) for each in campaigns]
        found: dict[str, list[str]] = {}
        async for rows in self._restli.pages(f"{self._at}/creatives", _CREATIVES_A_PAGE, q="criteria", campaigns=urns):
            with expected("LinkedIn's list of creatives"):
                for row in rows:
                    found.setdefault(id_of(row["campaign"]), []).extend(_pages_in(row))
        return found


def _pages_in(creative: Json) -> Iterator[str]:
    content = creative.get("content")
    for part in content.values() if isinstance(content, dict) else ():
        page = part.get("landingPage") if isinstance(part, dict) else None
        if isinstance(page, str):
            yield page


def moment(row: Json, what: str) -> datetime | None:
    """When something was created, or lastModified; milliseconds. None: it does not say."""
    stamps = row.get("changeAuditStamps") or {}
    at = (stamps.get(what) or {}).get("time")
    return datetime.fromtimestamp(int(at) / 1000, UTC) if at is not None else None


def _path(campaign: str) -> str:
    return "/adTrackingParameters/" + encoded({"adEntity": {"sponsoredCampaign": urn("sponsoredCampaign", campaign)}})
