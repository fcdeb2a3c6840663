"""Slack's tokens at the start: a no of Slack's for good names the token and its cure, anything else is asked again later."""

import asyncio

import pytest
from practice_slack import client, practice

from bot.words.errors import SetupError
from handlers.slack.line.tokens import APP_CURE, BOT_CURE, ROTATION_CURE, check_app_token, check_bot_token


@pytest.fixture
async def slack():
    async with practice() as slack:
        yield slack


async def test_tokens_that_slack_takes_are_good(slack):
    assert await check_bot_token(client(slack)) is True
    assert await check_app_token(client(slack), slack.app_token) is True


async def test_a_dead_token_is_named_with_its_cure(slack):
    slack.revoke_token("token_revoked")
    with pytest.raises(SetupError) as told:
        await check_bot_token(client(slack))
    assert f"slack.bot_token: Slack refuses it (token_revoked); {BOT_CURE}" == str(told.value)
    slack.revoke_token("invalid_refresh_token")
    with pytest.raises(SetupError) as told:
        await check_bot_token(client(slack))
    assert f"slack.refresh_token: Slack refuses it (invalid_refresh_token); {ROTATION_CURE}" == str(told.value)
    for code in ("invalid_auth", "forbidden", "forbidden_team"):
        slack.revoke_app_token(code)
        with pytest.raises(SetupError) as told:
            await check_app_token(client(slack), slack.app_token)
        assert f"slack.app_token: Slack refuses it ({code}); {APP_CURE}" == str(told.value)


async def test_a_slack_that_is_ill_or_away_says_nothing_about_a_token(slack):
    slack.fail("*", times=None)
    assert await check_bot_token(client(slack)) is False
    assert await check_app_token(client(slack), slack.app_token) is False


async def test_a_wire_that_is_cut_or_leads_nowhere_says_nothing_about_a_token(slack):
    hangs_up = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = hangs_up.sockets[0].getsockname()[1]
    for where in (f"http://127.0.0.1:{port}/api/", "http://127.0.0.1:9/api/"):
        away = client(slack)
        away.base_url = where
        assert await check_bot_token(away) is False
        assert await check_app_token(away, slack.app_token) is False
    hangs_up.close()
