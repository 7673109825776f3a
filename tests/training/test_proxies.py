"""The proxy check: a planted stand-in is found, noise is not."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from governance.fairness.proxies import Proxy
from governance.intervals import Interval
from governance.model.card import FeatureImportance
from training.proxies import proxies, verdict_of

NAMES = [f"f{k}" for k in range(12)]
IMPORTANCE = tuple(FeatureImportance(name, name, 3.0 if name == "f3" else 1.0) for name in NAMES)


def look(
    labels: Sequence[str | None], strength: float, seed: int = 0, *, group: str = "north"
) -> tuple[Proxy, ...]:
    """Look at made-up features of which f3 lies higher for one group."""
    values = np.random.default_rng(seed).normal(size=(len(labels), len(NAMES)))
    values[:, 3] += strength * np.array([label == group for label in labels])
    return proxies(
        values, NAMES, {"region": labels},
        importance=IMPORTANCE, min_group=30, min_cell=5, seed=seed,
    )  # fmt: skip


def halves(n: int) -> list[str | None]:
    return ["north" if k % 5 < 2 else "south" for k in range(n)]


def test_a_planted_proxy_is_found_with_the_feature_that_carries_it() -> None:
    (found,) = look(halves(600), 1.5)
    assert (found.group, found.verdict, found.strength) == ("north", "proxy", "strong")
    assert found.carriers[0].feature == "f3"
    assert found.carriers[0].auc_drop > 0.1
    assert found.carriers[0].score_share == 3.0 / 14.0


def test_noise_is_taken_for_a_proxy_no_more_often_than_its_interval_says() -> None:
    verdicts = Counter(look(halves(150), 0.0, seed)[0].verdict for seed in range(40))
    assert verdicts["proxy"] <= 4  # 1 in 40 is nominal; more than 4 of 40 has a chance of 0.3 %


def test_a_proxy_is_found_again_and_again() -> None:
    verdicts = Counter(look(halves(300), 1.5, seed)[0].verdict for seed in range(5))
    assert verdicts["proxy"] == 5


def test_each_of_several_groups_is_told_from_everyone_else() -> None:
    labels: list[str | None] = ["north", "south", "west"] * 100
    found = {each.group: each for each in look(labels, 2.0, group="west")}
    assert set(found) == {"north", "south", "west"}
    assert found["west"].verdict == "proxy"


def test_of_too_few_people_it_cannot_be_said_and_of_a_handful_not_even_their_group() -> None:
    labels = ["north"] * 100 + ["south"] * 100 + ["west"] * 20 + ["isle"] * 3
    found = {each.group: each for each in look(labels, 0.0)}
    assert set(found) == {"north", "south", "west"}
    assert (found["west"].auc, found["west"].verdict) == (None, "cannot say")


def test_people_whose_group_is_not_known_are_left_out() -> None:
    known = halves(400)
    with_unknown = look([*known, *([None] * 200)], 0.0)
    assert with_unknown[0].auc is not None
    values = np.random.default_rng(0).normal(size=(600, len(NAMES)))[:400]
    alone = proxies(
        values, NAMES, {"region": known},
        importance=IMPORTANCE, min_group=30, min_cell=5, seed=0,
    )  # fmt: skip
    assert alone == with_unknown


def test_nothing_is_ruled_out_while_the_interval_reaches_past_a_weak_proxy() -> None:
    assert verdict_of(Interval(0.52, 0.47, 0.57)) == "none found"
    assert verdict_of(Interval(0.55, 0.48, 0.62)) == "cannot say"
    assert verdict_of(Interval(0.55, 0.51, 0.59)) == "proxy"


def test_it_reads_back_from_json() -> None:
    (found,) = look(halves(300), 1.5)
    assert Proxy.from_json(found.to_json()) == found
