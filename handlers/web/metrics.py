"""What Prometheus is told: how things stand now, and how requests were answered. docs/grafana.json and docs/alert-rules.yml
read it.
"""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from handlers.web.health import REACHED, Numbers, Others

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
    """How things stand. Without a database only what is known without one: a missing series is honest, a zero is not.

    Home's series have no label `workspace`, so that they stay the same when others come.
    """

    def __init__(self, numbers: Numbers | None, slack: str, others: Others) -> None:
        self._numbers = numbers
        self._slack = slack
        self._others = others

    def collect(self) -> Iterator[Metric]:
        yield _gauge("redkey_database_up", "Whether the database answers.", {"": int(self._numbers is not None)})
        yield _gauge("redkey_slack_connected", "Whether Slack can reach us.", {"": int(self._slack in REACHED)})
        if self._others:
            served = {team: int(numbers is not None) for team, numbers in self._others.items()}
            yield _gauge("redkey_workspace_in_service", "Whether a workspace that added the app is in service.", served)
        known = {team: each for team, each in {"": self._numbers, **self._others}.items() if each is not None}
        if not known:
            return
        yield _by_status(known)
        for name, about, of in _COUNTED:
            yield _gauge(name, about, {team: of(numbers) for team, numbers in known.items()})


_COUNTED: list[tuple[str, str, Callable[[Numbers], float]]] = [
    ("redkey_open_outages", "Outages that are not caught up.", lambda n: n.open_outages),
    ("redkey_oldest_outage_seconds", "Age of the oldest of them.", lambda n: n.oldest_outage),
    ("redkey_outbox_waiting", "Slack messages not said yet.", lambda n: n.outbox_waiting),
    ("redkey_touchpoints_waiting", "Touchpoints not pushed yet.", lambda n: n.touchpoints_waiting),
]


def exposition(numbers: Numbers | None, slack: str, others: Others, requests: Requests) -> bytes:
    standing = CollectorRegistry()
    standing.register(Standing(numbers, slack, others))
    return bytes(generate_latest(standing) + generate_latest(requests.registry))


def _gauge(name: str, about: str, values: Mapping[str, float]) -> Metric:
    """By workspace; home's name is empty."""
    family = Metric(name, about, "gauge")
    for team, value in values.items():
        family.add_sample(name, _whose(team), value)
    return family


def _by_status(known: Mapping[str, Numbers]) -> Metric:
    family = Metric("redkey_connections", "Connections by status.", "gauge")
    for team, numbers in known.items():
        for status, count in sorted(numbers.connections.items()):
            family.add_sample("redkey_connections", {"status": status} | _whose(team), count)
    return family


def _whose(team: str) -> dict[str, str]:
    return {"workspace": team} if team else {}
