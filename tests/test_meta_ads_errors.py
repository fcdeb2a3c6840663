"""What Meta's codes mean: every row of its tables, unknown ones, and waits."""

import json
from datetime import timedelta
from types import MappingProxyType

import pytest

from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, Refused, TryLater
from bot.words.interfaces import Answer
from platforms._meta_ads_errors import STATUSES, TooMuch, regained
from platforms.meta_ads import MetaAds, MetaAdsSettings

META = MetaAds(MetaAdsSettings())


def failed(status, code, subcode=None, message="Meta's words", headers=None, **more):
    error = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "A"} | more
    error |= {"error_subcode": subcode} if subcode is not None else {}
    return Answer(status, MappingProxyType(headers or {}), json.dumps({"error": error}).encode())


API_ERRORS = [
    # a person must log in again
    (400, 190, None, AuthorizationLost),
    (401, 190, None, AuthorizationLost),
    (400, 102, None, AuthorizationLost),
    (400, 102, 463, AuthorizationLost),
    (400, 190, 458, AuthorizationLost),
    (400, 190, 459, AuthorizationLost),
    (400, 190, 460, AuthorizationLost),
    (400, 190, 463, AuthorizationLost),
    (400, 190, 464, AuthorizationLost),
    (400, 190, 467, AuthorizationLost),
    (400, 190, 492, AuthorizationLost),
    (400, 190, 99999, AuthorizationLost),
    # rights
    (400, 3, None, AccessDenied),
    (403, 10, None, AccessDenied),
    (403, 200, None, AccessDenied),
    (400, 200, 1815066, AccessDenied),
    (403, 210, None, AccessDenied),
    (403, 272, None, AccessDenied),
    (403, 273, None, AccessDenied),
    (403, 294, None, AccessDenied),
    (403, 299, None, AccessDenied),
    (400, 100, 33, AccessDenied),
    (400, 368, None, AccessDenied),
    # waiting
    (400, 4, None, TryLater),
    (400, 17, None, TryLater),
    (400, 17, 2446079, TryLater),
    (400, 32, None, TryLater),
    (400, 341, None, TryLater),
    (400, 613, None, TryLater),
    (400, 613, 1487742, TryLater),
    (400, 80000, None, TryLater),
    (400, 80001, None, TryLater),
    (400, 80002, None, TryLater),
    (400, 80003, None, TryLater),
    (400, 80004, 2446079, TryLater),
    (400, 80005, None, TryLater),
    (400, 80006, None, TryLater),
    (400, 80008, None, TryLater),
    (400, 80009, None, TryLater),
    (400, 80014, None, TryLater),
    (500, 1, None, TryLater),
    (500, 2, None, TryLater),
    (400, 2, None, TryLater),
    (400, 100, 99, TryLater),
    # whoever runs the bot
    (400, 101, None, Misconfigured),
    (400, 191, None, Misconfigured),
    (400, 2635, None, Misconfigured),
    # unknown
    (500, 987654, None, TryLater),
    (503, 987654, None, TryLater),
    (429, 987654, None, TryLater),
    (401, 987654, None, AuthorizationLost),
    (403, 987654, None, AccessDenied),
    (400, 100, None, Refused),
    (400, 987654, None, Refused),
    (400, -3, None, Refused),
]


@pytest.mark.parametrize(
    ("status", "code", "subcode", "error"), API_ERRORS, ids=[f"{e[0]}-{e[1]}-{e[2] or ''}" for e in API_ERRORS]
)
def test_the_api_s_errors_are_read(status, code, subcode, error):
    found = META.read_error(failed(status, code, subcode))
    assert type(found) is error
    shown = f"{code}.{subcode}" if subcode else str(code)
    if isinstance(found, AuthorizationLost | AccessDenied | Misconfigured):
        assert (found.cause.code, found.cause.vendor) == (shown, "Meta's words")
        assert found.cause.words.endswith(".")
        assert found.cause.cure.endswith(".")
    else:
        assert shown in str(found) or status in (429, 500, 503)


@pytest.mark.parametrize(
    ("code", "message", "error"),
    [
        (1, "Error validating client secret.", Misconfigured),
        (1, "An unknown error occurred", TryLater),
        (1, "Please reduce the amount of data you're asking for, then retry your request", TooMuch),
        (100, "Invalid appsecret_proof provided in the API argument", Misconfigured),
        (100, "API calls from the server require an appsecret_proof argument", Misconfigured),
        (2500, "Unknown path components: /v99.0/me", Misconfigured),
        (2500, "An active access token must be used", Refused),
    ],
)
def test_codes_that_mean_many_things_are_told_apart_by_their_words(code, message, error):
    assert type(META.read_error(failed(400, code, message=message))) is error


