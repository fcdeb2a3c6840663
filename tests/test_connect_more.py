"""More accounts through a login that is here: only what it reaches, only while it lives, and the trail says who."""

import asyncio

import pytest
from practice_story import ADA, BEN, GOOGLE, PUBLIC, SALESFORCE, sqlite_only, telling

from bot.app import App
from bot.memory.memory import Work
from bot.people.people import Ending, NotFound
from handlers.slack.looks.announcer import SlackAnnouncer

ANNA = "U0ANNA000"
ADWORDS = "https://www.googleapis.com/auth/adwords"


async def test_accounts_beyond_the_watched_ones_are_offered_and_watched(story):
    first, second = await story.connect(GOOGLE)
    await story.desk.remove(second.id, ANNA)
    [login] = await story.desk.reachable(GOOGLE)
    assert (ADA, [second.account.id]) == (login.login, [a.id for a in login.accounts])

    [back] = await story.desk.watch(login.grant_id, [second.account.id], ANNA)
    assert (second.id, True) == (back.connection.id, back.connection.authorized)
    assert {first.id, second.id} == {c.connection.id for c in await story.desk.connections()}
    assert [()] == [r.accounts for r in await story.desk.reachable(GOOGLE)]
    async with story.memory.read() as tx:
        acts = [(act.who, act.subject, act.detail) async for act in tx.audit.rows() if act.what == "connected"]
    assert (ANNA, second.id, {"account": second.account.id}) == acts[-1]
    with pytest.raises(NotFound):
        await story.desk.watch(login.grant_id, ["999"], ANNA)


async def test_a_lost_login_offers_nothing_and_watches_nothing(story):
    first, _ = await story.connect(GOOGLE)
    await story.work()
    await story.drop(GOOGLE)
    assert [] == await story.desk.reachable(GOOGLE)
    with pytest.raises(NotFound):
        await story.desk.watch(first.grant_id, [first.account.id], ANNA)


async def test_a_platform_that_does_not_answer_offers_nothing_for_now(story):
    await story.connect(GOOGLE)
    await story.connect(GOOGLE, BEN)
    story.world.google_ads.take_down()
    assert [] == await story.desk.reachable(GOOGLE)


async def borrowed(story, login, account, who):
    await story.desk.watch(login, [account], who)
    await story.work(Work.ANNOUNCE)


async def test_whoever_gave_the_login_is_told_by_direct_message_what_a_colleague_had_watched_with_it(story):
    _, second = await story.connect(GOOGLE)
    async with story.memory.begin() as tx:
        await tx.grants.authorized_by(second.grant_id, ANNA)
    await story.desk.remove(second.id, ANNA)
    await borrowed(story, second.grant_id, second.account.id, "U0BEN0000")
    (told,) = story.world.slack.direct_messages(ANNA)
    assert f"<@U0BEN0000> has Redkey watch 1 more account through your login {ADA} at Google Ads." in told.text.replace(
        "\u2060", ""
    ).replace("\u200b", "")
    assert second.account.name in told.words

    story.clock.advance(minutes=1)
    await borrowed(story, second.grant_id, second.account.id, "U0BEN0000")  # it is watched already
    await story.desk.remove(second.id, ANNA)
    await borrowed(story, second.grant_id, second.account.id, ANNA)  # it is her own
    assert [told] == story.world.slack.direct_messages(ANNA)


@sqlite_only
async def test_whoever_gave_the_login_is_told_too_when_an_account_comes_to_it_from_one_that_was_lost(story):
    await story.begin_with(SALESFORCE, BEN, accounts=[])
    (lost,) = await story.connect(SALESFORCE)
    await story.drop(SALESFORCE)
    [login] = [each.grant_id for each in await story.desk.reachable(SALESFORCE)]
    await borrowed(story, login, lost.account.id, "U0BEN0000")
    assert (lost.id, login) == ((await story.connection(lost.id)).id, (await story.connection(lost.id)).grant_id)
    (told,) = story.world.slack.direct_messages(ANNA)
    assert lost.account.name in told.words


