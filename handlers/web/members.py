"""Who is allowed in: without Sign in with Slack everybody may look and nobody may change; with it, members may do both."""

import hmac
import json
import secrets
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bot.people.members import SESSION_LASTS, Member, SignIns
from bot.words.tenant import Tenant

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 20


class NotSignedIn(Exception):
    """Sign in first; the text is where the person wanted to go."""


class ReadOnly(Exception):
    """Nobody can say who they are here, so nobody may change anything."""


class Members:
    def __init__(self, public_url: str, signins: SignIns | None, own: Tenant) -> None:
        secure = urlsplit(public_url).scheme == "https"
        self._secure = secure
        self._signins = signins
        # A __Host- cookie is for the whole host, so that of another workspace must have another name.
        self.cookie = own.own("__Host-redkey_session" if secure else "redkey_session")

    async def looking(self, request: Request) -> Member | None:
        """Whoever opens a page. Raises NotSignedIn where pages are guarded."""
        if self._signins is None:
            return None
        member = await self._known(request)
        if member is None:
            raise NotSignedIn(_way(request))
        request.state.member = member
        return member

    def of(self, request: Request) -> Member | None:
        """Whoever `looking` has found."""
        found: Member | None = getattr(request.state, "member", None)
        return found

    async def _known(self, request: Request) -> Member | None:
        sealed = request.cookies.get(self.cookie, "")
        told = self._signins.unseal(sealed) if self._signins and sealed else None
        if told is None or self._signins is None:
            return None
        session = json.loads(told)
        until = datetime.fromtimestamp(session["until"], UTC)
        if until <= self._signins.now():
            return None
        member = Member(session["user"], session["name"], session["form"])
        return member if await self._signins.living(member, until - SESSION_LASTS) else None

    async def changing(self, request: Request) -> tuple[Member, dict[str, str]]:
        """Whoever sends a form, and what is in it. Raises ReadOnly where nobody may change anything."""
        if self._signins is None:
            raise ReadOnly
        member = await self._known(request)
        if member is None:
            raise NotSignedIn(_way(request))
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            raise HTTPException(415)
        try:
            form = parse_qs((await request.body()).decode("ascii"), errors="strict", max_num_fields=MOST_FIELDS)
        except ValueError as error:
            raise HTTPException(400) from error
        fields = {name: values[0] for name, values in form.items()}
        if not hmac.compare_digest(fields.get("form", "").encode("utf-8", "replace"), member.form.encode()):
            raise HTTPException(403)
        return member, fields

    async def let_in(self, request: Request, response: Response, user: str, name: str) -> None:
        assert self._signins is not None
        await self._signins.came(user, await self._known(request))
        until = self._signins.now() + SESSION_LASTS
        session = {"user": user, "name": name, "form": secrets.token_urlsafe(24), "until": until.timestamp()}
        self._set(response, self._signins.seal(json.dumps(session)), int(SESSION_LASTS.total_seconds()))

    async def let_go(self, response: Response, member: Member) -> None:
        assert self._signins is not None
        await self._signins.left(member.user)
        self._set(response, "", 0)
        response.headers["Clear-Site-Data"] = '"cache"'  # pages that the browser keeps for its way back

    def _set(self, response: Response, value: str, age: int) -> None:
        response.set_cookie(
            self.cookie, value, max_age=age, path="/", secure=self._secure, httponly=True, samesite="lax"
        )


def _way(request: Request) -> str:
    """The page to come back to: for a form, the page it stands on."""
    path = request.url.path
    if request.method in {"GET", "HEAD"}:
        return path + (f"?{request.url.query}" if request.url.query else "")
    return "/".join(path.split("/")[:3])
