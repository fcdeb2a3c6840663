"""Half an hour in which a platform answers four of five requests with 5xx: no false alert, and no storm of our own."""

from datetime import timedelta

import pytest
from practice_story import GOOGLE, SALESFORCE, sqlite_only, telling

from sandbox.faults import Fault

HALF_AN_HOUR = 30 * 60
STEP = 15


def counting(sandbox):
    """Counts every request that reaches this platform."""
    strike, seen = sandbox.faults.strike, []

    def counted(path, method):
        seen.append(path)
        return strike(path, method)

    sandbox.faults.strike = counted
    return seen


async def half_an_hour(story):
    for _ in range(HALF_AN_HOUR // STEP):
        await story.pass_by(seconds=STEP)


@sqlite_only
@pytest.mark.sweep
@pytest.mark.timeout(180)
async def test_half_an_hour_of_server_errors_alerts_nobody_and_makes_hardly_more_requests(memory, clock):
    async with telling(memory, clock) as story:
        await story.connect(GOOGLE)
        await story.connect(SALESFORCE)
        await story.work()
        seen = {key: counting(story.sandbox(key)) for key in (GOOGLE, SALESFORCE)}
        await half_an_hour(story)
        usual = {key: len(paths) for key, paths in seen.items()}
        for key, paths in seen.items():
            story.sandbox(key).faults.add(Fault(status=503, times=None, chance=0.8))
            paths.clear()
        await half_an_hour(story)
        stormy = {key: len(paths) for key, paths in seen.items()}

        assert [] == await story.outages()
        assert [] == story.posts()
        assert stormy[SALESFORCE] <= usual[SALESFORCE] * 1.1 + 2
        # The hourly cost load failed too, and is tried again within retry_max each time.
        assert stormy[GOOGLE] <= usual[GOOGLE] * 1.1 + 2 + HALF_AN_HOUR // 150

        for key in seen:
            story.sandbox(key).faults.clear()
        await story.pass_by(seconds=timedelta(minutes=5, seconds=30).total_seconds())
        for connection in await story.connections():
            assert (await story.app.ledger.freshness(connection.id)).fresh
