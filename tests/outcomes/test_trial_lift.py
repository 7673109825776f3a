"""What an experiment changed: by hand, against known truths, and where nothing may be said."""

from collections.abc import Callable

import numpy as np
import pytest

from governance.consent.purposes import PurposeRules
from governance.consent.registry import ConsentChange, ConsentRegistry
from governance.proof import AggregatePermit, Permit
from outcomes.trials.followed import Followed
from outcomes.trials.records import OutcomeLift, Sample, Terms, TrialLift
from serving.database import Database
from tests.conftest import long_form
from tests.outcomes.conftest import NOW, on
from tests.outcomes.trying import Did, Trial, halves, known

LONG = 1_000


def of(found: TrialLift, name: str) -> OutcomeLift:
    outcome = found.outcome(name)
    assert outcome is not None
    return outcome


def half(people: int, ordered_treated: int, ordered_held: int) -> Trial:
    trial = Trial(halves(people))
    everyone = np.arange(people)
    trial.add("order", everyone[trial.treated][:ordered_treated], 20.0, 10.0)
    trial.add("order", everyone[~trial.treated][:ordered_held], 20.0, 10.0)
    return trial


def test_everyone_counts_in_the_arm_they_were_drawn_into(permit: AggregatePermit) -> None:
    trial = half(80, 30, 20)
    trial.did += [Did(79, "order", 95.0, 1.0), Did(77, "order", -3.0, 1.0)]  # too late, too early

    found = trial.lift(permit)

    assert of(found, "retained").raw.difference == pytest.approx(0.25)
    assert found.verdict == "helped"
    assert (found.treated, found.held_out, found.waiting) == (40, 40, 0)


def test_who_was_drawn_too_recently_waits(permit: AggregatePermit) -> None:
    found = half(80, 30, 20).lift(permit, days_on=89)

    assert found.waiting == 80
    assert found.verdict == "cannot say"


def test_a_contract_in_force_is_staying_and_a_cancelled_one_is_not(permit: AggregatePermit) -> None:
    trial = Trial(halves(4))
    trial.did = [
        Did(0, "renewed", -40.0),
        Did(1, "renewed", -40.0),
        Did(1, "cancelled", 30.0),
        Did(2, "cancelled", -10.0),
        Did(2, "plan_changed", 80.0),
    ]

    stayed = trial.followed(permit).retained(start=0, end=90)

    assert stayed.tolist() == [1.0, 0.0, 1.0, 0.0]


def test_margin_is_net_of_returns_and_incentives(permit: AggregatePermit) -> None:
    trial = Trial(halves(20))
    everyone = np.arange(20)
    trial.add("order", everyone[trial.treated], 5.0, 100.0)
    trial.add("return", everyone[trial.treated], 9.0, 20.0)
    trial.add("intervention_sent", everyone[trial.treated], 1.0)

    found = trial.lift(permit, terms=Terms(margin_rate=0.5, incentive=3.0))

    assert of(found, "margin").raw.treated_mean == pytest.approx(0.5 * 80 - 3)
    assert of(found, "margin").raw.control_mean == 0.0


def test_sales_are_not_called_margin(permit: AggregatePermit) -> None:
    found = half(80, 30, 20).lift(permit)

    assert found.outcome("margin") is None
    assert any("not margin" in note for note in found.notes)


def test_amounts_in_another_currency_are_left_out(permit: AggregatePermit) -> None:
    trial = half(20, 5, 5)
    histories = trial.histories()
    histories.strings["currency"] = ["USD" if k else "EUR" for k in histories.occurred_at > 0]
    from outcomes.trials.assignments import first_assignments

    drawn = first_assignments(histories, permit, playbook="note")
    followed = Followed(histories, drawn, permit, currency="EUR")

    assert followed.net_sales(start=0, end=90).sum() == 0.0
    assert followed.other_currency == 10


def test_a_mismatch_withholds_every_difference(permit: AggregatePermit) -> None:
    trial = half(400, 100, 50)

    found = trial.lift(permit, holdout_share=0.2)

    assert found.verdict == "withheld"
    assert found.sample_ratio is not None
    assert found.sample_ratio.outcome == "mismatch"
    assert all(each.raw.difference is None for each in (*found.outcomes, *found.lasting))


def test_harm_beside_a_gain_is_left_to_a_person(permit: AggregatePermit) -> None:
    trial = half(400, 150, 100)
    trial.add("unsubscribed", np.arange(400)[trial.treated][:60], 10.0)

    found = trial.lift(permit)

    assert of(found, "retained").verdict == "helped"
    assert of(found, "unsubscribed").verdict == "harmed"
    assert found.verdict == "cannot say"
    assert "unsubscribed suffered" in found.reason


def test_harm_without_a_gain_is_harm(permit: AggregatePermit) -> None:
    trial = half(400, 100, 100)
    trial.add("spam_complaint", np.arange(400)[trial.treated][:60], 10.0)

    assert trial.lift(permit).verdict == "harmed"


