"""The reference under docs/ is what the code says, and says of everything what there is to say."""

from pathlib import Path

import pytest

from features.definitions import AGGREGATES
from outcomes.measures.catalogue import definitions
from outcomes.measures.definition import Terms
from serving.reference import api, features, measures, schema
from serving.reference.book import pages
from serving.reference.markdown import table
from serving.reference.pages import addresses
from serving.reference.python import signature
from training.fit import RiskClassifier

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", pages())
def test_a_page_is_what_the_code_writes(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == pages()[name], "say: make docs"


def test_no_page_of_the_reference_is_left_over() -> None:
    there = {str(path.relative_to(DOCS)) for path in (DOCS / "reference").rglob("*.md")}
    assert there == {name for name in pages() if name.startswith("reference/")}


def test_every_aggregate_and_every_measure_is_told() -> None:
    told = features.page()
    assert [name for name in AGGREGATES if f"| `{name}` |" not in told] == []
    told = measures.page()
    assert [d.name for d in definitions(Terms()) if f"| `{d.name}` |" not in told] == []


def test_a_measure_says_what_is_divided_by_what() -> None:
    [row] = [line for line in measures.page().splitlines() if line.startswith("| `escalation` |")]
    assert [cell.strip() for cell in row.split("|")[2:4]] == [
        "tickets opened in the period and ever escalated",
        "tickets opened in the period",
    ]


def test_every_operation_is_told_with_an_answer() -> None:
    found = api.document()
    told = "".join(api.pages().values())
    every = [each for tag in found["tags"] for each in api.operations(found, tag["name"])]
    assert len(every) == sum(len(methods) for methods in found["paths"].values())
    assert [each.title for each in every if f"## `{each.title}`" not in told] == []


def test_every_staff_page_says_what_it_does_and_who_opens_it() -> None:
    found = {(each.method, each.path): each for each in addresses()}
    assert [each.path for each in found.values() if not each.does] == []
    assert found["GET", "/staff/approvals"].scopes == ("intervention:read",)
    one = "/staff/customers/{customer_id}"
    asked = {path: [*each.scopes, *each.also] for (_, path), each in found.items()}
    assert asked[f"{one}/scores"] == asked[f"{one}/wellbeing"] == ["consent:read", "score:read"]
    assert asked[f"{one}/contacts"] == ["consent:read", "intervention:read"]
    assert found["POST", f"{one}/permissions"].also == ("consent:write",)
    assert [each.path for each in found.values() if not each.asks_session] == [
        "/staff/login",
        "/staff/login",
    ]


def test_a_link_to_an_operation_names_its_heading() -> None:
    found = api.Operation("get", "/v1/customers/{customer_id}/what-if", {})
    assert found.anchor == "get-v1customerscustomer_idwhat-if"


def test_fields_within_fields_are_named_with_those_above() -> None:
    inner = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
    outer = {"properties": {"people": {"type": "array", "maxItems": 9, "items": inner}}}
    assert [*schema.fields({}, outer)] == [
        ("people", "list of object, up to 9", False, ""),
        ("people[].id", "whole number", True, ""),
    ]


def test_a_bar_in_a_cell_breaks_no_table() -> None:
    assert [*table(("a",), [("x | y\nz",)])][-1] == "| x \\| y z |"


def test_a_signature_reads_as_the_source_has_it() -> None:
    assert "    trials: int = 3,\n" in signature(RiskClassifier)
    assert signature(RiskClassifier.predict) == "def predict(self, X: Any) -> NDArray[Any]"
