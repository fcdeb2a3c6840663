"""Which workspace this is, where one deployment serves several: each has its own database, pages and place in Slack."""

import re
from dataclasses import dataclass

TEAM = re.compile(r"T[A-Z0-9]{2,20}")
_STATE = re.compile(rf"({TEAM.pattern})\.")


@dataclass(frozen=True)
class Tenant:
    """`team`: empty at home, the workspace of the settings. `callbacks`: where platforms and Slack send browsers back to.

    That address is registered at each vendor once, so all tenants share it; whose a browser is says the state it brings.
    """

    team: str
    callbacks: str

    def state(self, token: str) -> str:
        return f"{self.team}.{token}" if self.team else token

    def own(self, name: str) -> str:
        """A name that no other tenant has."""
        return f"{name}_{self.team}" if self.team else name


def team_of(state: str) -> str:
    """Whose that state is; empty for home's, and for what is none of ours."""
    found = _STATE.match(state)
    return found[1] if found else ""


def tenant_address(public_url: str, team: str) -> str:
    """Where browsers find that workspace's pages."""
    return f"{public_url}/w/{team}"
