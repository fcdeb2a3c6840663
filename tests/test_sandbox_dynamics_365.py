"""The sandbox Dynamics 365 is as strict as the real one: who may call, descriptions, queries."""

import base64
import json

import pytest
from practice_dataverse import LOGICAL, at_dataverse, refused, target
from practice_gateway import Clock

from sandbox.dynamics_365 import ADA, BEN, CLEO, FABRIKAM, Dynamics365Sandbox
from sandbox.dynamics_365_schema import TOUCHPOINTS, UNIQUE_ID
from sandbox.ledger import Ledger


@pytest.fixture
async def world():
    async with at_dataverse() as opened:
        yield opened


# Who may call


async def test_who_am_i_and_where(world):
    who = (await world.get("WhoAmI")).json()
    assert who["OrganizationId"] == world.sandbox.org.id
    person = (await world.get(f"systemusers({who['UserId']})", select="domainname")).json()
    assert person["domainname"] == ADA
    org = (await world.get(f"organizations({who['OrganizationId']})", select="name")).json()
    assert org["name"] == world.sandbox.org.name
    again = (await world.get("WhoAmI()")).json()
    assert again["UserId"] == who["UserId"]
    await world.log_in(BEN)
    assert (await world.get("WhoAmI")).json()["UserId"] != who["UserId"]


async def test_tokens_are_good_for_one_environment(world):
    assert (await world.call("GET", "WhoAmI", FABRIKAM)).status_code == 401
    await world.log_in(CLEO, FABRIKAM)
    assert (await world.call("GET", "WhoAmI", FABRIKAM)).status_code == 200
    assert (await world.call("GET", "WhoAmI")).status_code == 401


async def test_a_stranger_to_the_environment_is_no_member(world):
    await world.log_in(CLEO)
    answer = await world.get("WhoAmI")
    assert refused(answer) == (403, "0x80072560")
    assert answer.json()["error"]["message"] == "The user is not a member of the organization."


async def test_missing_expired_and_revoked_tokens_are_challenged(world):
    tokens = await world.log_in()
    world.token = ""
    missing = await world.get("WhoAmI")
    assert (missing.status_code, missing.content) == (401, b"")
    assert missing.headers["www-authenticate"].startswith("Bearer authorization_uri=")
    world.token = tokens["access_token"]
    world.sandbox.oauth.expire_access_tokens()
    expired = await world.get("WhoAmI")
    assert refused(expired) == (401, "0x8005F101")
    assert 'error="invalid_token"' in expired.headers["www-authenticate"]
    world.sandbox.revoke()
    challenge = (await world.get("WhoAmI")).headers["www-authenticate"]
    assert 'error="insufficient_claims"' in challenge
    claims = challenge.partition('claims="')[2].rstrip('"')
    assert "nbf" in json.loads(base64.b64decode(claims))["access_token"]


