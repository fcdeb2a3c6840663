"""Short-lived permissions that a person's click hands to the app: trigger ids and response_urls."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.slack.model import Message
from sandbox.slack.refusal import SlackRefusal


@dataclass
class Triggers:
    """A trigger_id opens one view within three seconds: https://docs.slack.dev/interactivity/handling-user-interaction"""

    lifetime: float = 3.0
    clock: Callable[[], float] = time.monotonic
    issued: dict[str, tuple[str, float]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def issue(self, user: str) -> str:
        trigger = f"{time.time_ns() // 1_000_000}.{secrets.token_hex(12)}"
        self.issued[trigger] = (user, self.clock())
        return trigger

    def use(self, trigger: str) -> str:
        """The person whose click it was."""
        if trigger in self.used:
            raise SlackRefusal("exchanged_trigger_id")
        if trigger not in self.issued:
            raise SlackRefusal("invalid_trigger_id")
        user, at = self.issued[trigger]
        if self.clock() - at > self.lifetime:
            raise SlackRefusal("expired_trigger_id")
        self.used.add(trigger)
        return user


@dataclass
class ResponseUrl:
    """Where the app may answer one interaction: for 30 minutes, five times."""

    user: str
    channel: str
    origin: Message | None
    at: float
    uses: int = 0
    answers: list[Message] = field(default_factory=list)


@dataclass
class ResponseUrls:
    lifetime: float = 30 * 60
    most_uses: int = 5
    clock: Callable[[], float] = time.monotonic
    issued: dict[str, ResponseUrl] = field(default_factory=dict)

    def issue(self, user: str, channel: str, origin: Message | None) -> str:
        ticket = secrets.token_urlsafe(18)
        self.issued[ticket] = ResponseUrl(user, channel, origin, self.clock())
        return ticket

    def use(self, ticket: str) -> ResponseUrl:
        found = self.issued.get(ticket)
        if found is None:
            raise SlackRefusal("invalid_url")
        if self.clock() - found.at > self.lifetime:
            raise SlackRefusal("expired_url")
        if found.uses >= self.most_uses:
            raise SlackRefusal("used_url")
        found.uses += 1
        return found
