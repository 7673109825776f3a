"""The OpenAPI document as tests use it: operations by name, and answers held against it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator

_METHODS = ("get", "put", "post", "delete")


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give every operation as method, path and what is said of it."""
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield method, path, item[method]


def named(document: Mapping[str, Any], name: str) -> tuple[str, str, dict[str, Any]]:
    [found] = [each for each in operations(document) if each[2]["operationId"] == name]
    return found


def mistakes(document: Mapping[str, Any], schema: Mapping[str, Any], found: Any) -> list[str]:
    """Say where JSON differs from a schema of the document; a field nobody described differs."""
    whole = {**_closed(schema), "components": _closed(document["components"])}
    validator = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [f"{each.json_path}: {each.message}"[:300] for each in validator.iter_errors(found)]


def _closed(part: Any) -> Any:
    """Forbid fields that are not described, wherever some are."""
    if isinstance(part, list):
        return [_closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    closed = {name: _closed(each) for name, each in part.items() if name != "example"}
    if isinstance(part.get("properties"), dict) and "type" in part:
        closed.setdefault("additionalProperties", False)
    return closed


def answer_schema(operation: Mapping[str, Any], status: int) -> dict[str, Any] | None:
    """Give the schema of one answer's JSON, None where the operation has no such answer."""
    answer = operation["responses"].get(str(status), {})
    found: dict[str, Any] | None = (
        answer.get("content", {}).get("application/json", {}).get("schema")
    )
    return found


def references(document: Mapping[str, Any]) -> set[str]:
    """Give everything the document refers to."""
    found: set[str] = set()

    def look(part: Any) -> None:
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                found.add(part["$ref"])
            for each in part.values():
                look(each)
        elif isinstance(part, list):
            for each in part:
                look(each)

    look(json.loads(json.dumps(document)))
    return found
