"""Whether this machine's clock is right, by what others say the time is. Those that we ask stand right, all but always."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

WRONG = timedelta(minutes=2)  # less is a slow answer; from five on Slack's requests count no more


def ahead_of(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How far ours is ahead (negative: behind) of the clock of whoever sent these headers, named in small letters.

    None: as good as equal, or they did not say.
    """
    try:
        theirs = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, IndexError, OverflowError):
        return None
    ahead = now - theirs.replace(tzinfo=theirs.tzinfo or UTC)
    return ahead if abs(ahead) >= WRONG else None
