"""What a workspace beside home is told: everything of the deployment, nothing that is home's own."""

from pydantic import SecretStr

from bot.memory.installed import Neighbour
from bot.settings.settings import NO_SECRET, Settings, WorkspaceSettings
from bot.words.connection import Secret
from bot.words.tenant import Tenant, tenant_address


def tenant_settings(home: Settings, told: Neighbour, tokens: tuple[Secret, Secret | None], database: str) -> Settings:
    """Channel, owners, API keys, routes and webhooks of home are nobody else's."""
    own = next((each for each in home.workspaces if each.team == told.team), WorkspaceSettings(team=told.team))
    bot, refresh = tokens
    slack = {
        "bot_token": SecretStr(bot.reveal()),
        "refresh_token": SecretStr(refresh.reveal()) if refresh else NO_SECRET,
        "channel": own.channel or told.channel,
        "installer": told.installer,
        "owners": own.owners,
        "language": own.language or home.slack.language,
    }
    address = tenant_address(home.web.public_url, told.team)
    return home.of_tenant(
        Tenant(told.team, home.web.public_url),
        database=home.database.model_copy(update={"url": database}),
        web=home.web.model_copy(update={"public_url": address, "api_keys": own.api_keys, "require_slack_login": True}),
        slack=home.slack.model_copy(update=slack),
        digest=home.digest.model_copy(update={"channel": ""}),
        fallback=home.fallback.model_copy(update={"ping": NO_SECRET}),
        routes=(),
        webhooks=(),
        workspaces=(),
    )
