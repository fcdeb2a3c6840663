"""Ads as Microsoft's bulk service lists them, with what they inherit, and writing their final URL suffix."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.words.connection import Account
from bot.words.errors import Refused
from bot.words.freight import Ad, TagChange
from platforms._answers import chunks, digits, expected
from platforms._microsoft_advertising_errors import partial_errors
from platforms._microsoft_advertising_files import rows_of
from platforms._microsoft_advertising_orders import Calls, Order, Service

ADS = ("Ads",)
LEVELS = ("Campaigns", "AdGroups")
_COLUMNS = (
    "Type",
    "Status",
    "Id",
    "Parent Id",
    "Campaign",
    "Ad Group",
    "Modified Time",
    "Final Url",
    "Tracking Template",
    "Final Url Suffix",
)
# Record type in the file: what the campaign service calls it.
_TYPES = {
    "App Install Ad": "AppInstall",
    "Dynamic Search Ad": "DynamicSearch",
    "Expanded Text Ad": "ExpandedText",
    "Hotel Ad": "Hotel",
    "Product Ad": "Product",
    "Responsive Ad": "ResponsiveAd",
    "Responsive Search Ad": "ResponsiveSearch",
    "Text Ad": "Text",
}
# https://learn.microsoft.com/advertising/campaign-management-service/ad#finalurlsuffix
_TAGGABLE = frozenset({"AppInstall", "DynamicSearch", "ExpandedText", "ResponsiveAd", "ResponsiveSearch"})
_ADS_PER_CALL = 50
_LARGEST = 2 * 1024 * 1024 * 1024  # never held as a whole: rows are read one by one
_GONE = "Microsoft does not know this ad any more."
_BY_HAND = "Microsoft takes no final URL suffix on an ad of this kind: set it on the ad's campaign or ad group."

Row = Mapping[str, str]


@dataclass(frozen=True)
class Place:
    """Where an ad is written to: one call is for the ads of one ad group, and names the kind of each."""

    ad_group: str
    kind: str


def download(account: Account, entities: Sequence[str], since: datetime | None) -> Order:
    """https://learn.microsoft.com/advertising/bulk-service/downloadcampaignsbyaccountids"""
    changed = {"LastSyncTimeInUTC": f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"} if since else {}
    body = {
        "AccountIds": [digits(account.id)],
        "DownloadEntities": list(entities),
        "DataScope": "EntityData",
        "DownloadFileType": "Csv",
        "FormatVersion": "6.0",
        "CompressionType": "Zip",
    }
    return Order(Service.BULK, account, {**body, **changed})


def ad_rows(file: bytes) -> Iterator[Row]:
    """The ads in a file, paused ones included, deleted ones not."""
    return (row for row in _rows(file) if row["Type"] in _TYPES and row["Status"] != "Deleted")


def has_ads(file: bytes) -> bool:
    return next(ad_rows(file), None) is not None


def _rows(file: bytes) -> Iterator[Row]:
    return rows_of(file, _COLUMNS, exactly=False, limit=_LARGEST)


class Levels:
    """Templates and suffixes of the account, its campaigns and its ad groups: the nearest one to the ad wins."""

    def __init__(self, file: bytes) -> None:
        self._account: Row = {}
        self._campaigns: dict[str, Row] = {}
        self._groups: dict[str, Row] = {}
        for row in _rows(file):
            if row["Type"] == "Account":
                self._account = row
            elif row["Type"] == "Campaign":
                self._campaigns[row["Id"]] = row
            elif row["Type"] == "Ad Group":
                self._groups[row["Id"]] = row

    def ad(self, row: Row) -> tuple[Ad, Place] | None:
        """None for an ad whose ad group was deleted with everything in it."""
        group = self._groups.get(row["Parent Id"])
        campaign = self._campaigns.get(group["Parent Id"]) if group else None
        if group is None or campaign is None:
            return None
        nearest = (row, group, campaign, self._account)
        with expected("Microsoft's list of ads"):
            ad = Ad(
                id=digits(row["Id"]),
                name=" / ".join(part for part in (row["Campaign"], row["Ad Group"]) if part),
                urls=tuple(url for url in row["Final Url"].split("; ") if url),
                template=next((level["Tracking Template"] for level in nearest if level.get("Tracking Template")), ""),
                suffix=next((level["Final Url Suffix"] for level in nearest if level.get("Final Url Suffix")), ""),
                # When it was made is not told. But one that lacks our parameters was made, or lost them, with its last
                # change: its clicks have gone unattributed since then.
                created_at=_moment(row["Modified Time"]),
            )
            return ad, Place(digits(row["Parent Id"]), _TYPES[row["Type"]])


def _moment(written: str) -> datetime | None:
    """Such as 11/23/2026 09:00:00.123, in UTC."""
    try:
        return datetime.strptime(written.partition(".")[0], "%m/%d/%Y %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


async def write_suffixes(
    calls: Calls, account: Account, changes: Sequence[TagChange], places: Mapping[str, Place]
) -> dict[str, str]:
    """What went wrong with which ad; empty where it was written."""
    problems = {}
    groups: dict[str, list[TagChange]] = {}
    for change in changes:
        place = places.get(change.ad.id)
        if place is None or place.kind not in _TAGGABLE:
            problems[change.ad.id] = _BY_HAND if place else _GONE
        else:
            groups.setdefault(place.ad_group, []).append(change)
    for group, members in groups.items():
        for some in chunks(members, _ADS_PER_CALL):
            problems |= await _put(calls, account, group, some, places)
    return problems


async def _put(
    calls: Calls, account: Account, group: str, changes: Sequence[TagChange], places: Mapping[str, Place]
) -> dict[str, str]:
    """A partial update: what is not named stays. An empty suffix takes the old one away."""
    ads = [
        {"Id": change.ad.id, "Type": places[change.ad.id].kind, "FinalUrlSuffix": change.wanted} for change in changes
    ]
    try:
        body = {"AdGroupId": group, "Ads": ads}
        said = await calls.send("PUT", Service.CAMPAIGN, "/CampaignManagement/v13/Ads", body, account)
    except Refused as refused:
        return {change.ad.id: str(refused) for change in changes}  # such as an ad group that is gone: others are not
    with expected("Microsoft's answer to the tagging"):
        found = partial_errors(said)
        if "PartialErrors" not in said:
            raise ValueError("expected a list of errors, empty or not")
    return {change.ad.id: found.get(n) or found.get(None) or "" for n, change in enumerate(changes)}
