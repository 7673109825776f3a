"""One choice over all playbooks: duties, most worth, a share drawn at random, and its chances."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from governance.intervals import Interval
from serving.interventions.choosing.selection import Asked, Room, Selection, select
from serving.interventions.choosing.worth import ASSUMED_EFFECT, Effect, worth_of
from serving.interventions.playbooks.playbook import Playbook
from serving.interventions.policy.policy import Candidate, Judged
from tests.serving.interventions.conftest import NOTE, candidate

CALL = replace(NOTE, name="call", channel="phone", cost=6.0, expected_effect=0.08)
HELP = Playbook(
    name="payment_help", kind="service", channel="email", subject="s", body="b",
    template="failed_payment", cost=3.0,
)  # fmt: skip
HELPS = Effect("personal_note/2026-06-01", Interval(0.05, 0.02, 0.08))
UNSURE = Effect("personal_note/2026-06-01", Interval(0.01, -0.02, 0.04))


def asked(playbook: Playbook, people: Mapping[str, float], effect: Effect | None = None) -> Asked:
    eligible = tuple(candidate(who, risk) for who, risk in people.items())
    return Asked(playbook, Judged(eligible, {}, frozenset(), {}), effect)


def chosen(*those: Asked, budget: float = 100.0, seed: int = 1, **room: object) -> Selection:
    margins = room.pop("margins", None)
    return select(
        those,
        Room(budget, room.pop("capacity", {}), float(str(room.pop("explore", 0.0)))),  # type: ignore[arg-type]
        margins=margins,  # type: ignore[arg-type]
        rng=np.random.default_rng(seed),
    )


def many(number: int) -> dict[str, float]:
    return {f"c{k:03}": 0.4 + k / (2 * number) for k in range(number)}


def test_each_customer_gets_one_outreach_out_of_all_playbooks() -> None:
    people = {"ana": 0.9, "ben": 0.5}

    found = chosen(asked(NOTE, people), asked(CALL, people), budget=7.0)

    assert [sorted(each) for each in found.picks] == [["ben"], ["ana"]]
    assert found.left_out[0] == {"ana": "another_playbook_chosen"}


def test_a_duty_is_owed_to_everyone_and_costs_no_budget() -> None:
    duty = Asked(HELP, Judged((Candidate(customer_id="ana"),), {}, frozenset(), {}))

    found = chosen(duty, asked(NOTE, {"ana": 0.9}), budget=1.0)

    assert [list(each) for each in found.picks] == [["ana"], ["ana"]]
    assert found.picks[0]["ana"].chosen_by == "duty"


def test_a_channel_that_is_full_says_so() -> None:
    found = chosen(asked(CALL, {"ana": 0.9, "ben": 0.5}), capacity={"phone": 1})

    assert list(found.picks[0]) == ["ana"]
    assert found.left_out[0] == {"ben": "channel_used_up"}


def test_the_margin_at_stake_weighs_beside_the_risk() -> None:
    people = {"ana": 0.9, "ben": 0.5}

    found = chosen(asked(NOTE, people), budget=1.0, margins={"ana": 10.0, "ben": 400.0})

    assert list(found.picks[0]) == ["ben"]
    assert found.left_out[0] == {"ana": "budget_used_up"}


def test_someone_of_no_margin_is_contacted_while_there_is_room() -> None:
    found = chosen(asked(NOTE, {"ana": 0.9}), margins={"ana": 0.0})

    assert list(found.picks[0]) == ["ana"]


def test_a_margin_nobody_knows_counts_as_the_others_mean() -> None:
    people = [candidate(who, 0.5) for who in ("ana", "ben", "cem")]

    found = worth_of(NOTE, people, margins={"ana": 10.0, "ben": 30.0})

    assert (found.each / found.each[2]).tolist() == pytest.approx([0.5, 1.5, 1.0])


@pytest.mark.parametrize(
    ("effect", "stated", "chosen_by", "counted_on"),
    [
        (None, None, "rule", None),
        (None, 0.03, "rule", 0.03),
        (HELPS, 0.03, "effect", 0.02),
        (UNSURE, 0.03, "rule", 0.03),
    ],
)
def test_what_an_experiment_shows_counts_at_its_low_end_and_else_a_rule(
    effect: Effect | None, stated: float | None, chosen_by: str, counted_on: float | None
) -> None:
    playbook = replace(NOTE, expected_effect=stated)

    found = worth_of(playbook, [candidate("ana")], effect=effect)

    assert (found.chosen_by, found.expected_effect) == (chosen_by, counted_on)


def test_worth_is_spread_in_proportion_to_risk() -> None:
    found = worth_of(NOTE, [candidate("ana", 0.9), candidate("ben", 0.3)])

    assert found.each.tolist() == pytest.approx([1.5 * ASSUMED_EFFECT, 0.5 * ASSUMED_EFFECT])


def test_a_share_of_the_budget_goes_to_people_drawn_at_random() -> None:
    found = chosen(asked(NOTE, many(100), HELPS), budget=20.0, explore=0.1)
    explored = [pick for pick in found.picks[0].values() if pick.chosen_by == "explored"]

    assert len(found.picks[0]) == 20
    assert [pick.chance for pick in explored] == [2 / 82] * 2
    assert (found.note.explored, found.note.explorable) == (2, 82)


def test_everyone_who_might_have_been_drawn_keeps_their_chance() -> None:
    found = chosen(asked(NOTE, many(100), HELPS), budget=20.0, explore=0.1)

    assert set(found.chances[0]) == set(found.left_out[0])
    assert set(found.chances[0].values()) == {2 / 82}


def test_where_no_effect_is_shown_nobody_is_drawn_at_random() -> None:
    found = chosen(asked(NOTE, many(100), UNSURE), budget=20.0, explore=0.1)

    assert (len(found.picks[0]), found.note.explored, found.chances[0]) == (20, 0, {})


def test_where_everyone_can_be_reached_nobody_is_drawn_at_random() -> None:
    found = chosen(asked(NOTE, many(10), HELPS), budget=20.0, explore=0.5)

    assert {pick.chosen_by for pick in found.picks[0].values()} == {"effect"}


def test_the_chances_stated_are_those_of_the_draw() -> None:
    """Over many draws each of those left is explored as often as its chance says."""
    draws, times = 200, dict.fromkeys(many(30), 0)
    for seed in range(draws):
        found = chosen(asked(NOTE, many(30), HELPS), budget=10.0, explore=0.2, seed=seed)
        for who, pick in found.picks[0].items():
            times[who] += pick.chosen_by == "explored"
    [chance] = set(found.chances[0].values())
    left = [count / draws for who, count in times.items() if count]
    error = (chance * (1 - chance) / draws) ** 0.5

    assert chance == 2 / 22
    assert len(left) == 22
    assert max(abs(share - chance) for share in left) < 4 * error


def test_how_close_to_the_best_it_is_goes_with_the_choice() -> None:
    found = chosen(asked(NOTE, many(50)), asked(CALL, many(50)), budget=40.0)

    assert 0 <= found.note.optimality_gap < 0.01
    assert (found.note.binding, found.note.options) == (True, 100)
