"""`redkey doctor` against the practice world: all well, and each thing that may be wrong with its cure."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from practice_doctor import settings, told

from bot.app import utc_now
from bot.commands.doctor import examine
from bot.settings.settings import RouteSettings, Settings
from bot.words.errors import SetupError
from bot.words.interfaces import Clock
from handlers.slack.line.checkup import checkup
from sandbox.slack import MARKETING
from sandbox.world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World.open() as opened:
        yield opened


async def test_when_all_is_well_every_line_says_so(world, tmp_path):
    code, lines = await told(settings(world, tmp_path))

    assert (code, [line for line in lines if not line.startswith("ok ")]) == (0, [])
    assert [line.split(":")[0].split(maxsplit=1)[1] for line in lines] == [
        "settings",
        "public URL",
        "database",
        "keys",
        *[f"platforms.{platform.key}" for platform in world.platforms],
        "platforms.google_ads",  # when its API version ends
        "platforms.linkedin_ads",
        "slack token",
        "slack scopes",
        "slack channel",
        "slack socket",
    ]


@pytest.mark.parametrize("platform", ["google_ads", "salesforce"])
async def test_a_wrong_client_secret_is_told_from_a_login_that_does_not_exist(world, tmp_path, platform):
    known = world.settings("http://127.0.0.1:8080")["platforms"]
    wrong = {**known, platform: {**known[platform], "client_secret": "not-this-one"}}

    code, lines = await told(settings(world, tmp_path, platforms=wrong))

    wrong_lines = [line for line in lines if line.startswith("WRONG")]
    assert code == 1
    assert [line.split(":")[0] for line in wrong_lines] == [f"WRONG platforms.{platform}"]
    assert " -> " in wrong_lines[0]
    assert "not-this-one" not in "".join(lines)


async def test_wrong_settings_are_told_one_by_one(tmp_path):
    def broken() -> Settings:
        raise SetupError("web.port: is wrong\nweb.host: is wrong too")

    lines: list[str] = []
    assert await examine(broken, lines.append) == 1
    assert [line.split(" -> ")[0] for line in lines] == [
        "WRONG settings: web.port: is wrong",
        "WRONG settings: web.host: is wrong too",
    ]


async def test_a_database_that_cannot_be_opened_is_one_line(world, tmp_path):
    code, lines = await told(settings(world, tmp_path, database={"url": f"sqlite:///{tmp_path / 'no' / 'redkey.db'}"}))

    assert code == 1
    assert [line.split(":")[0] for line in lines if line.startswith("WRONG")] == ["WRONG database"]


async def test_one_platform_that_cannot_be_read_hides_none_of_the_others(world, tmp_path):
    known = world.settings("http://127.0.0.1:8080")["platforms"]
    wrong = {**known, "google": {"client_id": "x"}, "hubspot": {**known["hubspot"], "colour": "red"}}

    code, lines = await told(settings(world, tmp_path, platforms=wrong))

    assert code == 1
    assert sorted(line.split(" (")[0].split(" -> ")[0] for line in lines if line.startswith("WRONG")) == [
        "WRONG settings: platforms.google is not a platform",
        "WRONG settings: platforms.hubspot.colour is not a setting",
    ]
    assert "ok    platforms.salesforce: Salesforce knows this client" in lines
    assert not any("complete" in line for line in lines)


async def findings(world: World, *, now: Clock = utc_now, **changes: str) -> dict[str, str]:
    """What is wrong with Slack, and the cure."""
    slack = {**world.settings("http://127.0.0.1:8080")["slack"], **changes}
    found = await checkup(slack["bot_token"], slack["app_token"], slack["api_url"], [slack["channel"]], now=now)
    return {finding.what: f"{finding.text} -> {finding.cure}" for finding in found if finding.cure}


async def test_slack_is_asked_about_both_tokens(world):
    assert await findings(world) == {}
    assert "invalid_auth" in (await findings(world, bot_token="xoxb-wrong"))["slack token"]
    assert "connections:write" in (await findings(world, app_token="xapp-wrong"))["slack socket"]


async def test_a_scope_that_is_lacking_is_named(world):
    world.slack.state.scopes.remove("commands")

    assert (await findings(world))["slack scopes"].startswith("missing: commands ->")


async def test_a_channel_that_cannot_be_written_to_is_named(world):
    assert "channel_not_found" in (await findings(world, channel="C0NOWHERE0"))["slack channel"]

    world.slack.state.channels["C0REDKEY00"].is_archived = True
    assert "is archived" in (await findings(world, channel="C0REDKEY00"))["slack channel"]


@pytest.mark.parametrize(("minutes", "how"), [(10, "ahead of"), (-10, "behind")])
async def test_a_clock_that_is_not_slack_s_is_named_with_how_much(world, minutes, how):
    found = await findings(world, now=lambda: utc_now() + timedelta(minutes=minutes))
    assert ["clock"] == list(found)
    assert re.fullmatch(rf"this machine's is (59\d|60\d) seconds {how} Slack's -> set it, .* NTP", found["clock"])
    assert {} == await findings(world, now=lambda: utc_now() + timedelta(minutes=minutes / 10))


async def test_slack_out_of_reach_is_not_taken_for_a_bad_token(world):
    found = await findings(world, api_url="http://127.0.0.1:1/api/")

    assert list(found) == ["slack token", "slack socket"]
    for text in found.values():
        assert text.startswith("Slack did not answer (")
        assert "Error" not in text.split("check the network")[0]


SALES = "C0SALES000"


def routed(world: World, folder: Path, *channels: str) -> Settings:
    return settings(world, folder).model_copy(
        update={"routes": tuple(RouteSettings(platform="salesforce", channel=channel) for channel in channels)}
    )


async def test_the_channels_of_routes_are_looked_at_too(world, tmp_path):
    _, lines = await told(routed(world, tmp_path, SALES, "C0NOWHERE0"))

    channels = [line.split(" -> ")[0] for line in lines if "slack channel" in line]
    assert channels == [
        "ok    slack channel: #marketing-data",
        "ok    slack channel: #sales-ops",
        "WRONG slack channel: C0NOWHERE0: channel_not_found",
    ]


async def test_live_posts_edits_finds_and_deletes_in_every_channel_and_leaves_nothing_there(world, tmp_path):
    lines: list[str] = []
    code = await examine(lambda: routed(world, tmp_path, SALES), lines.append, live=True)

    alerts = [line for line in lines if "slack alert in" in line]
    assert (code, alerts) == (
        0,
        [f"ok    slack alert in {channel}: posted, edited, found, deleted" for channel in (MARKETING, SALES)],
    )
    left = [world.slack.messages(channel) for channel in (MARKETING, SALES)]
    assert left == [[], []]


async def test_live_names_the_channel_where_an_alert_would_not_arrive(world, tmp_path):
    lines: list[str] = []
    code = await examine(lambda: routed(world, tmp_path, "C0NOWHERE0"), lines.append, live=True)

    wrong = [line for line in lines if line.startswith("WRONG")]
    assert code == 1
    assert [line.split(" -> ")[0] for line in wrong] == [
        "WRONG slack channel: C0NOWHERE0: channel_not_found",
        "WRONG slack alert in C0NOWHERE0: cannot post: channel_not_found",
    ]
