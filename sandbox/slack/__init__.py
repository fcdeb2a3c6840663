"""A small Slack workspace to practise in: its Web API, its sockets, and a page people can click."""

from sandbox.slack.model import Ack, Answer, Call, Message, User, View
from sandbox.slack.workspace import ANNA, MARKETING, SlackWorkspace

__all__ = ["ANNA", "MARKETING", "Ack", "Answer", "Call", "Message", "SlackWorkspace", "User", "View"]
