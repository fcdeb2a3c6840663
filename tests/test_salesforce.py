"""Salesforce against the practice world: per-record answers, bulk jobs that survive a lost answer, and its errors."""

import csv
import dataclasses
import io
import json
from datetime import timedelta
from types import MappingProxyType

import pytest
from practice_gateway import NOW, Clock, HeldNotes, log_in, sandboxed, session

from bot.connection import Account, PushState, Touchpoint
from bot.errors import AccessDenied, AuthorizationLost, Misconfigured, Refused, TryLater
from bot.interfaces import Answer
from platforms._salesforce_errors import is_passing
from platforms._salesforce_records import csv_of, quoted, read_csv, record_of
from platforms.salesforce import Salesforce, SalesforceSettings
from sandbox.faults import Fault, Kind
from sandbox.ledger import Ledger
from sandbox.salesforce import ADA, CLEO, SalesforceSandbox
from sandbox.salesforce_job import Slowness

MEDIUM = "bizible2__Medium__c"
ATTRIBUTION = "bizible2__Bizible_Attribution_Touchpoint__c"
TOUCHPOINTS = "bizible2__Bizible_Touchpoint__c"


class Desk:
    """A logged-in Ada at her org."""

    def __init__(self, sandbox, gateway, fetch, tokens, account, clock):
        self.sandbox, self.gateway, self.platform = sandbox, gateway, gateway.platform
        self.fetch, self.tokens, self.account, self.clock = fetch, tokens, account, clock
        self.notes = HeldNotes()

    async def push(self, touchpoints):
        results = await self.platform.push(self.fetch, self.account, touchpoints, self.notes)
        assert [result.id for result in results] == [touchpoint.id for touchpoint in touchpoints]
        return {result.id: result for result in results}

    async def find(self, touchpoints):
        return await self.platform.find(self.fetch, self.account, touchpoints)

    def jobs(self):
        return list(self.sandbox.bulk.jobs.values())


@pytest.fixture
async def desk():
    clock = Clock()
    sandbox = SalesforceSandbox(Ledger(clock))
    async with sandboxed(sandbox, clock) as gateway:
        gateway.platform.pauses = (0.01,) * 5
        fetch, tokens = await session(gateway, ADA)
        (account,) = await gateway.platform.accounts(fetch)
        yield Desk(sandbox, gateway, fetch, tokens, account, clock)


def touch(number, kind="touchpoint", **fields):
    return Touchpoint(f"TP2_{number}", NOW, "ben@customer.example", kind, {MEDIUM: "cpc"} | fields)


def touches(count):
    return [touch(number) for number in range(count)]


def states(results):
    return {result.state for result in results.values()}


async def test_a_login_is_known_by_org_and_user_and_reaches_its_org(desk):
    identity = await desk.platform.identify(desk.fetch)
    assert identity.login == ADA
    assert identity.id == f"{desk.sandbox.org.id}/{desk.sandbox.oauth.people[ADA].sub}"
    assert desk.account.id == desk.sandbox.org.id
    assert len(desk.account.id) == 18
    await desk.platform.probe(desk.fetch, desk.account)


async def test_tokens_carry_the_instance_and_a_lifetime_of_our_own(desk):
    tokens = desk.tokens.tokens
    assert tokens.kept["instance_url"].endswith("/salesforce/org/acme")
    assert tokens.expires_at == NOW + timedelta(minutes=90)
    assert tokens.refresh_token is not None


async def test_a_rotated_refresh_token_is_handed_over(desk):
    before = desk.tokens.refresh_token
    fresh = await desk.gateway.refresh(before)
    assert fresh.refresh_token not in {None, before}


async def test_an_expired_session_is_renewed_in_passing(desk):
    desk.sandbox.expire_sessions()
    await desk.platform.probe(desk.fetch, desk.account)
    assert desk.tokens.refreshes == 1


async def test_an_expired_session_at_the_identity_page_is_renewed_too(desk):
    desk.sandbox.expire_sessions()
    assert (await desk.platform.identify(desk.fetch)).login == ADA


async def test_a_revoked_login_is_a_loss(desk):
    desk.sandbox.revoke()
    with pytest.raises(AuthorizationLost) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.cause.code == "invalid_grant"


