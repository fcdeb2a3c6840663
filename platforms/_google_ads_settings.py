"""What `[platforms.google_ads]` may hold."""

from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr

from bot.words.interfaces import PlatformSettings
from platforms._environment import BY_COMMAS

_Bare = BeforeValidator(lambda value: value.replace("-", "") if isinstance(value, str) else value)


class GoogleAdsSettings(PlatformSettings):
    authorize_url: str = "https://accounts.google.com/o/oauth2/v2/auth"
    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    revoke_url: str = "https://oauth2.googleapis.com/revoke"
    api_url: str = "https://googleads.googleapis.com"
    userinfo_url: str = Field("https://openidconnect.googleapis.com/v1/userinfo", description="who consented")
    version: str = Field("v26", pattern=r"^v\d+$", description="version of the Google Ads API")
    login_customer_id: Annotated[str, _Bare] = Field(
        "", pattern=r"^\d*$", description="only accounts under this manager account; empty: every account"
    )
    developer_token: SecretStr = Field(
        SecretStr(""), description="not needed any more since September 2026; sent only when set"
    )
    testing: bool = Field(
        False, description="true while the OAuth consent screen is in testing: logins then end after 7 days"
    )
    autotagging: bool = Field(True, description="whether new connections tag their ads")
    utm: str = Field(
        "utm_source=google&utm_medium=cpc&utm_campaign={campaignid}&utm_content={creative}",
        pattern=r"^[^?&#\s][^#\s]*$",
        description="what is appended to the ads' final URL suffix",
    )
    domains: Annotated[tuple[str, ...], BY_COMMAS] = Field(
        (), description="your own domains; ads that lead elsewhere are not tagged; empty: all are"
    )
    restate_days: int = Field(30, ge=0, le=90, description="past days whose cost is read again, as Google restates it")
