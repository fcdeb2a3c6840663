"""files.*: an upload in three steps, as strict as Slack is: an address, the bytes, and where they belong.

https://docs.slack.dev/messaging/working-with-files
"""

from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from sandbox.slack.arguments import Arguments
from sandbox.slack.mishaps import Mishaps
from sandbox.slack.model import Channel, Json, Message
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.state import BOT_USER, WorkspaceState
from sandbox.slack.web_api import Method

LONGEST_ALT = 1000


@dataclass
class Upload:
    """A file on its way: `data` once it was sent, `shared_in` once it was said where it belongs."""

    id: str
    name: str
    length: int
    alt: str
    title: str = ""
    data: bytes | None = None
    shared_in: list[str] = field(default_factory=list)


class Files:
    def __init__(self, state: WorkspaceState, mishaps: Mishaps) -> None:
        self.state = state
        self.mishaps = mishaps
        self.held: dict[str, Upload] = {}

    def upload_url(self, state: WorkspaceState, args: Arguments) -> Json:
        name, length, alt = args.needed("filename"), args.number("length", 0), args.text("alt_txt")
        if length < 1:
            raise SlackRefusal("missing_argument")
        if len(alt) > LONGEST_ALT:
            raise SlackRefusal("alt_txt_too_large")
        upload = Upload(state.mint("F0"), name, length, alt)
        self.held[upload.id] = upload
        return {"upload_url": f"{state.base_url}/upload/v1/{upload.id}", "file_id": upload.id}

    async def take(self, request: Request) -> Response:
        """The address is the key: no token. The bytes as they are, or as a form."""
        if trouble := self.mishaps.of_uploads():
            return PlainTextResponse("trouble", trouble)
        upload = self.held.get(request.path_params["file"])
        if upload is None or upload.data is not None:
            return PlainTextResponse("not found", 404)
        data = await request.body()
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            form = await request.form()
            sent = [part for part in form.values() if not isinstance(part, str)]
            data = await sent[0].read() if sent else b""
        if len(data) != upload.length:
            return PlainTextResponse("wrong length", 400)
        upload.data = data
        return PlainTextResponse(f"OK - {len(data)}")

    def complete(self, state: WorkspaceState, args: Arguments) -> Json:
        chosen = [self._sent(each) for each in _listed(args)]
        channel = args.text("channel_id")
        if channel:
            self._share(state, _open_to_us(state, channel), chosen, args)
        elif args.text("thread_ts"):
            raise SlackRefusal("invalid_arguments", ["thread_ts needs a channel_id"])
        return {"files": [{"id": upload.id, "title": upload.title} for upload in chosen]}

    def _sent(self, asked: Json) -> Upload:
        upload = self.held.get(str(asked.get("id")))
        if upload is None or upload.data is None or upload.shared_in:
            raise SlackRefusal("file_not_found")
        upload.title = str(asked.get("title") or upload.name)
        return upload

    def _share(self, state: WorkspaceState, channel: Channel, chosen: list[Upload], args: Arguments) -> None:
        parent = channel.messages.get(args.text("thread_ts"))
        if args.text("thread_ts") and (parent is None or parent.thread_ts not in {None, parent.ts}):
            raise SlackRefusal("invalid_thread_ts")
        shown = [{"id": u.id, "name": u.name, "title": u.title, "alt_txt": u.alt} for u in chosen]
        text = args.text("initial_comment")
        message = Message(channel.id, state.mint_ts(), BOT_USER, text, files=shown)
        message.thread_ts = parent.ts if parent else None
        state.post(message)
        for upload in chosen:
            upload.shared_in.append(channel.id)

    async def show(self, request: Request) -> Response:
        """For the people of the workspace, in their browser."""
        upload = self.held.get(request.path_params["file"])
        if upload is None or not upload.data or not upload.shared_in:
            return PlainTextResponse("not found", 404)
        return Response(upload.data, media_type="image/png", headers={"x-content-type-options": "nosniff"})

    @property
    def methods(self) -> dict[str, Method]:
        return {
            "files.getUploadURLExternal": Method(self.upload_url, ("files:write",), 100),
            "files.completeUploadExternal": Method(self.complete, ("files:write",), 100),
        }


def _listed(args: Arguments) -> list[Json]:
    given = args.structure("files", "invalid_arguments")
    if not isinstance(given, list) or not given or not all(isinstance(each, dict) for each in given):
        raise SlackRefusal("invalid_arguments", ["must provide a list of files [json-pointer:/files]"])
    return given


def _open_to_us(state: WorkspaceState, name: str) -> Channel:
    """An id and no name or person; and files need a member, whatever chat:write.public allows."""
    channel = state.channels.get(name)
    if channel is None or (channel.is_private and not channel.has_bot):
        raise SlackRefusal("channel_not_found")
    if not channel.has_bot:
        raise SlackRefusal("not_in_channel")
    if channel.is_archived:
        raise SlackRefusal("is_archived")
    return channel
