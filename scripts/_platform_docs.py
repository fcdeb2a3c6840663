"""Writes docs/platforms.md from the files in platforms/, so that the page cannot disagree with them."""

import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from bot.words.interfaces import CostSource, Platform
from platforms import load

PAGE = Path(__file__).parent.parent / "docs" / "platforms.md"
WORDS = {
    "client_id": "from the platform; the platform is on when it is set",
    "client_secret": "from the platform, with the client_id",
    "authorize_url": "where people consent",
    "token_url": "where tokens come from",
    "revoke_url": "where tokens are revoked",
    "api_url": "the API's host",
    "client_secret_ends": "the day the client secret ends, so that you are told in time",
    "version_ends": "the day the API version is switched off; by default what the platform has announced",
}
HEAD = """# Platforms

<!-- Written by scripts/docs from the files in platforms/. -->

Every address may be overridden, for a sandbox, a sovereign cloud or a proxy: with `https`, or with plain `http` on this
machine. The redirect URI to register is `{public_url}/oauth/callback/` and the section's name.
"""


def page() -> str:
    known = load()
    rows = [_overview(key, platform(platform.Settings())) for key, platform in known.items()]
    head = ["| platform | kind | what flows | how far back cost is kept | a removed login |", "|---|---|---|---|---|"]
    table = "\n".join([*head, *rows])
    return "\n".join([HEAD, table, *(_section(key, platform) for key, platform in known.items())]) + "\n"


def _overview(key: str, platform: Platform) -> str:
    kept = f"{platform.look_back_days} days" if isinstance(platform, CostSource) else ""
    removed = (
        "is revoked at the platform" if platform.oauth.revoke_url else "is forgotten; the platform takes none back"
    )
    flows = ", ".join(platform.flows)
    return f"| [{platform.name}](#{key}) | {platform.kind.value} | {flows} | {kept} | {removed} |"


def _permissions(platform: Platform) -> list[str]:
    """What consent asks for, and which of it each flow needs."""
    optional = platform.oauth.authorize_params.get("optional_scope", "").split()
    lines = [
        f"Asks for: {_code(platform.oauth.scopes)}"
        + (f"; if the account has them: {_code(optional)}." if optional else ".")
    ]
    needs = [f"{flow} needs {_code(scopes)}" for flow, scopes in platform.needs.items()]
    return [*lines, f"What was not given stops only what needs it: {'; '.join(needs)}.\n"]


def _code(scopes: Sequence[str]) -> str:
    return ", ".join(f"`{scope}`" for scope in scopes)


def _section(key: str, platform: type[Platform]) -> str:
    rows = [_row(name, field) for name, field in platform.Settings.model_fields.items()]
    lines = [f'\n<a id="{key}"></a>\n', f"## {platform.name}: [platforms.{key}]\n", f"{inspect.getdoc(platform)}\n"]
    lines += [*_permissions(platform(platform.Settings())), "| key | default | what it is |", "|---|---|---|"]
    return "\n".join([*lines, *rows])


def _row(name: str, field: FieldInfo) -> str:
    default = _default(field.get_default(call_default_factory=True))
    return f"| `{name}` | {default} | {field.description or WORDS.get(name, '')} |"


def _default(value: Any) -> str:
    if isinstance(value, SecretStr) or value in ("", (), {}, None):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`".replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.exit()