async def test_a_deactivated_user_needs_an_administrator(desk):
    desk.sandbox.deactivate()
    with pytest.raises(AccessDenied) as caught:
        await desk.platform.probe(desk.fetch, desk.account)
    assert caught.value.cause.code == "inactive_user"


async def test_withdrawn_rights_are_no_lost_login(desk):
    desk.sandbox.withdraw_access()
    with pytest.raises(AccessDenied):
        await desk.platform.probe(desk.fetch, desk.account)
    with pytest.raises(AccessDenied):
        await desk.push([touch(1)])


async def test_a_platform_that_is_down_or_out_of_calls_is_no_lost_login(desk):
    desk.sandbox.take_down()
    with pytest.raises(TryLater):
        await desk.platform.probe(desk.fetch, desk.account)
    desk.sandbox.bring_up()
    desk.sandbox.org.use_up_calls()
    with pytest.raises(TryLater):
        await desk.push([touch(1)])
    desk.sandbox.org.give_calls_back()
    assert states(await desk.push([touch(1)])) == {PushState.SENT}


async def test_revoking_twice_is_fine(desk):
    token = desk.tokens.tokens.refresh_token
    await desk.gateway.revoke(token)
    await desk.gateway.revoke(token)
    with pytest.raises(AuthorizationLost):
        await desk.gateway.refresh(token)


# Pushing


async def test_records_are_upserted_with_date_and_email_and_renamed_fields(desk):
    settings = desk.platform.settings.model_copy(update={"fields": {"medium": MEDIUM}})
    desk.platform.settings = settings
    await desk.push([Touchpoint("TP2_1", NOW, "ben@customer.example", "touchpoint", {"medium": "organic"})])
    row = desk.sandbox.records()["TP2_1"]
    assert row[MEDIUM] == "organic"
    assert row["bizible2__Touchpoint_Date__c"] == "2026-11-23T09:00:00.000+0000"
    assert row["bizible2__Email__c"] == "ben@customer.example"


async def test_pushing_again_updates_and_never_doubles(desk):
    await desk.push(touches(3))
    await desk.push(touches(3))
    writes = desk.sandbox.writes
    assert {(each.created, each.updated) for each in writes.values()} == {(1, 1)}


async def test_attribution_touchpoints_go_to_their_own_object(desk):
    both = [touch(1), touch(2, kind="attribution_touchpoint")]
    assert states(await desk.push(both)) == {PushState.SENT}
    assert set(desk.sandbox.records()) == {"TP2_1"}
    assert set(desk.sandbox.records(ATTRIBUTION)) == {"TP2_2"}
    assert await desk.find(both) == {"TP2_1", "TP2_2"}


async def test_each_record_gets_its_own_answer(desk):
    desk.sandbox.refuse("TP2_1", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "No touchpoints on Mondays")
    desk.sandbox.lock("TP2_2")
    results = await desk.push(touches(5))
    assert results["TP2_1"].state is PushState.SET_ASIDE
    assert results["TP2_1"].reason == "FIELD_CUSTOM_VALIDATION_EXCEPTION: No touchpoints on Mondays"
    assert results["TP2_2"].state is PushState.RETRY
    assert [results[f"TP2_{n}"].state for n in (0, 3, 4)] == [PushState.SENT] * 3
    assert states(await desk.push([touch(2)])) == {PushState.SENT}


@pytest.mark.parametrize(
    ("code", "message", "state"),
    [
        ("DUPLICATE_VALUE", "duplicate value found", PushState.RETRY),
        (
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            "Trigger: System.LimitException: Apex CPU time limit",
            PushState.RETRY,
        ),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "Trigger: System.NullPointerException", PushState.SET_ASIDE),
        ("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", PushState.RETRY),
        ("DUPLICATES_DETECTED", "Use one of these records?", PushState.SET_ASIDE),
        ("SOMETHING_NEW", "never heard of", PushState.SET_ASIDE),
    ],
    ids=["duplicate", "cpu", "trigger", "storage", "duplicate-rule", "unknown"],
)
async def test_what_may_pass_is_tried_again_and_what_cannot_is_set_aside(desk, code, message, state):
    desk.sandbox.refuse("TP2_0", code, message)
    results = await desk.push(touches(2))
    assert (results["TP2_0"].state, results["TP2_1"].state) == (state, PushState.SENT)


