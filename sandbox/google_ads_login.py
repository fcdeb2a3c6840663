"""How Google does OAuth: its refusals, its rules about refresh tokens, who the practice people are."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sandbox.google_ads_data import MANAGER, SHOES
from sandbox.ledger import Ledger
from sandbox.oauth import (
    Answer,
    AuthorizationServer,
    Client,
    Lifetimes,
    Paths,
    Person,
    Problem,
    Refusal,
    Rules,
)

ADWORDS = "https://www.googleapis.com/auth/adwords"
EMAIL_SCOPES = {"email", "https://www.googleapis.com/auth/userinfo.email"}
ADA = "ada.marsh@acme.example"
BEN = "ben.okoro@acme.example"
CLEO = "cleo.vance@globex.example"
CLIENT_ID = "100000000001-redkeysandbox.apps.googleusercontent.com"
CLIENT_SECRET = "GOCSPX-sandbox-redkey"

_DEAD = ("invalid_grant", "Token has been expired or revoked.")
_REFUSALS = {
    Problem.UNKNOWN_CLIENT: (401, "invalid_client", "The OAuth client was not found."),
    Problem.WRONG_SECRET: (401, "invalid_client", "The provided client secret is invalid."),
    Problem.UNKNOWN_CODE: (400, "invalid_grant", "Malformed auth code."),
    Problem.EXPIRED_CODE: (400, "invalid_grant", "Bad Request"),
    Problem.USED_CODE: (400, "invalid_grant", "Bad Request"),
    Problem.FOREIGN_CODE: (401, "unauthorized_client", "Unauthorized"),
    Problem.FOREIGN_REFRESH: (401, "unauthorized_client", "Unauthorized"),
    Problem.WRONG_REDIRECT: (400, "redirect_uri_mismatch", "Bad Request"),
    Problem.MISSING_VERIFIER: (400, "invalid_grant", "Missing code verifier."),
    Problem.WRONG_VERIFIER: (400, "invalid_grant", "Invalid code verifier."),
    Problem.ACCOUNT_DELETED: (400, "invalid_grant", "Account has been deleted"),
    Problem.UNKNOWN_TOKEN: (400, "invalid_token", "Token expired or revoked"),
}


def refuse(refusal: Refusal) -> Answer:
    match refusal.problem:
        case Problem.MISSING_PARAMETER:
            return 400, {"error": "invalid_request", "error_description": refusal.detail}
        case Problem.UNSUPPORTED_GRANT:
            description = f"Invalid grant_type: {refusal.detail}"
            return 400, {"error": "unsupported_grant_type", "error_description": description}
        case Problem.SESSION_ENDED:
            return 400, {
                "error": "invalid_grant",
                "error_description": "reauth related error (invalid_rapt)",
                "error_uri": "https://support.google.com/a/answer/9368756",
                "error_subtype": "invalid_rapt",
            }
        case problem:
            status, error, description = _REFUSALS.get(problem, (400, *_DEAD))
            return status, {"error": error, "error_description": description}


def about(person: Person, scopes: tuple[str, ...]) -> dict[str, Any]:
    """https://openidconnect.googleapis.com/v1/userinfo: a name only with the profile scope."""
    told: dict[str, Any] = {"sub": person.sub, "picture": "https://lh3.googleusercontent.com/a/default-user"}
    if EMAIL_SCOPES & set(scopes):
        told |= {"email": person.email, "email_verified": True}
    if "profile" in scopes:
        told["name"] = person.name
    return told


def login(ledger: Ledger, now: Callable[[], datetime]) -> AuthorizationServer:
    rules = Rules(
        vendor="Google",
        issuer="https://accounts.google.com",
        paths=Paths("/o/oauth2/v2/auth", "/token", "/revoke", "/v1/userinfo"),
        granular=True,
        google_offline=True,
        revoke_takes_all=True,
        unknown_revoke_fails=True,
        errors_to_client=False,
        token_prefixes=("ya29.", "1//"),
        refuse=refuse,
        about=about,
    )
    people = [
        Person("104800000000000000001", ADA, "Ada Marsh", [MANAGER]),
        Person("104800000000000000002", BEN, "Ben Okoro", [SHOES]),
        Person("104800000000000000003", CLEO, "Cleo Vance"),
    ]
    return AuthorizationServer(
        rules,
        ledger,
        client=Client(CLIENT_ID, CLIENT_SECRET),
        people=people,
        lifetimes=Lifetimes(live_refresh=100),
        now=now,
    )
