"""Traces: a collector that is named gets the story as spans, without a secret in them; nobody else pays for it."""

import asyncio
import time

import pytest
from deployment import deployed
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from bot import traces
from handlers.traces import start_traces
from sandbox.served import served

KIND = {1: "internal", 2: "server", 3: "client"}


class Collector:
    """Takes OTLP over HTTP, as every collector does."""

    def __init__(self):
        self.spans, self.resources, self.raw = [], [], b""
        self.app = Starlette(routes=[Route("/v1/traces", self.take, methods=["POST"])])

    async def take(self, request):
        body = await request.body()
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append({a.key: a.value.string_value for a in resource.resource.attributes})
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return Response(b"", media_type="application/x-protobuf")

    def named(self, name):
        return [span for span in self.spans if span.name == name]


def attributes(span):
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


@pytest.fixture
async def collector(monkeypatch):
    made = Collector()
    async with served(made.app) as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        yield made


async def test_a_collector_gets_the_story_as_spans_with_ids_and_no_secret(tmp_path, sqlite_url, collector):
    async with deployed(tmp_path, sqlite_url) as redkey:
        await redkey.connect("salesforce")
        alert = await redkey.drop("salesforce")
        await redkey.log_in(alert, redkey.world.salesforce.demo_login)
        await redkey.receipt("salesforce", alert)
        (facts,) = await redkey.app.desk.outages()

    connection = facts.outage.connection_ids[0]
    told = {name: collector.named(name) for name in ("probe", "transfer", "platform call", "request", "slack post")}
    assert all(told.values()), {name: len(spans) for name, spans in told.items()}
    assert collector.named("refresh")
    assert {KIND[s.kind] for s in told["platform call"]} == {"client"}
    assert {KIND[s.kind] for s in told["request"]} == {"server"}
    assert connection in {attributes(s)["redkey.connection"] for s in told["probe"]}
    assert {"touchpoints"} == {attributes(s)["redkey.flow"] for s in told["transfer"]}
    calls = [attributes(s) for s in told["platform call"]]
    assert {call["server.address"] for call in calls} == {"127.0.0.1"}
    assert 200 in {call.get("http.response.status_code") for call in calls}
    probes = {s.span_id for s in told["probe"]}
    assert probes & {s.parent_span_id for s in told["platform call"]}, "what a probe asked is its child"
    assert {r["service.name"] for r in collector.resources} == {"redkey"}
    for secret in (facts.start_url.rpartition("/")[2], "code=", "state=", "Bearer", "00D", "refresh_token"):
        assert secret.encode() not in collector.raw, secret


async def test_an_error_is_told_by_its_name_and_never_by_its_words(collector):
    stop = start_traces("rep_1")
    with pytest.raises(ValueError, match="very secret"), traces.span("probe", connection="con_1"):
        raise ValueError("very secret")
    await stop()

    (span,) = collector.spans
    assert attributes(span)["error.type"] == "ValueError"
    assert (span.status.code, span.status.message, list(span.events)) == (2, "", [])
    assert b"very secret" not in collector.raw


async def test_nobody_waits_for_a_collector_that_is_away(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    stop = start_traces("rep_1")
    with traces.span("probe"):
        await asyncio.sleep(0)
    began = time.monotonic()
    await stop()

    assert time.monotonic() - began < 2
    assert traces.span("probe") is traces.span("transfer"), "and afterwards nobody listens"