async def test_a_claims_challenge_is_met_by_a_new_login_only(world):
    tokens = await world.log_in()
    world.sandbox.challenge()
    form = {name: world.settings[name] for name in ("client_id", "client_secret")}
    form |= {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    world.token = (await world.browser.post(world.settings["token_url"], data=form)).json()["access_token"]
    assert (await world.get("WhoAmI")).status_code == 401
    await world.log_in()
    assert (await world.get("WhoAmI")).status_code == 200


async def test_rights_licences_and_users_can_be_taken(world):
    org = world.sandbox.org
    for gone, code in ((org.outsiders, "0x80072560"), (org.disabled, "0x80040225"), (org.unlicensed, "0x8004d24b")):
        gone.add(ADA)
        assert refused(await world.get("WhoAmI")) == (403, code)
        world.sandbox.give_access_back()
    world.sandbox.withdraw_access()
    assert (await world.get("WhoAmI")).status_code == 200
    denied = await world.get(TOUCHPOINTS)
    assert refused(denied) == (403, "0x80040220")
    assert f"is missing prvRead{LOGICAL} privilege" in denied.json()["error"]["message"]


async def test_limits_answer_429_with_the_time_to_come_back(world):
    for code in ("0x80072321", "0x80072322", "0x80072326"):
        world.sandbox.throttle(code, retry_after="12")
        answer = await world.get("WhoAmI")
        assert refused(answer) == (429, code)
        assert answer.headers["retry-after"] == "12"
        assert (await world.get("WhoAmI")).status_code == 200


async def test_answers_are_marked_as_odata(world):
    answer = await world.get("WhoAmI")
    assert answer.headers["odata-version"] == "4.0"
    assert answer.headers["content-type"] == "application/json; odata.metadata=minimal"
    assert answer.headers["x-ms-service-request-id"]


# Descriptions


async def test_a_table_is_described_with_its_keys(world):
    asked = {"select": "LogicalName,PrimaryIdAttribute", "filter": f"EntitySetName eq '{TOUCHPOINTS}'"}
    asked["expand"] = "Keys($select=KeyAttributes,EntityKeyIndexStatus)"
    (table,) = (await world.get("EntityDefinitions", **asked)).json()["value"]
    assert (table["LogicalName"], table["PrimaryIdAttribute"]) == (LOGICAL, f"{LOGICAL}id")
    (key,) = table["Keys"]
    assert (key["KeyAttributes"], key["EntityKeyIndexStatus"]) == ([UNIQUE_ID], "Active")
    assert (await world.get("EntityDefinitions", filter="EntitySetName eq 'x'")).json()["value"] == []
    keys = (await world.get(f"EntityDefinitions(LogicalName='{LOGICAL}')/Keys")).json()["value"]
    assert keys[0]["KeyAttributes"] == [UNIQUE_ID]
    columns = (await world.get(f"EntityDefinitions({table['MetadataId']})/Attributes", select="LogicalName")).json()
    assert UNIQUE_ID in {each["LogicalName"] for each in columns["value"]}
    picklists = (
        f"EntityDefinitions(LogicalName='{LOGICAL}')/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
    )
    assert (await world.get(picklists)).json()["value"] == []


UNREADABLE = [
    ("EntityDefinitions", {"select": "Nonsense"}),
    ("EntityDefinitions", {"expand": "Nonsense"}),
    ("EntityDefinitions", {"filter": "Nonsense eq 'x'"}),
    ("EntityDefinitions(LogicalName='x')/Keys", {}),
    ("nonsenses", {}),
    (TOUCHPOINTS, {"select": "nonsense"}),
    (TOUCHPOINTS, {"filter": "nonsense eq 'x'"}),
    (TOUCHPOINTS, {"filter": f"{UNIQUE_ID} eq 'x"}),
    (TOUCHPOINTS, {"filter": f"{UNIQUE_ID} like 'x'"}),
    (TOUCHPOINTS, {"filter": f"({UNIQUE_ID} eq 'x'"}),
    (TOUCHPOINTS, {"filter": f"{UNIQUE_ID} eq 'x' {UNIQUE_ID} eq 'y'"}),
    (TOUCHPOINTS, {"filter": " or ".join([f"{UNIQUE_ID} eq 'x'"] * 501)}),
    (TOUCHPOINTS, {"top": "many"}),
    (TOUCHPOINTS, {"skiptoken": "x"}),
]


async def test_what_the_real_one_does_not_read_is_refused(world):
    for path, params in UNREADABLE:
        answer = await world.get(path, **params)
        assert answer.status_code in {400, 404}, (path, params)
        assert answer.json()["error"]["code"] in {"0x80060888", "0x8004430d"}


async def test_an_address_that_is_too_long_is_refused_by_the_web_server(world):
    answer = await world.get(TOUCHPOINTS, filter=f"{UNIQUE_ID} eq '{'x' * 33_000}'")
    assert answer.status_code == 414
    assert "Request Too Long" in answer.text


# Queries


async def test_filters_are_read_with_and_or_and_brackets(world):
    rows = [target(f"TP{n}", bizible2_medium="cpc" if n % 2 else "Organic", bizible2_visits=n) for n in range(4)]
    assert (await world.upsert(*rows)).status_code == 204
    tests = {
        "bizible2_medium eq 'ORGANIC'": {"TP0", "TP2"},
        "bizible2_medium eq 'cpc' and bizible2_visits eq 3": {"TP3"},
        f"{UNIQUE_ID} eq 'TP1' or {UNIQUE_ID} eq 'tp2'": {"TP1", "TP2"},
        f"{UNIQUE_ID} eq 'TP1' or bizible2_visits eq 0": {"TP0", "TP1"},
        f"({UNIQUE_ID} eq 'TP1' or {UNIQUE_ID} eq 'TP2') and bizible2_visits ne 2": {"TP1"},
        "bizible2_segment eq null": {"TP0", "TP1", "TP2", "TP3"},
        f"{UNIQUE_ID} eq 'it''s or not'": set(),
    }
    for text, wanted in tests.items():
        found = (await world.get(TOUCHPOINTS, select=UNIQUE_ID, filter=text)).json()["value"]
        assert {row[UNIQUE_ID] for row in found} == wanted, text


async def test_pages_are_followed_by_their_link(world):
    world.sandbox.org.page = 2
    await world.upsert(*(target(f"TP{n}") for n in range(5)))
    page = (await world.get(TOUCHPOINTS, select=UNIQUE_ID)).json()
    seen = [row[UNIQUE_ID] for row in page["value"]]
    while "@odata.nextLink" in page:
        headers = {"authorization": f"Bearer {world.token}"}
        page = (await world.browser.get(page["@odata.nextLink"], headers=headers)).json()
        seen += [row[UNIQUE_ID] for row in page["value"]]
    assert seen == [f"TP{n}" for n in range(5)]
    smaller = await world.call("GET", TOUCHPOINTS, headers={"prefer": "odata.maxpagesize=1"})
    assert len(smaller.json()["value"]) == 1


# Levers


async def test_levers_say_what_they_did(world):
    for lever in world.sandbox.levers:
        assert lever.key.startswith("dynamics_365_")
        assert lever.group == "Dynamics 365"
        assert (await lever.pull()).endswith(".")
    assert world.sandbox.oauth.secret_expired
    assert not world.sandbox.is_down
    assert ADA in world.sandbox.org.outsiders


async def test_while_it_is_down_the_login_is_too(world):
    world.sandbox.take_down()
    assert (await world.get("WhoAmI")).status_code == 503
    assert (await world.browser.post(world.settings["token_url"])).status_code == 503
    world.sandbox.bring_up()
    assert (await world.get("WhoAmI")).status_code == 200


async def test_two_sandboxes_are_the_same(world):
    again = Dynamics365Sandbox(Ledger(Clock()))
    assert {key: org.id for key, org in again.orgs.items()} == {k: o.id for k, o in world.sandbox.orgs.items()}
    assert [p.sub for p in again.oauth.people.values()] == [p.sub for p in world.sandbox.oauth.people.values()]
