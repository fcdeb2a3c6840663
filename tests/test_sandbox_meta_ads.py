"""Logins at the practice Meta: as strict as Graph, for any client, with tokens sent either way."""

from datetime import UTC, date, datetime, timedelta

import pytest
from practice_meta_ads import CALLBACK, at_meta, code_of

from sandbox.meta_ads import ADA, BEN, EMEA
from sandbox.meta_ads_login import CLIENT_ID, CLIENT_SECRET, CONFIG_ID
from sandbox.person import ConsentFailed


@pytest.fixture
async def meta():
    async with at_meta() as meta:
        yield meta


@pytest.fixture
async def ada(meta):
    return await meta.login(ADA)


APP_TOKEN = f"{CLIENT_ID}|{CLIENT_SECRET}"


# Logging in


async def test_a_code_buys_a_short_token_and_that_a_long_one(meta):
    code = (await meta.back())["code"]
    short = (await meta.trade(code=code, redirect_uri=CALLBACK)).json()
    assert (short["token_type"], short["expires_in"]) == ("bearer", 5400)
    assert "refresh_token" not in short
    long = await meta.trade(grant_type="fb_exchange_token", fb_exchange_token=short["access_token"])
    assert long.json()["expires_in"] == 60 * 86_400
    assert long.json()["access_token"] != short["access_token"]


async def test_tokens_are_traded_by_get_as_well(meta):
    code = (await meta.back())["code"]
    assert (await meta.trade("GET", code=code, redirect_uri=CALLBACK)).status_code == 200


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        ({"code": "made-up"}, (100, None)),
        ({"redirect_uri": "https://else.example"}, (100, 36008)),
        ({"redirect_uri": ""}, (191, None)),
        ({"client_id": "1"}, (101, None)),
        ({"client_id": ""}, (101, None)),
        ({"client_secret": "wrong"}, (1, None)),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, (100, None)),
        ({"grant_type": "fb_exchange_token", "fb_exchange_token": "x"}, (190, None)),
    ],
)
async def test_a_wrong_trade_is_refused_in_metas_words(meta, spoil, code):
    form = {"code": (await meta.back())["code"], "redirect_uri": CALLBACK} | spoil
    answer = await meta.trade(**form)
    assert (answer.status_code, code_of(answer)) == (400, code)
    assert answer.json()["error"]["type"] == "OAuthException"


async def test_a_code_is_good_once_and_not_for_long(meta):
    code = (await meta.back())["code"]
    await meta.trade(code=code, redirect_uri=CALLBACK)
    assert code_of(await meta.trade(code=code, redirect_uri=CALLBACK)) == (100, 36009)
    late = (await meta.back())["code"]
    meta.clock.moment += timedelta(minutes=11)
    assert code_of(await meta.trade(code=late, redirect_uri=CALLBACK)) == (100, 36007)


async def test_what_has_ended_is_not_traded(meta, ada):
    meta.clock.moment += timedelta(days=61)
    answer = await meta.trade(grant_type="fb_exchange_token", fb_exchange_token=ada.token)
    assert code_of(answer) == (190, 463)


async def test_a_declined_permission_is_only_asked_for_again_on_request(meta):
    await meta.short_token(without_scopes=["ads_management"])
    again = await meta.login()
    told = (await again.get("me/permissions")).json()["data"]
    assert {"permission": "ads_management", "status": "declined"} in told
    asked = await meta.login(auth_type="rerequest")
    told = (await asked.get("me/permissions")).json()["data"]
    assert {"permission": "ads_management", "status": "granted"} in told


async def test_unknown_permissions_and_configurations_get_an_error_page(meta):
    for changes in ({"scope": "ads_raed"}, {"config_id": "1"}, {"redirect_uri": "https://else.example"}):
        with pytest.raises(ConsentFailed):
            await meta.back(**changes)
    assert "code" in await meta.back(config_id=CONFIG_ID, scope=None)
    assert (await meta.back(allow=False))["error_code"] == "200"


# Looking at tokens, and ending them


async def test_the_app_may_look_at_a_token(meta, ada):
    told = (await ada.get("debug_token", access_token=APP_TOKEN, input_token=ada.token)).json()["data"]
    assert told["is_valid"] is True
    assert (told["app_id"], told["user_id"]) == (CLIENT_ID, meta.sandbox.oauth.people[ADA].sub)
    assert told["expires_at"] == int((meta.clock.moment + timedelta(days=60)).timestamp())
    assert told["data_access_expires_at"] == int((meta.clock.moment + timedelta(days=90)).timestamp())
    assert "ads_read" in told["scopes"]
    meta.sandbox.change_password()
    told = (await ada.get("debug_token", access_token=APP_TOKEN, input_token=ada.token)).json()["data"]
    assert (told["is_valid"], told["error"]["code"], told["error"]["subcode"]) == (False, 190, 460)


async def test_only_the_app_may_look_and_a_read_may_come_as_a_post(meta, ada):
    assert code_of(await ada.get("debug_token", input_token=ada.token)) == (100, None)
    assert code_of(await ada.get("debug_token", access_token=APP_TOKEN)) == (100, None)
    header = {"authorization": f"Bearer {APP_TOKEN}"}
    url = f"{meta.at}/v26.0/debug_token?method=get"
    answer = await meta.client.post(url, data={"input_token": ada.token}, headers=header)
    assert answer.json()["data"]["is_valid"] is True


