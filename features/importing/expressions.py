"""SQL expressions out of a mapping file: parsed before they are run, and never more than that."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import duckdb

_ON_TEXT = {
    "contains", "ends_with", "left", "length", "lower", "ltrim", "prefix", "regexp_extract",
    "regexp_full_match", "regexp_matches", "regexp_replace", "replace", "right", "rtrim",
    "split_part", "starts_with", "strip_accents", "strptime", "substr", "substring", "suffix",
    "translate", "trim", "try_strptime", "upper", "~~", "!~~", "~~*", "!~~*",
}  # fmt: skip
_WORD = re.compile(r"[A-Za-z_]\w*")
_FORBIDDEN = {
    "SUBQUERY": "a subquery is not an expression over one row",
    "WINDOW": "a window function looks at other rows",
    "STAR": "* is not one value",
    "PARAMETER": "a parameter has no value here",
}


def syntax_problem(text: str) -> str | None:
    """Say what is wrong with an expression without looking at any data; None if nothing is."""
    tree = _parse(text)
    if tree.get("error"):
        said = str(tree.get("error_message")).splitlines()[0]
        if said.endswith('at or near "AS"'):
            said = "it ends too early"
        return f"not a SQL expression: {said}"
    statements = tree["statements"]
    node = statements[0]["node"] if len(statements) == 1 else {}
    plain = (
        node.get("type") == "SELECT_NODE"
        and len(node["select_list"]) == 1
        and node["from_table"]["type"] == "EMPTY"
        and not any(node.get(part) for part in ("where_clause", "modifiers", "having", "qualify"))
        and not node.get("group_expressions")
    )
    if not plain:
        return "not one SQL expression"
    for each in _nodes(node["select_list"][0]):
        found = _FORBIDDEN.get(str(each.get("class")))
        if found:
            return found
    return None


def as_column(text: str) -> str:
    """Take one bare word for a column, also where SQL has a meaning of its own for it.

    `at`, `when`, `order` and `user` are columns of many files.
    """
    if not _WORD.fullmatch(text) or text.lower() in ("true", "false", "null"):
        return text
    tree = _parse(text)
    if not tree.get("error"):
        (first,) = tree["statements"][0]["node"]["select_list"]
        if first.get("class") == "COLUMN_REF":
            return text
    return quote_name(text)


def columns_of(text: str) -> frozenset[str]:
    """Name the columns that a well-formed expression reads."""
    return _columns_in(_parse(text)["statements"][0]["node"]["select_list"][0])


def text_columns_of(text: str) -> frozenset[str]:
    """Name the columns that an expression takes apart as text, as in `replace(amount, ',', '.')`.

    They stay text even where every value in a file looks like a number or a time.
    """
    return frozenset().union(
        *(
            _columns_in(each)
            for each in _nodes(_parse(text)["statements"][0]["node"]["select_list"][0])
            if each.get("class") == "FUNCTION" and each.get("function_name") in _ON_TEXT
        )
    )


def _columns_in(tree: Any) -> frozenset[str]:
    return frozenset(
        str(each["column_names"][-1]) for each in _nodes(tree) if each.get("class") == "COLUMN_REF"
    )


def quote_name(name: str) -> str:
    """Write a column or table name so that SQL takes it as one name."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Write a text literal, for statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"


@cache
def _parse(text: str) -> dict[str, Any]:
    with duckdb.connect() as connection:
        row = connection.execute(
            "SELECT json_serialize_sql(?)", [f"SELECT {text}\n AS expression"]
        ).fetchone()
    assert row is not None
    found: dict[str, Any] = json.loads(row[0])
    return found


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for part in tree.values():
            yield from _nodes(part)
    elif isinstance(tree, list):
        for part in tree:
            yield from _nodes(part)
