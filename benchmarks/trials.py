"""Experiments whose truth is known: how often does the product say what is not so?

    python -m benchmarks.trials [--drawn 2000] [--part null,truth,withheld,uplift]

`null`: nothing differs, and every method is asked whether something does. `truth`: the made-up
company's pilot, whose planted effect must lie in the intervals. `withheld`: experiments that lost
people from one arm. `uplift`: a real test; is a ranking by expected effect better than others?
"""

import argparse
from math import sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from benchmarks.quality_uplift import COVARIATES, FILE
from benchmarks.trials_drawn import NOMINAL, Draw, excludes, peeked_with_fixed_intervals, pilots
from outcomes.experiment.analysis import Question, analyse_table
from outcomes.experiment.table import Table
from outcomes.randomised.cuped import adjusted_difference
from outcomes.randomised.lift import difference

DATA = Path(__file__).parents[2] / "shared" / "data"
PEOPLE = 600


class Rate(NamedTuple):
    """How often something happened in `drawn` made-up experiments."""

    happened: int
    drawn: int

    @property
    def share(self) -> float:
        return self.happened / self.drawn

    def error(self, nominal: float) -> float:
        """Monte Carlo standard error if the true rate were `nominal`."""
        return sqrt(nominal * (1 - nominal) / self.drawn)

    def holds(self, nominal: float, *, met: bool) -> bool:
        """Within three Monte Carlo errors of `nominal`, or (not `met`) not above by more."""
        away = (self.share - nominal) / self.error(nominal)
        return away <= 3 and (not met or away >= -3)


def rate_of(draw: Draw, drawn: int, seed: int = 1) -> Rate:
    """Draw experiments and count."""
    rng = np.random.default_rng(seed)
    return Rate(sum(draw(rng) for _ in range(drawn)), drawn)


class Covered(NamedTuple):
    """Shares of intervals that hold the true effect of the pilot, and the effect."""

    name: str
    truth: float
    rate: Rate
    variance_reduction: float | None = None


def covered(experiments: int, seed: int = 1, people: int = PEOPLE) -> list[Covered]:
    """Ask each of many pilots of `people` people for its effect, plain and adjusted.

    The truth is the difference over all of them together, whose error is 1/√experiments of one's.
    """
    made = pilots(people, experiments, seed)
    treated = made["treated"] == 1
    found = []
    for name in ("retained", "orders"):
        y = made[name]
        truth = float(y[treated].mean() - y[~treated].mean())
        plain = adjusted = 0
        saved = []
        for k in range(experiments):
            a, b = y[k][treated[k]], y[k][~treated[k]]
            plain += not excludes(difference(a, b), truth)
            before = made["before"][k]
            narrower = adjusted_difference(a, b, before[treated[k]], before[~treated[k]])
            assert narrower is not None
            adjusted += not excludes(narrower.found, truth)
            saved.append(narrower.variance_reduction)
        found.append(Covered(name, truth, Rate(plain, experiments)))
        found.append(
            Covered(f"{name}, adjusted", truth, Rate(adjusted, experiments), float(np.mean(saved)))
        )
    return found


def withheld(experiments: int, seed: int = 1) -> Rate:
    """Lose the quietest tenth of one arm of 5,000, as a broken join does; count who notices."""
    rng = np.random.default_rng(seed)
    noticed = 0
    for _ in range(experiments):
        arm = rng.permutation(np.repeat(["mail", "none"], 5_000))
        spend = rng.lognormal(3, 1, 10_000)
        lost = (arm == "mail") & (spend < np.quantile(spend[arm == "mail"], 0.1))
        table = pa.table({"arm": arm[~lost], "spend": spend[~lost]})
        found = analyse_table(
            Table(table), Question(arm="arm", control="none", outcomes=("spend",))
        )
        noticed += bool(found.withheld) and found.comparisons[0].plain.difference is None
    return Rate(noticed, experiments)


def _print_null(drawn: int, only: str) -> None:
    print(f"nothing differs: how often something is found, of {drawn:,} each")
    asked = {name: each for name, each in NOMINAL.items() if only in name}
    for name, (draw, nominal, met) in asked.items():
        rate = rate_of(draw, drawn)
        bar = f"{nominal:.3f}" if met else f"at most {nominal:.3f}"
        said = "" if rate.holds(nominal, met=met) else "  NOT HELD"
        print(
            f"  {name:<52} {rate.share:.4f} ± {rate.error(nominal):.4f} ({bar}){said}", flush=True
        )
    peeking = rate_of(peeked_with_fixed_intervals, drawn)
    print(f"  {'usual interval, a look after every pair (yardstick)':<52} {peeking.share:.4f}")


def _print_truth(drawn: int) -> None:
    print(f"the company's pilot, {drawn:,} of {PEOPLE} people: 95 % intervals that hold the truth")
    for each in covered(drawn):
        saved = each.variance_reduction
        note = "" if saved is None else f", variance {-saved:+.1%}"
        said = "" if each.rate.holds(0.95, met=True) else "  NOT HELD"
        print(
            f"  {each.name:<52} {each.rate.share:.4f} ± {each.rate.error(0.95):.4f} "
            f"(effect {each.truth:+.4f}{note}){said}",
            flush=True,
        )


def _print_withheld(drawn: int) -> None:
    rate = withheld(drawn)
    print(f"one arm lost its quietest tenth: withheld in {rate.happened:,} of {rate.drawn:,}")


def _print_uplift() -> None:
    import pandas as pd

    from training.uplift.report import CHOSEN, uplift_report

    if not (DATA / FILE).exists():
        print(f"the data set {FILE} is not in {DATA}")
        return
    frame = pd.read_csv(DATA / FILE)
    for treatment in ("Womens E-Mail", "Mens E-Mail"):
        found = uplift_report(
            frame, arm="segment", control="No E-Mail", treatment=treatment, outcome="visit",
            covariates=COVARIATES, randomised="by the author of the test",
        )  # fmt: skip
        beside = found.differences[CHOSEN]
        print(f"who visits because of {treatment}, Qini out of fold, paired differences")
        for name, value in (
            ("the model", found.chosen.qini),
            ("model − likeliest to respond", beside.response),
            (f"model − rule “{found.one_variable_rule.rule}”", beside.one_variable_rule),
        ):
            print(f"  {name:<52} {value.value:+.4f} [{value.low:+.4f}, {value.high:+.4f}]")
        print(f"  verdict: {found.verdict}", flush=True)


def main() -> None:
    """Print the rates with their Monte Carlo errors."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--drawn", type=int, default=2_000)
    asked.add_argument("--part", default="null,truth,withheld,uplift")
    asked.add_argument("--only", default="", help="of null: methods whose name holds this")
    said = asked.parse_args()
    parts = said.part.split(",")
    if "null" in parts:
        _print_null(said.drawn, said.only)
    if "truth" in parts:
        _print_truth(said.drawn)
    if "withheld" in parts:
        _print_withheld(said.drawn)
    if "uplift" in parts:
        _print_uplift()


if __name__ == "__main__":
    main()
