"""The campaign management service of the practice world's Microsoft Advertising: changing ads, with partial errors.

https://learn.microsoft.com/advertising/campaign-management-service/updateads
"""

import re
from typing import Any

from starlette.routing import Route

from sandbox.microsoft_advertising_data import TYPES, WITHOUT_SUFFIX, Account, Ad
from sandbox.microsoft_advertising_entrance import Body, Call, Entrance, a_long
from sandbox.microsoft_advertising_faults import ApiFault, partial

MOST_ADS = 50
MOST_CHARACTERS = 2_048
_FIELDS = """AdFormatPreference DevicePreference EditorialStatus FinalAppUrls FinalMobileUrls FinalUrls FinalUrlSuffix
ForwardCompatibilityMap Id Status TrackingUrlTemplate Type UrlCustomParameters Domain Headlines Descriptions Path1 Path2
Text TextPart2 TitlePart1 TitlePart2 TitlePart3 PromotionalText"""
_ONLY_IN_TEMPLATES = re.compile(r"\{((un)?escaped)?lpurl|\{ignore", re.IGNORECASE)


class CampaignService:
    """`refused` holds, by ad id, the code with which a change of it is refused whatever is sent."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self.refused: dict[str, int] = {}

    def routes(self) -> list[Route]:
        path = "/campaign/CampaignManagement/v13/Ads"
        return [self._entrance.route(path, "ads", self._update, "AdGroupId Ads", method="PUT")]

    def _update(self, call: Call) -> Body:
        account, ads = call.of_account, call.body.get("Ads")
        group = a_long(call.body.get("AdGroupId"))
        if group not in {each.id for each in account.groups}:
            raise ApiFault(1201)
        if not isinstance(ads, list) or not ads:
            raise ApiFault(1310)
        if len(ads) > MOST_ADS:
            raise ApiFault(1311)
        for sent in ads:
            # Without its type an ad is of an abstract class, which cannot be read.
            if not isinstance(sent, dict) or set(sent) - set(_FIELDS.split()) or sent.get("Type") not in TYPES.values():
                raise ApiFault(100)
        errors, seen = [], set[str]()
        for index, sent in enumerate(ads):
            problem = self._apply(account, group, sent, seen)
            if problem:
                errors.append(partial(problem, index, "FinalUrlSuffix" if problem > 4000 else "Id"))
        return {"PartialErrors": errors}

    def _apply(self, account: Account, group: str, sent: dict[str, Any], seen: set[str]) -> int:
        """The code of what is wrong, or 0. What is null or not named stays as it is."""
        if sent.get("Id") is None:
            return 1303
        number = a_long(sent["Id"])
        ad = account.ads.get(number)
        if ad is None or ad.status == "Deleted" or ad.group.id != group or TYPES[ad.kind] != sent["Type"]:
            return 1308
        if number in seen:
            return 1309
        seen.add(number)
        suffix = sent.get("FinalUrlSuffix")
        if suffix is None:
            return 0
        if problem := self.refused.get(number) or _wrong(ad, suffix):
            return problem
        before, ad.final_url_suffix = ad.final_url_suffix, suffix
        self._entrance.book.touch(ad)
        self._entrance.oauth.ledger.record("ad.changed", account=account.id, ad=ad.id, before=before, after=suffix)
        return 0


def _wrong(ad: Ad, suffix: object) -> int:
    """https://learn.microsoft.com/advertising/guides/url-tracking-upgraded-urls#finalurlsuffixvalidation"""
    if not isinstance(suffix, str):
        raise ApiFault(100)
    if not suffix:
        return 0
    if ad.kind in WITHOUT_SUFFIX:
        return 4628 if ad.kind == "Text Ad" else 4625
    if suffix[0] in "?&#" or any(sign in suffix for sign in " #\n\t"):
        return 4626
    if _ONLY_IN_TEMPLATES.search(suffix):
        return 4627
    return 4629 if len(suffix) > MOST_CHARACTERS else 0
