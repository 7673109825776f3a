"""What an evaluation found is read back as it was written."""

import json
from dataclasses import replace

from governance.intervals import Interval
from governance.model.card import ModelFacts
from governance.model.evaluation import (
    Assumption,
    ChampionResult,
    CostCurve,
    Evaluation,
    NetAt,
    OtherOutcome,
    Paired,
    Proposal,
    RateAt,
    Season,
    Segment,
)
from tests.governance.sample import facts, result

SOME = Interval(0.5, 0.4, 0.6)
FULL = Evaluation(
    paired={"recency": Paired(SOME, SOME, SOME)},
    other_outcome={"model": OtherOutcome(30, SOME, SOME, SOME)},
    season=Season((RateAt("2025-10-03", 100, SOME),), RateAt("2026-01-01", 90, SOME), SOME, True),
    costs=CostCurve(
        (Assumption("margin", "9 EUR", "finance"),), "EUR", SOME, SOME, SOME, SOME, None, SOME,
        (NetAt(0.1, SOME, None), NetAt(0.2, SOME, SOME)),
    ),
    segments=(
        Segment("country", "north", 90, SOME, SOME, SOME),
        Segment("country", "south", None, None, None, None),
    ),
    champion=ChampionResult("ab" * 32, Paired(SOME, SOME, SOME), 300, ""),
    proposal=Proposal("propose", "better", 200),
)  # fmt: skip


def test_an_evaluation_is_read_back_as_it_was_written() -> None:
    written = json.loads(json.dumps(FULL.to_json(), allow_nan=False))
    assert Evaluation.from_json(written) == FULL


def test_an_empty_evaluation_is_read_back_as_empty() -> None:
    assert Evaluation.from_json(Evaluation().to_json()) == Evaluation()


def test_the_facts_of_a_model_carry_their_evaluation() -> None:
    full = facts(evaluation=FULL, test=result(intervals={"ece": SOME}))
    assert ModelFacts.from_json(full.to_text()) == full


def test_facts_written_before_there_was_an_evaluation_can_be_read() -> None:
    old = facts().to_json()
    del old["evaluation"], old["test"]["intervals"]
    assert ModelFacts.from_json(old) == facts()


def test_a_champion_that_could_not_be_compared_is_read_back_with_the_reason() -> None:
    found = replace(FULL, champion=ChampionResult("ab" * 32, None, None, "not comparable: why"))
    assert Evaluation.from_json(found.to_json()) == found
