"""What the CRMs share: two objects that take touchpoints, and what the settings say about pushing."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeVar

from bot.words.errors import Refused
from bot.words.freight import PushResult, PushState, Touchpoint, Touchpoints
from bot.words.interfaces import TouchpointSink

Record = TypeVar("Record")


class _Settings(Protocol):
    """Keys that each CRM's section has."""

    @property
    def object(self) -> str: ...
    @property
    def attribution_object(self) -> str: ...
    @property
    def on_refused(self) -> Literal["set_aside", "pause"]: ...
    @property
    def daily_credits(self) -> int: ...


class TwoObjects(TouchpointSink):
    """A CRM that keeps touchpoints in one object, and attribution touchpoints in another or the same."""

    settings: _Settings

    @property
    def pauses_on_refusal(self) -> bool:
        return self.settings.on_refused == "pause"

    @property
    def daily_credits(self) -> int:
        return self.settings.daily_credits

    def object_of(self, kind: str) -> str:
        attribution = kind == "attribution_touchpoint"
        return (self.settings.attribution_object if attribution else "") or self.settings.object

    def by_object(self, touchpoints: Touchpoints) -> dict[str, Touchpoints]:
        objects: dict[str, list[Touchpoint]] = defaultdict(list)
        names = {kind: self.object_of(kind) for kind in set(touchpoints.kinds)}
        if len(set(names.values())) == 1:  # as nearly always
            return dict.fromkeys(names.values(), touchpoints)
        for each in touchpoints:
            objects[names[each.kind]].append(each)
        return {name: Touchpoints.of(some) for name, some in objects.items()}

    def ids_by_object(self, touchpoints: Sequence[Touchpoint]) -> dict[str, Sequence[str]]:
        return {name: some.ids for name, some in self.by_object(Touchpoints.of(touchpoints)).items()}

    def records_by_object(
        self,
        touchpoints: Sequence[Touchpoint],
        record_of: Callable[[Touchpoint], Record],
        results: dict[str, PushResult],
    ) -> dict[str, list[Record]]:
        """One record for each id. What `record_of` refuses, as it cannot be one, is set aside in `results`."""
        records: dict[str, dict[str, Record]] = defaultdict(dict)
        for touchpoint in touchpoints:
            try:
                record = record_of(touchpoint)
            except Refused as refused:
                results[touchpoint.id] = PushResult(touchpoint.id, PushState.SET_ASIDE, str(refused))
            else:
                records[self.object_of(touchpoint.kind)][touchpoint.id] = record
        return {name: list(by_id.values()) for name, by_id in records.items()}
