"""Tracking parameters of the practice world's LinkedIn: one set for each campaign, named in the address and in the body.

https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/dynamic-utm-tracking
"""

from typing import Any

from sandbox.ledger import Ledger
from sandbox.linkedin_ads_data import Account, Campaign, Tracking
from sandbox.linkedin_ads_entrance import Call, Entrance
from sandbox.linkedin_ads_errors import ApiError, bad_body, bad_path, not_found
from sandbox.linkedin_ads_restli import BadSyntax, read

VALUES = {
    f"{level}_{what}" for level in ("ACCOUNT", "CAMPAIGN_GROUP", "CAMPAIGN", "CREATIVE") for what in ("ID", "NAME")
}
RESOURCE = "adTrackingParameters"
PREFIX = "urn:li:sponsoredCampaign:"
MAPS = ("dynamicValueParameters", "customValueParameters")


class TrackingParameters:
    """`refused`: campaigns whose changes LinkedIn objects to, whatever is sent."""

    def __init__(self, entrance: Entrance, ledger: Ledger) -> None:
        self._entrance = entrance
        self._ledger = ledger
        self.refused: set[str] = set()

    def get(self, call: Call) -> dict[str, Any]:
        call.only()
        _, campaign = self._named(call, "GET", edit=False)
        if campaign.tracking is None:
            raise not_found(f"No tracking parameters for {PREFIX}{campaign.id}")
        return {
            "adEntity": {"sponsoredCampaign": f"{PREFIX}{campaign.id}"},
            "dynamicValueParameters": dict(campaign.tracking.dynamic),
            "customValueParameters": dict(campaign.tracking.custom),
        }

    def put(self, call: Call) -> None:
        call.only("idempotencyToken")
        account, campaign = self._named(call, "UPDATE", edit=True)
        maps = _read(call.body, campaign)
        if campaign.id in self.refused:
            raise bad_body("/adEntity", "tracking parameters are locked for this campaign")
        if not account.takes_tracking(campaign):
            raise bad_body("/adEntity", "tracking parameters are not supported for this campaign")
        before = campaign.tracking
        campaign.tracking = Tracking(*maps)
        self._ledger.record(
            "tracking.written",
            account=account.id,
            campaign=campaign.id,
            before=before,
            after=campaign.tracking,
            person=call.person.email,
        )

    def delete(self, call: Call) -> None:
        call.only()
        account, campaign = self._named(call, "DELETE", edit=True)
        if campaign.tracking is None:
            raise not_found(f"No tracking parameters for {PREFIX}{campaign.id}")
        campaign.tracking = None
        self._ledger.record("tracking.deleted", account=account.id, campaign=campaign.id)

    def _named(self, call: Call, method: str, *, edit: bool) -> tuple[Account, Campaign]:
        """The campaign in the address, which must be the union: (adEntity:(sponsoredCampaign:urn%3A…))."""
        try:
            key = read(call.path[1])
        except BadSyntax:
            raise bad_path() from None
        entity = key.get("adEntity") if isinstance(key, dict) else None
        urn = entity.get("sponsoredCampaign") if isinstance(entity, dict) else None
        if not isinstance(urn, str) or len(key) + len(entity or ()) != 2:
            raise bad_body("/adEntity", "is not a member type of union")
        if not urn.startswith(PREFIX):
            raise bad_path()
        found = self._entrance.book.campaign(urn.removeprefix(PREFIX))
        if found is None:
            raise not_found(f"{urn} does not exist")
        scopes = ("rw_ads",) if edit else ("r_ads", "rw_ads")
        self._entrance.reach(call, found[0].id, f"{RESOURCE}.{method}", *scopes, edit=edit)
        return found


def _read(body: Any, campaign: Campaign) -> list[dict[str, str]]:
    """Both maps. Raises ApiError."""
    if not isinstance(body, dict):
        raise ApiError(400, "", "The request body must be an object")
    if body.get("adEntity") != {"sponsoredCampaign": f"{PREFIX}{campaign.id}"}:
        raise bad_body("/adEntity", "union type is not backed by a DataMap or null")
    for name in body:
        if name not in {"adEntity", *MAPS}:
            raise bad_body(f"/{name}", "unrecognized field found but not allowed")
    maps = [body.get(name, {}) for name in MAPS]
    for name, found in zip(MAPS, maps, strict=True):
        if not isinstance(found, dict):
            raise bad_body(f"/{name}", "map type is not backed by a DataMap")
        for key, value in found.items():
            if not isinstance(value, str):
                raise bad_body(f"/{name}/{key}", f"{value} cannot be coerced to String")
    for key, value in maps[0].items():
        if value not in VALUES:
            raise bad_body(f"/dynamicValueParameters/{key}", f'"{value}" is not an enum symbol')
    if twice := maps[0].keys() & maps[1].keys():
        raise bad_body(f"/customValueParameters/{min(twice)}", "duplicate tracking parameter")
    return maps