@pytest.mark.parametrize(
    "code",
    [
        "ENTITY_IS_LOCKED",
        "PROCESSING_HALTED",
        "INTERNALSERVERERROR",
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "QUERY_TIMEOUT",
    ],
)
def test_what_is_no_fault_of_the_record_passes_by_itself(code):
    assert is_passing(code, "words")
    assert is_passing(code.lower(), "words")


async def test_a_record_without_a_result_is_tried_again(desk):
    desk.sandbox.mischief.lose_results(1)
    assert states(await desk.push(touches(4))) == {PushState.RETRY}
    assert states(await desk.push(touches(4))) == {PushState.SENT}


async def test_a_poisonous_record_is_found_and_the_rest_goes_through(desk):
    records = touches(60)
    records[41] = touch(41, bizible2__Count_First_Touch__c="not a number")
    results = await desk.push(records)
    assert results["TP2_41"].state is PushState.SET_ASIDE
    assert states({key: value for key, value in results.items() if key != "TP2_41"}) == {PushState.SENT}


async def test_a_field_that_is_not_there_is_named_without_a_call_per_record(desk):
    records = [touch(number, Nonsense__c="x") for number in range(150)] + [touch(999)]
    before = desk.sandbox.ledger.count("api.call")
    results = await desk.push(records)
    assert results["TP2_0"].state is PushState.SET_ASIDE
    assert "Nonsense__c" in results["TP2_0"].reason
    assert results["TP2_999"].state is PushState.SENT
    assert desk.sandbox.ledger.count("api.call") - before == 3


@pytest.mark.parametrize(
    "touchpoint",
    [
        touch(1, Medium__c=["a"]),
        touch(1, Medium__c={"a": 1}),
        touch(1, attributes="x"),
        touch(1, Id="a0x"),
        touch(1, **{"a b": 1}),
        touch(1, Medium__c="\ud800"),
        touch(1, Medium__c="a\0b"),
        touch(1, Medium__c=float("nan")),
        touch(1)._replace(id=" TP2_1"),
    ],
    ids=["list", "table", "attributes", "id", "space", "surrogate", "null", "nan", "padded-id"],
)
async def test_what_could_never_be_a_record_is_set_aside_without_a_call(desk, touchpoint):
    before = desk.sandbox.ledger.count("api.call")
    results = await desk.push([touchpoint])
    assert states(results) == {PushState.SET_ASIDE}
    assert desk.sandbox.ledger.count("api.call") == before


async def test_the_id_of_a_touchpoint_cannot_be_overwritten_by_its_fields(desk):
    await desk.push([touch(1, bizible2__UniqueId__c="other")])
    assert set(desk.sandbox.records()) == {"TP2_1"}


# Bulk


async def test_up_to_2000_waiting_go_by_200_and_more_in_one_bulk_job(desk):
    assert desk.platform.batch_size(2_000) == 200
    assert desk.platform.batch_size(2_001) == 10_000
    assert desk.platform.calls_for(200) == 1
    assert desk.platform.calls_for(10_000) == 10
    assert desk.platform.daily_credits == 100_000
    assert states(await desk.push(touches(2_001))) == {PushState.SENT}
    assert len(desk.sandbox.records()) == 2_001
    assert len(desk.jobs()) == 1
    assert desk.notes.value == {}


async def test_the_job_is_noted_before_anything_is_uploaded(desk):
    desk.sandbox.faults.add(Fault(match="/batches", kind=Kind.RESET))
    with pytest.raises(TryLater):
        await desk.push(touches(2_001))
    assert desk.notes.value == {"jobs": {TOUCHPOINTS: desk.jobs()[0].id}}
    assert desk.jobs()[0].data is None


@pytest.mark.parametrize(
    "lost",
    [
        Fault(match="/batches", kind=Kind.DROP),
        Fault(match="/jobs/ingest/", kind=Kind.DROP, method="PATCH"),
        Fault(match="/jobs/ingest/", kind=Kind.DROP, method="GET"),
        Fault(match="successfulResults", kind=Kind.CUT),
        Fault(match="failedResults", kind=Kind.RESET),
    ],
    ids=["upload", "close", "look", "results", "failures"],
)
async def test_a_lost_answer_resumes_the_job_and_sends_nothing_twice(desk, lost):
    desk.sandbox.faults.add(dataclasses.replace(lost))
    with pytest.raises(TryLater):
        await desk.push(touches(2_001))
    assert states(await desk.push(touches(2_001))) == {PushState.SENT}
    assert len(desk.jobs()) == 1
    assert {each.total for each in desk.sandbox.writes.values()} == {1}


