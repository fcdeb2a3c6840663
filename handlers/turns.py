"""What happened in an outage, turn by turn, in words: the same in Slack's Details and on the outage's page."""

from handlers.words import Words


def turn(what: str, words: Words) -> str:
    """In the reader's language; empty for what nobody has words for."""
    told = {
        "disconnected": words.say("Connection lost"),
        "claimed": words.say("Taken care of"),
        "snoozed": words.say("Snoozed"),
        "reauthorized": words.say("Logged in again"),
        "stalled": words.say("Catching up stalled"),
        "reopened": words.say("Lost again"),
        "dropped": words.say("Lost again"),
        "caught_up": words.say("Caught up"),
        "wrong_account": words.say("Wrong account"),
        "partly": words.say("Only some accounts are back"),
        "declined": words.say("Declined on the platform's page"),
        "paused": words.say("Paused"),
        "removed": words.say("Removed"),
        "joined": words.say("One more account"),
        "moved": words.say("Said in another place"),
        "reminded": words.say("Brought up again"),
        "escalated": words.say("Called someone else"),
        "claim_lapsed": words.say("Open to everybody again"),
        "soon_gone": words.say("Warned of the last day"),
        "guest_link": words.say("Someone else was asked"),
        "guest_used": words.say("The link for someone else was used"),
        "guest_revoked": words.say("The link for someone else was taken back"),
    }
    return told.get(what, "")
