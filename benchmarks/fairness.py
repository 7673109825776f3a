"""How often the fairness audit is right about made-up companies whose truth is known.

    python -m benchmarks.fairness [--companies 40] [--people 3000]

In a fair company the group has nothing to do with anything. Where features are biased, the months
of one group's people are under-recorded, so that a model takes them for newcomers; where labels
are biased, a quarter of that group's stayers are called lost, and a column stands in for the
group. A model is trained on three quarters of each and audited on the rest: how many are refused,
how many stand-ins are found, and what reweighing does to the gap. Beside each rate stands what its
intervals promise.
"""

import argparse
from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from governance.fairness.assess import FairnessResult, Limits, assess
from governance.intervals import wilson
from training.evaluation.evaluate import auc
from training.fairness import selected_from
from training.fit import RiskClassifier
from training.proxies import proxies
from training.reweigh import balancing_weights

Floats = NDArray[np.float64]
NAMES = ("months", "fee", "yearly", "noise")


class People(NamedTuple):
    """One company: features (n, 4), who left (n,), and everyone's group."""

    values: Floats
    y: Floats
    group: list[str | None]

    def part(self, which: NDArray[np.bool_]) -> "People":
        """Only some of them."""
        group = [each for each, kept in zip(self.group, which, strict=True) if kept]
        return People(self.values[which], self.y[which], group)


class Told(NamedTuple):
    """What the audit said of one company, and the gap in who is flagged with its cost."""

    result: FairnessResult
    proxy: str
    gap: float
    auc: float


def company(people: int, seed: int, biased: str) -> People:
    """Make up a company; `biased` names what is: "nothing", "features" or "labels"."""
    rng = np.random.default_rng(seed)
    months, fee = rng.exponential(24, people), rng.uniform(20, 100, people)
    yearly, north = rng.random(people) < 0.4, rng.random(people) < 0.5
    risk = 1 / (1 + np.exp(months / 8 - fee / 40 + 1.5 * yearly))
    left = rng.random(people) < risk
    noise = rng.normal(size=people)
    if biased == "features":
        months = np.where(north, months * 0.05, months)
    elif biased == "labels":
        left |= north & (rng.random(people) < 0.25)
        noise += 2 * north
    values = np.column_stack([months, fee, yearly, noise])
    group: list[str | None] = ["north" if each else "south" for each in north]
    return People(values, left.astype(np.float64), group)


def audit(made: People, seed: int, *, reweigh: bool = False) -> Told:
    """Train on three quarters, audit on the rest."""
    tested = np.random.default_rng([seed, 1]).random(len(made.y)) < 0.25
    train, test = made.part(~tested), made.part(tested)
    weight = None
    if reweigh:
        weight = balancing_weights(train.y, {"region": train.group}, min_group=30)
    model = RiskClassifier(trials=1, refits=0, random_state=seed)
    model.fit(train.values, train.y, sample_weight=weight)
    score = model.predict_proba(test.values)[:, 1]
    threshold = selected_from(model.predict_proba(train.values)[:, 1])
    result = assess(test.y, score, score >= threshold, {"region": test.group})
    found = proxies(
        test.values, NAMES, {"region": test.group},
        importance=(), min_group=30, min_cell=Limits().min_cell, seed=seed,
    )  # fmt: skip
    rates = [cell.selection_rate.value for cell in result.groups if cell.selection_rate]
    return Told(result, found[0].verdict, max(rates) - min(rates), auc(test.y, score).value)


def main() -> None:
    """Print the rates."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--companies", type=int, default=40)
    parser.add_argument("--people", type=int, default=3000)
    asked = parser.parse_args()
    seeds = range(asked.companies)
    for biased in ("nothing", "features", "labels"):
        made = [company(asked.people, seed, biased) for seed in seeds]
        told = [audit(each, seed) for each, seed in zip(made, seeds, strict=True)]
        print(f"\n{len(made)} companies of {asked.people:,} people, biased: {biased}")
        outcomes = Counter(each.result.outcome for each in told)
        _rate("refused for unequal treatment", outcomes["fail"], len(told))
        print(f"    outcomes: {dict(outcomes)}")
        if biased == "nothing":
            promised = sum(each.result.by_chance.alike for each in told)
            print(f"    by chance alone, on average: {promised:.2f} comparisons in all")
        verdicts = Counter(each.proxy for each in told)
        _rate("a proxy for the group was found", verdicts["proxy"], len(told))
        print(f"    verdicts: {dict(verdicts)}")
        if biased != "nothing":
            again = [
                audit(each, seed, reweigh=True) for each, seed in zip(made, seeds, strict=True)
            ]
            for name, runs in (("plain", told), ("reweighed", again)):
                gap = 100 * float(np.mean([each.gap for each in runs]))
                area = float(np.mean([each.auc for each in runs]))
                print(f"  {name}: gap in who is flagged {gap:.1f} points, AUC {area:.3f}")


def _rate(said: str, hits: int, n: int) -> None:
    share = wilson(hits, n)
    if share is not None:
        print(f"  {said}: {hits} of {n} ({share})")


if __name__ == "__main__":
    main()
