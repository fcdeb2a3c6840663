"""Calling Microsoft Advertising, and ordering what it works on first: asked after until a file is ready to download."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from bot.words.connection import Account, Json
from bot.words.errors import AccessDenied, Refused, TryLater
from bot.words.interfaces import Clock, Fetch
from platforms._answers import digits, expected, text
from platforms._microsoft_advertising_errors import FULL_SYNC, UNKNOWN_HOST

# Seconds between two looks. Most files are ready within seconds; a walk that is not told of again for a minute counts as
# dead, so what cannot say that it is still alive may only wait for a short time.
PAUSES = (1.0, 2.0, 4.0, 8.0, 10.0, 10.0)
LONG_PAUSES = (*PAUSES, *(15.0,) * 8)
# Orders live for a day, but what they will show was true when they were given.
_KEPT = timedelta(minutes=50)
_LOOK_AGAIN = timedelta(seconds=30)
_LINKS_TRIED = 3


class Service(StrEnum):
    CUSTOMER = "customer"
    CAMPAIGN = "campaign"
    BULK = "bulk"
    REPORTING = "reporting"


class FullSyncNeeded(TryLater):
    """Microsoft cannot tell any more what changed since then: everything must be read."""


class _NotReady(TryLater):
    """The file will come; its order is kept."""


class Calls:
    """One login's calls, with the headers that every one of them needs."""

    def __init__(self, fetch: Fetch, addresses: Mapping[Service, str], developer_token: str) -> None:
        self.fetch = fetch
        self._addresses = addresses
        self._developer_token = developer_token

    async def post(self, service: Service, path: str, body: Json, account: Account | None = None) -> Json:
        return await self.send("POST", service, path, body, account)

    async def send(self, method: str, service: Service, path: str, body: Json, account: Account | None) -> Json:
        headers = {"DeveloperToken": self._developer_token}
        if account is not None:
            headers["CustomerAccountId"] = digits(account.id)
            if account.parent:
                headers["CustomerId"] = digits(account.parent)
        url = self._addresses[service].rstrip("/") + path
        said = (await self.fetch(method, url, json=body, headers=headers)).json()
        if not isinstance(said, dict):
            raise TryLater("Microsoft's answer did not have the expected shape")
        return said


@dataclass(frozen=True)
class Look:
    """What asking after an order gave. `url` is empty where the file would have no rows."""

    ready: bool
    url: str = ""


@dataclass(frozen=True)
class Order:
    """Something to be prepared for an account, as the reporting or the bulk service wants to be asked."""

    service: Service
    account: Account
    body: Json

    @property
    def key(self) -> str:
        return json.dumps([self.service, self.account.id, self.body], sort_keys=True)

    async def give(self, calls: Calls) -> str:
        reporting = self.service is Service.REPORTING
        path = "/Reporting/v13/GenerateReport/Submit" if reporting else "/Bulk/v13/Campaigns/DownloadByAccountIds"
        said = await calls.post(self.service, path, self.body, self.account)
        with expected("Microsoft's answer to an order"):
            return text(said["ReportRequestId" if reporting else "DownloadRequestId"])

    async def look(self, calls: Calls, number: str) -> Look:
        if self.service is Service.REPORTING:
            path, body = "/Reporting/v13/GenerateReport/Poll", {"ReportRequestId": number}
        else:
            path, body = "/Bulk/v13/BulkDownloadStatus/Query", {"RequestId": number}
        said = await calls.post(self.service, path, body, self.account)
        with expected("Microsoft's answer about an order"):
            return _report_look(said["ReportRequestStatus"]) if "ReportRequestId" in body else _bulk_look(said)


def _report_look(said: Json) -> Look:
    status = said["Status"]
    if status == "Error":
        raise TryLater("Microsoft could not prepare a report")
    if status not in {"Pending", "Success"}:
        raise ValueError("expected a status")
    # "Success" without an address: there are no rows.
    url = said.get("ReportDownloadUrl")
    return Look(ready=status == "Success", url=text(url) if url else "")


