"""The web pages' way in: which of the two errands a returning browser is on, and nothing a stranger sends gets further."""

from collections.abc import Mapping, Sequence

from bot.connect import Connect
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
        code = params.get("code", "")
        if params.get("error") or not code:
            if consent.purpose == "connect":
                return Outcome(Ending.DECLINED, platform, name)
            return await self._reauthorize.declined(consent)
        if consent.purpose == "connect":
            return await self._connect.finish(consent, code)
        return await self._reauthorize.finish(consent, code)
