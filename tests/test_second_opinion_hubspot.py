"""hubspot-api-client, HubSpot's own Python client, at work in the sandbox HubSpot: what it writes is there."""

import asyncio
import functools

import pytest
from practice_hubspot import open_hub
from practice_node import imported

from sandbox.hubspot import ADA, WRITING
from sandbox.hubspot_schema import TOUCHPOINT, TOUCHPOINT_ID


class Client:
    """The client with Ada's login. Its calls block, so they run beside the sandbox."""

    def __init__(self, hub, token):
        self.hub, self.sandbox = hub, hub.sandbox
        hubspot = imported("hubspot", "hubspot-api-client")
        self.objects = imported("hubspot.crm.objects", "hubspot-api-client")
        self._made = hubspot.HubSpot(access_token=token["access_token"], api_factory=self._api)

    def _api(self, package, name, config):
        """As the client makes it, but for the host: that cannot be given to it as a setting."""
        configuration = package.Configuration(host=self.hub.at)
        configuration.access_token = config["access_token"]
        return getattr(package, name)(api_client=package.ApiClient(configuration=configuration))

    @property
    def batches(self):
        return self._made.crm.objects.batch_api

    async def upsert(self, *inputs, kind=TOUCHPOINT):
        models = self.objects
        made = [models.SimplePublicObjectBatchInputUpsert(**each) for each in inputs]
        return await beside(self.batches.upsert, kind, models.BatchInputSimplePublicObjectBatchInputUpsert(inputs=made))

    async def read(self, *ids):
        asked = self.objects.BatchReadInputSimplePublicObjectId(
            id_property=TOUCHPOINT_ID,
            inputs=[self.objects.SimplePublicObjectId(id=each) for each in ids],
            properties=[TOUCHPOINT_ID, "medium"],
            properties_with_history=[],
        )
        return await beside(self.batches.read, TOUCHPOINT, asked)

    async def refused(self, call):
        with pytest.raises(self.objects.ApiException) as caught:
            await call
        return caught.value


def beside(call, *args, **named):
    return asyncio.to_thread(functools.partial(call, *args, **named))


def row(number, **properties):
    made = {"id": f"TP2_{number}", "id_property": TOUCHPOINT_ID, "object_write_trace_id": f"trace-{number}"}
    return made | {"properties": {"medium": "cpc"} | properties}


@pytest.fixture
async def client():
    async with open_hub() as hub:
        yield Client(hub, await hub.token())


async def test_a_hundred_records_are_created_and_then_updated(client):
    first = await client.upsert(*(row(number) for number in range(100)))
    again = await client.upsert(*(row(number, medium="email") for number in range(100)))

    held = client.sandbox.records()
    assert (first.status, again.status) == ("COMPLETE", "COMPLETE")
    assert ({True}, {False}) == ({each.new for each in first.results}, {each.new for each in again.results})
    assert {f"trace-{n}" for n in range(100)} == {each.object_write_trace_id for each in first.results}
    assert {each.properties[TOUCHPOINT_ID]: each.id for each in again.results} == {
        key: record["hs_object_id"] for key, record in held.items()
    }
    assert {"email"} == {record["medium"] for record in held.values()}
    assert first.started_at <= first.completed_at


async def test_what_it_reads_is_what_is_there_and_what_is_not_there_is_said_to_be_missing(client):
    await client.upsert(row(1), row(2, medium="日本"))
    read = await client.read("TP2_1", "TP2_2", "TP2_3")

    assert {"TP2_1": "cpc", "TP2_2": "日本"} == {
        each.properties[TOUCHPOINT_ID]: each.properties["medium"] for each in read.results
    }
    assert type(read).__name__ == "BatchResponseSimplePublicObjectWithErrors"
    assert (read.num_errors, read.errors[0].category) == (1, "OBJECT_NOT_FOUND")
    assert ["TP2_3"] == read.errors[0].context["ids"]


async def test_records_that_are_refused_come_back_with_their_trace(client):
    """207: the client knows it, and reads the errors by name."""
    answered = await client.upsert(row(1), row(2, nonsense="x"))

    assert type(answered).__name__ == "BatchResponseSimplePublicUpsertObjectWithErrors"
    assert ["trace-1"] == [each.object_write_trace_id for each in answered.results]
    (error,) = answered.errors
    assert (answered.num_errors, error.status, error.category) == (1, "error", "VALIDATION_ERROR")
    assert ["trace-2"] == error.context["objectWriteTraceId"]


async def test_a_hundred_and_one_records_are_too_many(client):
    error = await client.refused(client.upsert(*(row(number) for number in range(101))))

    assert (error.status, "VALIDATION_ERROR" in error.body) == (400, True)
    assert {} == client.sandbox.records()


async def test_a_token_that_has_expired_is_refused(client):
    client.sandbox.expire_access_tokens(ADA)
    error = await client.refused(client.upsert(row(1)))

    assert (error.status, "EXPIRED_AUTHENTICATION" in error.body) == (401, True)


async def test_a_missing_scope_is_named(client):
    client.sandbox.take_scopes(WRITING)
    error = await client.refused(client.upsert(row(1)))

    assert (error.status, "MISSING_SCOPES" in error.body, WRITING in error.body) == (403, True, True)


async def test_its_oauth_client_is_not_driven_because_it_knows_only_the_paths_that_end_in_2027(client):
    """hubspot-api-client 12 asks /oauth/v1/token, which the sandbox, like HubSpot from 2027-02-16, does not serve."""
    oauth = imported("hubspot.oauth", "hubspot-api-client")
    made = oauth.TokensApi(api_client=oauth.ApiClient(configuration=oauth.Configuration(host=client.hub.at)))
    with pytest.raises(oauth.ApiException) as caught:
        await beside(made.create, grant_type="refresh_token", client_id="x", client_secret="y", refresh_token="z")

    assert caught.value.status == 404
