"""Files that the practice world's Microsoft Advertising prepares: ZIPs in a storage account, behind links that end.

The storage answers as Azure's does: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
"""

import csv
import io
import secrets
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.ledger import Ledger

LINK_LIVES = timedelta(minutes=5)
JOB_LIVES = timedelta(days=1)
WORKED_AT = timedelta(minutes=10)  # at most, whether somebody asks or not


@dataclass
class Job:
    """Something under way for one person: ready after some looks. `rows` None: there is nothing to download."""

    id: str
    email: str
    at: datetime
    looks_left: int
    write: Callable[[], bytes | None]
    failed: str = ""

    def is_pending(self, now: datetime) -> bool:
        return self.looks_left > 0 and now < self.at + WORKED_AT

    def look(self, now: datetime) -> bool:
        """Whether it is ready; each look brings it nearer."""
        pending = self.is_pending(now)
        self.looks_left = max(0, self.looks_left - 1)
        return not pending


class Jobs(dict[str, Job]):
    """The newest jobs, by id."""

    def __init__(self, first: int, kept: int = 100) -> None:
        super().__init__()
        self._numbers = count(first)
        self._kept = kept

    def next_id(self) -> str:
        return str(next(self._numbers))

    def add(self, job: Job) -> None:
        self[job.id] = job
        while len(self) > self._kept:
            del self[next(iter(self))]


class Storage:
    """Links to files. `dead_links`: so many of the next links have ended before they can be used; `elsewhere`: where links
    lead instead of here.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._files: dict[str, tuple[bytes, datetime]] = {}
        self.dead_links = 0
        self.elsewhere: str | None = None

    def routes(self) -> list[Route]:
        return [Route("/blob/{container}/{name}", self._get, methods=["GET"])]

    def link(self, here: str, container: str, name: str, content: bytes) -> str:
        ends = self._ledger.now() + LINK_LIVES
        if self.dead_links:
            self.dead_links -= 1
            ends = self._ledger.now()
        self._files = {key: held for key, held in self._files.items() if self._ledger.now() < held[1]}
        signature = secrets.token_urlsafe(24)
        self._files[signature] = (content, ends)
        at = self.elsewhere or f"{here}/blob"
        ended = f"{ends.astimezone(UTC):%Y-%m-%dT%H%%3A%M%%3A%SZ}"
        return f"{at}/{container}/{name}?skoid=8d0c&sv=2023-11-03&se={ended}&sr=b&sp=r&sig={signature}"

    async def _get(self, request: Request) -> Response:
        content, ends = self._files.get(request.query_params.get("sig", ""), (b"", datetime.min.replace(tzinfo=UTC)))
        if "authorization" in request.headers:
            outcome, answer = (
                "bearer",
                _azure(400, "InvalidAuthenticationInfo", "Authentication information is not valid."),
            )
        elif self._ledger.now() >= ends:
            outcome = "ended"
            answer = _azure(403, "AuthenticationFailed", "Signature not valid in the specified time frame")
        else:
            outcome, answer = "ok", Response(content, media_type="application/octet-stream")
        self._ledger.record("download", name=request.path_params["name"], outcome=outcome)
        return answer


def zipped(name: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A ZIP of one CSV: UTF-8 with a byte order mark, every field in quotes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.csv", text.getvalue().encode("utf-8-sig"))
    return packed.getvalue()


def _azure(status: int, code: str, message: str) -> Response:
    body = f'\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(body, status, {"x-ms-error-code": code}, media_type="application/xml")