@sqlite_only
async def test_nobody_is_told_of_a_colleague_s_accounts_at_a_platform_that_was_switched_off_meanwhile(story):
    _, second = await story.connect(GOOGLE)
    await story.desk.remove(second.id, ANNA)
    await story.desk.watch(second.grant_id, [second.account.id], "U0BEN0000")
    app = App(story.settings, story.memory, without(story, GOOGLE), "command", story.clock)
    story.workers = app.workers(story.alert, app.announcing(SlackAnnouncer(), story.voice, story.presence))
    assert 1 == await story.work(Work.ANNOUNCE)
    assert [] == story.world.slack.direct_messages(ANNA)


def without(story, platform):
    return {key: gateway for key, gateway in story.gateways.items() if key != platform}


@sqlite_only
async def test_a_connect_link_lasts_until_a_login_came_through_it(story):
    with pytest.raises(NotFound, match=r"myspace is not a platform that is switched on; these are: .*google_ads, "):
        await story.desk.connect_link("myspace", ANNA)
    link = await story.desk.connect_link(GOOGLE, ANNA)
    token = link.rpartition("/")[2]
    assert f"{PUBLIC}/connect/{token}" == link

    params, browser = await story.way_back(await story.door.connect(token), allow=False)
    declined = await story.door.finish(GOOGLE, params, browser)
    assert (Ending.DECLINED, "Google Ads", "") == (declined.ending, declined.platform_name, declined.ref)
    params, browser = await story.way_back(await story.door.connect(token))
    in_linkedin_s_words = {"state": params["state"], "error": "user_cancelled_login"}
    assert Ending.DECLINED == (await story.door.finish(GOOGLE, in_linkedin_s_words, browser)).ending
    answered, none = "Google Ads answered: server_error", "Google Ads gave no login code"
    for odd, said in (({"error": "server_error"}, answered), ({}, none), ({"code": "made up"}, "")):
        params, browser = await story.way_back(await story.door.connect(token))
        failed = await story.door.finish(GOOGLE, {"state": params["state"], **odd}, browser)
        assert (Ending.FAILED, "") == (failed.ending, failed.ref)
        assert said in failed.why
        assert failed.why
    params, browser = await story.way_back(await story.door.connect(token))
    assert answered == (await story.door.finish(GOOGLE, params | {"error": "server_error"}, browser)).why
    page = await story.door.connect_page(token)
    assert (GOOGLE, "Google Ads", "", ()) == (page.platform, page.platform_name, page.login, page.accounts)
    params, browser = await story.way_back(await story.door.connect(token))
    done = await story.door.finish(GOOGLE, params, browser)
    assert (Ending.CHOOSE, ADA) == (done.ending, done.used_login)
    again = await story.door.connect_page(done.connect.token)
    assert (ADA, done.connect.accounts, frozenset()) == (again.login, again.accounts, again.watched)
    assert await story.door.connect_page(token) is None

    chosen = [story.door.choose(done.connect.token, [done.connect.accounts[0].id]) for _ in range(2)]
    taken = await asyncio.gather(*chosen, return_exceptions=True)
    assert [NotFound] == [type(each) for each in taken if isinstance(each, Exception)]
    [[first]] = [each for each in taken if not isinstance(each, Exception)]
    assert ANNA == (await story.grant(first.connection)).authorized_by
    assert f"{PUBLIC}/reauthorize/{first.connection.id}" == first.reauthorize_url


@sqlite_only
async def test_the_way_of_a_new_login_stands_in_the_audit_trail_step_by_step(story):
    token = (await story.desk.connect_link(GOOGLE, ANNA)).rpartition("/")[2]
    await story.door.finish(GOOGLE, *await story.way_back(await story.door.connect(token), allow=False))
    begun = await story.door.connect(token)
    assert "login_hint" not in begun.url
    done = await story.door.finish(GOOGLE, *await story.way_back(begun))
    account = done.connect.accounts[0].id
    (made,) = await story.door.choose(done.connect.token, [account])
    async with story.memory.read() as tx:
        acts = [(act.what, act.who, act.subject, act.detail) async for act in tx.audit.rows()]
    link, grant = acts[0][2], made.connection.grant_id
    assert link.startswith("lnk_")
    assert [
        ("connect_link", ANNA, link, {"platform": GOOGLE}),
        ("consent_begun", "", link, {"platform": GOOGLE}),
        ("declined", "", link, {}),
        ("consent_begun", "", link, {"platform": GOOGLE}),
        ("consented", ADA, grant, {"link": link}),
        ("connected", ADA, made.connection.id, {"account": account}),
    ] == acts


