"""A platform that is down: everything answers 503, the login too, until somebody brings it back up."""

from sandbox.faults import Fault, Faults, Kind


class Downtime:
    """What every practice platform can suffer. `down_body`: what the real one says then."""

    faults: Faults
    down_body: str
    _down: Fault | None = None

    def take_down(self) -> None:
        """Everything answers 503, the login too."""
        if not self.is_down:
            self._down = self.faults.add(Fault(kind=Kind.STATUS, times=None, status=503, body=self.down_body))

    def bring_up(self) -> None:
        if self._down:
            self.faults.remove(self._down)
            self._down = None

    @property
    def is_down(self) -> bool:
        return self._down is not None and self._down in self.faults.active
