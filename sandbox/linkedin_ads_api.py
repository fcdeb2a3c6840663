"""The versioned REST calls of the practice world's LinkedIn: roles, ad accounts, campaigns, creatives, and the way in."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.linkedin_ads_analytics import Analytics
from sandbox.linkedin_ads_data import Account, Campaign, Creative
from sandbox.linkedin_ads_entrance import Call, Entrance
from sandbox.linkedin_ads_errors import ApiError, bad_param, bad_path, not_found
from sandbox.linkedin_ads_tracking import TrackingParameters

STATUSES = ("ACTIVE", "PAUSED", "ARCHIVED", "COMPLETED", "CANCELED", "DRAFT", "PENDING_DELETION", "REMOVED")
READ = ("r_ads", "rw_ads")


class LinkedinApi:
    """`page_size` caps what one answer holds, whatever was asked for."""

    def __init__(self, entrance: Entrance) -> None:
        self.entrance = entrance
        self.ledger = entrance.oauth.ledger
        self.analytics = Analytics(entrance)
        self.tracking = TrackingParameters(entrance, self.ledger)
        self.page_size = 1000
        self._pages: dict[str, tuple[str, list[Any], int]] = {}
        self._calls: dict[tuple[str, ...], Callable[[Call], dict[str, Any] | None]] = {
            ("GET", "adAccountUsers"): self._users,
            ("GET", "adAccounts"): self._accounts,
            ("GET", "adAccounts", "*", "adCampaigns"): self._campaigns,
            ("GET", "adAccounts", "*", "creatives"): self._creatives,
            ("GET", "adAccounts", "*", "creatives", "*"): self._creative,
            ("GET", "adAnalytics"): self.analytics.find,
            ("GET", "adTrackingParameters", "*"): self.tracking.get,
            ("PUT", "adTrackingParameters", "*"): self.tracking.put,
            ("DELETE", "adTrackingParameters", "*"): self.tracking.delete,
        }

    def routes(self) -> list[Route]:
        return [Route("/rest/{what:path}", self.serve, methods=["GET", "POST", "PUT", "DELETE"])]

    async def serve(self, request: Request) -> Response:
        call: Call | None = None
        try:
            call = await self.entrance.admit(request)
            found = self._dispatch(call)
            answer, outcome = (Response(status_code=204) if found is None else JSONResponse(found)), "ok"
        except ApiError as error:
            answer, outcome = error.answer(), error.code or str(error.status)
        self._note(request, call, outcome)
        return answer

    def _note(self, request: Request, call: Call | None, outcome: str) -> None:
        path = call.path if call else (request.path_params["what"].partition("/")[0],)
        self.ledger.record(
            "api_call",
            call=path[2] if len(path) > 2 else path[0],  # adAccounts/{id}/what
            method=call.method if call else request.method,
            tunnelled=bool(call and call.method != request.method),
            person=call.person.email if call else None,
            outcome=outcome,
        )

    def _dispatch(self, call: Call) -> dict[str, Any] | None:
        """Names and keys take turns in a path."""
        shape = (call.method, *("*" if place % 2 else part for place, part in enumerate(call.path)))
        if shape not in self._calls:
            raise not_found(f"No root resource defined for path '/{call.path[0]}'")
        return self._calls[shape](call)

    # What the calls answer

    def _users(self, call: Call) -> dict[str, Any]:
        """Paged by start and count, unlike the searches."""
        call.only("q", "start", "count", "fields")
        self.entrance.permit(call, "adAccountUsers.FINDER-authenticatedUser", *READ)
        if call.query.get("q") != "authenticatedUser":
            raise bad_param("q")
        start, count = call.number("start", 0, 2**31), call.number("count", self.page_size, 2**31 - 1)
        reached = [each for each in self.entrance.book.accounts if self.entrance.role(call.person, each)]
        shown = reached[start : start + min(count, self.page_size)]
        users = [
            {
                "account": f"urn:li:sponsoredAccount:{each}",
                "role": self.entrance.role(call.person, each),
                "user": f"urn:li:person:{call.person.sub}",
            }
            for each in shown
        ]
        return {"paging": {"start": start, "count": count, "links": [], "total": len(reached)}, "elements": users}

    def _accounts(self, call: Call) -> dict[str, Any]:
        call.only("q", "search", "pageSize", "pageToken", "fields", "sortOrder")
        self.entrance.permit(call, "adAccounts.FINDER-search", *READ)
        if "search" in call.query and "pageToken" in call.query:  # the one search that does not take both
            raise bad_param("pageToken", known=False)
        reached = [each for each in self.entrance.book.accounts.values() if self.entrance.role(call.person, each.id)]
        return self._searched(call, "search", reached, _account_json)

    def _campaigns(self, call: Call) -> dict[str, Any]:
        call.only("q", "search", "pageSize", "pageToken", "fields", "sortOrder")
        owner = self.entrance.reach(call, call.path[1], "adCampaigns.FINDER-search", *READ)
        wanted = _statuses(call)
        # REMOVED ones are only told of when they are asked for.
        chosen = [each for each in owner.campaigns.values() if each.status in (wanted or STATUSES[:-1])]
        return self._searched(call, "search", chosen, lambda each: _campaign_json(owner, each))

    def _creatives(self, call: Call) -> dict[str, Any]:
        call.only("q", "campaigns", "creatives", "intendedStatuses", "pageSize", "pageToken", "fields", "sortOrder")
        owner = self.entrance.reach(call, call.path[1], "creatives.FINDER-criteria", *READ)
        campaigns = {each.rpartition(":")[2] for each in call.texts("campaigns")}
        creatives = {each.rpartition(":")[2] for each in call.texts("creatives")}
        chosen = [
            each
            for each in owner.creatives.values()
            if each.removed_on is None
            and ("campaigns" not in call.query or each.campaign.id in campaigns)
            and ("creatives" not in call.query or each.id in creatives)
        ]
        return self._searched(call, "criteria", chosen, lambda each: _creative_json(owner, each), most=100)

    def _creative(self, call: Call) -> dict[str, Any]:
        owner = self.entrance.reach(call, call.path[1], "creatives.GET", *READ)
        urn = call.path[3]
        number = unquote(urn).removeprefix("urn:li:sponsoredCreative:")
        if ":" in urn:
            raise bad_path()
        if number not in owner.creatives:
            raise not_found(f"Creative {unquote(urn)} does not exist")
        return _creative_json(owner, owner.creatives[number])

    def _searched(
        self, call: Call, finder: str, rows: Sequence[Any], shown: Callable[[Any], dict[str, Any]], most: int = 1000
    ) -> dict[str, Any]:
        """One page; the next one goes on with the rows as they were at the first."""
        if call.query.get("q") != finder:
            raise bad_param("q")
        size = min(call.number("pageSize", 100, most), self.page_size)
        kept, at, place = list(rows), 0, "/".join(call.path)
        if "pageToken" in call.query:
            place_of, kept, at = self._pages.get(str(call.query["pageToken"]), ("", [], 0))
            if place_of != place:
                raise bad_param("pageToken")
        answer: dict[str, Any] = {"elements": [shown(each) for each in kept[at : at + size]], "metadata": {}}
        if at + size < len(kept):
            token = f"DgGerr1iVQreCJVj{len(self._pages):08d}"
            self._pages[token] = (place, kept, at + size)
            answer["metadata"]["nextPageToken"] = token
        return answer


def _statuses(call: Call) -> list[str]:
    search = call.query.get("search", {})
    values = search.get("status", {}) if isinstance(search, dict) else None
    chosen = values.get("values", []) if isinstance(values, dict) else None
    if not isinstance(chosen, list) or not set(STATUSES).issuperset(str(each) for each in chosen):
        raise bad_param("search")
    return chosen


def _account_json(account: Account) -> dict[str, Any]:
    return {
        "id": int(account.id),
        "name": account.name,
        "currency": account.currency,
        "status": account.status,
        "type": "BUSINESS",
        "test": False,
        "reference": "urn:li:organization:2414183",
        "servingStatuses": ["RUNNABLE"],
    }


def _campaign_json(account: Account, campaign: Campaign) -> dict[str, Any]:
    stamps = {
        "created": {"time": _millis(campaign.created_at)},
        "lastModified": {"time": _millis(campaign.modified_at)},
    }
    return {
        "id": int(campaign.id),
        "name": campaign.name,
        "account": f"urn:li:sponsoredAccount:{account.id}",
        "type": campaign.type,
        "status": campaign.status,
        "changeAuditStamps": stamps,
    }


def _creative_json(account: Account, creative: Creative) -> dict[str, Any]:
    kind = {"TEXT_AD": "textAd", "DYNAMIC": "spotlight"}.get(creative.campaign.type, "")
    page = {kind: {"landingPage": creative.landing_page, "headline": "Acme"}}
    return {
        "id": f"urn:li:sponsoredCreative:{creative.id}",
        "campaign": f"urn:li:sponsoredCampaign:{creative.campaign.id}",
        "account": f"urn:li:sponsoredAccount:{account.id}",
        "content": page if kind else {"reference": f"urn:li:share:{creative.id}00"},
        "intendedStatus": "REMOVED" if creative.removed_on is not None else creative.status,
        "isServing": creative.status == "ACTIVE",
        "isTest": False,
    }


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)
