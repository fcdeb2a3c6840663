import asyncio
import sys
import tomllib

import httpx2
import pytest
from practice_world import PUBLIC, at_google

from bot.settings.file import load
from sandbox.faults import Fault, Kind
from sandbox.google_ads import EMEA
from sandbox.levers import Lever
from sandbox.toml import as_toml
from sandbox.world import World


async def test_a_world_closes_at_once_while_requests_hang():
    async with httpx2.AsyncClient(verify=False) as client:
        async with World.open() as world:
            world.salesforce.faults.add(Fault("token", Kind.HANG))
            request = asyncio.create_task(client.post(f"{world.url}/salesforce/services/oauth2/token"))
            await world.salesforce.ledger.wait_for("fault")
        with pytest.raises(httpx2.TransportError):
            await request
        with pytest.raises(httpx2.ConnectError):
            await client.get(world.url)


async def test_two_worlds_live_side_by_side():
    async with World.open() as one, World.open() as other:
        assert one.url != other.url
        one.google_ads.add_ads(EMEA)
        assert len(one.google_ads.account(EMEA).ads) == len(other.google_ads.account(EMEA).ads) + 1


async def test_a_levers_list_can_be_read_and_pulled_over_http():
    async with at_google() as google:
        tokens = await google.tokens()
        levers = (await google.client.get(f"{google.world.url}/sandbox/levers")).json()
        names = {(lever["platform"], lever["key"]) for lever in levers}
        assert {
            ("google_ads", "revoke"),
            ("google_ads", "new_ads"),
            ("salesforce", "revoke"),
            ("slack", "down"),
        } <= names
        assert len(names) == len(levers)
        answer = await google.client.post(f"{google.world.url}/sandbox/levers/google_ads/revoke")
        assert answer.json() == {"happened": "1 consent of Ada Marsh revoked at Google."}
        assert google.sandbox.oauth.check(tokens["access_token"]).reason == "revoked"
        assert (await google.client.post(f"{google.world.url}/sandbox/levers/google_ads/nonsense")).status_code == 404


async def test_every_lever_of_the_platforms_can_be_pulled_and_says_what_happened():
    async with World.open() as world:
        for platform in world.platforms:
            for lever in platform.levers:
                assert (await world.pull(platform.key, lever.key)).endswith(".")
        assert not world.google_ads.is_down


async def test_more_levers_may_be_added_and_reach_the_page():
    async def kill() -> str:
        return "Killed."

    async with World.open() as world:
        world.add_levers("redkey", "Redkey", [Lever("kill", "Kill Redkey", kill)])
        assert await world.pull("redkey", "kill") == "Killed."
        assert [lever.group for lever in world.slack.all_levers() if lever.label == "Kill Redkey"] == ["Redkey"]


async def test_the_settings_it_writes_are_settings_the_bot_reads(tmp_path):
    async with World.open() as world:
        path = tmp_path / "redkey.toml"
        more = {"timing": {"check_every": "1s"}, "slack": {"language": "fr"}, "routes": []}
        written = world.write_settings(path, PUBLIC, {**more, "database": {"url": f"sqlite:///{tmp_path / 'x.db'}"}})
        assert tomllib.loads(path.read_text(encoding="utf-8")) == written
        settings = load(path)
        assert settings.slack.language == "fr"
        assert settings.slack.bot_token.get_secret_value() == world.slack.bot_token
        assert settings.platforms["google_ads"]["token_url"].startswith(world.url)
        redirect_uri = f"{PUBLIC}/oauth/callback/salesforce"
        assert redirect_uri in world.salesforce.oauth.client.redirect_uris


def test_toml_keeps_quotes_scripts_and_tables():
    data = {
        "a": 'q"\\\n',
        "b": {"c": ["日本", "é"], "d": {"e": True}},
        "routes": [{"channel": "C1"}, {"channel": "C2"}],
    }
    assert tomllib.loads(as_toml(data)) == data


async def test_the_platforms_down_and_up_again():
    async with at_google() as google:
        google.sandbox.take_down()
        answer = await google.refresh("1//x")
        assert (answer.status_code, answer.json()["error"]["status"]) == (503, "UNAVAILABLE")
        google.sandbox.bring_up()
        assert (await google.refresh("1//x")).status_code == 400


async def test_a_world_runs_alone_from_the_command_line(tmp_path):
    path = tmp_path / "redkey.toml"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", "--settings", str(path), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        url = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
        async with httpx2.AsyncClient(verify=False) as client:
            assert (await client.get(url)).status_code == 200
            assert (await client.get(f"{url}sandbox/levers")).status_code == 200
        assert tomllib.loads(path.read_text(encoding="utf-8"))["slack"]["api_url"] == f"{url}slack/api/"
    finally:
        process.terminate()
        await process.wait()
