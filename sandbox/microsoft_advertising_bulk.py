"""The bulk service of the practice world's Microsoft Advertising: everything an account has, or what changed, as a file.

https://learn.microsoft.com/advertising/bulk-service/bulk-file-schema
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from starlette.routing import Route

from sandbox.microsoft_advertising_data import Account, Ad
from sandbox.microsoft_advertising_entrance import Body, Call, Entrance, a_long
from sandbox.microsoft_advertising_faults import ApiFault
from sandbox.microsoft_advertising_files import JOB_LIVES, Job, Jobs, Storage, zipped

REMEMBERED = timedelta(days=30)
ENTITIES = {"Campaigns", "AdGroups", "Ads", "ResponsiveSearchAds", "ExpandedTextAds", "Keywords"}
HEADER = (
    "Type",
    "Status",
    "Id",
    "Parent Id",
    "Sub Type",
    "Campaign",
    "Ad Group",
    "Website",
    "Sync Time",
    "Client Id",
    "Modified Time",
    "MSCLKID Auto Tagging Enabled",
    "Budget",
    "Campaign Type",
    "Headline",
    "Title Part 1",
    "Final Url",
    "Mobile Final Url",
    "Tracking Template",
    "Final Url Suffix",
    "Custom Parameter",
    "Name",
)
Row = dict[str, str]


class BulkService:
    """`looks`: how often a new download is still in progress when somebody asks; `over_limit`: how many of the next orders
    are too many; `broken` and `full_sync_needed`: how many of the next fail, and ask for everything to be read anew.
    """

    def __init__(self, entrance: Entrance, storage: Storage) -> None:
        self._entrance = entrance
        self._storage = storage
        self._now = entrance.book.now
        self.looks = 1
        self.over_limit = 0
        self.broken = 0
        self.full_sync_needed = 0
        self.jobs = Jobs(70_428_694_000)

    def routes(self) -> list[Route]:
        at, of = "/bulk/Bulk/v13", self._entrance
        asked = """AccountIds CompressionType DataScope DownloadEntities DownloadFileType FormatVersion
        LastSyncTimeInUTC"""
        return [
            of.route(f"{at}/Campaigns/DownloadByAccountIds", "download", self._order, asked),
            of.route(f"{at}/BulkDownloadStatus/Query", "status", self._status, "RequestId"),
        ]

    def _order(self, call: Call) -> Body:
        entities, since = self._read(call)
        if self.over_limit:
            self.over_limit -= 1
            raise ApiFault(4204)
        number, at = self.jobs.next_id(), self._now()
        # The file is as the account stands now, whenever it is looked at.
        rows = [[row.get(name, "") for name in HEADER] for row in _records(call.of_account, entities, since, at)]
        failed = ""
        if self.full_sync_needed and since:
            self.full_sync_needed, failed = self.full_sync_needed - 1, "FailedFullSyncRequired"
        elif self.broken:
            self.broken, failed = self.broken - 1, "Failed"
        self.jobs.add(Job(number, call.person.email, at, self.looks, lambda: zipped(number, HEADER, rows), failed))
        return {"DownloadRequestId": number}

    def _read(self, call: Call) -> tuple[set[str], datetime | None]:
        body = call.body
        match body.get("AccountIds"):
            case [number] if a_long(number) == call.of_account.id:
                pass
            case [_]:
                raise ApiFault(106)
            case [_, *_]:
                raise ApiFault(3201)
            case _:
                raise ApiFault(3306)
        entities = body.get("DownloadEntities")
        if not isinstance(entities, list) or not entities:
            raise ApiFault(3210)
        if set(entities) - ENTITIES:
            raise ApiFault(3211)
        if body.get("FormatVersion") != "6.0":
            raise ApiFault(3217 if body.get("FormatVersion") else 3219)
        if body.get("DataScope", "EntityData") != "EntityData":
            raise ApiFault(3228)
        if body.get("DownloadFileType", "Csv") != "Csv" or body.get("CompressionType", "Zip") != "Zip":
            raise ApiFault(100)
        return set(entities), self._sync_time(body.get("LastSyncTimeInUTC"))

    def _sync_time(self, value: object) -> datetime | None:
        if value is None:
            return None
        try:
            since = datetime.fromisoformat(str(value))
        except ValueError:
            raise ApiFault(100) from None
        since = since if since.tzinfo else since.replace(tzinfo=UTC)
        if since > self._now():
            raise ApiFault(3208)
        if since < self._now() - REMEMBERED:
            raise ApiFault(3603)
        return since

    def _status(self, call: Call) -> Body:
        number = call.body.get("RequestId")
        job = self.jobs.get(number) if isinstance(number, str) else None
        if job is None or job.email != call.person.email or self._now() > job.at + JOB_LIVES * 2:
            raise ApiFault(4201)
        status, url = "InProgress", None
        if job.look(self._now()):
            status, content = job.failed or "Completed", None if job.failed else job.write()
            name = f"DownloadHierarchy-{job.id}.zip"
            url = self._storage.link(call.here, "bulkdownloadresultfiles", name, content) if content else None
        return {
            "Errors": [],
            "ForwardCompatibilityMap": [],
            "PercentComplete": 0 if status == "InProgress" else 100,
            "RequestStatus": status,
            "ResultFileUrl": url,
        }


def _records(account: Account, entities: set[str], since: datetime | None, at: datetime) -> Iterator[Row]:
    """Campaigns and ad groups do not change here, so a download of changes holds none; of ads the deleted ones too."""
    yield {"Type": "Format Version", "Name": "6.0"}
    yield {
        "Type": "Account",
        "Id": account.id,
        "Parent Id": account.customer,
        "Sync Time": f"{at.astimezone(UTC):%m/%d/%Y %H:%M:%S}",
        "MSCLKID Auto Tagging Enabled": "false",
    } | _urls(account)
    if "Campaigns" in entities and since is None:
        for campaign in account.campaigns:
            yield {
                "Type": "Campaign",
                "Status": "Active",
                "Id": campaign.id,
                "Parent Id": account.id,
                "Campaign": campaign.name,
                "Budget": "50",
                "Campaign Type": campaign.kind,
            } | _urls(campaign)
    if "AdGroups" in entities and since is None:
        for group in account.groups:
            yield {
                "Type": "Ad Group",
                "Status": "Active",
                "Id": group.id,
                "Parent Id": group.campaign.id,
                "Campaign": group.campaign.name,
                "Ad Group": group.name,
            } | _urls(group)
    if "Ads" in entities:
        for ad in account.ads.values():
            if ad.modified_at >= since if since else ad.status != "Deleted":
                yield _ad(ad)


def _ad(ad: Ad) -> Row:
    return {
        "Type": ad.kind,
        "Status": ad.status,
        "Id": ad.id,
        "Parent Id": ad.group.id,
        "Campaign": ad.group.campaign.name,
        "Ad Group": ad.group.name,
        "Modified Time": f"{ad.modified_at.astimezone(UTC):%m/%d/%Y %H:%M:%S.%f}"[:-3],
        "Headline": '[{"text":"Shoes, \\"quoted\\"","pinnedField":"Headline1"},{"text":"靴"}]',
        "Final Url": "; ".join(ad.final_urls),
    } | _urls(ad)


def _urls(level: object) -> Row:
    return {
        "Tracking Template": getattr(level, "tracking_template", ""),
        "Final Url Suffix": getattr(level, "final_url_suffix", ""),
    }
