"""The pages of the HTTP API, one for each group of operations, from the OpenAPI document."""

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from serving.bootstrap import create_home
from serving.http.api import create_app
from serving.http.openapi import document_of
from serving.reference import schema
from serving.reference.markdown import block, code, table
from serving.scoring.scorer import Scorer
from serving.settings import Settings

_HEADERS = frozenset({"X-Request-Id", "RateLimit", "RateLimit-Policy"})
"""What every answer carries; told once, among the conventions."""


class Operation(NamedTuple):
    """One operation: how it is asked and what the document says of it."""

    method: str
    path: str
    told: Mapping[str, Any]

    @property
    def title(self) -> str:
        """How it is asked, in one line."""
        return f"{self.method.upper()} {self.path}"

    @property
    def anchor(self) -> str:
        """Where it stands on its page, as headings are named on the web."""
        return re.sub(r"[^\w -]", "", self.title.lower()).replace(" ", "-")


def pages() -> Mapping[str, str]:
    """Give every page by its path below `reference/`."""
    found = document()
    return {"api.md": _first(found), **dict(_groups(found)), "api/webhooks.md": _webhooks(found)}


@cache
def document() -> Mapping[str, Any]:
    """Give the OpenAPI document as a new home's service gives it out."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with tempfile.TemporaryDirectory(prefix="keepwell-reference-") as folder:
        keepwell = create_home(Path(folder), Settings(), now=now)
        scorer = Scorer(keepwell, clock=lambda: now)
        try:
            return document_of(create_app(keepwell, scorer, clock=lambda: now))
        finally:
            keepwell.close()


def operations(document: Mapping[str, Any], tag: str) -> Iterator[Operation]:
    """Give the operations whose first group is `tag`, in the document's order."""
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            if told["tags"][0] == tag:
                yield Operation(method, path, told)


def _first(document: Mapping[str, Any]) -> str:
    lines = [
        "# Every address of the API",
        "",
        "Written by `make docs` from the OpenAPI document that the service gives out at "
        "`/v1/openapi.json`. [The API in one page](../api.md) has what holds everywhere: keys, "
        "errors, pages of lists, limits, sending again. The people in the examples are made up.",
    ]
    for tag in document["tags"]:
        name = tag["name"]
        lines += ["", f"## [{_title(name)}](api/{name}.md)", "", tag["description"], ""]
        lines += table(
            ("address", "does", "scope"),
            (
                (
                    f"[`{each.title}`](api/{name}.md#{each.anchor})",
                    each.told["summary"],
                    code(_scope(each)),
                )
                for each in operations(document, name)
            ),
        )
    lines += [
        "",
        "## [Messages to your systems](api/webhooks.md)",
        "",
        "What the service sends by itself.",
        "",
        "```{toctree}",
        ":hidden:",
        "",
        *(f"api/{tag['name']}" for tag in document["tags"]),
        "api/webhooks",
        "```",
    ]
    return "\n".join(lines) + "\n"


def _groups(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for tag in document["tags"]:
        lines = [f"# API: {tag['name']}", "", tag["description"]]
        for each in operations(document, tag["name"]):
            lines += ["", *_operation(document, each)]
        yield f"api/{tag['name']}.md", "\n".join(lines) + "\n"


def _operation(document: Mapping[str, Any], operation: Operation) -> Iterator[str]:
    told = operation.told
    yield f"## `{operation.title}`"
    yield ""
    scope = _scope(operation)
    yield f"{told['summary']}. {f'Scope: `{scope}`.' if scope else 'Needs no key.'}"
    parameters = told.get("parameters", ())
    if parameters:
        yield ""
        yield from table(
            ("parameter", "in", "is", "meaning"),
            (
                (
                    code(each["name"]) + (" (must)" if each["required"] else ""),
                    each["in"],
                    schema.kind(each["schema"]),
                    each.get("description", ""),
                )
                for each in parameters
            ),
        )
    if "requestBody" in told:
        [content] = told["requestBody"]["content"].values()
        yield from _body(document, content["schema"], "Body")
        yield ""
        yield block(json.dumps(content["example"], indent=2, ensure_ascii=False), "json")
    yield from _answer(told)


def _answer(told: Mapping[str, Any]) -> Iterator[str]:
    status = next(each for each in told["responses"] if each.startswith("2"))
    answer = told["responses"][status]
    yield ""
    yield f"**{status}**: {answer['description']}"
    own = {name: each for name, each in answer.get("headers", {}).items() if name not in _HEADERS}
    for name, header in own.items():
        yield ""
        yield f"Header `{name}`: {header['description']}"
    for content in answer.get("content", {}).values():
        if "example" in content:
            yield ""
            yield block(json.dumps(content["example"], indent=2, ensure_ascii=False), "json")
    problems = [each for each in told["responses"] if not each.startswith("2")]
    yield ""
    yield "Problems: " + ", ".join(problems) + "."


def _body(document: Mapping[str, Any], body: Mapping[str, Any], heading: str) -> Iterator[str]:
    fields = [*schema.fields(document, body)]
    if fields:
        yield ""
        yield f"{heading}:"
        yield ""
        yield from table(
            ("field", "is", "meaning"),
            (
                (code(each.name) + (" (must)" if each.required else ""), each.kind, each.meaning)
                for each in fields
            ),
        )


def _webhooks(document: Mapping[str, Any]) -> str:
    lines = [
        "# API: messages to your systems",
        "",
        "[Messages to your systems](../../webhooks.md) says how they are signed, repeated and "
        "ordered. Each is a POST of `type`, `timestamp` and `data` to your address.",
    ]
    for name, methods in document["webhooks"].items():
        told = methods["post"]
        [content] = told["requestBody"]["content"].values()
        lines += ["", f"## `{name}`", "", *_paragraphs(told["description"])]
        lines += _body(document, content["schema"]["properties"]["data"], "`data`")
    return "\n".join(lines) + "\n"


def _paragraphs(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield line.strip()


def _scope(operation: Operation) -> str:
    asked = operation.told.get("security") or [{}]
    return ", ".join(scope for each in asked for scope in each.get("key", ()))


def _title(name: str) -> str:
    return name[0].upper() + name[1:]
