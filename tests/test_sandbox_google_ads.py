"""Who may call the practice Google Ads, and what it does when asked wrongly."""

import json
from datetime import date

import pytest
from practice_world import at_google, code_of

from sandbox.google_ads import ADA, AMERICAS, BEN, CLEO, EMEA, MANAGER, SHOES

UTM = "utm_source=google&utm_medium=cpc&utm_campaign={campaignid}&utm_content={creative}"


DAYS = "segments.date BETWEEN '2026-11-01' AND '2026-11-23'"


COST = f"""SELECT customer.currency_code, segments.date, campaign.id, ad_group.id, ad_group_ad.ad.id,
metrics.cost_micros, metrics.clicks, metrics.impressions FROM ad_group_ad WHERE {DAYS}"""


@pytest.fixture
async def google():
    async with at_google() as google:
        yield google


@pytest.fixture
async def ada(google):
    return await google.login(ADA)


async def test_each_person_sees_the_accounts_they_were_given(google, ada):
    ben, cleo = await google.login(BEN, None), await google.login(CLEO, None)
    listed = "customers:listAccessibleCustomers"
    assert (await ada.call(listed, through=None)).json() == {"resourceNames": [f"customers/{MANAGER}"]}
    assert (await ben.call(listed)).json() == {"resourceNames": [f"customers/{SHOES}"]}
    refused = await cleo.call(listed)
    assert (refused.status_code, code_of(refused)) == (401, ("authenticationError", "NOT_ADS_USER"))


async def test_the_accounts_under_a_manager_are_its_customer_clients(ada):
    names = "customer_client.id, customer_client.descriptive_name, customer_client.manager, customer_client.level"
    rows = await ada.rows(MANAGER, f"SELECT {names} FROM customer_client WHERE customer_client.level <= 1")
    told = [(r["customerClient"]["id"], r["customerClient"]["manager"], r["customerClient"]["level"]) for r in rows]
    assert told == [(MANAGER, True, "0"), (EMEA, False, "1"), (AMERICAS, False, "1")]


async def test_names_may_be_in_any_script(google):
    ben = await google.login(BEN, None)
    rows = await ben.rows(SHOES, "SELECT customer.descriptive_name, customer.currency_code FROM customer")
    assert rows[0]["customer"]["descriptiveName"] == "日本橋シューズ"


async def test_an_account_behind_a_manager_needs_the_login_customer_id(google, ada):
    query = {"query": "SELECT customer.id FROM customer"}
    ben = await google.login(BEN, None)
    for session, through, customer in [(ada, None, EMEA), (ada, EMEA, EMEA), (ada, MANAGER, SHOES), (ben, None, EMEA)]:
        answer = await session.call(f"customers/{customer}/googleAds:search", query, through=through)
        assert answer.status_code == 403
        assert code_of(answer) == ("authorizationError", "USER_PERMISSION_DENIED")
        assert "'login-customer-id' header" in answer.json()["error"]["details"][0]["errors"][0]["message"]
    assert (await ada.search(EMEA, query["query"])).status_code == 200
    assert code_of(await ada.call(f"customers/{EMEA}/googleAds:search", query, through="100-000"))[0] == "headerError"


@pytest.mark.parametrize(("spoil", "code"), [("revoke", "OAUTH_TOKEN_REVOKED"), ("expire", "OAUTH_TOKEN_EXPIRED")])
async def test_a_dead_token_is_told_with_its_reason_and_the_stream_wraps_it(google, ada, spoil, code):
    {"revoke": google.sandbox.revoke, "expire": google.sandbox.oauth.expire_access_tokens}[spoil]()
    answer = await ada.stream(EMEA, COST)
    assert (answer.status_code, code_of(answer)) == (401, ("authenticationError", code))
    body = answer.json()
    assert isinstance(body, list)
    assert body[0]["error"]["status"] == "UNAUTHENTICATED"
    failure = body[0]["error"]["details"][0]
    assert failure["@type"] == "type.googleapis.com/google.ads.googleads.v26.errors.GoogleAdsFailure"
    assert failure["requestId"] == answer.headers["request-id"]
    assert isinstance((await ada.search(EMEA, COST)).json(), dict)


async def test_made_up_and_missing_tokens_are_refused(google, ada):
    ada.tokens["access_token"] = "ya29.made-up"
    assert code_of(await ada.search(EMEA, COST)) == ("authenticationError", "OAUTH_TOKEN_INVALID")
    answer = await google.client.get(f"{google.settings['api_url']}/v26/customers:listAccessibleCustomers")
    assert answer.status_code == 401
    assert answer.json()["error"]["details"][0]["reason"] == "CREDENTIALS_MISSING"


async def test_a_token_without_the_adwords_scope_is_refused_by_googles_front(google):
    session = await google.login(ADA, without_scopes=["https://www.googleapis.com/auth/adwords"])
    answer = await session.search(EMEA, COST)
    assert answer.status_code == 403
    assert answer.json()["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


async def test_only_live_versions_answer(ada):
    for version in ("v23", "v24", "v25", "v26"):
        assert (await ada.call("customers:listAccessibleCustomers", version=version)).status_code == 200
    dead = await ada.call("customers:listAccessibleCustomers", version="v22")
    assert (dead.status_code, code_of(dead)) == (400, ("requestError", "UNSUPPORTED_VERSION"))


async def test_an_unknown_path_is_an_html_page(ada):
    answer = await ada.call("customers/1/nonsense", {})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_withdrawn_account_is_denied_and_unlisted_until_given_back(google, ada):
    google.sandbox.withdraw(AMERICAS)
    assert code_of(await ada.search(AMERICAS, COST)) == ("authorizationError", "USER_PERMISSION_DENIED")
    assert len(await ada.rows(MANAGER, "SELECT customer_client.id FROM customer_client")) == 2
    assert (await ada.search(EMEA, COST)).status_code == 200
    google.sandbox.give_back(AMERICAS)
    assert (await ada.search(AMERICAS, COST)).status_code == 200


async def test_a_closed_account_is_not_enabled(google, ada):
    google.sandbox.close_account(EMEA)
    answer = await ada.search(EMEA, COST)
    assert (answer.status_code, code_of(answer)) == (403, ("authorizationError", "CUSTOMER_NOT_ENABLED"))
    query = "SELECT customer_client.status FROM customer_client WHERE customer_client.status = 'CANCELED'"
    assert len(await ada.rows(MANAGER, query)) == 1


async def test_a_rate_limit_names_the_delay_and_ends(google, ada):
    google.sandbox.limit_rate(2, "7s")
    for _ in range(2):
        answer = await ada.search(EMEA, COST)
        assert (answer.status_code, code_of(answer)) == (429, ("quotaError", "RESOURCE_EXHAUSTED"))
        details = answer.json()["error"]["details"][0]["errors"][0]["details"]
        assert details["quotaErrorDetails"]["retryDelay"] == "7s"
    assert (await ada.search(EMEA, COST)).status_code == 200


async def test_an_export_is_compared_with_the_truth(google):
    def exported(**changes):
        truth = google.sandbox.totals(EMEA, date(2026, 11, 1), date(2026, 11, 23))
        rows = [{"platform": "google_ads", "account": EMEA, "date": str(d), "cost_micros": c} for d, c in truth.items()]
        rows[5] |= changes
        return "\n".join(json.dumps(row) for row in rows)

    for ad in google.sandbox.untagged(EMEA):
        ad.final_url_suffix = UTM
    assert google.world.disagreements(exported()) == []
    assert len(google.world.disagreements(exported(cost_micros=1))) == 1