async def test_a_crash_before_the_upload_leaves_an_empty_job_and_a_new_one_is_made(desk):
    desk.sandbox.faults.add(Fault(match="/batches", kind=Kind.RESET))
    with pytest.raises(TryLater):
        await desk.push(touches(2_001))
    assert states(await desk.push(touches(2_001))) == {PushState.SENT}
    assert [str(job.state) for job in desk.jobs()] == ["Failed", "JobComplete"]
    assert {each.total for each in desk.sandbox.writes.values()} == {1}


async def test_a_job_that_takes_long_is_left_and_found_again(desk):
    desk.sandbox.bulk.slowness = Slowness(polls=8)
    with pytest.raises(TryLater):
        await desk.push(touches(2_001))
    assert states(await desk.push(touches(2_001))) == {PushState.SENT}
    assert len(desk.jobs()) == 1


async def test_waiting_for_a_job_keeps_the_claim_alive(desk):
    desk.sandbox.bulk.slowness = Slowness(polls=3)
    await desk.push(touches(2_001))
    assert len(desk.notes.saved) >= 4


async def test_a_job_that_was_forgotten_by_salesforce_is_made_anew(desk):
    desk.notes.value = {"jobs": {TOUCHPOINTS: "7505g0000000999AAA"}}
    assert states(await desk.push(touches(3))) == {PushState.SENT}
    assert desk.notes.value == {}


async def test_a_noted_job_also_answers_for_fewer_records(desk):
    desk.sandbox.faults.add(Fault(match="/batches", kind=Kind.DROP))
    with pytest.raises(TryLater):
        await desk.push(touches(2_001))
    results = await desk.push([*touches(100), touch(5_000)])
    assert states(results) == {PushState.SENT}
    assert desk.sandbox.writes["TP2_0"].total == 1
    assert desk.sandbox.writes["TP2_5000"].total == 1


async def test_each_record_of_a_job_gets_its_own_answer_in_whatever_order(desk):
    desk.sandbox.refuse("TP2_1", "FIELD_CUSTOM_VALIDATION_EXCEPTION", 'No "touchpoints", on\nMondays')
    desk.sandbox.lock("TP2_2", times=2)
    desk.sandbox.mischief.shuffle_results(times=2)
    results = await desk.push(touches(2_001))
    assert results["TP2_1"].state is PushState.SET_ASIDE
    assert 'No "touchpoints", on\nMondays' in results["TP2_1"].reason
    assert results["TP2_2"].state is PushState.RETRY
    assert results["TP2_2000"].state is PushState.SENT


async def test_a_job_that_breaks_off_leaves_the_rest_to_smaller_calls(desk):
    desk.sandbox.bulk.stop_after = 1_000
    results = await desk.push(touches(2_300))
    assert states(results) == {PushState.SENT}
    assert {each.total for each in desk.sandbox.writes.values()} == {1}


async def test_a_job_that_is_refused_as_a_whole_names_the_records_at_fault(desk):
    results = await desk.push([*touches(2_001), touch(5_000, Nonsense__c="x")])
    retried = [result for result in results.values() if result.state is PushState.RETRY]
    assert len(retried) == 2  # 2,002 records; 2,000 went by smaller calls at once
    assert states(await desk.push([touch(2_000), touch(5_000, Nonsense__c="x")])) == {
        PushState.SENT,
        PushState.SET_ASIDE,
    }


VALUES = ["=1+1", "+1", "-1", "@x", "\tx", 'a"b', "a,b", "a\nb", "a\r\nb", "a;b", "'x'", "日本", "#", "\\n", "😀"]


async def test_values_arrive_exactly_as_they_are_by_either_way(desk):
    few = [touch(n, bizible2__Landing_Page_Raw__c=f"x{value}x") for n, value in enumerate(VALUES)]
    many = [touch(10_000 + n, bizible2__Landing_Page_Raw__c=f"x{value}x") for n, value in enumerate(VALUES)]
    await desk.push(few)
    await desk.push([*many, *touches(2_001)])
    records = desk.sandbox.records()
    assert [records[each.id]["bizible2__Landing_Page_Raw__c"] for each in many] == [f"x{v}x" for v in VALUES]
    del few