@pytest.mark.parametrize("who", ["me", "3180000000000000001"])
async def test_deleting_the_permissions_ends_every_login_of_the_person(meta, ada, who):
    other, ben = await meta.login(ADA), await meta.login(BEN)
    assert (await ada.call("DELETE", f"{who}/permissions")).json() == {"success": True}
    assert code_of(await other.get("me")) == (190, 458)
    assert (await ben.get("me")).status_code == 200
    assert code_of(await ben.call("DELETE", "3180000000000000001/permissions")) == (100, 33)


async def test_one_permission_can_be_taken_back(meta, ada):
    await ada.call("DELETE", "me/permissions/ads_read")
    await ada.call("DELETE", "me/permissions/ads_management")
    assert code_of(await ada.get("me/adaccounts")) == (200, None)
    assert code_of(await ada.get(f"act_{EMEA}/ads")) == (200, None)


# Who may call


async def test_a_token_may_come_either_way(meta, ada):
    url = f"{meta.at}/v26.0/me"
    for kind in ("Bearer", "OAuth"):
        answer = await meta.client.get(url, headers={"authorization": f"{kind} {ada.token}"})
        assert answer.json() == {"name": "Ada Marsh", "id": "3180000000000000001"}
    assert (await ada.get("me", fields="id")).json() == {"id": "3180000000000000001"}
    assert code_of(await meta.client.get(url)) == (104, None)
    assert code_of(await ada.get("me", access_token="made-up")) == (190, None)


async def test_a_proof_must_be_right_and_may_be_required(meta, ada):
    assert (await ada.get("me", appsecret_proof=meta.proof(ada.token))).status_code == 200
    wrong = await ada.get("me", appsecret_proof=meta.proof("another"))
    assert (code_of(wrong), wrong.json()["error"]["type"]) == ((100, None), "GraphMethodException")
    meta.sandbox.api.entrance.require_proof = True
    assert "require an appsecret_proof" in (await ada.get("me")).json()["error"]["message"]
    assert (await ada.get("me", appsecret_proof=meta.proof(ada.token))).status_code == 200


async def test_dead_tokens_are_told_with_their_reason(meta):
    for end, subcode in (("revoke", 458), ("checkpoint", 459), ("change_password", 460)):
        ada = await meta.login(ADA)
        getattr(meta.sandbox, end)()
        answer = await ada.get("me")
        assert (answer.status_code, code_of(answer)) == (400, (190, subcode))
        assert "invalid_token" in answer.headers["www-authenticate"]
    ada = await meta.login(ADA)
    meta.sandbox.oauth.expire_access_tokens()
    assert code_of(await ada.get("me")) == (190, 463)


async def test_versions_end_on_their_day_for_ads_and_unknown_ones_are_no_path(meta, ada):
    assert code_of(await ada.get(f"act_{EMEA}", version="v20.0")) == (2635, None)
    assert (await ada.get("me", version="v20.0")).status_code == 200
    assert (await ada.get(f"act_{EMEA}", version="v21.0")).status_code == 200
    for version in ("v99.0", "v26", "latest"):
        assert code_of(await ada.get(f"act_{EMEA}", version=version)) == (2500, None)
    meta.clock.moment = datetime(2027, 1, 21, tzinfo=UTC)
    assert code_of(await ada.get(f"act_{EMEA}", version="v21.0")) == (2635, None)
    assert (await ada.get(f"act_{EMEA}", version="v22.0")).status_code == 200


async def test_unknown_paths_and_objects_are_told_apart(meta, ada):
    assert code_of(await ada.get("nonsense/here")) == (2500, None)
    assert code_of(await ada.get(f"act_{EMEA}/nonsense")) == (2500, None)
    assert code_of(await ada.get("me/nonsense")) == (2500, None)
    assert code_of(await ada.get("12345")) == (100, 33)
    assert code_of(await meta.client.get(f"{meta.at}/")) == (2500, None)


# Levers and truth


async def test_levers_are_named_like_the_others_and_say_what_happened(meta, ada):
    keys = [lever.key for lever in meta.sandbox.levers]
    assert {"meta_ads_revoke", "meta_ads_new_ads", "meta_ads_down", "meta_ads_up"} <= set(keys)
    before = len(meta.sandbox.untagged(EMEA))
    for lever in meta.sandbox.levers:
        assert (await lever.pull()).endswith(".")
    assert len(meta.sandbox.untagged(EMEA)) == before + 20
    assert code_of(await ada.get("me"))[0] == 190


async def test_the_ledger_holds_no_secret(meta, ada):
    await ada.get("me")
    text = repr(meta.sandbox.ledger.entries)
    assert [secret for secret in meta.sandbox.oauth.secrets() if secret in text] == []


async def test_an_export_is_judged_by_the_truth(meta):
    day = date(2026, 11, 1)
    true = meta.sandbox.totals(EMEA, day, date(2026, 11, 22))
    rows = [{"platform": "meta_ads", "account": EMEA, "date": d, "cost_micros": c} for d, c in true.items()]
    assert [problem for problem in meta.sandbox.disagreements(rows) if "untagged" not in problem] == []
    rows[3] |= {"cost_micros": 1}
    assert len([problem for problem in meta.sandbox.disagreements(rows) if "micros" in problem]) == 1
