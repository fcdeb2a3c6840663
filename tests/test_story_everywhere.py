"""The same story on every platform there is a practice world for, with the settings that make it harder."""

from dataclasses import replace
from datetime import timedelta

import pytest
from deployment import deployed

from bot.words.listing import cost_item
from sandbox.demo import touchpoints
from sandbox.faults import Fault, Kind
from sandbox.visitor import Visitor
from sandbox.world import World

PLATFORMS = [platform.key for platform in World().platforms]
ADS = [key for key in PLATFORMS if key not in {crm.key for crm in World().crms}]

# The account that the sandbox's new ads and corrections are in, unless told otherwise.
MADE_IN = {
    "google_ads": "2000000001",
    "microsoft_advertising": "180519001",
    "meta_ads": "318200000000001",
    "linkedin_ads": "512345678",
}
# The harder of both in every run; the other among the sweeps.
ROTATION = [pytest.param(True, id="rotating"), pytest.param(False, id="lasting", marks=pytest.mark.sweep)]
WAITING = 31  # an odd number, so that the last batch of two is not full

LITTLE = {"cost_days": "2"}  # still several pages of two, and every page is a call
HARDER = {
    "platforms": {key: {"restate_days": 2} for key in ADS}
    | {key: {"batch_size": 2} for key in PLATFORMS if key not in ADS}
}
# Where the platform lets its client choose how much comes or goes at once. Elsewhere the sandbox answers in pages of two.
CHOSEN_BY_THE_CLIENT = {
    "google_ads": ("google_ads._MUTATE_LIMIT", "google_ads._IDS_PER_QUERY"),
    "microsoft_advertising": ("microsoft_advertising._ADS_PER_PAGE", "_microsoft_advertising_ads._ADS_PER_CALL"),
    "linkedin_ads": ("linkedin_ads._CAMPAIGNS_AT_A_TIME",),
}
ANY_SCRIPT = "شركة 東京カメラ 👩‍🚀 देवनागरी e\u0301 ﷺ"


def harder(sandbox, monkeypatch, *, rotation):
    """Refresh tokens that change with every use, access tokens that live two seconds, pages of two."""
    rules = sandbox.oauth.rules
    sandbox.oauth.rules = replace(rules, rotation=rotation and not sandbox_never_rotates(sandbox))
    sandbox.oauth.grants.lifetimes = replace(sandbox.oauth.grants.lifetimes, access=timedelta(seconds=2))
    if sandbox.key != "hubspot":  # nothing that Redkey asks of HubSpot has pages: it names the records, two at a time
        sandbox.page_size = 2
    for limit in CHOSEN_BY_THE_CLIENT.get(sandbox.key, ()):
        monkeypatch.setattr(f"platforms.{limit}", 2)


def renamed(sandbox):
    """Accounts called something in Arabic, Japanese, emoji, Devanagari and combining marks. HubSpot's have no names."""
    held = sandbox.book.accounts if hasattr(sandbox, "book") else getattr(sandbox, "orgs", {})
    for account in held.values():
        account.name = f"{ANY_SCRIPT} {account.name}"
        if sandbox.key == "salesforce":
            account.tables["Organization"].rows[account.id]["Name"] = account.name
    return bool(held)


def smaller(sandbox):
    """Half of the ads are gone, and with them most of the time this takes; those that make a tagger think stay."""
    for account in sandbox.book.accounts.values():
        for ad in list(getattr(account, "ads", ()))[12:]:
            del account.ads[ad]


async def opted_in(redkey):
    """Meta's ads are made anew, and so tagged, only where somebody has seen what would be done and said yes."""
    for each in await redkey.app.desk.connections():
        await redkey.app.opt_in.preview(each.connection.id)
        await redkey.app.opt_in.opt_in(each.connection.id)
    await redkey.until(redkey.looked_at_all_ads)


async def exported(redkey):
    return [cost_item(c, row, complete=done) async for c, row, done in redkey.app.ledger.costs(None, None)]


async def spent(redkey, account, day):
    """What Redkey's cost table holds of one day, in micros."""
    rows = [row for row in await exported(redkey) if (row["account"], row["date"]) == (account, day.isoformat())]
    return sum(int(row["cost_micros"]) for row in rows)


def sandbox_never_rotates(sandbox):
    """Meta has no refresh tokens at all; its long-lived token is exchanged for another."""
    return sandbox.key == "meta_ads"