async def test_empty_values_empty_a_field_and_absent_ones_leave_it(desk):
    await desk.push([touch(1), touch(2)])
    emptied = [
        Touchpoint("TP2_1", NOW, "", "touchpoint", {MEDIUM: None}),
        Touchpoint("TP2_2", NOW, "", "touchpoint", {}),
    ]
    await desk.push([*emptied, *[touch(n) for n in range(10, 2_011)]])
    assert desk.sandbox.records()["TP2_1"][MEDIUM] is None
    assert desk.sandbox.records()["TP2_2"][MEDIUM] == "cpc"


def test_csv_is_cut_at_its_limit_between_records():
    records = [record_of(touch(n), names={}, external_id="X", date="", email="") for n in range(100)]
    lines = csv_of(records, "X", 500).decode().splitlines()
    assert 10 < len(lines) < 100
    assert lines[0] == f'"X","{MEDIUM}"'
    assert lines[-1].count('"') == 4


def test_csv_says_what_any_other_writer_and_reader_of_csv_would():
    odd = ["plain", 'a "quoted" word', '"', "", "a,b", "two\nlines", "\r\n", "Été", None, True, 7, 1.5]
    records = [
        record_of(
            Touchpoint(f'TP2 "{n}"', NOW, "", "touchpoint", {"A": value}), names={}, external_id="X", date="", email=""
        )
        for n, value in enumerate(odd)
    ]
    said = csv_of(records, "X", 10_000).decode()
    rows = list(csv.reader(io.StringIO(said, newline=""), strict=True))
    assert [row[0] for row in rows] == ["X", *[record.id for record in records]]
    told = {"": "#N/A", None: "#N/A", True: "true", 7: "7", 1.5: "1.5"}
    assert [row[1] for row in rows] == ["A", *[told.get(value, value) for value in odd]]
    again = io.StringIO()
    csv.writer(again, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    assert again.getvalue() == said


def test_results_that_are_no_csv_are_not_believed():
    for said, why in (
        ('"sf__Id","X"\n"a"b,"c"', "expected after"),
        ('"sf__Id"\n"a"', "not in list"),
        ('"A","X"\n"a"', "out of range"),
    ):
        with pytest.raises(ValueError, match=why):
            read_csv(said, "X", failed=False)
    assert read_csv('"sf__Id","sf__Error"\n', "X", failed=True) == read_csv("", "X", failed=True) == []


# Finding


async def test_find_tells_which_ids_are_there_and_only_those_exactly(desk):
    await desk.push(touches(5))
    assert await desk.find([touch(1), touch(7), touch(3)]) == {"TP2_1", "TP2_3"}
    other_case = touch(1)._replace(id="tp2_1")
    assert await desk.find([other_case]) == set()


async def test_find_reads_long_lists_in_several_queries(desk):
    many = [touch(n)._replace(id=f"TP2_{n}_" + "x" * 200) for n in range(200)]
    await desk.push(many)
    before = desk.sandbox.ledger.count("api.call")
    assert len(await desk.find(many)) == 200
    assert desk.sandbox.ledger.count("api.call") - before > 3


def paged(next_url):
    """A Salesforce that answers a query in two pages."""
    asked = []

    async def fetch(method, url, **more):
        asked.append(url)
        last = len(asked) > 1
        record = {"bizible2__UniqueId__c": f"TP2_{len(asked)}"}
        body = {"done": last, "records": [record]} | ({} if last else {"nextRecordsUrl": next_url})
        return answered(200, json.dumps(body))

    return fetch, asked


async def test_find_reads_every_page():
    fetch, asked = paged("/services/data/v66.0/query/01g-2000")
    platform = Salesforce(SalesforceSettings())
    assert await platform.find(fetch, Account("o", "o"), touches(4)) == {"TP2_1", "TP2_2"}
    assert asked == ["/services/data/v66.0/query", "/services/data/v66.0/query/01g-2000"]


@pytest.mark.parametrize("url", ["https://evil.example/services/data/", "//evil.example/", "@evil.example/"])
async def test_a_next_page_elsewhere_is_not_asked_for(url):
    fetch, asked = paged(url)
    with pytest.raises(TryLater):
        await Salesforce(SalesforceSettings()).find(fetch, Account("o", "o"), touches(4))
    assert len(asked) == 1


@pytest.mark.parametrize("odd", ["O'Neil", "back\\slash", "'); DELETE", "a%_b", "日本", 'say "hi"', "a&b=c#d"])
async def test_find_quotes_what_ids_may_hold(desk, odd):
    touchpoint = touch(1)._replace(id=odd)
    await desk.push([touchpoint])
    assert await desk.find([touchpoint, touch(2)]) == {odd}


def test_quoting_escapes_quotes_backslashes_and_breaks():
    assert quoted("a'b\\c\nd") == "'a\\'b\\\\c\\nd'"


# Limits


async def test_the_last_tenth_of_the_daily_calls_is_left_to_others(desk):
    desk.sandbox.org.calls = 89_999
    assert states(await desk.push([touch(1)])) == {PushState.SENT}
    before = desk.sandbox.ledger.count("api.call")
    with pytest.raises(TryLater) as caught:
        await desk.push([touch(2)])
    assert caught.value.after == timedelta(minutes=5)
    assert desk.sandbox.ledger.count("api.call") == before
    desk.sandbox.org.give_calls_back()
    desk.clock.moment += timedelta(minutes=5)
    assert states(await desk.push([touch(2)])) == {PushState.SENT}


# Where the token goes


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.my.salesforce.com",
        "https://acme--uat.sandbox.my.salesforce.com/",
        "https://ACME.my.salesforce.com:443",
        "https://acme.cloudforce.com",
        "https://login.example.com/org",
    ],
)
def test_instances_of_salesforce_and_of_the_login_host_get_the_token(url):
    platform = Salesforce(SalesforceSettings(login_url="https://login.example.com"))
    assert platform.base_url({"instance_url": url}) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.my.salesforce.com",
        "https://salesforce.com.evil.example",
        "https://evilsalesforce.com",
        "https://acme.my.salesforce.com@evil.example",
        "https://user@acme.my.salesforce.com",
        "https://acme.my.salesforce.com:8443",
        "https://evil.example#.salesforce.com",
        "https://evil.example?.salesforce.com",
        "https://evil.example\\.salesforce.com",
        "https://169.254.169.254",
        "http://127.0.0.1:8080",
        "http://2130706433",
        "http://[::ffff:10.0.0.1]/",
        "file:///etc/passwd",
        "gopher://x.salesforce.com",
        "https://login.salesforce.com:99999999",
        "https://[x.salesforce.com",
        "//acme.my.salesforce.com",
    ],
)
def test_other_hosts_do_not_get_the_token(url):
    platform = Salesforce(SalesforceSettings())
    with pytest.raises(Misconfigured):
        platform.base_url({"instance_url": url})


