"""What `[platforms.microsoft_advertising]` may hold."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator

from bot.words.interfaces import PlatformSettings
from platforms._entra import TENANT
from platforms._environment import BY_COMMAS
from platforms._microsoft_advertising_orders import Service

_PLACEHOLDER = re.compile(r"\{[^}]*(lpurl|ignore)", re.IGNORECASE)


def _appendable(value: str) -> str:
    if _PLACEHOLDER.search(value):
        raise ValueError("must not hold {lpurl} or {ignore}: they belong in a tracking template")
    return value


class MicrosoftAdvertisingSettings(PlatformSettings):
    api_url: str = Field("", description="one address for all four services, where they have no own one")
    customer_url: str = Field(
        "", description="customer management; https://clientcenter.api.bingads.microsoft.com unless set"
    )
    campaign_url: str = Field(
        "", description="campaign management; https://campaign.api.bingads.microsoft.com unless set"
    )
    bulk_url: str = Field("", description="downloads; https://bulk.api.bingads.microsoft.com unless set")
    reporting_url: str = Field("", description="reports; https://reporting.api.bingads.microsoft.com unless set")
    tenant: str = Field(
        "common",
        pattern=TENANT,
        description="who may log in: common (work and personal accounts), or one organization's id or domain",
    )
    scope: str = Field(
        "https://ads.microsoft.com/msads.manage", pattern=r"^\S+$", description="the permission that is asked for"
    )
    developer_token: SecretStr = Field(
        SecretStr(""), validate_default=True, description="from Microsoft Advertising's developer settings; needed"
    )
    download_hosts: Annotated[tuple[str, ...], BY_COMMAS] = Field(
        ("bingads.microsoft.com", "bingadsappsstorageprod.blob.core.windows.net"),
        description="where Microsoft may keep the files it prepares, subdomains included",
    )
    autotagging: bool = Field(True, description="whether new connections tag their ads")
    utm: Annotated[str, AfterValidator(_appendable)] = Field(
        "utm_source=bing&utm_medium=cpc&utm_campaign={CampaignId}&utm_content={AdId}",
        pattern=r"^[^?&#\s][^#\s]*$",
        description="what is appended to the ads' final URL suffix",
    )
    domains: Annotated[tuple[str, ...], BY_COMMAS] = Field(
        (), description="your own domains; ads that lead elsewhere are not tagged; empty: all are"
    )
    restate_days: int = Field(
        30, ge=0, le=90, description="past days whose cost is read again, as Microsoft restates it"
    )

    @field_validator("developer_token")
    @classmethod
    def _needed(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if info.data.get("client_id") and not value.get_secret_value():
            raise ValueError("is missing: a Super Admin gets it in Microsoft Advertising's developer settings")
        return value

    @property
    def addresses(self) -> dict[Service, str]:
        return {
            Service.CUSTOMER: self.customer_url or self.api_url or "https://clientcenter.api.bingads.microsoft.com",
            Service.CAMPAIGN: self.campaign_url or self.api_url or "https://campaign.api.bingads.microsoft.com",
            Service.BULK: self.bulk_url or self.api_url or "https://bulk.api.bingads.microsoft.com",
            Service.REPORTING: self.reporting_url or self.api_url or "https://reporting.api.bingads.microsoft.com",
        }
