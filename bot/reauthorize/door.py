"""The web pages' way in: which of the two errands a returning browser is on, and nothing a stranger sends gets further."""

from collections.abc import Mapping, Sequence

from bot.people.people import Begun, ConnectPage, Ending, GuestPage, Outcome, StartPage
from bot.reauthorize.connect import Connect
from bot.reauthorize.guests import Guests
from bot.reauthorize.reauthorize import GUEST, Consents, Reauthorize
from bot.words.connection import Consent
from bot.words.facts import ConnectionFacts
from bot.words.interfaces import Gateway


class Doorway:
    """Implements bot.people.people.Door."""

    def __init__(
        self,
        gateways: Mapping[str, Gateway],
        consents: Consents,
        reauthorize: Reauthorize,
        connect: Connect,
        guests: Guests,
    ) -> None:
        self._gateways = gateways
        self._consents = consents
        self._reauthorize = reauthorize
        self._connect = connect
        self._guests = guests

    async def start_page(self, ref: str) -> StartPage | None:
        return await self._reauthorize.start_page(ref)

    async def begin(self, ref: str, who: str = "", *, another: bool = False) -> Begun:
        return await self._reauthorize.begin(ref, who, another=another)

    async def connect_page(self, token: str) -> ConnectPage | None:
        return await self._connect.page(token)

    async def connect(self, token: str) -> Begun:
        return await self._connect.begin(token)

    async def choose(self, token: str, account_ids: Sequence[str]) -> list[ConnectionFacts]:
        return await self._connect.choose(token, account_ids)

    async def guest_page(self, token: str) -> GuestPage | None:
        return await self._guests.page(token)

    async def guest(self, token: str) -> Begun:
        return await self._guests.begin(token)

    async def finish(self, platform: str, params: Mapping[str, str], browser: str | None) -> Outcome:
        """The state is used up first, whatever else the query says; only then is anything in it looked at."""
        consent = await self._consents.take(platform, params, browser)
        name = self._gateways[platform].platform.name if platform in self._gateways else ""
        if consent is None:
            return Outcome(Ending.UNKNOWN, platform, name)
        code, error = params.get("code", ""), params.get("error", "")
        if _declined(error) and consent.purpose == "connect":
            return await self._connect.declined(consent)
        if _declined(error):
            return await self._reauthorize.declined(consent)
        if error or not code:
            why = f"{name} answered: {error[:100]}" if error else f"{name} gave no login code"
            return Outcome(Ending.FAILED, platform, name, ref=_ref(consent), why=why)
        if consent.purpose == "connect":
            return await self._connect.finish(consent, code)
        return await self._reauthorize.finish(consent, code)


def _declined(error: str) -> bool:
    """Whether a person said no (RFC 6749 §4.1.2.1); LinkedIn has words of its own for it."""
    return error == "access_denied" or error.startswith("user_cancelled")


def _ref(consent: Consent) -> str:
    """Where to try again: a connect link is not known any more, as only its hash is kept."""
    return "" if consent.purpose in {"connect", GUEST} else consent.ref
