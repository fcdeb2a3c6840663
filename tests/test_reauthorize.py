"""The way back from a platform's page: what each ending tells, and which marks it leaves behind."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from practice_memory import drop
from practice_story import ADA, BEN, CLEO, GOOGLE, SALESFORCE, sqlite_only
from sample_facts import ANNA

from bot.memory.memory import Work
from bot.people.people import Ending, Outcome
from bot.reauthorize.reauthorize import Reauthorize, digest
from bot.reauthorize.restore import Restore
from bot.words.connection import Reach
from sandbox.google_ads import AMERICAS, EMEA

pytestmark = sqlite_only


async def acts(story, *what):
    async with story.memory.read() as tx:
        return [(act.what, act.who, act.subject, act.detail) async for act in tx.audit.rows() if act.what in what]


def login_hint(begun):
    return parse_qs(urlsplit(begun.url).query).get("login_hint")


async def way(story, ref, who=ANNA, person=ADA, **more):
    return await story.way_back(await story.door.begin(ref, who), person, **more)


async def test_who_began_a_login_and_which_login_it_brought_stands_in_the_audit_log(story, salesforce):
    outage = await story.drop(SALESFORCE)
    done = await story.door.finish(SALESFORCE, *await way(story, outage.id))
    grant = (await story.connection(salesforce.id)).grant_id

    assert done == Outcome(
        Ending.RESTORED,
        SALESFORCE,
        "Salesforce",
        used_login=ADA,
        accounts=((await story.connection(salesforce.id)).account,),
        ref=outage.id,
    )
    assert await acts(story, "consent_begun", "reauthorized") == [
        ("consent_begun", ANNA, outage.id, {"platform": SALESFORCE}),
        ("reauthorized", ADA, outage.id, {"grant": grant}),
    ]


async def test_a_login_that_does_not_fit_is_told_with_both_logins_and_the_account(story, salesforce):
    outage = await story.drop(SALESFORCE)
    done = await story.door.finish(SALESFORCE, *await way(story, outage.id, person=CLEO))

    assert done == Outcome(
        Ending.WRONG_ACCOUNT,
        SALESFORCE,
        "Salesforce",
        used_login=CLEO,
        expected_login=ADA,
        accounts=(salesforce.account,),
        ref=outage.id,
    )
    assert await acts(story, "wrong_account") == [("wrong_account", CLEO, outage.id, {})]
    event = (await story.outage(outage.id)).timeline[-1]
    assert ("wrong_account", CLEO, "Acme") == (event.what, event.who, event.detail)
    await story.work(Work.SAY)
    (said,) = [reply for reply in story.replies() if "does not reach" in reply]
    assert all(each in said for each in (CLEO, ADA, "Acme"))


async def test_accounts_that_a_wrong_login_was_to_reach_are_named_one_by_one(story, google):
    outage = await story.drop(GOOGLE)
    await story.reauthorize(GOOGLE, outage.id, CLEO)
    names = (await story.outage(outage.id)).timeline[-1].detail.split(", ")
    assert {connection.account.name for connection in google} == set(names)


async def test_saying_no_is_remembered_with_who_was_asked_and_changes_nothing(story, salesforce):
    outage = await story.drop(SALESFORCE)
    done = await story.door.finish(SALESFORCE, *await way(story, outage.id, allow=False))

    assert done == Outcome(Ending.DECLINED, SALESFORCE, "Salesforce", ref=outage.id)
    assert await acts(story, "declined") == [("declined", ANNA, outage.id, {})]
    event = (await story.outage(outage.id)).timeline[-1]
    assert ("declined", ANNA) == (event.what, event.who)


async def test_a_no_after_the_outage_was_mended_is_no_line_of_it(story, salesforce):
    outage = await story.drop(SALESFORCE)
    late = await way(story, outage.id, allow=False)
    await story.reauthorize(SALESFORCE, outage.id)
    await story.work()
    told = (await story.outage(outage.id)).timeline
    assert Ending.DECLINED == (await story.door.finish(SALESFORCE, *late)).ending
    assert told == (await story.outage(outage.id)).timeline


async def test_who_comes_late_learns_who_it_was_and_the_login_they_used(story, salesforce):
    outage = await story.drop(SALESFORCE)
    late = await way(story, outage.id, person=BEN)
    await story.reauthorize(SALESFORCE, outage.id)
    done = await story.door.finish(SALESFORCE, *late)
    assert 1 == story.world.salesforce.ledger.count("grant.revoked", person=BEN)
    assert done == Outcome(Ending.ALREADY, SALESFORCE, "Salesforce", used_login=BEN, who=ADA, ref=outage.id)


async def test_an_outage_that_was_closed_meanwhile_was_mended_by_nobody(story, salesforce):
    async with story.memory.begin() as tx:
        outage = await drop(tx, story.clock(), salesforce)
    late = await way(story, outage.id)
    async with story.memory.begin() as tx:
        await tx.outages.close(outage.id, {}, {}, story.clock(), caught_up=False)
    done = await story.door.finish(SALESFORCE, *late)
    assert (Ending.ALREADY, "") == (done.ending, done.who)


async def test_another_login_renews_all_accounts_that_the_one_before_carried(story, google):
    story.world.google_ads.oauth.people[BEN].accounts += [EMEA, AMERICAS]
    assert Ending.RESTORED == (await story.reauthorize(GOOGLE, google[0].id, BEN)).ending
    assert [BEN, BEN] == [connection.login for connection in await story.connections()]


async def test_a_login_with_all_permissions_stops_no_flow(story, google):
    outage = await story.drop(GOOGLE)
    done = await story.reauthorize(GOOGLE, outage.id)
    assert ((), "Google Ads", outage.id) == (done.stopped, done.platform_name, done.ref)
    assert {EMEA, AMERICAS} == {account.id for account in done.accounts}


async def test_a_guest_s_use_of_a_link_stands_in_the_audit_log_and_the_timeline(story, salesforce):
    outage = await story.drop(SALESFORCE)
    await story.work(Work.SAY)
    url = await story.desk.ask_guest(outage.id, ANNA, same_login=True)
    trip = await story.way_back(await story.door.guest(url.rpartition("/")[2]))
    assert Ending.RESTORED == (await story.door.finish(SALESFORCE, *trip)).ending

    ((_, _, link, _),) = await acts(story, "guest_link")
    assert await acts(story, "guest_used") == [("guest_used", ADA, link, {"outage": outage.id, "asked_by": ANNA})]
    told = [(event.what, event.who) for event in (await story.outage(outage.id)).timeline]
    assert ("guest_used", ADA) in told


async def test_a_guest_who_says_no_or_comes_too_late_is_led_to_no_page_of_the_house(story, salesforce):
    outage = await story.drop(SALESFORCE)
    url = await story.desk.ask_guest(outage.id, ANNA, same_login=True)
    token = url.rpartition("/")[2]
    no = await story.way_back(await story.door.guest(token), allow=False)
    late = await story.way_back(await story.door.guest(token))
    assert Outcome(Ending.DECLINED, SALESFORCE, "Salesforce") == await story.door.finish(SALESFORCE, *no)
    ((_, _, link, _),) = await acts(story, "guest_link")
    await story.desk.take_back(link, ANNA)
    done = await story.door.finish(SALESFORCE, *late)
    assert (Ending.FAILED, "") == (done.ending, done.ref)


async def test_the_start_page_names_the_login_its_accounts_and_the_outage(story, google):
    outage = await story.drop(GOOGLE)
    page = await story.door.start_page(outage.id)
    assert (outage.id, GOOGLE, "Google Ads", ADA) == (page.ref, page.platform, page.platform_name, page.login)
    assert [connection.account for connection in google] == sorted(page.accounts, key=lambda account: account.id)
    assert (outage.id, None) == (page.outage.outage.id, page.closed)
    await story.reauthorize(GOOGLE, outage.id)
    await story.work()
    page = await story.door.start_page(outage.id)
    assert (None, outage.id) == (page.outage, page.closed.outage.id)
    assert page.ref in {connection.id for connection in google}


async def test_the_page_of_an_outage_that_is_over_tells_of_it_and_offers_to_renew(story, salesforce):
    async with story.memory.begin() as tx:
        over = await drop(tx, story.clock(), salesforce)
        await tx.outages.close(over.id, {}, {}, story.clock(), caught_up=False)
    page = await story.door.start_page(over.id)
    assert (salesforce.id, None, over.id) == (page.ref, page.outage, page.closed.outage.id)
    done = await story.door.finish(SALESFORCE, *await way(story, over.id))
    assert (Ending.RESTORED, salesforce.id) == (done.ending, done.ref)


async def test_a_code_that_was_refused_is_said_to_be_refused(story, salesforce):
    begun = await story.door.begin(salesforce.id)
    (state,) = parse_qs(urlsplit(begun.url).query)["state"]
    done = await story.door.finish(SALESFORCE, {"state": state, "code": "made-up"}, begun.browser)
    assert (Ending.FAILED, salesforce.id) == (done.ending, done.ref)
    assert done.why.startswith("the login code was refused")


async def test_an_outage_that_is_mended_while_a_login_is_proven_stays_with_whoever_mended_it(story, salesforce):
    outage = await story.drop(SALESFORCE)
    first, late = await way(story, outage.id), await way(story, outage.id, person=BEN)
    reauthorize = story.door._reauthorize
    usable = reauthorize._restore.usable

    class Meanwhile(Restore):
        async def usable(self, platform, proof, connections):
            reauthorize._restore = of_others
            assert Ending.RESTORED == (await story.door.finish(SALESFORCE, *first)).ending
            return await usable(platform, proof, connections)

    of_others = reauthorize._restore
    reauthorize._restore = Meanwhile(story.memory, story.gateways, story.clock, timedelta(minutes=15))
    done = await story.door.finish(SALESFORCE, *late)
    assert (Ending.ALREADY, ADA) == (done.ending, done.who)
    assert ADA == (await story.connection(salesforce.id)).login
    assert 1 == story.world.salesforce.ledger.count("grant.revoked", person=BEN)


async def test_the_paused_account_of_a_lost_login_goes_over_to_the_one_that_takes_its_place(story, google):
    emea, americas = google
    story.world.google_ads.oauth.people[BEN].accounts += [EMEA, AMERICAS]
    await story.desk.pause(americas.id, ANNA)
    outage = await story.drop(GOOGLE)
    assert Ending.RESTORED == (await story.reauthorize(GOOGLE, outage.id, BEN)).ending
    assert [BEN, BEN] == [(await story.connection(each.id)).login for each in (emea, americas)]


async def test_a_login_that_helps_out_heals_what_it_had_lost_itself(story):
    story.world.google_ads.oauth.people[BEN].accounts += [EMEA, AMERICAS]
    (emea,) = await story.begin_with(GOOGLE, ADA, accounts=[EMEA])
    (americas,) = await story.begin_with(GOOGLE, BEN, accounts=[AMERICAS])
    async with story.memory.begin() as tx:
        outages = [await drop(tx, story.clock(), each) for each in (emea, americas)]
        await tx.connections.set_authorized([emea.id, americas.id], False)
    assert Ending.RESTORED == (await story.reauthorize(GOOGLE, outages[0].id, BEN)).ending
    assert BEN == (await story.outage(outages[1].id)).reauthorized_by


async def test_the_platform_is_told_whose_login_is_expected_unless_another_one_helps(story, google):
    assert [ADA] == login_hint(await story.door.begin(google[0].id))
    assert None is login_hint(await story.door.begin(google[0].id, another=True))
    async with story.memory.begin() as tx:
        denied = await drop(tx, story.clock(), google[0], reach=Reach.ACCOUNT, remedy="AccessDenied")
        lost = await drop(tx, story.clock(), google[1], reach=Reach.ACCOUNT)
    assert None is login_hint(await story.door.begin(denied.id))
    assert [ADA] == login_hint(await story.door.begin(lost.id))


async def test_pages_of_a_platform_that_was_switched_off_offer_nothing(story, salesforce):
    without = Reauthorize(story.memory, {}, story.app.facts, None, None, story.clock)
    assert await without.start_page(salesforce.id) is None
    assert await story.door.start_page(salesforce.id)


async def test_a_state_that_is_no_text_at_all_is_unknown_and_waits_for_no_writer(story, salesforce):
    done = await story.door.finish(SALESFORCE, {"state": "\ud800", "code": "x"}, "browser")
    assert Outcome(Ending.UNKNOWN, SALESFORCE, "Salesforce") == done
    assert digest("\ud800") != digest("\ud801")


async def test_a_callback_of_another_issuer_uses_no_state_up_and_one_of_ours_or_of_none_does(story, google):
    told = []
    for issuer in ({"iss": "https://evil.example"}, {"iss": "https://accounts.google.com"}, {}):
        begun = await story.door.begin(google[0].id)
        (state,) = parse_qs(urlsplit(begun.url).query)["state"]
        asked = {"state": state, "error": "server_error"}
        told += [(await story.door.finish(GOOGLE, asked | issuer, begun.browser)).ending]
        told += [(await story.door.finish(GOOGLE, asked, begun.browser)).ending]
    assert [Ending.UNKNOWN, Ending.FAILED, Ending.FAILED, Ending.UNKNOWN, Ending.FAILED, Ending.UNKNOWN] == told


async def test_who_leaves_for_a_platform_stands_in_the_audit_log_and_leaves_with_a_challenge(story):
    begun = await story.door._consents.begin(GOOGLE, "reauthorize", "con_1", login_hint="", who=ANNA)
    assert await acts(story, "consent_begun") == [("consent_begun", ANNA, "con_1", {"platform": GOOGLE})]
    asked = parse_qs(urlsplit(begun.url).query)
    assert asked["code_challenge"]
    async with story.memory.begin() as tx:
        (state,) = asked["state"]
        consent = await tx.consents.take(GOOGLE, digest(state), digest(begun.browser), story.clock())
    told = consent.platform, consent.purpose, consent.ref, consent.started_by
    assert (GOOGLE, "reauthorize", "con_1", ANNA) == told
    assert consent.verifier


async def test_a_callback_without_a_state_or_a_browser_is_unknown(story, google):
    begun = await story.door.begin(google[0].id)
    (state,) = parse_qs(urlsplit(begun.url).query)["state"]
    for params, browser in (({}, begun.browser), ({"state": ""}, begun.browser), ({"state": state}, None)):
        assert Ending.UNKNOWN == (await story.door.finish(GOOGLE, params, browser)).ending


async def test_a_consent_that_is_nine_minutes_old_still_counts(story, salesforce):
    params, browser = await way(story, salesforce.id)
    story.clock.advance(minutes=9, seconds=59)
    assert Ending.UNKNOWN != (await story.door.finish(SALESFORCE, params, browser)).ending


async def test_a_login_that_reaches_a_paused_account_too_carries_it_again(story, google):
    americas = next(connection for connection in google if connection.account.id == AMERICAS)
    await story.desk.pause(americas.id, ANNA)
    outage = await story.drop(GOOGLE)
    assert AMERICAS in {account.id for account in (await story.reauthorize(GOOGLE, outage.id)).accounts}
    assert (await story.connection(americas.id)).authorized


async def test_renewing_one_account_of_a_login_renews_its_siblings(story, google):
    done = await story.reauthorize(GOOGLE, google[0].id)
    assert ({EMEA, AMERICAS}, google[0].id) == ({account.id for account in done.accounts}, done.ref)


async def test_another_login_takes_over_all_accounts_of_a_lost_one_but_only_the_account_of_an_account_s_outage(
    story, google
):
    emea, americas = google
    story.world.google_ads.oauth.people[BEN].accounts += [EMEA, AMERICAS]
    async with story.memory.begin() as tx:
        own = await drop(tx, story.clock(), emea, reach=Reach.ACCOUNT, remedy="AccessDenied")
        await tx.connections.set_authorized([emea.id], False)
    assert Ending.RESTORED == (await story.reauthorize(GOOGLE, own.id, BEN)).ending
    assert {emea.account.id: BEN, americas.account.id: ADA} == {
        c.account.id: c.login for c in await story.connections()
    }
