"""Mapping files: every mistake at once, before any data is touched."""

import pytest

from features.importing.expressions import columns_of, syntax_problem
from features.importing.mapping import parse_mapping
from governance.errors import ConfigurationError

FINE = """
[source]
timezone = "Europe/Paris"
[customer]
id = "client"
[[event]]
kind = "order"
occurred_at = "day"
value = "amount"
currency = "EUR"
"""


def problems(text: str) -> str:
    with pytest.raises(ConfigurationError) as raised:
        parse_mapping(text, name="m")
    return "\n".join(raised.value.problems)


def test_a_plain_mapping_is_a_record() -> None:
    mapping = parse_mapping(FINE, name="shop")
    assert (mapping.name, mapping.events[0].currency) == ("shop", "'EUR'")


def test_every_mistake_is_listed_at_once() -> None:
    found = problems("""
        colour = "red"
        [source]
        timezone = "Mars/Olympus"
        [customer]
        ids = "client"
        [[event]]
        kind = "consent_changed"
        occurred_at = "day +"
        [[event]]
        kind = "survey"
        instrument = "ces"
        occurred_at = "day"
        value = "score"
        [[event]]
        kind = "order"
        subject = "dog"
        properties = { a = "(SELECT 1)" }
    """)
    for part in (
        "'colour' is not known",
        "Mars/Olympus",
        "'ids' is not known",
        "customer: id must be stated",
        "only Keepwell writes consent_changed",
        "occurred_at: not a SQL expression",
        "ces_effort",
        "event 3 (order): occurred_at must be stated",
        "subject must be one of",
        "subquery",
    ):
        assert part in found


def test_an_own_instrument_states_scale_polarity_and_dimension() -> None:
    found = problems(
        FINE + '[[event]]\nkind="survey"\ninstrument="calm"\noccurred_at="d"\nvalue="v"'
    )
    assert all(word in found for word in ("scale", "polarity", "dimension"))


def test_nothing_to_read_is_a_mistake() -> None:
    assert "neither" in problems('[customer]\nid = "client"')


def test_a_file_that_is_not_toml_says_where() -> None:
    assert "line 1" in problems("= 3")


@pytest.mark.parametrize(
    "text", ["a FROM b", "a; DROP TABLE x", "a, b", "a +", "*", "max(a) OVER ()", "a WHERE b", "?"]
)
def test_only_one_expression_over_one_row_is_taken(text: str) -> None:
    assert syntax_problem(text)


def test_the_columns_an_expression_reads_are_known() -> None:
    assert columns_of('coalesce("Unit Price", 0) * qty') == {"Unit Price", "qty"}


def test_what_reads_a_column_of_the_label_is_refused_with_both_names() -> None:
    (found,) = problems("""
        [customer]
        id = "client"
        attributes = { plan = "Plan", months = "CASE WHEN churn = 'Yes' THEN 0 ELSE Months END" }
        [[event]]
        kind = "joined"
        occurred_at = "day"
        [snapshot]
        as_of = "2026-01-01"
        labels = { left = "Churn = 'Yes'" }
    """).splitlines()
    assert found.startswith(
        "customer.attributes.months reads churn, which snapshot.labels.left reads, too"
    )
