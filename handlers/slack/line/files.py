"""Puts a file into a thread: ask for an address, send it there, say where it belongs. At most once.

https://docs.slack.dev/messaging/working-with-files#uploading_files
"""

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.words.errors import TryLater
from bot.words.voice import File, PostUnclear, SlackRefused
from handlers.slack.line.slack_answers import code_of, maybe_done, rate_limited, understood

NETWORK = (aiohttp.ClientError, TimeoutError, OSError)


async def share(client: AsyncWebClient, file: File, channel: str, thread: str, timeout: float) -> None:  # noqa: ASYNC109
    """Raises TryLater while nothing can have been shown, PostUnclear afterwards, SlackRefused where it is not wanted."""
    try:
        given = await client.files_getUploadURLExternal(
            filename=file.name, length=len(file.data), **({"alt_txt": file.alt} if file.alt else {})
        )
        await _send(str(given["upload_url"]), file, timeout)
    except SlackApiError as error:
        raise _refused(error) from error
    except NETWORK as error:
        raise TryLater("Slack cannot be reached") from error
    try:
        await client.files_completeUploadExternal(
            files=[{"id": given["file_id"], "title": file.title}],
            channel_id=channel,
            thread_ts=thread,
            initial_comment=file.legend,
        )
    except SlackApiError as error:
        raise (PostUnclear(code_of(error)) if maybe_done(error) else _refused(error)) from error
    except NETWORK as error:
        raise (PostUnclear(type(error).__name__) if maybe_done(error) else TryLater("no connection")) from error


async def _send(url: str, file: File, timeout: float) -> None:  # noqa: ASYNC109
    """The address is a key itself, so no token goes along."""
    within = aiohttp.ClientTimeout(total=timeout)
    async with (
        aiohttp.ClientSession(timeout=within) as session,
        session.post(url, data=file.data, headers={"content-type": file.media}, allow_redirects=False) as answer,
    ):
        if answer.status == 429 or answer.status >= 500:
            raise TryLater(f"the upload was answered with {answer.status}")
        if answer.status != 200:
            raise SlackRefused(f"the upload was answered with {answer.status}")


def _refused(error: SlackApiError) -> Exception:
    if rate_limited(error):
        return understood(error)
    return TryLater("Slack is in trouble") if maybe_done(error) else SlackRefused(code_of(error))
