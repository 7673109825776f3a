"""The pieces of a batch say what one score says: reasons, results and commitments, by columns."""

import json
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from features.buckets import Span
from features.ranges import customers_in
from features.tables import customers
from governance.canonical import canonical
from governance.consent.registry import ConsentRegistry, PurposeRules
from governance.log.decision import Decision, _leaf, _salted
from governance.log.decision_batch import ABANDONED, BatchFacts, DecisionBatch, Sealer, sweep
from governance.tables import decisions
from serving.database import Database
from serving.scoring.estimate import Estimate, Reason, reasons, result_of
from serving.scoring.moved import Moved, moved
from serving.scoring.outlook import NOTHING, Amount, Days, Horizon, Outlook
from serving.scoring.result_text import result_texts
from serving.scoring.told_groups import grouped
from tests.serving.conftest import START
from tests.serving.test_estimate import DEFINITIONS
from training.forecasts.category import Likely
from training.model import Scores

NUMBERS = st.floats(-5, 5, allow_subnormal=False) | st.just(0.0)
VALUES = NUMBERS | st.just(float("nan"))
ROWS = st.lists(
    st.tuples(st.lists(VALUES, min_size=4, max_size=4), st.lists(NUMBERS, min_size=4, max_size=4)),
    max_size=6,
)


def one(values: list[float], contributions: list[float], outlook: Outlook = NOTHING) -> Estimate:
    return Estimate(
        "ann", "scored", "model", "e", "f", 0.5, 0.4, 0.6, 0.25, -0.5,
        tuple(values), tuple(contributions), outlook,
    )  # fmt: skip


def arrays(rows: list[tuple[list[float], list[float]]]) -> tuple[np.ndarray, np.ndarray]:
    values, contributions = (np.array([row[k] for row in rows]).reshape(-1, 4) for k in (0, 1))
    return values, contributions


def of_person(told: Moved, person: int) -> list[Reason]:
    """Read the reasons of one person out of the columns."""
    names, titles = grouped(DEFINITIONS).names, grouped(DEFINITIONS).titles

    def known(value: float) -> float | None:
        return None if np.isnan(value) else float(value)

    return [
        Reason(
            names[told.feature[k]],
            known(told.value[k]),
            told.contribution[k],
            told.text[k],
            titles[told.group[k]],
            tuple(
                (names[told.member[m]], known(told.member_value[m]), told.member_contribution[m])  # type: ignore[misc]
                for m in range(told.member_at[k], told.member_at[k + 1])
            ),
        )
        for k in range(told.at[person], told.at[person + 1])
    ]


@given(ROWS, st.integers(1, 4))
def test_reasons_by_columns_are_those_of_each_person(
    rows: list[tuple[list[float], list[float]]], limit: int
) -> None:
    told = moved(DEFINITIONS, *arrays(rows), limit=limit)
    for person, (values, contributions) in enumerate(rows):
        alone = reasons(one(values, contributions), DEFINITIONS, limit=limit)
        assert of_person(told, person) == list(alone)


OUTLOOKS = (
    NOTHING,
    Outlook(horizons=(Horizon(30, 0.1, 0.05, 0.2), Horizon(90, 0.5, 0.4, 0.6))),
    Outlook(days=Days(12.5, 1.0, None), categories=(Likely("café", 0.7),)),
    Outlook(value=Amount(12.0, 0.0, 1e-7, 90)),
)


@pytest.mark.parametrize("outlook", OUTLOOKS)
def test_a_result_by_template_is_the_canonical_one_without_members(outlook: Outlook) -> None:
    values, contributions = [float("nan"), 61.0, 3.0, 4e-9], [0.9, 0.1, -0.4, 2e-17]
    found = one(values, contributions, outlook)
    told = moved(DEFINITIONS, *arrays([(values, contributions)]), limit=3)
    chance, low, high, log_odds = (np.array([each]) for each in (0.5, 0.4, 0.6, 0.25))
    scores = Scores(chance, low, high, log_odds, np.array([contributions]), -0.5)
    given = reasons(found, DEFINITIONS, limit=3)

    class Model:
        horizon_days = 90

    class Champion:
        model = Model

    alone = result_of(found, given, Champion, permits={}, currency="EUR", members=False)  # type: ignore[arg-type]
    [text] = result_texts(
        scores, told, [outlook], DEFINITIONS, ["[]"], horizon_days=90, currency="EUR"
    )
    assert text == canonical(alone)
    assert json.loads(text)["reasons"][0]["feature"] == "order_count_30d"


@pytest.mark.parametrize("result", [None, '{"probability":0.5}'])
def test_a_batch_commits_to_a_verdict_as_a_single_one_does(result: str | None) -> None:
    facts = BatchFacts("score", "risk_scoring", "chürn", START - timedelta(days=1), START)
    row = ("person_1", "scored", "model", "m" * 64, "e" * 64, None, result)
    [made] = Sealer(facts).verdicts([row])
    assert made.result_digest == (None if result is None else _salted(made.salt, "result", result))
    decision = Decision(
        decision_id=made.decision_id, kind="score", person_id="person_1", purpose="risk_scoring",
        outcome="scored",
    )  # fmt: skip
    fields = {
        **vars(decision), **made._asdict(), **facts._asdict(),
    }  # fmt: skip
    assert made.leaf == _leaf(fields)


def test_ids_of_a_batch_are_uuids_that_differ() -> None:
    facts = BatchFacts("score", "risk_scoring", "churn", START, START)
    rows = [(None, "refused", "withdrawn", None, None, None, None)] * 100
    made = {each.decision_id for each in Sealer(facts).verdicts(rows)}
    assert len(made) == 100
    assert {(len(each), each[14], each[19] in "89ab") for each in made} == {(36, "7", True)}


def test_dead_batches_are_swept_some_at_a_time(database: Database) -> None:
    facts = BatchFacts("score", "risk_scoring", "churn", START, START)
    rows = [(None, "refused", "withdrawn", None, None, None, None)] * 5
    with database.write() as conn:
        batch = DecisionBatch.begin(conn, facts, now=START)
        batch.lay(conn, list(Sealer(facts).verdicts(rows)), now=START)
    later = START + 2 * ABANDONED
    with database.write() as conn:
        assert [sweep(conn, now=later, limit=3) for _ in range(3)] == [True, False, False]
        assert conn.scalar(select(func.count()).select_from(decisions)) == 0


def test_people_of_a_range_are_found_whatever_order_the_database_has(database: Database) -> None:
    people = ["B", "a", "c", "Ö"]
    with database.write() as conn:
        rows = [
            {"subject": "customer", "customer_id": each, "first_known_at": START} for each in people
        ]
        conn.execute(customers.insert(), rows)
        assert customers_in(conn, Span("B", "c")) == ["a", "c"]
        assert customers_in(conn, Span(None, None)) == sorted(people)


def test_the_words_of_very_many_are_found_whatever_order_the_database_has(
    database: Database,
) -> None:
    people = [f"{'bB'[k % 2]}{k}" for k in range(450)]
    registry = ConsentRegistry(PurposeRules(), home_kind="production")
    with database.write() as conn:
        permit, refusals = registry.permit_many(conn, "risk_scoring", people, now=START)
    assert (permit.customers, set(refusals.values())) == (frozenset(), {"no_record"})