@sqlite_only
async def test_what_is_watched_already_is_said_where_accounts_are_chosen(story):
    first, second = await story.connect(GOOGLE)
    await story.connect(SALESFORCE)
    token = (await story.desk.connect_link(GOOGLE, ANNA)).rpartition("/")[2]
    done = await story.door.finish(GOOGLE, *await story.way_back(await story.door.connect(token)))
    assert {first.account.id, second.account.id} == done.connect.watched


@sqlite_only
async def test_a_login_that_was_taken_back_before_its_accounts_were_chosen_needs_a_new_link(story):
    token = (await story.desk.connect_link(GOOGLE, ANNA)).rpartition("/")[2]
    done = await story.door.finish(GOOGLE, *await story.way_back(await story.door.connect(token)))
    await story.app.revoke.everything("root")
    assert await story.door.connect_page(done.connect.token) is None
    with pytest.raises(NotFound):
        await story.door.choose(done.connect.token, [done.connect.accounts[0].id])


@sqlite_only
async def test_a_link_for_a_platform_that_was_switched_off_meanwhile_opens_nothing(story):
    tokens = [(await story.desk.connect_link(SALESFORCE, ANNA)).rpartition("/")[2] for _ in range(2)]
    done = await story.door.finish(SALESFORCE, *await story.way_back(await story.door.connect(tokens[0])))
    door = App(story.settings, story.memory, without(story, SALESFORCE), "command", story.clock).door
    for token in (tokens[1], done.connect.token):
        assert await door.connect_page(token) is None
        with pytest.raises(NotFound):
            await door.connect(token)
        with pytest.raises(NotFound):
            await door.choose(token, [done.connect.accounts[0].id])


@sqlite_only
async def test_a_login_that_comes_through_a_used_link_or_without_its_permissions_is_given_back(story):
    token = (await story.desk.connect_link(SALESFORCE, ANNA)).rpartition("/")[2]
    trips = [await story.way_back(await story.door.connect(token), person) for person in (ADA, BEN)]
    first, late = [await story.door.finish(SALESFORCE, *trip) for trip in trips]
    assert (Ending.CHOOSE, Ending.FAILED, "Salesforce") == (first.ending, late.ending, late.platform_name)
    assert "this link was used already" == late.why
    assert [ADA] == [grant.person.email for grant in story.world.salesforce.oauth.grants.alive()]

    token = (await story.desk.connect_link(GOOGLE, ANNA)).rpartition("/")[2]
    way = await story.way_back(await story.door.connect(token), without_scopes=[ADWORDS])
    lacking = await story.door.finish(GOOGLE, *way)
    assert (Ending.FAILED, GOOGLE, "Google Ads") == (lacking.ending, lacking.platform, lacking.platform_name)
    assert "box" in lacking.why
    assert (
        Ending.CHOOSE
        is (await story.door.finish(GOOGLE, *await story.way_back(await story.door.connect(token)))).ending
    )


@sqlite_only
@pytest.mark.parametrize("own", [{}, {"utm": "utm_source=own", "autotagging": False}])
async def test_ads_are_tagged_as_the_settings_say_and_a_crm_never_is(memory, clock, own):
    async with telling(memory, clock, google=own) as story:
        google, salesforce = (await story.connect(GOOGLE))[0], (await story.connect(SALESFORCE))[0]
    assert (own.get("autotagging", True), False) == (google.autotagging, salesforce.autotagging)
    assert google.utm.startswith(own.get("utm", "utm_source=google&"))
    assert "" == salesforce.utm


@sqlite_only
async def test_a_link_that_nobody_in_slack_asked_for_or_that_is_a_day_old_is_nobody_s(story):
    [link, late] = [(await story.desk.connect_link(GOOGLE, "root")).rpartition("/")[2] for _ in range(2)]
    done = await story.door.finish(GOOGLE, *await story.way_back(await story.door.connect(link)))
    async with story.memory.read() as tx:
        [grant] = await tx.grants.all()
    assert not grant.authorized_by
    assert [] == await story.desk.reachable(SALESFORCE)
    assert [] == await story.desk.reachable("myspace")
    story.clock.advance(days=1)
    for token in (late, done.connect.token, "made up"):
        assert await story.door.connect_page(token) is None
        with pytest.raises(NotFound):
            await story.door.choose(token, [])
    with pytest.raises(NotFound):
        await story.door.connect(late)
