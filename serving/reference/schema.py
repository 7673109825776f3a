"""What a JSON schema of the OpenAPI document says, in words."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_DEEPEST = 3
"""How far fields within fields are told of."""

_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
    "null": "null",
}


class Field(NamedTuple):
    """One field: `name` with those above it, parted by dots; `[]` stands for each of a list."""

    name: str
    kind: str
    required: bool
    meaning: str


def fields(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Field]:
    """Give the fields of an object, and of the objects in them."""
    yield from _fields(document, schema, "", 0)


def _fields(
    document: Mapping[str, Any], schema: Mapping[str, Any], above: str, depth: int
) -> Iterator[Field]:
    found = _plain(document, schema)
    if depth >= _DEEPEST:
        return
    for name, each in found.get("properties", {}).items():
        inner = _plain(document, each)
        meaning = each.get("description") or inner.get("description") or ""
        own = f"{above}{name}"
        yield Field(own, kind(inner), name in found.get("required", ()), meaning.split("\n")[0])
        if inner.get("type") == "array":
            yield from _fields(document, inner.get("items", {}), f"{own}[].", depth + 1)
        else:
            yield from _fields(document, inner, f"{own}.", depth + 1)


def kind(schema: Mapping[str, Any]) -> str:
    """Say what a value may be: its type, its choices, its limits and its default."""
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        said = " or ".join(f"`{each}`" for each in schema["enum"])
    elif "anyOf" in schema or "oneOf" in schema:
        parts = schema.get("anyOf") or schema.get("oneOf") or ()
        said = " or ".join(dict.fromkeys(kind(each) for each in parts))
    elif schema.get("type") == "array":
        said = f"list of {kind(schema.get('items', {}))}"
    elif schema.get("format") == "date-time":
        said = "instant"
    elif isinstance(schema.get("type"), list):
        said = " or ".join(_WORDS[each] for each in schema["type"])
    elif "$ref" in schema:
        said = "object"
    else:
        said = _WORDS.get(schema.get("type", ""), "anything")
    return ", ".join([said, *_limits(schema)])


def _limits(schema: Mapping[str, Any]) -> Iterator[str]:
    for name, words in (
        ("minimum", "≥ {}"),
        ("exclusiveMinimum", "> {}"),
        ("maximum", "≤ {}"),
        ("exclusiveMaximum", "< {}"),
        ("maxLength", "up to {} characters"),
        ("maxItems", "up to {}"),
    ):
        if name in schema:
            yield words.format(f"{schema[name]:,}")
    if schema.get("default") not in (None, "", [], {}):
        given = schema["default"]
        shown = ", ".join(map(str, given)) if isinstance(given, list) else str(given).lower()
        yield f"`{shown}` if left out"


def _plain(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow references, and the one real alternative of what may also be null."""
    while True:
        if "$ref" in schema:
            found = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            schema = {**found, **{k: v for k, v in schema.items() if k != "$ref"}}
            continue
        parts = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
        if len(parts) == 1 and "$ref" in parts[0]:
            kept = {k: v for k, v in schema.items() if k not in ("anyOf", "default")}
            schema = {**parts[0], **kept}
            continue
        if len(schema.get("allOf", ())) == 1:
            [only] = schema["allOf"]
            schema = {**only, **{k: v for k, v in schema.items() if k != "allOf"}}
            continue
        return schema
