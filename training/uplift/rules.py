"""The best one-variable rule: treat first whoever has most, or least, of one thing known before.

Every column of the covariates is tried in both directions: numbers ("more history first", "less"),
words ("channel = Web first", "last") and gaps ("age unknown first"). The rule is picked by its Qini
coefficient on training rows alone; measured on other rows it is as honest as a learner.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from training.uplift.qini import Measurer, Trial, Vector

Matrix = NDArray[np.float64]


class Rule(NamedTuple):
    """A column of the covariates, largest first unless `descending` is False."""

    column: int
    descending: bool


@dataclass(frozen=True)
class Candidates:
    """Every rule there is, and what each scores on everybody (n,).

    A number scores its rank among all, between 0 and 1, so that rules found in different folds lie
    on one scale; equal values score the same, missing ones the middle. Ranks know no outcome.
    """

    names: tuple[str, ...]
    ranks: Matrix
    yes_or_no: tuple[bool, ...]

    @classmethod
    def of(cls, values: Matrix, names: Sequence[str]) -> "Candidates":
        """Make the candidates of covariates `values` (n, k) with their names (k,)."""
        columns: list[Vector] = []
        named: list[str] = []
        yes_or_no: list[bool] = []
        for place, name in enumerate(names):
            column = values[:, place]
            gaps = np.isnan(column)
            ranks = np.full(len(column), 0.5)
            if not gaps.all():
                ranks[~gaps] = rankdata(column[~gaps]) / (int((~gaps).sum()) + 1)
            columns.append(ranks)
            flag = bool(np.isin(column[~gaps], (0.0, 1.0)).all())
            yes_or_no.append(flag)
            named.append(f"{name} = 1" if flag and " = " not in name else name)
            if gaps.any():
                columns.append(gaps.astype(np.float64))
                yes_or_no.append(True)
                named.append(f"{name} unknown")
        return cls(tuple(named), np.column_stack(columns), tuple(yes_or_no))

    def score(self, rule: Rule) -> Vector:
        """Give the score (n,) of a rule, higher for whom to treat first."""
        ranks = self.ranks[:, rule.column]
        return ranks if rule.descending else 1 - ranks

    def best(self, trial: Trial, rows: NDArray[np.int64]) -> Rule:
        """Pick the rule with the largest Qini coefficient on `rows` of the trial."""
        inside = trial.rows(rows)
        measurer = Measurer(inside)
        orders = {
            Rule(column, descending): measurer.order(
                self.score(Rule(column, descending))[rows],
            )
            for column in range(len(self.names))
            for descending in (True, False)
        }
        found = measurer.figures(orders)
        return max(found, key=lambda rule: found[rule].qini)

    def words(self, rule: Rule) -> str:
        """Say the rule in words: "more history first", "channel = Web first"."""
        name = self.names[rule.column]
        if self.yes_or_no[rule.column]:
            return f"{name} {'first' if rule.descending else 'last'}"
        return f"{'more' if rule.descending else 'less'} {name} first"
