"""The Slack app as a manifest, to be pasted at api.slack.com/apps. manifest.yml in the project's root is this, for sockets.

https://docs.slack.dev/reference/app-manifest
"""

import re
from typing import Literal

_APP = """\
_metadata:
  major_version: 2
  minor_version: 1
display_information:
  name: Redkey
  description: Notices when an ad or CRM connection drops, gets it reauthorized, and catches up what was missed.
  background_color: "#7A271A"
features:
  app_home:
    home_tab_enabled: true
    messages_tab_enabled: true        # to tell the installer when even the channel is gone
    messages_tab_read_only_enabled: true
  bot_user:
    display_name: Redkey
    always_online: true
  slash_commands:
    - command: /redkey
      description: What is connected, what is down, and how to mend it
      usage_hint: connections | outages | connect [PLATFORM] | check [ID] | pause | resume | remove | routes [ID]
      should_escape: false
oauth_config:
  scopes:
    bot:
      - chat:write            # alerts, their edits, the replies in their threads
      - chat:write.public     # in public channels without being invited
      - commands              # /redkey
      - files:write           # the picture in the weekly digest
      - users:read            # the name of who takes care of it, and whether they are still there
      - users:read.email      # of whoever leaves: which logins are in their name
      - channels:read         # the channel was archived, or we were removed from it
      - groups:read
      - channels:history      # whether a post arrived whose answer got lost; only our own messages are looked at
      - groups:history
settings:
  event_subscriptions:
"""
_REQUEST_URL = "    request_url: {url}\n"
_EVENTS = """\
    bot_events:
      - app_home_opened
      - app_uninstalled
      - channel_archive
      - channel_deleted
      - channel_id_changed
      - channel_left
      - group_archive
      - group_deleted
      - group_left
      - tokens_revoked
      - user_change           # somebody has left: what rests on their login
  interactivity:
    is_enabled: true
"""
_REST = """\
  org_deploy_enabled: false
  socket_mode_enabled: {socket}
  token_rotation_enabled: false
"""


def scopes() -> list[str]:
    """What the bot asks for."""
    _, _, after = _APP.partition("    bot:\n")
    return re.findall(r"^      - ([\w:.]+)", after, re.MULTILINE)


def installable(public_url: str, written: str) -> str:
    """The same for an app that other workspaces may add: where Slack sends browsers back, and a channel is asked for."""
    home = public_url.rstrip("/")
    addresses = f"  redirect_urls:\n    - {home}/slack/oauth_redirect\n    - {home}/signin/callback\n"
    asked = "      - incoming-webhook      # whoever adds the app chooses a channel; the webhook itself is not used\n"
    return written.replace("oauth_config:\n", f"oauth_config:\n{addresses}").replace(
        "settings:\n", f"{asked}settings:\n", 1
    )


def manifest(public_url: str = "", mode: Literal["socket", "http"] = "socket") -> str:
    """YAML. In HTTP mode Slack posts everything to {public_url}/slack/events."""
    if mode == "socket":
        return _APP + _EVENTS + _REST.format(socket="true")
    url = public_url.rstrip("/") + "/slack/events"
    command = _APP.replace("    - command: /redkey\n", f"    - command: /redkey\n      url: {url}\n")
    asked = _REQUEST_URL.format(url=url)
    return command + asked + _EVENTS + asked + _REST.format(socket="false")
