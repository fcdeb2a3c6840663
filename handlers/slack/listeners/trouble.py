"""What a person is told when something did not work: one sentence, and the log has the rest."""

import structlog
from slack_sdk.errors import SlackApiError

from bot.people.people import NotFound
from bot.words.errors import TryLater
from handlers.words import Words

log = structlog.get_logger()
TOO_LATE = {"expired_trigger_id", "exchanged_trigger_id"}  # a window could not be opened within Slack's three seconds


def sentence_for(error: Exception, words: Words, **about: object) -> str:
    if isinstance(error, NotFound):
        return words.say("That is not known any more. To see what there is: {command}", command="/redkey outages")
    if isinstance(error, TryLater) or (isinstance(error, SlackApiError) and error.response.get("error") in TOO_LATE):
        return words.say("That did not work just now. Please try again in a minute.")
    log.error("a Slack listener failed", **about, exc_info=error)
    return words.say("Something went wrong here. Whoever runs Redkey finds the reason in its log.")
