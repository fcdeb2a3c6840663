"""Where settings come from: redkey.toml, then the environment, which wins. What is wrong with them is said in one go."""

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from bot.settings.settings import Settings
from bot.settings.values import a_list, json_or_text
from bot.settings.wrong import PREFIX, SEPARATOR, problem_lines, unknown_variables
from bot.words.errors import SetupError

DEFAULT_FILE = "redkey.toml"
ALSO_READ = {  # variables that other tools set as well; ours, REDKEY_..., wins over them
    "SLACK_BOT_TOKEN": ("slack", "bot_token"),
    "SLACK_APP_TOKEN": ("slack", "app_token"),
    "SLACK_SIGNING_SECRET": ("slack", "signing_secret"),
    "DATABASE_URL": ("database", "url"),
}


def written_keys(config: Path | None = None) -> list[str]:
    """The sealing keys as they stand, right or wrong: a new key needs a free name before the settings are complete."""
    from_variable = os.environ.get("REDKEY_SECRETS__KEYS")
    section = _written(config).get("secrets")
    listed = a_list(from_variable or (section.get("keys") if isinstance(section, dict) else ()))
    return [key for key in listed if isinstance(key, str)] if isinstance(listed, list) else []


def load(config: Path | None = None) -> Settings:
    """Read redkey.toml, then the environment, which wins. Raises SetupError with one line for each problem."""
    lines = unknown_variables(Settings)
    try:
        settings = _FromOutside(**_written(config))
    except ValidationError as error:
        lines = [*problem_lines(error, Settings, ALSO_READ), *lines]
    if lines:
        raise SetupError("\n".join(lines))
    return settings


def nowhere(config: Path | None) -> str:
    """What to say to somebody who stands in another directory than their settings; empty when anything is set."""
    file = Path(DEFAULT_FILE).absolute()
    if config or file.exists() or any(name.startswith("REDKEY_") or name in ALSO_READ for name in os.environ):
        return ""
    return f"{file}: there is no such file; copy redkey.example.toml there, or name yours with --config"


def _written(config: Path | None) -> dict[str, Any]:
    """What the file says. A file that was named must be there; redkey.toml need not."""
    named = config or (Path(os.environ["REDKEY_CONFIG"]) if os.environ.get("REDKEY_CONFIG") else None)
    return _read(named or Path(DEFAULT_FILE), must_exist=named is not None)


def _read(path: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError as error:
        if must_exist:
            raise SetupError(
                f"{path}: there is no such file; copy redkey.example.toml there, or name another"
            ) from error
        return {}
    except UnicodeDecodeError as error:
        raise SetupError(f"{path}: is not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"{path}: is not TOML: {str(error)[:200]}") from None
    except OSError as error:
        raise SetupError(f"{path}: cannot be read: {error.strerror}") from error


class _Environment(EnvSettingsSource):
    """REDKEY_SECTION__KEY. Only what looks like JSON is decoded: a client id of digits must stay text."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        return json_or_text(value)


class _AlsoRead(PydanticBaseSettingsSource):
    """The four variables that other tools set as well."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for variable, (section, key) in ALSO_READ.items():
            if os.environ.get(variable):
                found.setdefault(section, {})[key] = os.environ[variable]
        return found


class _FromOutside(Settings, BaseSettings):
    """Settings that also look into the environment. Its keyword arguments are what the file says, the weakest source."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=SEPARATOR, env_ignore_empty=True, extra="forbid", frozen=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return _Environment(settings_cls), _AlsoRead(settings_cls), init_settings
