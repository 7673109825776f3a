"""The draw: keyed, stable, exact within strata, fair to everyone."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InvalidInput
from serving.interventions.lots.holdout import assign, risk_stratum

KEY = b"k" * 32
PEOPLE = {f"C{k:03d}": f"risk_{k % 3}" for k in range(90)}
populations = st.dictionaries(st.text(max_size=6), st.sampled_from(["a", "b", "c"]), max_size=60)


@given(populations, st.floats(0, 1), st.randoms())
def test_the_same_people_get_the_same_arms_in_whatever_order(
    people: dict[str, str], share: float, shuffler: object
) -> None:
    again = list(people.items())
    shuffler.shuffle(again)  # type: ignore[attr-defined]

    assert assign(people, key=KEY, experiment="e", share=share) == assign(
        dict(again), key=KEY, experiment="e", share=share
    )


@given(populations, st.floats(0, 1))
def test_every_stratum_holds_out_its_share_to_the_person(
    people: dict[str, str], share: float
) -> None:
    arms = assign(people, key=KEY, experiment="e", share=share)

    for stratum, size in Counter(people.values()).items():
        held = sum(arms[c] == "holdout" for c, s in people.items() if s == stratum)
        assert abs(held - share * size) < 1


@given(st.integers(1, 60), st.floats(0, 1), st.data())
def test_the_share_is_exact_however_people_come(
    size: int, share: float, data: st.DataObject
) -> None:
    people = [f"C{k}" for k in range(size)]
    cut = data.draw(st.integers(0, size))

    first = assign(dict.fromkeys(people[:cut], "s"), key=KEY, experiment="e", share=share)
    second = assign(
        dict.fromkeys(people[cut:], "s"),
        key=KEY, experiment="e", share=share, drawn_before={"s": cut},
    )  # fmt: skip

    held = [*first.values(), *second.values()].count("holdout")
    assert abs(held - share * size) < 1 + 1e-9


def test_another_key_or_experiment_draws_others() -> None:
    first = assign(PEOPLE, key=KEY, experiment="spring", share=0.5)

    assert first != assign(PEOPLE, key=b"x" * 32, experiment="spring", share=0.5)
    assert first != assign(PEOPLE, key=KEY, experiment="autumn", share=0.5)


def test_everyone_has_the_same_chance() -> None:
    held = Counter(
        customer
        for k in range(600)
        for customer, arm in assign(PEOPLE, key=KEY, experiment=f"e{k}", share=0.2).items()
        if arm == "holdout"
    )

    assert len(held) == 90
    assert min(held.values()) > 75
    assert max(held.values()) < 170


def test_a_share_that_is_no_whole_person_is_kept_on_average() -> None:
    held = [
        arm
        for k in range(2_000)
        for arm in assign({"only": "s"}, key=KEY, experiment=f"e{k}", share=0.2).values()
    ]

    assert held.count("holdout") / 2_000 == pytest.approx(0.2, abs=0.03)


def test_an_arm_in_force_is_kept() -> None:
    earlier = assign(PEOPLE, key=KEY, experiment="e", share=0.3)

    again = assign(PEOPLE, key=KEY, experiment="later", share=0.3, earlier=earlier)

    assert again == earlier


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_an_impossible_share_is_refused(share: float) -> None:
    with pytest.raises(InvalidInput):
        assign(PEOPLE, key=KEY, experiment="e", share=share)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(InvalidInput):
        assign(PEOPLE, key=b"short", experiment="e", share=0.1)


@pytest.mark.parametrize(("p", "band"), [(0.0, "risk_00"), (0.35, "risk_30"), (1.0, "risk_90")])
def test_strata_are_tenths_of_risk(p: float, band: str) -> None:
    assert risk_stratum(p) == band