async def test_a_person_of_another_org_is_told_apart(desk):
    fetch, _ = await session(desk.gateway, CLEO)
    (account,) = await desk.platform.accounts(fetch)
    assert account.id != desk.account.id


async def test_a_consent_that_was_refused_brings_no_code(desk):
    with pytest.raises(KeyError):
        await log_in(desk.gateway, ADA, allow=False)


# Errors


def answered(status, body, **headers):
    return Answer(status, MappingProxyType(headers), body if isinstance(body, bytes) else body.encode())


TOKEN_ERRORS = [
    ("invalid_grant", "expired access/refresh token", AuthorizationLost),
    ("invalid_grant", "user hasn't approved this consumer", AuthorizationLost),
    ("invalid_grant", "ip restricted", AccessDenied),
    ("invalid_grant", "something new", AuthorizationLost),
    ("invalid_grant", "login rate exceeded", TryLater),
    ("inactive_user", "user is inactive", AccessDenied),
    ("inactive_org", "organization is inactive", AccessDenied),
    ("invalid_client_id", "client identifier invalid", Misconfigured),
    ("invalid_client", "invalid client credentials", Misconfigured),
    ("invalid_client_credentials", "client credentials invalid", Misconfigured),
    ("invalid_app_access", "x", Misconfigured),
    ("OAUTH_APP_ACCESS_DENIED", "x", Misconfigured),
    ("OAUTH_APP_BLOCKED", "this app is blocked by admin", Misconfigured),
    ("redirect_uri_mismatch", "x", Misconfigured),
    ("invalid_request", "x", Misconfigured),
    ("invalid_scope", "x", Misconfigured),
    ("unauthorized_client", "x", Misconfigured),
    ("unsupported_grant_type", "x", Misconfigured),
    ("rate_limit_exceeded", "x", TryLater),
    ("unknown_error", "retry your request", TryLater),
    ("brand_new", "x", TryLater),
]


