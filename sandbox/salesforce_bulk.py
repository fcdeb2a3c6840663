"""The sandbox Salesforce's Bulk API 2.0: ingest jobs that upsert CSV.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/bulk_api_2_0_ingest.htm
"""

from collections.abc import Mapping
from datetime import timedelta

from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.salesforce_csv import LINE_ENDINGS, failed, succeeded, write
from sandbox.salesforce_desk import ApiError, Call, Desk, bad_request, not_found
from sandbox.salesforce_job import Job, JobState, Slowness, process
from sandbox.salesforce_mischief import Mischief
from sandbox.salesforce_org import Table, numbered_id
from sandbox.salesforce_schema import Field

KEPT = timedelta(days=7)
_NEEDED = {"object", "operation"}
_KNOWN = _NEEDED | {"externalIdFieldName", "contentType", "lineEnding", "columnDelimiter"}
_ABORTABLE = {JobState.OPEN, JobState.UPLOAD_COMPLETE, JobState.IN_PROGRESS}
_DONE = {JobState.JOB_COMPLETE, JobState.FAILED, JobState.ABORTED}
_TWICE = (
    "Found multiple contents for job: <{id}>, please 'Close' / 'Abort' / 'Delete' the current Job then create a new "
    "Job and make sure you only do 'PUT' once on a given Job."
)


