"""Signing in with Microsoft Entra, for every Microsoft platform: its addresses, and what its token refusals mean.

`error` and `suberror` decide. The AADSTS number only explains: Microsoft says that apps which depend on the numbers
"will be broken over time" (https://learn.microsoft.com/entra/identity-platform/reference-error-codes).
"""

from datetime import timedelta
from typing import Any

from bot.words.errors import AuthorizationLost, Misconfigured, RedkeyError, TryLater
from bot.words.interfaces import Answer
from platforms._verdicts import Verdict, decoded, plain_code, plain_text, table

TENANT = r"^[A-Za-z0-9][A-Za-z0-9.-]*$"  # common, organizations, consumers, a tenant's id or one of its domains
# "90 days", and each refresh brings a new one: https://learn.microsoft.com/entra/identity-platform/refresh-tokens
REFRESH_SECONDS = 90 * 86_400

_HOST = "https://login.microsoftonline.com"
_AFTER_A_LOOP = timedelta(minutes=5)

_AGAIN = "Log in with Microsoft again."
_ADMIN = "Ask a Microsoft 365 administrator to look at this account, or log in with another account."
_OPERATOR = "Whoever runs Redkey must check the app registration in the Microsoft Entra admin center."

_ENDED = Verdict(AuthorizationLost, "Microsoft does not accept this login any more.", _AGAIN)
_REVOKED = Verdict(AuthorizationLost, "The login was revoked, or the password was changed or reset.", _AGAIN)
_IDLE = Verdict(AuthorizationLost, "This login has expired because it was not used for a long time.", _AGAIN)
_EXPIRED = Verdict(AuthorizationLost, "This login has expired.", _AGAIN)
_PASSWORD = Verdict(
    AuthorizationLost,
    "The password of this Microsoft account has expired.",
    "Set a new password for the account, then log in with Microsoft again.",
)
_MFA = Verdict(
    AuthorizationLost,
    "The organization now asks this account for multi-factor authentication.",
    "Log in with Microsoft again and confirm the second factor.",
)
_MFA_SETUP = Verdict(
    AuthorizationLost,
    "The organization asks for multi-factor authentication, and this account has not set it up.",
    "Log in with Microsoft again and set up multi-factor authentication when asked.",
)
_FREQUENCY = Verdict(
    AuthorizationLost,
    "The organization makes people sign in anew after a set time, and that time is over.",
    "Log in with Microsoft again. An administrator can lengthen the sign-in frequency for this app.",
)
_BLOCKED = Verdict(
    AuthorizationLost,
    "The organization's Conditional Access policies do not let this account use the app from where Redkey runs.",
    "Ask a Microsoft 365 administrator to allow this app in the Conditional Access policies, then log in again.",
)
_CONSENT = Verdict(
    AuthorizationLost,
    "The consent for this app is missing: it was withdrawn, or the app now asks for more.",
    "Log in with Microsoft again and accept what the app asks for; if Microsoft asks for an administrator, ask one.",
)
_DISABLED = Verdict(AuthorizationLost, "The Microsoft account that had logged in is disabled.", _ADMIN)
_GONE = Verdict(
    AuthorizationLost,
    "The Microsoft account that had logged in does not exist any more.",
    "Log in with another Microsoft account that has access.",
)
_UNASSIGNED = Verdict(
    AuthorizationLost,
    "This account is not assigned to the app in the organization.",
    "Ask a Microsoft 365 administrator to assign the account to the app, or log in with another account.",
)
_MESSAGE = Verdict(AuthorizationLost, "The organization does not let this account use the app.", _ADMIN)
_ELSEWHERE = Verdict(
    AuthorizationLost,
    "Microsoft asks the person to put something right before the login works again.",
    "Sign in to Microsoft in a browser, follow what it asks for, then log in here again.",
)