@pytest.mark.parametrize(("code", "said", "error"), TOKEN_ERRORS, ids=[f"{c}-{s}"[:40] for c, s, _ in TOKEN_ERRORS])
def test_the_token_endpoint_s_refusals_are_read(code, said, error):
    body = f'{{"error":"{code}","error_description":"{said}"}}'
    found = Salesforce(SalesforceSettings()).read_refusal(answered(400, body))
    assert type(found) is error
    if not isinstance(found, TryLater):
        assert (found.cause.code, found.cause.vendor) == (code, said)


API_ERRORS = [
    (401, "INVALID_SESSION_ID", AuthorizationLost),
    (401, "INVALID_AUTH_HEADER", AuthorizationLost),
    (401, "BRAND_NEW", AuthorizationLost),
    (403, "REQUEST_LIMIT_EXCEEDED", TryLater),
    (403, "API_DISABLED_FOR_ORG", AccessDenied),
    (403, "API_CURRENTLY_DISABLED", AccessDenied),
    (403, "INSUFFICIENT_ACCESS", AccessDenied),
    (403, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", AccessDenied),
    (403, "INACTIVE_USER", AccessDenied),
    (403, "INACTIVE_ORG", AccessDenied),
    (403, "ORG_LOCKED", AccessDenied),
    (400, "INSUFFICIENT_ACCESS_OR_READONLY", AccessDenied),
    (403, "FUNCTIONALITY_NOT_ENABLED", AccessDenied),
    (403, "BRAND_NEW", AccessDenied),
    (404, "NOT_FOUND", AccessDenied),
    (400, "INVALID_TYPE", AccessDenied),
    (400, "INVALIDENTITY", AccessDenied),
    (410, "UNSUPPORTED_API_VERSION", Misconfigured),
    (503, "SERVER_UNAVAILABLE", TryLater),
    (500, "UNKNOWN_EXCEPTION", TryLater),
    (500, "BRAND_NEW", TryLater),
    (400, "UNABLE_TO_LOCK_ROW", TryLater),
    (400, "QUERY_TIMEOUT", TryLater),
    (400, "REQUEST_RUNNING_TOO_LONG", TryLater),
    (503, "EXCEEDED_MAX_CONCURRENT_REQUESTS", TryLater),
    (400, "MALFORMED_QUERY", Refused),
    (400, "BRAND_NEW", Refused),
]


@pytest.mark.parametrize(("status", "code", "error"), API_ERRORS, ids=[f"{s}-{c}" for s, c, _ in API_ERRORS])
def test_the_api_s_errors_are_read(status, code, error):
    body = f'[{{"errorCode":"{code}","message":"words"}}]'
    found = Salesforce(SalesforceSettings()).read_error(answered(status, body))
    assert type(found) is error


@pytest.mark.parametrize("word", ["Bad_OAuth_Token", "Missing_OAuth_Token"])
def test_the_identity_page_s_bare_words_are_read(word):
    assert isinstance(Salesforce(SalesforceSettings()).read_error(answered(403, word)), AuthorizationLost)


async def test_an_unknown_object_or_external_id_names_the_settings_to_look_at(desk):
    for setting in ("object", "external_id"):
        desk.platform.settings = desk.platform.settings.model_copy(update={setting: "Nothing__c"})
        with pytest.raises(AccessDenied) as caught:
            await desk.push([touch(1)])
        assert "[platforms.salesforce]" in caught.value.cause.cure
        with pytest.raises(AccessDenied):
            await desk.push(touches(2_001))


async def test_an_api_version_that_was_retired_is_the_operator_s(desk):
    platform = Salesforce(desk.platform.settings.model_copy(update={"version": "v20.0"}))
    with pytest.raises(Misconfigured):
        await platform.probe(desk.fetch, Account("x", "x"))
