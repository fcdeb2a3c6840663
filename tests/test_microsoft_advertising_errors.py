"""What Microsoft Advertising's errors mean to us: every row of the table, in every shape they come in."""

from datetime import timedelta

import pytest
from practice_gateway import answered

from bot.words.errors import AccessDenied, AuthorizationLost, Misconfigured, Refused, TryLater
from platforms._microsoft_advertising_errors import partial_errors
from platforms.microsoft_advertising import MicrosoftAdvertising, MicrosoftAdvertisingSettings

PLATFORM = MicrosoftAdvertising(MicrosoftAdvertisingSettings())


def failed(status, code, *, shape="AdApiFaultDetail", detail=None, **more):
    error = {"Code": code, "ErrorCode": "Name", "Message": "Microsoft's words", **more}
    if shape == "AdApiFaultDetail":
        errors = {"Errors": [error | {"Detail": detail}]}
    else:
        empty = {"BatchErrors": [], "OperationErrors": []} if shape == "ApiFaultDetail" else {}
        name = "BatchErrors" if shape == "BatchErrors" else "OperationErrors"
        errors = empty | {name: [error | {"Details": detail}]}
    return answered(status, {"TrackingId": "1", "Type": shape} | errors)


ERRORS = [
    (401, 105, None, AuthorizationLost, "does not say which"),
    (401, 105, "InvalidAccessToken", AuthorizationLost, "does not say which"),
    (401, 105, "UserNotFound", AuthorizationLost, "does not know this login"),
    (401, 105, "AccountInactive", AccessDenied, "not active"),
    (403, 106, None, AccessDenied, "may not do that"),
    (401, 108, None, AuthorizationLost, "locked this login"),
    (401, 109, None, AuthorizationLost, "token"),
    (401, 120, None, AuthorizationLost, "merged"),
    (401, 122, None, AuthorizationLost, "work account"),
    (401, 123, None, AuthorizationLost, "personal account"),
    (401, 124, None, AuthorizationLost, "work account"),
    (401, 125, None, AuthorizationLost, "work account"),
    (401, 126, "GoogleAccountIsRequired", AuthorizationLost, "another kind of account"),
    (400, 205, None, Misconfigured, "switched off"),
    (400, 303, None, Misconfigured, "switched off"),
    (400, 208, None, AccessDenied, "does not find this account"),
    (400, 1102, None, AccessDenied, "does not find this account"),
    (400, 2003, None, AccessDenied, "does not find this account"),
    (400, 2035, None, AccessDenied, "does not find this account"),
]


@pytest.mark.parametrize("shape", ["AdApiFaultDetail", "ApiFaultDetail", "ApiFault", "BatchErrors"])
@pytest.mark.parametrize(("status", "code", "detail", "error", "words"), ERRORS)
def test_the_api_s_errors_are_read_whatever_they_are_wrapped_in(status, code, detail, error, words, shape):
    for each in (status, 500):
        found = PLATFORM.read_error(failed(each, code, shape=shape, detail=detail))
        assert type(found) is error
        assert found.cause.code == str(code)
        assert words in found.cause.words
        assert found.cause.vendor == "Microsoft's words" + (f" ({detail})" if detail else "")


@pytest.mark.parametrize(
    ("code", "after"),
    [
        (0, None),
        (117, timedelta(minutes=1)),
        (207, timedelta(minutes=1)),
        (3227, timedelta(minutes=15)),
        (4204, timedelta(minutes=15)),
    ],
)
@pytest.mark.parametrize("status", [400, 403, 429, 500])
def test_what_passes_by_itself_is_tried_later(status, code, after):
    found = PLATFORM.read_error(failed(status, code, shape="ApiFaultDetail"))
    assert type(found) is TryLater
    assert found.after == after


@pytest.mark.parametrize("code", [100, 113, 116, 201, 202, 1201, 2010, 2100, 3207, 3209, 3603, 4201, 4626, 99999])
def test_a_request_that_is_wrong_is_refused_with_its_code(code):
    found = PLATFORM.read_error(failed(400, code, shape="ApiFaultDetail"))
    assert type(found) is Refused
    assert found.code == str(code)
    assert "Microsoft's words" in str(found)


@pytest.mark.parametrize(("status", "error"), [(401, AuthorizationLost), (403, AccessDenied)])
def test_an_unknown_code_is_shown_as_it_is_and_claims_no_cause(status, error):
    found = PLATFORM.read_error(failed(status, 98765))
    assert type(found) is error
    assert (found.cause.code, found.cause.vendor) == ("98765", "Microsoft's words")
    assert "does not know" in found.cause.words


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_s_own_trouble_is_no_verdict(status):
    assert type(PLATFORM.read_error(failed(status, 98765))) is TryLater


def test_a_known_error_among_others_decides():
    body = {"Errors": [None, {"Code": 98765}, {"Code": 106, "Message": "no"}]}
    assert type(PLATFORM.read_error(answered(400, body))) is AccessDenied


@pytest.mark.parametrize(
    "body",
    [
        {"Errors": 7},
        {"Errors": [[]]},
        {"Errors": {"Code": 105}},
        {"OperationErrors": ["105"]},
    ],
)
def test_an_error_of_another_shape_is_garbage(body):
    assert type(PLATFORM.read_error(answered(400, body))) is TryLater


def test_a_login_s_refusal_is_read_as_entra_s():
    found = PLATFORM.read_refusal(answered(400, {"error": "invalid_grant", "error_codes": [700082]}))
    assert (type(found), found.cause.code) == (AuthorizationLost, "AADSTS700082")
    expired = PLATFORM.read_refusal(answered(401, {"error": "invalid_client", "error_codes": [7000222]}))
    assert type(expired) is Misconfigured


def test_partial_errors_are_read_by_their_place():
    errors = [
        None,
        {
            "Index": 2,
            "Code": 4626,
            "ErrorCode": "FinalUrlSuffixInvalidCharacters",
            "Message": "bad",
            "Type": "BatchError",
        },
        {"Index": 2, "Code": 1, "ErrorCode": "Second", "Message": "later", "Type": "BatchError"},
        {"Code": 4, "Message": "all of it", "Type": "BatchError"},
    ]
    assert partial_errors({"PartialErrors": errors}) == {
        2: "FinalUrlSuffixInvalidCharacters: bad",
        None: "4: all of it",
    }
    assert partial_errors({"PartialErrors": None}) == {}


@pytest.mark.parametrize(
    ("code", "error"), [(0, TryLater), (4204, TryLater), (106, AccessDenied), (109, AuthorizationLost)]
)
def test_a_partial_error_that_concerns_everything_is_raised(code, error):
    with pytest.raises(error):
        partial_errors({"PartialErrors": [{"Index": 0, "Code": code, "Message": "x"}]})
