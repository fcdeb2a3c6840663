"""A dead man's switch: as long as all is well, an address of the operator's choice is called. Silence is the alarm.

Healthchecks, Cronitor, Uptime Kuma, Prometheus' Alertmanager and others offer such an address.
"""

import aiohttp

from bot.words.errors import TryLater


async def ping(url: str, *, timeout: float = 10) -> None:  # noqa: ASYNC109 - the limit of one request, not of a task
    """Raises TryLater, which does not show the address: whoever knows it could ping in our place."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout)) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            if answer.status >= 300:
                raise TryLater(f"the address of fallback.ping answered HTTP {answer.status}")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise TryLater(f"the address of fallback.ping cannot be reached ({type(error).__name__})") from None
