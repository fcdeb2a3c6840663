"""The web pages' way in: which of the two errands a returning browser is on, and nothing a stranger sends gets further."""

from collections.abc import Mapping, Sequence

from bot.connect import Connect
from bot.connection import Consent
from bot.facts import ConnectionFacts
from bot.interfaces import Gateway
from bot.people import Begun, ConnectPage, Ending, Outcome, StartPage
from bot.reauthorize import Consents, Reauthorize


class Doorway:
    """Implements people.Door."""

    def __init__(
        self, gateways: Mapping[str, Gateway], consents: Consents, reauthorize: Reauthorize, connect: Connect
    ) -> None:
        self._gateways = gateways
        self._consents = consents
        self._reauthorize = reauthorize
        self._connect = connect

    async def start_page(self, ref: str) -> StartPage | None:
        return await self._reauthorize.start_page(ref)

    async def begin(self, ref: str, who: str = "") -> Begun:
        return await self._reauthorize.begin(ref, who)

    async def connect_page(self, token: str) -> ConnectPage | None:
        return await self._connect.page(token)

    async def connect(self, token: str) -> Begun:
        return await self._connect.begin(token)

    async def choose(self, token: str, account_ids: Sequence[str]) -> list[ConnectionFacts]:
        return await self._connect.choose(token, account_ids)

    async def finish(self, platform: str, params: Mapping[str, str], browser: str | None) -> Outcome:
        """The state is used up first, whatever else the query says; only then is anything in it looked at."""
        consent = await self._consents.take(platform, params, browser)
        name = self._gateways[platform].platform.name if platform in self._gateways else ""
        if consent is None:
            return Outcome(Ending.UNKNOWN, platform, name)
        code, error = params.get("code", ""), params.get("error", "")
        if _declined(error) and consent.purpose == "connect":
            return Outcome(Ending.DECLINED, platform, name)
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
    return "" if consent.purpose == "connect" else consent.ref
