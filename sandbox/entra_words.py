"""Microsoft Entra's refusals, word for word: one row for each AADSTS number the practice world can meet.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sandbox.tokens import Problem

Body = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """`claims`: sent along where a new sign-in with these claims would help."""

    number: int
    error: str
    words: str
    suberror: str = ""
    status: int = 400
    claims: str = ""


_MFA = (
    "Due to a configuration change made by your administrator, or because you moved to a new location, you must "
    "use multi-factor authentication to access '{resource}'."
)
_MFA_SETUP = (
    "Due to a configuration change made by your administrator, or because you moved to a new location, you must "
    "enroll in multi-factor authentication to access '{resource}'."
)
_SECRET = (
    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the "
    "client secret ID, for a secret added to app '{client}'."
)
_SECRET_EXPIRED = (
    "The provided client secret keys for app '{client}' are expired. Visit the Azure portal to create new keys for "
    "your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: "
    "https://aka.ms/certCreds."
)
_NO_APP = (
    "Application with identifier '{client}' was not found in the directory '{tenant}'. This can happen if the "
    "application has not been installed by the administrator of the tenant or consented to by any user in the tenant. "
    "You may have sent your authentication request to the wrong tenant."
)
_REVOKED = (
    "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed "
    "or reset their password. The grant was issued on '{issued}' and the TokensValidFrom date (before which tokens are "
    "not valid) for this user is '{now}'."
)
_IDLE = (
    "The refresh token has expired due to inactivity. The token was issued on {issued} and was inactive for "
    "90.00:00:00."
)
_OFTEN = "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access."
_NO_CONSENT = (
    "The user or administrator has not consented to use the application with ID '{client}' named 'Redkey'. Send an "
    "interactive authorization request for this user and resource."
)
_NO_RESOURCE = (
    "The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the "
    "application has not been installed by the administrator of the tenant or consented to by any user in the tenant."
)
_BLOCKED = "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."
_MFA_CLAIMS = '{"access_token":{"polids":{"essential":true,"values":["5ce770ea-8690-4747-aa73-c5b3cd509cd4"]}}}'
_BLOCK_CLAIMS = '{"access_token":{"capolids":{"essential":true,"values":["c1a1a2b3-0e7f-4a35-9d64-0a1b2c3d4e5f"]}}}'

ROWS = {
    row.number: row
    for row in (
        Row(50011, "invalid_request", "The redirect URI specified in the request does not match."),
        Row(50020, "invalid_grant", "User account from identity provider does not exist in tenant '{tenant}'."),
        Row(50034, "invalid_grant", "The user account does not exist in the {tenant} directory.", "message_only"),
        Row(50057, "invalid_grant", "The user account is disabled.", "message_only"),
        Row(50076, "invalid_grant", _MFA, "basic_action", claims=_MFA_CLAIMS),
        Row(50079, "invalid_grant", _MFA_SETUP, "basic_action", claims=_MFA_CLAIMS),
        Row(50105, "invalid_grant", "The signed in user is not assigned to a role for the application '{client}'."),
        Row(50132, "invalid_grant", "The credentials have been revoked due to a password change.", "bad_token"),
        Row(50148, "invalid_grant", "The code_verifier does not match the code_challenge supplied in the request."),
        Row(50173, "invalid_grant", _REVOKED, "bad_token"),
        Row(50194, "invalid_request", "Application '{client}' is not configured as a multi-tenant application."),
        Row(50196, "invalid_grant", "The server terminated an operation because it encountered a loop."),
        Row(53003, "invalid_grant", _BLOCKED, "message_only", claims=_BLOCK_CLAIMS),
        Row(54005, "invalid_grant", "OAuth2 Authorization code was already redeemed, please retry with a new code."),
        Row(65001, "invalid_grant", _NO_CONSENT, "consent_required"),
        Row(70000, "invalid_grant", "The provided value for the input parameter is not valid."),
        Row(70003, "unsupported_grant_type", "The app requested an unsupported grant type '{detail}'."),
        Row(70008, "invalid_grant", "The provided authorization code or refresh token has expired due to inactivity."),
        Row(70011, "invalid_scope", "The provided value for the input parameter 'scope' is not valid: {detail}"),
        Row(70043, "invalid_grant", _OFTEN, "token_expired"),
        Row(
            90002, "invalid_request", "Tenant '{detail}' not found. Check to make sure you have the correct tenant ID."
        ),
        Row(90023, "invalid_request", "Unsupported 'prompt' value."),
        Row(90033, "temporarily_unavailable", "A transient error has occurred. Please try again.", status=503),
        Row(500011, "invalid_resource", _NO_RESOURCE),
        Row(
            500112, "invalid_client", "The reply address does not match the one of the authorization code.", status=401
        ),
        Row(700016, "unauthorized_client", _NO_APP),
        Row(700082, "invalid_grant", _IDLE),
        Row(900144, "invalid_request", "The request body must contain the following parameter: '{detail}'."),
        Row(7000112, "unauthorized_client", "Application '{client}' is disabled."),
        Row(7000215, "invalid_client", _SECRET, status=401),
        Row(7000222, "invalid_client", _SECRET_EXPIRED, status=401),
        Row(9002313, "invalid_grant", "Invalid request. Request is malformed or invalid.", "bad_token"),
    )
}
NUMBERS = {
    Problem.MISSING_PARAMETER: 900144,
    Problem.UNSUPPORTED_GRANT: 70003,
    Problem.UNKNOWN_CLIENT: 700016,
    Problem.WRONG_SECRET: 7000215,
    Problem.UNKNOWN_CODE: 9002313,
    Problem.EXPIRED_CODE: 70008,
    Problem.USED_CODE: 54005,
    Problem.FOREIGN_CODE: 70000,
    Problem.WRONG_REDIRECT: 500112,
    Problem.MISSING_VERIFIER: 50148,
    Problem.WRONG_VERIFIER: 50148,
    Problem.UNKNOWN_REFRESH: 9002313,
    Problem.FOREIGN_REFRESH: 70000,
    Problem.REVOKED: 50173,
    Problem.PASSWORD_CHANGED: 50173,
    Problem.IDLE: 700082,
    Problem.SESSION_ENDED: 70043,
    Problem.ACCOUNT_DELETED: 50034,
    Problem.PERSON_LOCKED: 50057,
}


class Speaker:
    """Puts a refusal into Entra's words. Trace ids come from a seed, so every run is the same."""

    def __init__(self, client: str, *, seed: int = 365) -> None:
        self._client = client
        self._dice = random.Random(seed)

    def body(self, number: int, now: datetime, **words: str) -> tuple[int, Body]:
        row = ROWS[number]
        trace, correlation = self._guid(), self._guid()
        at = now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        told = row.words.format(**{"client": self._client, "now": at, **words})
        lines = (f"AADSTS{number}: {told}", f"Trace ID: {trace}", f"Correlation ID: {correlation}", f"Timestamp: {at}")
        body: Body = {
            "error": row.error,
            "error_description": "\r\n".join(lines),
            "error_codes": [number],
            "timestamp": at,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={number}",
        }
        if row.suberror:
            body["suberror"] = row.suberror
        if row.claims:
            body["claims"] = row.claims
        return row.status, body

    def _guid(self) -> str:
        return str(UUID(int=self._dice.getrandbits(128), version=4))
