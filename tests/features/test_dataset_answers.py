"""What a dataset carries for targets with several horizons, amounts, kinds and reports."""

import numpy as np
import pytest

from features.catalogue import catalogue
from features.dataset import Dataset, build_dataset
from features.events import Event
from features.targets.target import Target
from governance.errors import InvalidInput
from tests.features.sample import event, histories, micros, permit
from tests.features.test_targets import BEFORE, DECLINE, answers

LOST = Target("lost", "silence", horizons=(30, 60, 90), silence_days=40)


def build(
    target: Target,
    *events: Event,
    days: tuple[float, ...] = (100,),
    like: tuple[Event, ...] = (),
    **own: object,
) -> Dataset:
    found = histories(*events)
    allowed = {"model_training": permit("model_training")}
    if target.is_personal:
        allowed["wellbeing_inference"] = permit("wellbeing_inference", ["c0", "c1", "c2"])
    return build_dataset(
        found,
        target,
        [micros(day) for day in days],
        catalogue(histories(*like) if like else found),
        permits=allowed,
        observed_until=micros(300),
        **own,  # type: ignore[arg-type]
    )


def steps(dataset: Dataset) -> dict[str, int]:
    return {each.step: each.rows for each in dataset.dropped if each.rows}


def test_shorter_horizons_stand_beside_the_main_one() -> None:
    orders = (event(80), event(115), event(99, customer="c1"))
    found = build(LOST, *orders, days=(100, 150))
    assert found.customers.tolist() == ["c0", "c0", "c1"]
    assert found.nested.tolist() == [[0, 1], [1, 1], [0, 1]]
    assert found.y.tolist() == [1, 1, 1]


def test_what_comes_with_the_outcome_is_taken_and_told_apart() -> None:
    def value(amount: float) -> Dataset:
        clv = Target("clv", "clv", 100, margin_share=0.5, discount_rate=0.0)
        return build(clv, event(99), event(120, value=amount), event(98, customer="c1"))

    first = value(10.0)
    assert first.value is not None
    assert first.value.tolist() == [5.0, 0.0]
    taken = first.take(np.array([True, False]))
    assert taken.value is not None
    assert taken.value.tolist() == [5.0]
    assert first.manifest_digest == value(10.0).manifest_digest
    assert first.manifest_digest != value(12.0).manifest_digest


def test_categories_and_shorter_horizons_are_part_of_the_manifest() -> None:
    def bought(sku: str, day: float) -> Dataset:
        target = Target("next", "next_need", 60, horizons=(30, 60), category="sku")
        return build(target, event(99), event(day, properties={"sku": sku}))

    first = bought("tea", 110)
    assert first.category is not None
    assert first.category.tolist() == ["tea"]
    assert first.manifest_digest != bought("cup", 110).manifest_digest
    assert first.manifest_digest != bought("tea", 140).manifest_digest


def act(day: float, kind: str, playbook: str, *, customer: str = "c0", **own: str) -> Event:
    return event(
        day,
        f"intervention_{kind}",
        customer=customer,
        event_id=f"{kind} {playbook} {day}",
        properties={"playbook": playbook, **own},
    )


@pytest.mark.parametrize(
    ("acts", "kept"),
    [
        ((act(105, "assigned", "call", arm="treated"), act(106, "sent", "call")), 0),
        ((act(105, "assigned", "call", arm="holdout"),), 1),
        ((act(105, "assigned", "call", arm="holdout"), act(106, "sent", "call")), 1),
        ((act(105, "assigned", "call", arm="holdout"), act(106, "sent", "letter")), 0),
        ((act(105, "assigned", "call", arm="treated"),), 1),  # stopped before it was sent
        ((act(131, "sent", "call"),), 1),  # after the horizon
    ],
)
def test_whom_keepwell_contacted_is_left_out_unless_held_out(
    acts: tuple[Event, ...], kept: int
) -> None:
    found = build(Target("churn", horizon_days=30), event(99), *acts)
    assert len(found) == kept
    assert steps(found).get("contamination", 0) == 1 - kept


def test_a_planted_treatment_does_not_teach_the_model_that_we_are_loved() -> None:
    """Everyone contacted comes back; only the untreated show what happens without us."""
    people = [f"c{k}" for k in range(8)]
    orders = [event(99, customer=each) for each in people]
    helped = [event(110, customer=each, event_id="back") for each in people[:4]]
    sent = [act(105, "sent", "call", customer=each) for each in people[:4]]
    found = build(Target("churn", horizon_days=30), *orders, *helped, *sent)
    assert (found.customers.tolist(), found.y.mean()) == (people[4:], 1.0)


def test_people_and_silence_are_counted_for_targets_that_rest_on_reports() -> None:
    falls, stays = answers(1, 1, 1, since=110), answers(7, 7, 7, since=110)
    everyone = [
        *(each for each in (*BEFORE, *falls)),
        *(each.__class__(**{**vars(each), "customer_id": "c1"}) for each in (*BEFORE, *stays)),
        *(each.__class__(**{**vars(each), "customer_id": "c2"}) for each in BEFORE),
        *(each.__class__(**{**vars(each), "customer_id": "c3"}) for each in (*BEFORE, *falls)),
    ]
    found = build(DECLINE, *everyone)
    assert (found.customers.tolist(), found.y.tolist()) == (["c0", "c1"], [1, 0])
    assert [(d.step, d.reason, d.rows) for d in found.dropped if d.rows] == [
        ("permission", "not permitted for wellbeing_inference", 1),
        ("answers", "did not answer: fewer than 3 reports within the horizon", 1),
    ]
    assert found.answered_share is not None
    assert found.answered_share.value == pytest.approx(2 / 3)


def test_a_target_on_how_people_fare_needs_its_permit() -> None:
    found = histories(*BEFORE)
    with pytest.raises(InvalidInput, match="permit for wellbeing_inference"):
        build_dataset(
            found,
            DECLINE,
            [micros(100)],
            catalogue(found),
            permits={"model_training": permit("model_training")},
            observed_until=micros(300),
        )


def test_late_rows_change_no_dataset_of_any_kind() -> None:
    before = (event(50), event(99), event(120), event(60, "renewed"), event(99, customer="c1"))
    late = (event(130, known=260), event(140, "cancelled", known=260), event(98, known=260))
    for target in (
        LOST,
        Target("left", "contract", 90),
        Target("next", "next_need", 60, horizons=(30, 60)),
        Target("clv", "clv", 60, margin_share=0.5),
        Target("moved", "event", 60, event_kind="renewed"),
    ):
        old = build(target, *before)
        new = build(target, *before, *late, like=before, known_until=micros(250))
        assert old.manifest_digest == new.manifest_digest, target.kind
