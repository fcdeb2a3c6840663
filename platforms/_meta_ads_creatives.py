"""Tagging Meta's ads. What an ad shows, its creative, cannot be changed: it can only be made anew and exchanged."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from bot.words.connection import Json
from bot.words.errors import AccessDenied, Refused
from bot.words.freight import Ad, TagChange
from bot.words.interfaces import TagResult
from platforms._answers import chunks, digits, expected, text
from platforms._meta_ads_graph import Graph

BY_HAND = (
    "Meta's ads cannot be changed, only made anew, which sends them to review again. A person must add these URL "
    "parameters in Ads Manager, or opt in after a look at `redkey tagging preview`: {}"
)
# What a new creative takes over beside the post itself.
_COPIED = (
    "authorization_category",
    "call_to_action",
    "contextual_multi_ads",
    "degrees_of_freedom_spec",
    "instagram_user_id",
)
# What a creative made from the post would lose, or change in ways nobody asked for. Such ads are left to people.
_TIED = (
    "ad_disclaimer_spec",
    "asset_feed_spec",
    "branded_content",
    "bundle_folder_id",
    "creative_sourcing_spec",
    "destination_set_id",
    "destination_spec",
    "facebook_branded_content",
    "format_transformation_spec",
    "generative_asset_spec",
    "instagram_branded_content",
    "interactive_components_spec",
    "media_sourcing_spec",
    "messenger_sponsored_message",
    "omnichannel_link_spec",
    "place_page_set_id",
    "platform_customizations",
    "playable_asset_id",
    "portrait_customizations",
    "product_set_id",
    "recommender_settings",
    "regional_regulation_disclaimer_spec",
    "source_instagram_media_id",
    "template_url",
    "template_url_spec",
)
AD_FIELDS = "id,name,created_time,creative{id,name,url_tags,object_story_spec,asset_feed_spec}"
_WHOLE = f"id,creative{{{','.join(('id', 'name', 'url_tags', 'effective_object_story_id', *_COPIED, *_TIED))}}}"
# Forms, chats and Pages: clicks that never leave Meta have no address that parameters could go to.
_METAS_OWN = ("facebook.com", "fb.me", "fb.com", "m.me", "instagram.com", "ig.me", "wa.me", "whatsapp.com")
_MARK = " (Redkey "
_DEEPEST = 6  # no spec of Meta's goes deeper
_AT_ONCE = 50
_NAME_LENGTH = 100  # https://developers.facebook.com/docs/marketing-api/reference/ad-creative: name


def ads_of(rows: Iterable[Json]) -> list[Ad]:
    """The ads whose clicks lead out of Meta, or may: where an old post is advertised, Meta does not tell its link.

    Those that were made anew already are left out. Their link cannot be seen any more, and with it which parameters it
    has; and no ad is sent to review a second time unasked.
    """
    with expected("Meta's list of ads"):
        ads = [_ad(row) for row in rows if _MARK not in str((row.get("creative") or {}).get("name"))]
    return [ad for ad in ads if not ad.urls or not all(_is_metas(url) for url in ad.urls)]


def _ad(row: Json) -> Ad:
    creative = row.get("creative") or {}
    made = row.get("created_time")
    return Ad(
        id=digits(row["id"]),
        name=str(row.get("name") or ""),
        urls=tuple(dict.fromkeys(_links(creative))),
        suffix=text(creative["url_tags"]) if creative.get("url_tags") else "",
        created_at=datetime.fromisoformat(text(made)).astimezone(UTC) if made else None,
    )


def _links(creative: Mapping[str, object]) -> Iterator[str]:
    """Every landing page that a creative names, wherever Meta keeps it."""
    for holder in ("object_story_spec", "asset_feed_spec"):
        yield from _inner(creative.get(holder), 0)


def _inner(value: object, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for each in value:
            yield from _inner(each, depth + 1)
    if isinstance(value, dict):
        for key, each in value.items():
            if key in {"link", "website_url"} and isinstance(each, str):
                if _host(each):
                    yield each
            else:
                yield from _inner(each, depth + 1)


def _host(url: str) -> str:
    """The host of a web address; nothing where it is none, such as a deep link into an app."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").lower() if parts.scheme in {"http", "https"} else ""
    except ValueError:
        return ""


def _is_metas(url: str) -> bool:
    host = _host(url)
    return any(host == own or host.endswith("." + own) for own in _METAS_OWN)


