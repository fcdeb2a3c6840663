"""Moving touchpoints: how many at once, and what a refused record does."""

import pytest
from deployment import deployed

from sandbox.faults import Fault, Kind


async def all_held(crm, count):
    return len(crm.records()) >= count


async def asked(crm, times):
    return crm.ledger.count("api.call") >= times


async def test_a_push_that_gets_no_answer_is_tried_with_half_as_many_and_grows_again(tmp_path, sqlite_url):
    async with deployed(tmp_path, sqlite_url) as redkey:
        crm = redkey.world.hubspot
        await redkey.connect("hubspot")
        crm.faults.add(Fault(match="batch/upsert", kind=Kind.RESET, times=1))
        crm.faults.add(Fault(match="batch/upsert", kind=Kind.DROP, times=2))
        await redkey.send(200, "slow")
        await redkey.soon(lambda: all_held(crm, 200))
        await redkey.soon(redkey.fresh)

        assert {1} == {writes.created for writes in crm.writes.values()}
        async with redkey.app.memory.read() as tx:
            (connection,) = await tx.connections.all()
            (transfer,) = await tx.transfers.of_connections([connection.id])
        assert "batch" not in transfer.cursor


@pytest.mark.parametrize(("setting", "held"), [("set_aside", 4), ("pause", 2)])
async def test_a_refused_record_is_set_aside_or_by_setting_stops_the_push_there(setting, held, tmp_path, sqlite_url):
    sections = {"platforms": {"salesforce": {"on_refused": setting, "batch_size": 1}}}
    async with deployed(tmp_path, sqlite_url, sections=sections) as redkey:
        crm = redkey.world.salesforce
        await redkey.connect("salesforce")
        crm.refuse("TP2_mixed_000002", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "no", fields=())
        await redkey.send(5, "mixed")
        await redkey.soon(lambda: all_held(crm, held))
        calls = crm.ledger.count("api.call")
        await redkey.soon(lambda: asked(crm, calls + 3))

        assert held == len(crm.records())

        crm.accept("TP2_mixed_000002")
        redkey.clock.advance(days=1, seconds=1)
        await redkey.soon(lambda: all_held(crm, 5))
