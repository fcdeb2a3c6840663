"""Writes docs/platforms.md from the files in platforms/, so that the page cannot disagree with them."""

import inspect
import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from bot.interfaces import Platform
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
    rows = [f"| [{p.name}](#{key}) | {p.kind.value} | {', '.join(p.flows)} |" for key, p in known.items()]
    table = "\n".join(["| platform | kind | what flows |", "|---|---|---|", *rows])
    return "\n".join([HEAD, table, *(_section(key, platform) for key, platform in known.items())]) + "\n"


def _section(key: str, platform: type[Platform]) -> str:
    rows = [_row(name, field) for name, field in platform.Settings.model_fields.items()]
    lines = [f'\n<a id="{key}"></a>\n', f"## {platform.name}: [platforms.{key}]\n", f"{inspect.getdoc(platform)}\n"]
    scopes = ", ".join(f"`{scope}`" for scope in platform(platform.Settings()).oauth.scopes)
    lines += [f"Asks for: {scopes}.\n", "| key | default | what it is |"]
    lines.append("|---|---|---|")
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
