"""What Prometheus is told: how things stand now, and how requests were answered. docs/grafana.json and docs/alert-rules.yml
read it.
"""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from handlers.web.health import REACHED, Numbers

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# A label with whatever strangers ask for would grow without end.
ROUTES = {
    *("api", "connect", "connections", "guest", "healthz", "metrics", "oauth", "outages"),
    *("readyz", "reauthorize", "slack", "static"),
}


def first_part(path: str) -> str:
    """What a path is about. The rest may be a link that opens something."""
    first = path.split("/")[1] if path.startswith("/") else ""
    return first if first in ROUTES else "other"


class Requests:
    """How long answers took, by the first part of the path and by status."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._took = Histogram(
            "redkey_http_request_seconds",
            "How long requests took until their answer began.",
            ["route", "status"],
            buckets=BUCKETS,
            registry=self.registry,
        )

    def answered(self, path: str, status: int, seconds: float) -> None:
        self._took.labels(first_part(path), str(status)).observe(seconds)


class Standing(Collector):
    """How things stand. Without a database only what is known without one: a missing series is honest, a zero is not."""

    def __init__(self, numbers: Numbers | None, slack: str) -> None:
        self._numbers = numbers
        self._slack = slack

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield _gauge("redkey_database_up", "Whether the database answers.", int(self._numbers is not None))
        yield _gauge("redkey_slack_connected", "Whether Slack can reach us.", int(self._slack in REACHED))
        if self._numbers is None:
            return
        yield _by_status(self._numbers.connections)
        yield _gauge("redkey_open_outages", "Outages that are not caught up.", self._numbers.open_outages)
        yield _gauge("redkey_oldest_outage_seconds", "Age of the oldest of them.", self._numbers.oldest_outage)
        yield _gauge("redkey_outbox_waiting", "Slack messages not said yet.", self._numbers.outbox_waiting)
        yield _gauge("redkey_touchpoints_waiting", "Touchpoints not pushed yet.", self._numbers.touchpoints_waiting)


def exposition(numbers: Numbers | None, slack: str, requests: Requests) -> bytes:
    standing = CollectorRegistry()
    standing.register(Standing(numbers, slack))
    return bytes(generate_latest(standing) + generate_latest(requests.registry))


def _gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, value=value)


def _by_status(connections: Mapping[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily("redkey_connections", "Connections by status.", labels=["status"])
    for status, count in sorted(connections.items()):
        family.add_metric([status], count)
    return family
