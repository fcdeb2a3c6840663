"""What came back and what did not: of one transfer after the other, or of all outages that one message tells of."""

from collections.abc import Mapping

from bot.words.connection import Json

SET_ASIDE_NAMED = 50  # records that a CRM refused, by their ids; the rest are counted
LONGEST = {"cost_days", "cost_days_gone"}  # three days are three days, on two accounts as well


class Receipt:
    """Money stays integer micros, by currency."""

    def __init__(self) -> None:
        self.recovered: Json = {}
        self.lost: Json = {}

    def take_in(self, recovered: Json, lost: Json) -> None:
        """Another receipt, as it was stored."""
        for part, given in ((self.recovered, recovered), (self.lost, lost)):
            for key, value in given.items():
                if key == "set_aside":
                    self.named(value)
                elif isinstance(value, Mapping):
                    for currency, micros in value.items():
                        self.money(part, currency, micros)
                elif key in LONGEST:
                    self.at_least(part, key, value)
                else:
                    self.add(part, key, value)

    def add(self, part: Json, key: str, count: int) -> None:
        part[key] = part.get(key, 0) + count

    def at_least(self, part: Json, key: str, count: int) -> None:
        """Of several accounts, the longest."""
        part[key] = max(part.get(key, 0), count)

    def money(self, part: Json, currency: str, micros: int) -> None:
        by_currency = part.setdefault("cost_micros", {})
        by_currency[currency] = by_currency.get(currency, 0) + micros

    def named(self, refused: list[Json]) -> None:
        """Records of touchpoints that the CRM refused, with its reasons."""
        told = self.lost.setdefault("set_aside", [])
        told += refused[: SET_ASIDE_NAMED - len(told)]
