"""What to append to an ad's address so that its clicks can be attributed, and when to leave an ad alone. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.words.freight import Ad


@dataclass(frozen=True)
class TagPlan:
    """What to do with one ad. wanted None: leave it alone; `note` says why, empty when it is tagged already."""

    ad: Ad
    wanted: str | None = None
    note: str = ""


def keys_of(query: str) -> list[str]:
    """The parameter names of a query string, in order, undecoded: macros such as {creative} must survive untouched."""
    return [pair.partition("=")[0] for pair in query.split("&") if pair]


def plan(ad: Ad, utm: str, domains: Sequence[str] = ()) -> TagPlan:
    """Decide the final URL suffix of one ad.

    The rules, in order: another domain is skipped; a third-party redirect in the tracking template is left alone, because
    two taggers would fight; parameters that are there already are never repeated nor changed; ours go to the end.
    """
    if domains and not all(_is_ours(url, domains) for url in ad.urls):
        return TagPlan(ad, note="leads to another domain")
    if _redirects(ad.template):
        return TagPlan(ad, note="a third-party redirect in its tracking template tags it")
    present = {*keys_of(ad.suffix), *_template_keys(ad.template)}
    for url in ad.urls:
        present.update(keys_of(urlsplit(url).query))
    missing = [pair for pair in utm.split("&") if pair and pair.partition("=")[0] not in present]
    if not missing:
        return TagPlan(ad)
    return TagPlan(ad, wanted="&".join([*([ad.suffix] if ad.suffix else []), *missing]))


def conflicts(ad: Ad, utm: str) -> list[str]:
    """Our keys that the ad already carries with another value: left as they are, but worth a note."""
    wanted = dict(pair.partition("=")[::2] for pair in utm.split("&") if pair)
    found: list[str] = []
    for query in (ad.suffix, *(urlsplit(url).query for url in ad.urls)):
        for pair in query.split("&"):
            key, _, value = pair.partition("=")
            if key in wanted and value != wanted[key] and key not in found:
                found.append(key)
    return found


def _is_ours(url: str, domains: Sequence[str]) -> bool:
    host = (urlsplit(url).hostname or "").lower()
    return any(host == domain.lower() or host.endswith("." + domain.lower()) for domain in domains)


def _redirects(template: str) -> bool:
    """Whether a tracking template leads through someone else's server: it does not begin with the landing page."""
    return bool(template) and not template.startswith(("{lpurl", "{unescapedlpurl", "{escapedlpurl"))


def _template_keys(template: str) -> list[str]:
    """The parameters a template appends to {lpurl}."""
    return keys_of(template.partition("?")[2]) if "?" in template else keys_of(template.partition("}")[2].lstrip("&"))
