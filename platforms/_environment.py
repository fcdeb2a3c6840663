"""Settings of a platform that hold more than one value: from the environment they come as one text."""

import json
from typing import Any

from pydantic import BeforeValidator


def _by_commas(value: Any) -> Any:
    return [each.strip() for each in value.split(",")] if isinstance(value, str) else value


def _by_words(value: Any) -> Any:
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _as_json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


BY_COMMAS = BeforeValidator(_by_commas)
BY_WORDS = BeforeValidator(_by_words)  # what holds no space itself, such as a scope or a domain
AS_JSON = BeforeValidator(_as_json)
