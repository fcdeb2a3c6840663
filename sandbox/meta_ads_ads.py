"""Ads and creatives of the practice world's Meta: listing them, making a creative, exchanging it, and what that costs.

https://developers.facebook.com/docs/marketing-api/reference/adgroup
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sandbox.ledger import Ledger
from sandbox.meta_ads_data import GONE, Account, Ad, Book, Creative
from sandbox.meta_ads_errors import GraphError, bad_parameter
from sandbox.meta_ads_params import Fields, Params, check_fields

WRITABLE = {
    "ad_disclaimer_spec",
    "asset_feed_spec",
    "authorization_category",
    "branded_content",
    "call_to_action",
    "contextual_multi_ads",
    "creative_sourcing_spec",
    "degrees_of_freedom_spec",
    "destination_set_id",
    "destination_spec",
    "facebook_branded_content",
    "format_transformation_spec",
    "generative_asset_spec",
    "instagram_branded_content",
    "instagram_user_id",
    "interactive_components_spec",
    "bundle_folder_id",
    "link_url",
    "media_sourcing_spec",
    "object_story_id",
    "object_story_spec",
    "object_url",
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
}
CREATIVE_FIELDS = WRITABLE | {
    "id",
    "account_id",
    "name",
    "status",
    "url_tags",
    "effective_object_story_id",
    "effective_instagram_media_id",
    "messenger_sponsored_message",
}
AD_FIELDS = {"id", "account_id", "adset_id", "campaign_id", "name", "status", "configured_status", "effective_status"}
AD_FIELDS |= {"created_time", "updated_time", "creative", "ad_review_feedback", "last_updated_by_app_id"}
LONGEST_NAME = 100


class Ads:
    """The calls about ads. `refused` holds, by ad id, what Meta objects to when its creative is exchanged."""

    def __init__(self, book: Book, ledger: Ledger, now: Callable[[], datetime]) -> None:
        self._book = book
        self._ledger = ledger
        self._now = now
        self.refused: dict[str, GraphError] = {}
        self.name_search = True
        """Whether creatives can be filtered by name."""

    def listed(self, account: Account, params: Params) -> list[Ad]:
        """Newest first; archived and deleted ads only when their status is asked for. Raises GraphError."""
        found = list(reversed(account.ads.values()))
        statuses = params.parsed("effective_status")
        for each in _filters(params):
            name, value = str(each["field"]).removeprefix("ad."), each["value"]
            match (name, each["operator"]):
                case ("updated_time" | "created_time", "GREATER_THAN"):
                    moment = f"{name.partition('_')[0]}_at"
                    found = [ad for ad in found if getattr(ad, moment).timestamp() > float(value)]
                case ("id", "IN"):
                    found = [ad for ad in found if ad.id in map(str, value)]
                case ("effective_status", "IN"):
                    statuses = value
                case _:
                    raise _no_filter(each)
        if statuses is not None:
            return [ad for ad in found if ad.effective_status in statuses]
        return [ad for ad in found if ad.status not in GONE]

    def creatives(self, account: Account, params: Params) -> list[Creative]:
        found = list(reversed(account.creatives.values()))
        for each in _filters(params):
            if each["field"] != "name" or each["operator"] not in ("IN", "EQUAL") or not self.name_search:
                raise _no_filter(each)
            names = each["value"] if each["operator"] == "IN" else [each["value"]]
            found = [creative for creative in found if creative.name in names]
        return found

    def create_creative(self, account: Account, params: Params) -> Creative:
        """https://developers.facebook.com/docs/marketing-api/reference/ad-account/adcreatives. Raises GraphError."""
        name, tags, story = (params.text(key) for key in ("name", "url_tags", "object_story_id"))
        if len(name) > LONGEST_NAME:
            raise bad_parameter("name must be at most 100 characters long")
        given = {key: params.parsed(key) if _is_json(params.text(key)) else params.text(key) for key in WRITABLE}
        spec: dict[str, Any] = {key: value for key, value in given.items() if value}
        if story and not any(creative.story == story for creative in account.creatives.values()):
            raise GraphError(
                400, 100, "Invalid parameter", 1487472, user_msg="The post does not exist, or is not yours."
            )
        if not {"object_story_id", "object_story_spec", "asset_feed_spec", "source_instagram_media_id"} & set(spec):
            raise bad_parameter("Missing required param: object_story_spec", "A creative needs something to show.")
        if not story and "object_story_spec" in spec:
            story = f"{spec['object_story_spec'].get('page_id')}_{self._book.number()}"
        creative = self._book.add_creative(account, name, story, tags, spec)
        self._ledger.record("creative.made", account=account.id, creative=creative.id, story=story, url_tags=tags)
        return creative

    def update_creative(self, creative: Creative, params: Params) -> None:
        """Creatives are immutable, but for their name."""
        if locked := set(params.values) - {"name", "status", "adlabels", "access_token", "appsecret_proof"}:
            raise bad_parameter(f"Invalid parameter: {min(locked)} of a creative cannot be changed")
        creative.name = params.text("name", creative.name)

    def update_ad(self, account: Account, ad: Ad, params: Params) -> None:
        """A new creative sends the ad to review, and its ad set back to learning. Raises GraphError."""
        if ad.status in GONE:
            raise GraphError(400, 100, "Invalid parameter", 1885183, user_msg="Deleted ads can't be edited.")
        if "creative" in params.values:
            self._exchange(account, ad, params.parsed("creative"))
        if "name" in params.values:
            self._book.change(ad, name=params.text("name"))
        if (status := params.text("status")) in GONE:
            self._book.end(account, ad, status)
        elif status:
            self._book.change(ad, status=status)

    def _exchange(self, account: Account, ad: Ad, wanted: Any) -> None:
        number = str(wanted.get("creative_id")) if isinstance(wanted, dict) else ""
        if number not in account.creatives:
            raise GraphError(400, 100, "Invalid parameter", 1487390, user_msg="The creative does not exist.")
        if ad.id in self.refused:
            raise self.refused[ad.id]
        before, after = ad.creative, account.creatives[number]
        if after is not before:
            self._book.change(ad, creative=after, in_review=True, reviews=ad.reviews + 1)
            ad.adset.learning += 1
        details = {"before": before.url_tags, "after": after.url_tags, "creative": after.id}
        self._ledger.record("ad.changed", account=account.id, ad=ad.id, **details)

    # How they are told

    def shown(self, account: Account, ad: Ad, fields: Fields) -> dict[str, Any]:
        """One ad as Graph shows it, before fields are chosen."""
        check_fields(fields.get("creative") or {"id": {}}, CREATIVE_FIELDS, "AdCreative")
        return {
            "id": ad.id,
            "account_id": account.id,
            "adset_id": ad.adset.id,
            "campaign_id": ad.adset.campaign.id,
            "name": ad.name,
            "status": ad.status,
            "configured_status": ad.status,
            "effective_status": ad.effective_status,
            "created_time": _time(account, ad.created_at),
            "updated_time": _time(account, ad.updated_at),
            "creative": shown_creative(account, ad.creative) if fields.get("creative") else {"id": ad.creative.id},
        }


def shown_creative(account: Account, creative: Creative) -> dict[str, Any]:
    return {
        **creative.spec,
        "id": creative.id,
        "account_id": account.id,
        "name": creative.name,
        "status": "ACTIVE",
        "url_tags": creative.url_tags,
        "effective_object_story_id": creative.story,
    }


def _time(account: Account, moment: datetime) -> str:
    """As 2026-11-23T10:00:00+0100."""
    return moment.astimezone(account.zone).strftime("%Y-%m-%dT%H:%M:%S%z")


def _filters(params: Params) -> Sequence[dict[str, Any]]:
    asked = params.parsed("filtering", [])
    if not isinstance(asked, list) or any(
        not isinstance(each, dict) or not {"field", "operator", "value"} <= set(each) for each in asked
    ):
        raise bad_parameter("filtering must be a list of objects with field, operator and value")
    return asked


def _no_filter(each: dict[str, Any]) -> GraphError:
    return bad_parameter(f"Filtering field '{each['field']}' with operation '{each['operator']}' is not supported")


def _is_json(text: str) -> bool:
    return text.startswith(("{", "["))