_CLIENT = Verdict(Misconfigured, "Microsoft does not accept Redkey's client id and client secret.", _OPERATOR)
_WRONG_SECRET = Verdict(
    Misconfigured,
    "Microsoft does not accept Redkey's client secret.",
    "Whoever runs Redkey must set client_secret to the secret's value (not its id) from the Microsoft Entra admin "
    "center.",
)
_EXPIRED_SECRET = Verdict(
    Misconfigured,
    "Redkey's client secret has expired.",
    "Whoever runs Redkey must make a new client secret in the Microsoft Entra admin center and set it as client_secret.",
)
_NO_APP = Verdict(
    Misconfigured,
    "Microsoft does not find this app in the organization.",
    "Whoever runs Redkey must check client_id and tenant, and that the app may be used by other organizations.",
)
_APP_DISABLED = Verdict(
    Misconfigured,
    "The app is disabled in the Microsoft Entra admin center.",
    "Whoever runs Redkey must have the app enabled again.",
)
_REDIRECT = Verdict(
    Misconfigured,
    "The address that logins return to is not registered for this app.",
    "Whoever runs Redkey must add its redirect URI to the app registration in the Microsoft Entra admin center.",
)
_RESOURCE = Verdict(
    Misconfigured,
    "The service that the app asks for is not available in this organization.",
    "Whoever runs Redkey must check the addresses in the settings; else the organization has no licence for it.",
)
_SINGLE_TENANT = Verdict(
    Misconfigured,
    "This app may only be used inside its own organization.",
    "Whoever runs Redkey must set tenant to that organization's id, or allow other organizations to use the app.",
)
_REQUEST = Verdict(Misconfigured, "Microsoft does not accept how Redkey asks for tokens.", _OPERATOR)

_BY_ERROR = table(
    (_ENDED, "invalid_grant interaction_required login_required bad_token"),
    (_CONSENT, "consent_required"),
    (_MESSAGE, "access_denied"),
    (_CLIENT, "invalid_client"),
    (_NO_APP, "unauthorized_client"),
    (_RESOURCE, "invalid_resource"),
    (_REQUEST, "invalid_request invalid_scope unsupported_grant_type unsupported_response_type"),
)
# https://learn.microsoft.com/entra/msal/dotnet/advanced/exceptions/msal-error-handling (UiRequiredExceptionClassification)
_BY_SUBERROR = table(
    (_CONSENT, "consent_required"),
    (_MESSAGE, "message_only"),
    (_ELSEWHERE, "additional_action"),
    (_PASSWORD, "user_password_expired"),
    (_ENDED, "basic_action bad_token"),
    (_EXPIRED, "token_expired"),
)
_BY_NUMBER = table(
    (_REVOKED, "50173 50132 50133"),
    (_IDLE, "700082"),
    (_EXPIRED, "70008"),
    (_PASSWORD, "50055"),
    (_MFA, "50076 50078"),
    (_MFA_SETUP, "50079 50072"),
    (_FREQUENCY, "70043 70044"),
    (_BLOCKED, "53003"),
    (_CONSENT, "65001"),
    (_DISABLED, "50057"),
    (_GONE, "50034"),
    (_UNASSIGNED, "50105"),
    (_WRONG_SECRET, "7000215"),
    (_EXPIRED_SECRET, "7000222"),
    (_NO_APP, "700016"),
    (_APP_DISABLED, "7000112"),
    (_REDIRECT, "50011 500112"),
    (_RESOURCE, "500011 650052"),
    (_SINGLE_TENANT, "50194"),
)
# Microsoft's own trouble, whatever `error` stands beside it. 50196: we asked too often in a short time.
_LATER = {"90033": None, "50196": _AFTER_A_LOOP}


def authorize_url(tenant: str) -> str:
    return f"{_HOST}/{tenant}/oauth2/v2.0/authorize"


def token_url(tenant: str) -> str:
    return f"{_HOST}/{tenant}/oauth2/v2.0/token"


def read_token_error(answer: Answer) -> RedkeyError:
    """What a refusal of the token endpoint means. An error we do not know is no verdict."""
    body = decoded(answer)
    body = body if isinstance(body, dict) else {}
    code, said, numbers = plain_code(body.get("error")), plain_text(body.get("error_description")), _numbers(body)
    later = next((number for number in numbers if number in _LATER), None)
    decided = _BY_ERROR.get(code)
    if decided is None or later:
        why = f"Microsoft's token endpoint answered HTTP {answer.status} ({code})"
        return TryLater(why, after=_LATER[later] if later else None)
    told = [_BY_NUMBER[number] for number in numbers if number in _BY_NUMBER]
    suberror = body.get("suberror")
    if isinstance(suberror, str) and suberror in _BY_SUBERROR:
        told.append(_BY_SUBERROR[suberror])
    words = next((verdict for verdict in told if verdict.remedy is decided.remedy), decided)
    return words.error(f"AADSTS{numbers[0]}" if numbers else code, said)


def _numbers(body: dict[str, Any]) -> list[str]:
    listed = body.get("error_codes")
    found = listed if isinstance(listed, list) else []
    return [str(each) for each in found if isinstance(each, int) and not isinstance(each, bool)]