class BulkApi:
    """Jobs of one org. Turn `slowness` to make all of them take longer, `stop_after` to make the next one fail half-way."""

    def __init__(self, desk: Desk, mischief: Mischief) -> None:
        self.jobs: dict[str, Job] = {}
        self._slowness = Slowness()
        self.stop_after: int | None = None
        """The next job fails after so many rows; the rest is in its unprocessedrecords."""
        self.max_bytes = 100_000_000
        self._mischief = mischief
        at = "/services/data/v{version}/jobs/ingest"
        self.routes = [
            Route(at, desk.route(self._create), methods=["POST"]),
            Route(at, desk.route(self._list), methods=["GET"]),
            Route(f"{at}/{{id}}", desk.route(self._info), methods=["GET"]),
            Route(f"{at}/{{id}}", desk.route(self._close), methods=["PATCH"]),
            Route(f"{at}/{{id}}", desk.route(self._delete), methods=["DELETE"]),
            Route(f"{at}/{{id}}/batches", desk.route(self._upload), methods=["PUT"]),
            Route(f"{at}/{{id}}/successfulResults", desk.route(self._results), methods=["GET"]),
            Route(f"{at}/{{id}}/failedResults", desk.route(self._results), methods=["GET"]),
            Route(f"{at}/{{id}}/unprocessedrecords", desk.route(self._results), methods=["GET"]),
        ]

    @property
    def slowness(self) -> Slowness:
        return self._slowness

    @slowness.setter
    def slowness(self, slowness: Slowness) -> None:
        self._slowness = slowness
        for job in self.jobs.values():
            job.slowness = slowness

    async def _create(self, call: Call) -> Response:
        given = await call.json_object()
        table, key = _wanted(call, given)
        job = Job(
            id=numbered_id("750", len(self.jobs) + 1),
            table=table,
            key=key,
            line_ending=str(given.get("lineEnding", "LF")),
            api_version=call.version,
            created_by=call.caller.user_id,
            created=call.org.now(),
            slowness=self.slowness,
        )
        self.jobs[job.id] = job
        return JSONResponse(job.opened())

    async def _list(self, call: Call) -> Response:
        kept = [each for each in self.jobs.values() if self._kept(call, each)]
        shown = [each.shown(call.org.now()) for each in kept]
        return JSONResponse({"done": True, "nextRecordsUrl": None, "records": shown})

    def _kept(self, call: Call, job: Job) -> bool:
        return not job.deleted and call.org.now() - job.created < KEPT

    def _job(self, call: Call) -> Job:
        job = self.jobs.get(call.request.path_params["id"])
        if job is None or not self._kept(call, job):
            raise not_found()
        call.permit(job.table.sobject)
        return job

    async def _info(self, call: Call) -> Response:
        job = self._job(call)
        job.looked_at()
        return JSONResponse(job.shown(call.org.now()))

    async def _upload(self, call: Call) -> Response:
        job = self._job(call)
        body = await call.request.body()
        if call.request.headers.get("content-type", "").partition(";")[0].strip().lower() != "text/csv":
            raise ApiError(
                415, "UNSUPPORTED_MEDIA_TYPE", "Content is in an unsupported media type: text/csv is needed."
            )
        if job.state is not JobState.OPEN:
            raise bad_request(
                "INVALIDJOBSTATE", f"InvalidJobState : Job is not Open. Current job state is '{job.state}'"
            )
        if job.data is not None:
            raise bad_request("CLIENTINPUTERROR", _TWICE.format(id=job.id))
        if len(body) > self.max_bytes:
            raise ApiError(413, "REQUEST_ENTITY_TOO_LARGE", f"The upload exceeds the limit of {self.max_bytes} bytes.")
        job.data = body
        return Response(status_code=201)

    async def _close(self, call: Call) -> Response:
        job = self._job(call)
        given = await call.json_object()
        wanted = given.get("state")
        now = call.org.now()
        if set(given) != {"state"} or wanted not in {JobState.UPLOAD_COMPLETE, JobState.ABORTED}:
            raise bad_request("INVALIDJOB", "InvalidJob : state must be UploadComplete or Aborted")
        if wanted == JobState.ABORTED:
            if job.state_at(now) not in _ABORTABLE:
                raise bad_request("INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
            job.state = JobState.ABORTED
            return JSONResponse(job.opened())
        if job.state is not JobState.OPEN:
            raise bad_request("INVALIDJOBSTATE", "Closing already Completed Job not allowed")
        job.state, job.closed = JobState.UPLOAD_COMPLETE, now
        job.stop_after, self.stop_after = self.stop_after, None
        return JSONResponse(job.opened(), background=BackgroundTask(process, job, call.org))

    async def _delete(self, call: Call) -> Response:
        job = self._job(call)
        if job.state_at(call.org.now()) not in _DONE:
            raise bad_request("INVALIDJOBSTATE", "Deleting an unfinished Job not allowed")
        job.deleted = True
        return Response(status_code=204)

    async def _results(self, call: Call) -> Response:
        job = self._job(call)
        if job.state_at(call.org.now()) not in _DONE:
            raise bad_request(
                "INVALIDJOBSTATE", f"InvalidJobState : Job is not done. Current job state is '{job.state}'"
            )
        wanted = call.request.url.path.rpartition("/")[2]
        return Response(self._result_file(job, wanted), media_type="text/csv")

    def _result_file(self, job: Job, wanted: str) -> str | bytes:
        upload = job.upload
        if upload is None:
            return (job.data or b"") if wanted == "unprocessedrecords" else ""
        if wanted == "unprocessedrecords":
            return write(upload.header, upload.cells[len(job.outcomes) :], job.line_ending)
        told = succeeded if wanted == "successfulResults" else failed
        good = wanted == "successfulResults"
        pairs = [pair for pair in zip(upload.cells, job.outcomes, strict=False) if (pair[1].error is None) is good]
        return told(upload, self._mischief.spoil(pairs) if pairs else pairs, job.line_ending)


def _wanted(call: Call, given: Mapping[str, object]) -> tuple[Table, Field]:
    """The object and the external id of a job to create; refuses what the sandbox cannot do as well."""
    unknown = sorted(set(given) - _KNOWN)
    if unknown:
        raise bad_request("JSON_PARSER_ERROR", f'Unrecognized field "{unknown[0]}" at [line:1, column:2]')
    if not all(isinstance(value, str) for value in given.values()) or set(given) < _NEEDED:
        raise bad_request("INVALIDJOB", "InvalidJob : object and operation are needed")
    if given["operation"] != "upsert":
        raise bad_request("INVALIDJOB", f"InvalidJob : The sandbox knows only upsert, not {given['operation']}")
    if given.get("contentType", "CSV") != "CSV" or given.get("columnDelimiter", "COMMA") != "COMMA":
        raise bad_request("INVALIDJOB", "InvalidJob : Only CSV with COMMA is supported")
    if given.get("lineEnding", "LF") not in LINE_ENDINGS:
        raise bad_request("INVALIDJOB", f"InvalidJob : Unknown lineEnding: {given['lineEnding']}")
    return _target(call, str(given["object"]), given.get("externalIdFieldName"))


def _target(call: Call, name: str, external_id: object) -> tuple[Table, Field]:
    table = call.org.table(name)
    if table is None:
        raise bad_request("INVALIDENTITY", f"InvalidEntity : Unable to find object: {name}")
    call.permit(table.sobject)
    if external_id is None:
        raise bad_request("INVALIDJOB", "InvalidJob : Must specify valid external ID field name for upsert job")
    key = table.sobject.named(str(external_id))
    if key is None or not key.external_id:
        words = f"InvalidJob : Field name provided, {external_id} does not match an External ID, "
        raise bad_request("INVALIDJOB", f"{words}Salesforce Id, or indexed field for {name}")
    return table, key