@pytest.mark.parametrize("code", range(200, 300))
def test_every_code_of_the_two_hundreds_is_about_rights(code):
    assert type(META.read_error(failed(403, code))) is AccessDenied


def test_too_much_data_is_known_by_its_subcode_too():
    assert type(META.read_error(failed(400, 100, 1487534))) is TooMuch


def test_what_meta_calls_transient_is_no_verdict_whatever_its_code():
    assert type(META.read_error(failed(400, 200, is_transient=True))) is TryLater
    assert type(META.read_error(failed(400, 987654, is_transient=True))) is TryLater
    assert type(META.read_error(failed(403, 200, is_transient=False))) is AccessDenied


def test_a_checkpoint_is_cured_at_facebook_first():
    for subcode in (459, 464):
        assert "facebook.com first" in META.read_error(failed(400, 190, subcode)).cause.cure


def test_an_unknown_code_is_shown_as_it_is_and_claims_no_cause():
    found = META.read_error(failed(403, 987654, 12))
    assert found.cause.code == "987654.12"
    assert "does not know" in found.cause.words


@pytest.mark.parametrize("status", STATUSES)
def test_each_account_status_that_stops_ads_has_a_cause_and_a_cure(status):
    error = STATUSES[status].error(f"account_status.{status}")
    assert type(error) is AccessDenied
    assert error.cause.words.endswith(".")
    assert error.cause.cure.endswith(".")


TOKEN_ERRORS = [
    ({"code": 190, "error_subcode": 463}, AuthorizationLost),
    ({"code": 190}, AuthorizationLost),
    ({"code": 100, "error_subcode": 36007}, AuthorizationLost),
    ({"code": 100, "error_subcode": 36009}, AuthorizationLost),
    ({"code": 100, "message": "Invalid verification code format."}, AuthorizationLost),
    ({"code": 100, "error_subcode": 36008}, Misconfigured),
    ({"code": 191}, Misconfigured),
    ({"code": 101}, Misconfigured),
    ({"code": 1, "message": "Error validating client secret."}, Misconfigured),
    ({"code": 1, "message": "An unknown error occurred"}, TryLater),
    ({"code": 4}, TryLater),
    ({"code": 368}, TryLater),
    ({"code": 200}, TryLater),
    ({"code": 2, "is_transient": True}, TryLater),
    ({"code": 100, "message": "Invalid grant_type"}, TryLater),
    ({"code": 987654}, TryLater),
    ({"code": "190; drop"}, TryLater),
    ({"code": True}, TryLater),
    ("invalid_grant", AuthorizationLost),
    ("invalid_client", Misconfigured),
    ("temporarily_unavailable", TryLater),
]


@pytest.mark.parametrize(("error", "expected"), TOKEN_ERRORS, ids=[str(e[0]) for e in TOKEN_ERRORS])
def test_the_token_endpoint_s_refusals_are_read(error, expected):
    answer = Answer(400, MappingProxyType({}), json.dumps({"error": error}).encode())
    assert type(META.read_refusal(answer)) is expected


def usage(**more):
    return json.dumps({"1": [{"type": "ads_insights", "call_count": 100} | more]})


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"x-business-use-case-usage": usage(estimated_time_to_regain_access=12)}, timedelta(minutes=12)),
        ({"x-business-use-case-usage": usage(estimated_time_to_regain_access=0)}, None),
        ({"x-business-use-case-usage": usage(estimated_time_to_regain_access="soon")}, None),
        ({"x-business-use-case-usage": usage(estimated_time_to_regain_access=True)}, None),
        ({"x-business-use-case-usage": usage(estimated_time_to_regain_access=10**12)}, None),
        ({"x-business-use-case-usage": "<html>"}, None),
        ({"x-business-use-case-usage": "[" * 100_000}, None),
        ({"x-business-use-case-usage": '{"1":["x",7]}'}, None),
        ({"x-ad-account-usage": '{"acc_id_util_pct":100,"reset_time_duration":90}'}, timedelta(seconds=90)),
        ({}, None),
    ],
    ids=range(10),
)
def test_the_wait_is_what_metas_headers_say(headers, wait):
    assert regained(headers) == wait
    found = META.read_error(failed(400, 80004, headers=headers))
    assert found.after == (wait or timedelta(minutes=1))


def test_the_longest_of_several_waits_counts():
    told = {"1": [{"estimated_time_to_regain_access": 3}, {"estimated_time_to_regain_access": 9}], "2": [{}]}
    assert regained({"x-business-use-case-usage": json.dumps(told)}) == timedelta(minutes=9)