def _bulk_look(said: Json) -> Look:
    status = said["RequestStatus"]
    if status == "FailedFullSyncRequired":
        raise FullSyncNeeded("Microsoft wants everything to be read anew")
    if status == "Failed":
        raise TryLater("Microsoft could not prepare a download")
    if status not in {"InProgress", "Completed"}:
        raise ValueError("expected a status")
    return Look(ready=status == "Completed", url=text(said["ResultFileUrl"]) if status == "Completed" else "")


@dataclass(frozen=True)
class _Given:
    number: str
    at: datetime


class Orders:
    """Orders under way, kept while this process lives: a repeat asks after them instead of ordering anew.

    `hosts`: where files may be downloaded from, beside the origins in `ours`.
    """

    def __init__(self, now: Clock, hosts: Sequence[str], ours: Sequence[str]) -> None:
        self.sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
        self._now = now
        self._hosts = hosts
        self._origins = {_origin(url) for url in ours}
        self._given: dict[str, _Given] = {}

    async def files(
        self, calls: Calls, *orders: Order, pauses: Sequence[float] = PAUSES
    ) -> AsyncIterator[list[bytes] | None]:
        """The files of all orders, at the end; before that None, now and then. A file without rows is empty.

        Raises TryLater when they are not ready after all pauses; the next call then goes on waiting for the same orders.
        """
        try:
            found: dict[str, bytes] = {}
            for order in orders:
                look = await self._begin(calls, order)
                if look is not None:
                    found[order.key] = await self._download(calls, order, look)
            for pause in (*pauses, None):
                await self._look_after(calls, orders, found)
                if len(found) == len(orders):
                    break
                if pause is None:
                    raise _NotReady("Microsoft is still preparing a file", after=_LOOK_AGAIN)
                yield None
                await self.sleep(pause)
        except _NotReady:
            raise
        except BaseException:
            self._forget(orders)
            raise
        self._forget(orders)
        yield [found[order.key] for order in orders]

    async def _look_after(self, calls: Calls, orders: Sequence[Order], found: dict[str, bytes]) -> None:
        """Put the files that have become ready into `found`."""
        for order in orders:
            if order.key not in found:
                look = await order.look(calls, self._given[order.key].number)
                if look.ready:
                    found[order.key] = await self._download(calls, order, look)

    async def _begin(self, calls: Calls, order: Order) -> Look | None:
        """Give an order that is not under way. A look at one that is, if its file is ready.

        Whoever logged in anew may not ask after what another person ordered.
        """
        given = self._given.get(order.key)
        if given is not None and self._now() - given.at < _KEPT:
            try:
                look = await order.look(calls, given.number)
            except (AccessDenied, Refused):
                self._given.pop(order.key, None)
            else:
                return look if look.ready else None
        at = self._now()
        try:
            self._given[order.key] = _Given(await order.give(calls), at)
        except Refused as refused:
            if refused.code in FULL_SYNC:
                raise FullSyncNeeded(str(refused)) from refused
            raise
        return None

    def _forget(self, orders: Sequence[Order]) -> None:
        for order in orders:
            self._given.pop(order.key, None)

    async def _download(self, calls: Calls, order: Order, look: Look) -> bytes:
        """A link lives for five minutes: one that has ended is asked for again. No token goes there, the link is the key."""
        for _ in range(_LINKS_TRIED):
            if not look.url:
                return b""
            self._check(look.url)
            answer = await calls.fetch(
                "GET", look.url, headers={"accept": "*/*"}, accept=range(400, 500), authorized=False
            )
            if answer.status < 400:
                return answer.body
            look = await order.look(calls, self._given[order.key].number)
        raise TryLater("Microsoft's link to a file ended before it could be used")

    def _check(self, url: str) -> None:
        """Raises Misconfigured for a host that nobody named; what is no address at all is garbage."""
        with expected("Microsoft's link to a file"):
            origin, host = _origin(url), urlsplit(url).hostname or ""
            if origin in self._origins:
                return
            if not host or not url.startswith("https://") or origin != f"https://{host}:443":
                raise ValueError("expected an address that begins with https")
        if not any(host == known or host.endswith(f".{known}") for known in self._hosts):
            raise UNKNOWN_HOST.error(host, host)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None or any(c.isspace() for c in url):
        raise ValueError("expected an address without a user name")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{parts.hostname}:{port}"
