"""What the real Salesforce never does with results, but networks and proxies might: lose some, or shuffle them."""

from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass
class Mischief:
    """Faults in what is told about records, not in what is done to them. Each strikes so many answers."""

    lose: int = 0
    """How many results are missing from the end of an answer, while `losses_left`."""
    losses_left: int = 0
    shuffles_left: int = 0
    struck: list[str] = field(default_factory=list)

    def lose_results(self, count: int = 1, *, times: int = 1) -> None:
        self.lose, self.losses_left = count, times

    def shuffle_results(self, *, times: int = 1) -> None:
        self.shuffles_left = times

    def clear(self) -> None:
        self.losses_left = self.shuffles_left = 0

    def spoil(self, results: list[T]) -> list[T]:
        """The results as they will be told: all and in order, unless mischief was asked for."""
        if self.losses_left:
            self.losses_left -= 1
            self.struck.append("lose")
            results = results[: max(0, len(results) - self.lose)]
        if self.shuffles_left:
            self.shuffles_left -= 1
            self.struck.append("shuffle")
            results = results[::-1]
        return results
