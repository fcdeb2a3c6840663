"""Traces to a collector, as OpenTelemetry does it. Off unless the extra `otel` is installed and a collector is named.

Its own variables say where to: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from threading import Thread
from typing import TYPE_CHECKING

import structlog

from bot import traces
from bot.traces import Attributes, Span, Value

if TYPE_CHECKING:
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import Tracer

log = structlog.get_logger()

NAMED = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
FLUSH = 0.8  # seconds at the end for what was not sent yet
_OUTGOING = {"platform call", "slack post", "slack edit"}
_NAMES = {"status": "http.response.status_code", "method": "http.request.method", "host": "server.address"}


def start_traces(replica: str) -> Callable[[], Awaitable[None]]:
    """Send spans from now on, if that is wanted; gives what ends it."""
    if not any(os.environ.get(name) for name in NAMED) or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return _nothing
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.exporter") is None:
        log.warning(
            "traces are wanted, but their library is not there", cure="in the checkout: .venv/bin/pip install '.[otel]'"
        )
        return _nothing
    # A third of a second to import, so only where it is wanted.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    named = {"service.name": os.environ.get("OTEL_SERVICE_NAME", "redkey"), "service.instance.id": replica}
    # Not the process's global provider: libraries would add spans of their own, with addresses and queries.
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    traces.listen(listener(provider.get_tracer("redkey")))

    async def stop() -> None:
        """Nobody waits long for a collector that is away. (A thread of asyncio's own would be waited for at the end.)"""
        traces.listen(None)
        last = Thread(target=provider.shutdown, daemon=True)
        last.start()
        for _ in range(int(FLUSH / 0.02)):
            if not last.is_alive():
                return
            await asyncio.sleep(0.02)

    return stop


def listener(tracer: "Tracer") -> traces.Begin:
    from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415

    kinds = dict.fromkeys(_OUTGOING, SpanKind.CLIENT) | {"request": SpanKind.SERVER}

    @contextmanager
    def begin(name: str, attributes: Attributes) -> Iterator[Span]:
        named = {_name(key): value for key, value in attributes.items()}
        with tracer.start_as_current_span(
            name,
            kind=kinds.get(name, SpanKind.INTERNAL),
            attributes=named,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield _Set(span)
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise

    return begin


class _Set:
    def __init__(self, span: "OtelSpan") -> None:
        self._span = span

    def set(self, name: str, value: Value) -> None:
        self._span.set_attribute(_name(name), value)


def _name(key: str) -> str:
    """OpenTelemetry's own name for it, where there is one: https://opentelemetry.io/docs/specs/semconv/http/http-spans/"""
    return _NAMES.get(key, f"redkey.{key}")


async def _nothing() -> None:
    """There is nothing to end."""