@pytest.mark.parametrize("rotation", ROTATION)
@pytest.mark.parametrize("platform", ADS)
async def test_every_ad_platform_drops_is_reauthorized_and_catches_up(
    platform, rotation, tmp_path, sqlite_url, monkeypatch
):
    async with deployed(tmp_path, sqlite_url, timing=LITTLE, sections=HARDER) as redkey:
        sandbox = redkey.sandbox(platform)
        smaller(sandbox)
        harder(sandbox, monkeypatch, rotation=rotation)
        renamed(sandbox)
        await redkey.connect(platform)
        if platform == "meta_ads":
            await opted_in(redkey)

        alert = await redkey.drop(platform)
        made = {ad.id for ad in sandbox.add_ads(count=5)}
        account = MADE_IN[platform]
        day = sandbox.restate()
        true = sandbox.totals(account, day, day)[day]
        assert await spent(redkey, account, day) not in {0, true}
        page = await redkey.log_in(alert, sandbox.demo_login)

        assert page.status == 200

        receipt = await redkey.receipt(platform, alert)

        assert "caught up" in receipt.text
        (told,) = await redkey.app.desk.outages()
        assert told.outage.lost["ads_untagged"] == len(made)
        assert told.outage.recovered["cost_days"] >= 1
        assert await spent(redkey, account, day) == true, "the day that was restated meanwhile"
        assert not made & {ad.id for ad in sandbox.untagged(everything=True)}, "the ads that were made meanwhile"
        assert [] == sandbox.disagreements(await exported(redkey))
        names = [c.connection.account.name for c in await redkey.app.desk.connections()]
        assert all(name.startswith(ANY_SCRIPT) for name in names)
        assert 0 == sandbox.ledger.count("token.reused")


@pytest.mark.parametrize("rotation", ROTATION)
@pytest.mark.parametrize("platform", [key for key in PLATFORMS if key not in ADS])
async def test_every_crm_drops_is_reauthorized_and_catches_up(platform, rotation, tmp_path, sqlite_url, monkeypatch):
    async with deployed(tmp_path, sqlite_url, timing=LITTLE, sections=HARDER) as redkey:
        sandbox = redkey.sandbox(platform)
        harder(sandbox, monkeypatch, rotation=rotation)
        named = renamed(sandbox)
        await redkey.connect(platform)

        alert = await redkey.drop(platform)
        await redkey.send(WAITING, "during")
        page = await redkey.log_in(alert, sandbox.demo_login)

        assert page.status == 200

        receipt = await redkey.receipt(platform, alert)

        assert "caught up" in receipt.text
        (told,) = await redkey.app.desk.outages()
        assert WAITING == told.outage.recovered["touchpoints"]
        assert {t["id"] for t in touchpoints(WAITING, "during")} <= set(sandbox.records())
        assert all(writes.created == 1 for writes in sandbox.writes.values())
        (connection,) = await redkey.app.desk.connections()
        assert connection.connection.account.name.startswith(ANY_SCRIPT if named else "HubSpot account")
        assert 0 == sandbox.ledger.count("token.reused")


async def test_a_sixth_reauthorization_of_one_salesforce_user_does_not_end_the_newest_grant(tmp_path, sqlite_url):
    """Salesforce allows five approvals of a user for an app and silently ends the oldest: no spares may pile up.

    Here it takes no revocations meanwhile, so that old grants do pile up and the limit is really met.
    """
    async with deployed(tmp_path, sqlite_url) as redkey:
        salesforce = redkey.world.salesforce
        await redkey.connect("salesforce")
        (connection,) = await redkey.app.desk.connections()
        stuck = salesforce.faults.add(Fault(match="/oauth2/revoke", kind=Kind.STATUS, times=None, status=503))

        for _ in range(6):
            async with Visitor() as visitor:
                page = await visitor.log_in(connection.reauthorize_url, salesforce.demo_login)
            assert page.status == 200

        oldest, second, *_, newest = salesforce.ledger.where("grant.opened", person=salesforce.demo_login)
        consents = salesforce.ledger.count("code.issued")
        assert 1 + 6 == consents == salesforce.ledger.count("grant.opened"), "one grant a consent, and none to spare"
        assert [oldest["grant"], second["grant"]] == pushed_out(salesforce)
        salesforce.expire_sessions()
        assert [""] == [each.problem for each in await redkey.app.desk.check()]
        assert newest["grant"] == salesforce.ledger.where("token.refreshed")[-1]["grant"]

        salesforce.faults.remove(stuck)
        await redkey.until(lambda: only_living(salesforce, newest["grant"]))


def pushed_out(salesforce):
    """The grants that the limit of five ended."""
    return [entry["grant"] for entry in salesforce.ledger.where("token.revoked", why="pushed_out")]


async def only_living(salesforce, name):
    """Whether every other grant has been given back."""
    return [name] == [grant.name for grant in salesforce.oauth.grants.alive(salesforce.demo_login)]