class Recreation:
    """Gives ads new parameters: the same post in a new creative, exchanged for the old one. Repeating it is harmless.

    1. Read the ads again: one that has the parameters is done, one that someone changed meanwhile is left alone.
    2. Look for creatives that were made before a crash, by name, and take those.
    3. Make what is missing, then exchange. Between the two a crash leaves an unused creative, which does nothing.
    """

    def __init__(self, graph: Graph, account: str) -> None:
        self._graph = graph
        self._account = f"act_{digits(account)}"

    async def run(self, changes: Sequence[TagChange]) -> list[TagResult]:
        results: list[TagResult] = []
        for some in chunks(changes, _AT_ONCE):
            results += await self._some(some)
        return results

    async def _some(self, changes: Sequence[TagChange]) -> list[TagResult]:
        creatives = await self._creatives([digits(change.ad.id) for change in changes])
        problems = {c.ad.id: _obstacle(c, creatives.get(c.ad.id)) for c in changes}
        todo = [c for c in changes if problems[c.ad.id] is None]
        wanted = {c.ad.id: _new(c, creatives[c.ad.id]) for c in todo}
        made = await self._made([spec["name"] for spec in wanted.values()]) if wanted else {}
        for change in todo:
            spec = wanted[change.ad.id]
            problems[change.ad.id] = await self._exchange(change.ad.id, spec, made.get(spec["name"]))
        return [TagResult(c.ad.id, problems[c.ad.id] or "") for c in changes]

    async def _creatives(self, ads: Sequence[str]) -> dict[str, Json]:
        """What these ads show now; ads that are gone are left out."""
        filtering = [{"field": "ad.id", "operator": "IN", "value": list(ads)}]
        asked: Json = {"fields": _WHOLE, "filtering": filtering, "limit": str(_AT_ONCE)}
        found: dict[str, Json] = {}
        async for rows in self._graph.pages(f"{self._account}/ads", **asked):
            with expected("Meta's list of ads"):
                found |= {digits(row["id"]): dict(row.get("creative") or {}) for row in rows}
        return found

    async def _made(self, names: Sequence[str]) -> dict[str, Json]:
        """Creatives of these names. Where Meta will not search by name there are none: then one is made once more."""
        filtering = [{"field": "name", "operator": "IN", "value": list(names)}]
        fields = "id,name,url_tags,effective_object_story_id"
        asked: Json = {"fields": fields, "filtering": filtering, "limit": str(_AT_ONCE)}
        found: dict[str, Json] = {}
        try:
            async for rows in self._graph.pages(f"{self._account}/adcreatives", **asked):
                found |= {str(row.get("name")): row for row in rows}
        except Refused:
            return {}
        return found

    async def _exchange(self, ad: str, spec: Json, made: Json | None) -> str:
        """The problem, if there is one. A write that is refused concerns this ad, and never the whole connection."""
        try:
            with expected("Meta's answer to the tagging"):
                if made is None or not _fits(made, spec):
                    made = await self._graph.post(f"{self._account}/adcreatives", **spec)
                said = await self._graph.post(ad, creative={"creative_id": digits(made["id"])})
        except Refused as error:
            return str(error)[:500]
        except AccessDenied as error:
            return f"{error}: {error.cause.vendor}"[:500]
        return "" if said.get("success") is True else "Meta did not confirm the change of this ad."


def _obstacle(change: TagChange, creative: Json | None) -> str | None:
    """Why an ad is left as it is. Empty: it has the parameters already. None: nothing stands in the way."""
    if creative is None:
        return "Meta does not list this ad any more."
    now = str(creative.get("url_tags") or "")
    if now == change.wanted:
        return ""
    if now != change.before:
        return "Someone changed this ad's URL parameters meanwhile."
    if tied := [name for name in _TIED if creative.get(name)]:
        return f"Making this ad anew would lose its {tied[0]}. {BY_HAND.format(change.wanted)}"
    if not creative.get("effective_object_story_id"):
        return f"This ad has no post on Facebook that could be advertised anew. {BY_HAND.format(change.wanted)}"
    return None


def _new(change: TagChange, creative: Json) -> Json:
    """What the new creative is made from. Its name says what it is for, so that it is found again."""
    spec: Json = {"object_story_id": str(creative["effective_object_story_id"])}
    spec |= {"url_tags": change.wanted} if change.wanted else {}
    spec |= {name: creative[name] for name in _COPIED if creative.get(name)}
    mark = hashlib.sha256(json.dumps([change.ad.id, spec], sort_keys=True).encode()).hexdigest()[:16]
    own = f"{_MARK}{mark})"
    old = str(creative.get("name") or change.ad.name).partition(_MARK)[0]
    return spec | {"name": old[: _NAME_LENGTH - len(own)] + own}


def _fits(made: Json, spec: Json) -> bool:
    same_tags = str(made.get("url_tags") or "") == spec.get("url_tags", "")
    return same_tags and str(made.get("effective_object_story_id")) == str(spec["object_story_id"])
