"""Examples for the OpenAPI document, by operation; the people in them are made up."""

from collections.abc import Mapping
from typing import Any

REQUESTS: Mapping[str, Any] = {}
ANSWERS: Mapping[str, Any] = {}
