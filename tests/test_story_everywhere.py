"""The same story on every platform there is a practice world for, with the settings that make it harder."""

from dataclasses import replace
from datetime import timedelta

import pytest
from deployment import deployed

from bot.listing import cost_item
from sandbox.demo import touchpoints
from sandbox.world import World

PLATFORMS = [platform.key for platform in World().platforms]
ADS = [key for key in PLATFORMS if key not in {crm.key for crm in World().crms}]

LITTLE = {"cost_days": "2"}  # still several pages of two, and every page is a call
RESTATED = {"platforms": {key: {"restate_days": 2} for key in ADS}}


def harder(sandbox, *, rotation):
    """Refresh tokens that change with every use, access tokens that live two seconds, pages of two."""
    rules = sandbox.oauth.rules
    sandbox.oauth.rules = replace(rules, rotation=rotation and not sandbox_never_rotates(sandbox))
    sandbox.oauth.grants.lifetimes = replace(sandbox.oauth.grants.lifetimes, access=timedelta(seconds=2))
    if hasattr(sandbox, "page_size"):
        sandbox.page_size = 2


ANY_SCRIPT = "شركة 東京 👩‍🚀 e\u0301 ﷺ"


def renamed(sandbox):
    """Accounts called something in Arabic, Chinese, emoji and combining marks."""
    for account in sandbox.book.accounts.values():
        account.name = f"{ANY_SCRIPT} {account.name}"


async def opted_in(redkey):
    """Meta's ads are made anew, and so tagged, only where somebody has seen what would be done and said yes."""
    for each in await redkey.app.desk.connections():
        await redkey.app.opt_in.preview(each.connection.id)
        await redkey.app.opt_in.opt_in(each.connection.id)
    await redkey.until(redkey.looked_at_all_ads)


async def exported(redkey):
    return [cost_item(c, row, complete=done) async for c, row, done in redkey.app.ledger.costs(None, None)]


def sandbox_never_rotates(sandbox):
    """Meta has no refresh tokens at all; its long-lived token is exchanged for another."""
    return sandbox.key == "meta_ads"


@pytest.mark.parametrize("rotation", [True, False], ids=["rotating", "lasting"])
@pytest.mark.parametrize("platform", PLATFORMS)
async def test_every_platform_drops_is_reauthorized_and_catches_up(platform, rotation, tmp_path, sqlite_url):
    async with deployed(tmp_path, sqlite_url, timing=LITTLE, sections=RESTATED) as redkey:
        sandbox = redkey.sandbox(platform)
        harder(sandbox, rotation=rotation)
        if platform in ADS:
            renamed(sandbox)
        await redkey.connect(platform)
        if platform == "meta_ads":
            await opted_in(redkey)

        alert = await redkey.drop(platform)
        if platform in ADS:
            await redkey.world.pull(platform, "new_ads")
        else:
            await redkey.send(250, "during")
        page = await redkey.log_in(alert, sandbox.demo_login)

        assert page.status == 200

        receipt = await redkey.receipt(platform, alert)

        assert "caught up" in receipt.text
        (told,) = await redkey.app.desk.outages()
        if platform in ADS:
            assert told.outage.lost["ads_untagged"] >= 1
            assert told.outage.recovered["cost_days"] >= 1
            assert [] == sandbox.disagreements(await exported(redkey))  # days restated meanwhile included
            names = [c.connection.account.name for c in await redkey.app.desk.connections()]
            assert all(name.startswith(ANY_SCRIPT) for name in names)
        else:
            assert 250 == told.outage.recovered["touchpoints"]
            assert {t["id"] for t in touchpoints(250, "during")} <= set(sandbox.records())
        assert 0 == sandbox.ledger.count("token.reused")


async def test_six_reauthorizations_of_one_salesforce_user_leave_one_living_grant(tmp_path, sqlite_url):
    """Salesforce allows five approvals of a user for an app and silently ends the oldest: no spares may pile up."""
    async with deployed(tmp_path, sqlite_url) as redkey:
        salesforce = redkey.world.salesforce
        await redkey.connect("salesforce")
        (connection,) = await redkey.app.desk.connections()
        from sandbox.visitor import Visitor

        for _ in range(6):
            async with Visitor() as visitor:
                page = await visitor.log_in(connection.reauthorize_url, salesforce.demo_login)
            assert page.status == 200
        await salesforce.ledger.wait_for("revoke_request", times=6)

        (answer,) = await redkey.app.desk.check()

        assert "" == answer.problem
        assert 1 == living_grants(salesforce)


def living_grants(salesforce):
    opened = salesforce.ledger.where("grant.opened", person=salesforce.demo_login)
    ended = {entry["grant"] for entry in salesforce.ledger.where("grant.revoked")}
    return len([entry for entry in opened if entry["grant"] not in ended])