def test_permissions_taken_back_are_counted_as_harm(permit: AggregatePermit) -> None:
    trial = half(80, 20, 20)
    said: dict[str, object] = {"purpose": "outreach.email", "state": "withdrawn"}
    trial.did += [Did(k, "consent_changed", 10.0, properties=said) for k in range(0, 60, 2)]
    trial.did += [Did(1, "consent_changed", 10.0, properties={**said, "state": "given"})]

    assert of(trial.lift(permit), "stopped").raw.difference == pytest.approx(0.75)


def test_an_effect_that_fades_is_seen_to_fade(permit: AggregatePermit) -> None:
    trial = half(400, 180, 100)
    everyone = np.arange(400)
    trial.add("order", everyone[trial.treated][:60], 170.0)
    trial.add("order", everyone[~trial.treated][:60], 170.0)

    early, late = trial.lift(permit).lasting

    assert (early.horizon_days, late.horizon_days) == (30, 180)
    assert early.verdict == "helped"
    assert late.raw.difference == pytest.approx(0.0)


def test_what_else_reached_people_is_told_for_each_arm(permit: AggregatePermit) -> None:
    trial = half(80, 20, 20)
    trial.add("contact_outside", np.arange(80)[~trial.treated][:10], 30.0)
    trial.did += [
        Did(k, "intervention_sent", 3.0, properties={"playbook": "note"}) for k in range(0, 80, 2)
    ]
    trial.did += [
        Did(k, "intervention_sent", 9.0, properties={"playbook": "other"}) for k in range(1, 40, 2)
    ]

    outside, other, own = trial.lift(permit).exposure

    assert outside.held_out is not None
    assert outside.held_out.value == pytest.approx(0.25)
    assert outside.difference.difference == pytest.approx(-0.25)
    assert other.held_out is not None
    assert other.held_out.value == pytest.approx(0.5)
    assert own.treated is not None
    assert own.treated.value == 1.0


def test_segments_are_corrected_for_how_many_were_looked_at(permit: AggregatePermit) -> None:
    trial = half(800, 200, 200)
    groups = np.array([f"g{k // 40}" for k in range(800)], np.object_)
    trial.add("order", np.flatnonzero(trial.treated & (groups == "g15")), 20.0)
    trial.add("order", np.flatnonzero(~trial.treated & (groups == "g15"))[:13], 20.0)

    found = trial.lift(permit, segments={"group": groups})

    (odd,) = [each for each in found.segments if each.segment == "group g15"]
    assert odd.raw.p_value is not None
    assert odd.raw.p_value < 0.04
    assert odd.verdict == "cannot say"
    assert "20 groups" in odd.reason


def test_small_groups_are_hidden_and_cannot_be_worked_out(permit: AggregatePermit) -> None:
    trial = half(80, 20, 20)
    groups = np.array(["few" if k < 6 else "a" if k < 40 else "b" for k in range(80)], np.object_)

    found = trial.lift(permit, segments={"group": groups})

    shown = {each.segment: each.raw.difference is not None for each in found.segments}
    assert shown == {"group few": False, "group a": False, "group b": True}


def test_what_became_known_after_the_draw_is_no_segment(permit: AggregatePermit) -> None:
    trial = Trial(halves(4))
    trial.did = [
        Did(0, "profile", -5.0, properties={"plan": "basic"}),
        Did(0, "profile", 5.0, properties={"plan": "plus"}),
        Did(1, "profile", 5.0, properties={"plan": "plus"}),
    ]

    assert trial.followed(permit).known_before("plan").tolist() == ["basic", None, None, None]


def test_running_intervals_are_wider_and_say_so(permit: AggregatePermit) -> None:
    trial = half(400, 120, 100)
    fixed, looked = trial.lift(permit), trial.lift(permit, is_running=True)

    def width(found: TrialLift) -> float:
        raw = of(found, "retained").raw
        assert raw.low is not None
        assert raw.high is not None
        return raw.high - raw.low

    assert (fixed.looked, looked.looked) == ("fixed", "always valid")
    assert width(looked) > 1.3 * width(fixed)


def test_the_time_before_narrows_the_interval(permit: AggregatePermit) -> None:
    found = known(4_000, (0.5, 0.5), np.random.default_rng(1)).lift(permit)

    reduction = of(found, "retained").variance_reduction
    assert reduction is not None
    assert reduction > 0.005


def answers(rng: np.random.Generator, gain: float) -> Trial:
    trial = Trial(halves(200))
    stated: dict[str, object] = {"instrument": "pulse_emotional"}
    for k in range(200):
        before = float(rng.integers(2, 7))
        trial.did.append(Did(k, "survey", -10.0, before, stated))
        trial.did.append(Did(k, "survey", 10.0, before + gain * bool(trial.treated[k]), stated))
        trial.did.append(Did(k, "ticket_opened", -9.0, text="I am disappointed and angry"))
        trial.did.append(Did(k, "ticket_opened", 9.0, text="Thank you, this is great"))
    return trial


def permitting(database: Database, people: range) -> Permit:
    registry = ConsentRegistry(PurposeRules(), home_kind="production")
    ids = [f"c{k:06}" for k in people]
    with database.write() as conn:
        for each in ids:
            said = ConsentChange(
                customer_id=each, purpose="wellbeing_inference", state="given",
                mechanism="checkbox_ticked", evidence="form 1", explicit=True,
            )  # fmt: skip
            registry.record(conn, said, now=on(0))
        return registry.permit_many(conn, "wellbeing_inference", ids, now=NOW)[0]


def test_wellbeing_is_judged_only_for_those_who_permit_it(
    sqlite_database: Database, permit: AggregatePermit
) -> None:
    trial = answers(np.random.default_rng(1), 2.0)
    allowed = permitting(sqlite_database, range(60))

    without = trial.lift(permit)
    found = trial.lift(permit, followed=trial.followed(permit, wellbeing=allowed))

    assert of(without, "wellbeing").raw.treated_units == 0
    assert of(found, "wellbeing").raw.treated_units == 30
    assert of(found, "wellbeing").raw.difference == pytest.approx(20.0)
    assert of(found, "wellbeing").note == "heard of 30%"
    assert of(found, "sentiment").raw.treated_mean is not None
    assert of(found, "sentiment").raw.treated_mean > 0.5  # type: ignore[operator]


def test_nothing_is_said_where_the_contact_changed_who_answers(
    sqlite_database: Database, permit: AggregatePermit
) -> None:
    trial = answers(np.random.default_rng(1), 2.0)
    trial.did = [d for d in trial.did if d.who % 2 == 0 or d.who < 60 or d.day < 0]
    allowed = permitting(sqlite_database, range(200))

    found = trial.lift(permit, followed=trial.followed(permit, wellbeing=allowed))

    assert of(found, "wellbeing").verdict == "cannot say"
    assert "who was heard differs" in of(found, "wellbeing").reason


def test_a_plan_about_margin_needs_a_margin_rate(permit: AggregatePermit) -> None:
    groups = {"group": np.array(["a"] * 80, np.object_)}
    found = half(80, 30, 20).lift(permit, primary="margin", segments=groups)

    assert found.verdict == "cannot say"
    assert "margin is not measured here" in found.reason


def test_an_effect_is_held_against_the_smallest_worthwhile_one(permit: AggregatePermit) -> None:
    found = half(800, 380, 20).lift(permit, smallest_worthwhile=0.5)

    assert of(found, "retained").worthwhile == "yes"
    assert of(found, "unsubscribed").worthwhile is None


def test_every_figure_passes_the_shield(permit: AggregatePermit) -> None:
    asked: list[tuple[str, int, str]] = []

    def shield(made: OutcomeLift, sample: Sample) -> OutcomeLift:
        asked.append((made.outcome, made.horizon_days, made.segment))
        return made

    risks = np.array(["low", "high"] * 40, np.object_)
    half(80, 20, 20).lift(permit, segments={"risk": np.repeat(risks, 1)}, shield=shield)

    assert ("retained", 90, "") in asked
    assert ("active", 180, "") in asked
    assert ("contacted outside Keepwell", 90, "") in asked


def coverage(
    permit: AggregatePermit, seeds: int, people: int, read: Callable[[TrialLift], OutcomeLift]
) -> tuple[float, float]:
    """How often the plain and the adjusted interval hold a true difference of 0.08."""
    raw = adjusted = 0
    for seed in range(seeds):
        found = read(known(people, (0.58, 0.50), np.random.default_rng(seed)).lift(permit))
        assert found.raw.low is not None
        assert found.raw.high is not None
        raw += found.raw.low <= 0.08 <= found.raw.high
        assert found.adjusted is not None
        assert found.adjusted.low is not None
        assert found.adjusted.high is not None
        adjusted += found.adjusted.low <= 0.08 <= found.adjusted.high
    return raw / seeds, adjusted / seeds


@pytest.mark.parametrize("seeds", [60, LONG])
def test_the_true_effect_lies_in_the_intervals_as_often_as_stated(
    permit: AggregatePermit, seeds: int
) -> None:
    if seeds == LONG:
        long_form()
    raw, adjusted = coverage(permit, seeds, 300, lambda found: of(found, "retained"))
    error = np.sqrt(0.96 * 0.04 / seeds)

    assert raw == pytest.approx(0.96, abs=3 * error)
    assert adjusted == pytest.approx(0.96, abs=3 * error)


@pytest.mark.parametrize("seeds", [40, LONG])
def test_without_an_effect_help_or_harm_is_claimed_no_more_often_than_stated(
    permit: AggregatePermit, seeds: int
) -> None:
    if seeds == LONG:
        long_form()
    claimed = 0
    for seed in range(seeds):
        rng = np.random.default_rng(10_000 + seed)
        trial = known(300, (0.5, 0.5), rng)
        trial.add("unsubscribed", np.flatnonzero(rng.random(300) < 0.1), 5.0)
        claimed += trial.lift(permit).verdict in ("helped", "harmed")

    # 4 % for the outcome it is about, and 4 % for the three guardrails together
    assert claimed / seeds <= 0.08 + 3 * np.sqrt(0.08 * 0.92 / seeds)
