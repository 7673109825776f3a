"""Whom to contact by what, when not everything can be done: the most worth within the limits.

Each customer is contacted at most once, all contacts together cost at most the budget, and a
channel carries only so many. That is a multiple-choice knapsack: a linear bound is found by pricing
the limits (Lagrange multipliers by Kelley's cutting planes), everyone is taken in the order of what
they bring at those prices, and HiGHS solves exactly what is left to decide near the edge. How far
the choice can be from the best one is stated, never assumed.

The method is Martello and Toth's for knapsacks with a core; J. E. Kelley (1960), J. SIAM 8.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from governance.errors import InvalidInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MICROS = 1_000_000
"""Money is counted in whole millionths, so that no sum passes a budget by rounding."""

_CORE = 250
_CUTS = 120
_CLOSE = 1e-7
_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Options:
    """What could be done, (n,) each: for whom (0, 1, …), at what cost, by which channel, and worth.

    `worth` is at least 0, in any one unit; `cost` in money; `channel` an index into the channels
    that `Limits` names. One customer may have several options, of which one is taken at most.
    """

    customer: Ints
    worth: Floats
    cost: Floats
    channel: Ints

    def __len__(self) -> int:
        return len(self.worth)


class Limits(NamedTuple):
    """What all that is taken may cost, and how many a channel may carry (index to number)."""

    budget: float
    capacity: Mapping[int, int]


class Choice(NamedTuple):
    """Which options are taken (n,), what they are worth, and what no choice could surpass.

    `binding`: whether the limits left anything out that would have been taken without them.
    """

    taken: NDArray[np.bool_]
    worth: float
    bound: float
    binding: bool

    @property
    def gap(self) -> float:
        """How far from the best possible it may be, as a share of it: 0 is proved best."""
        if self.bound <= 0:
            return 0.0
        return max(0.0, (self.bound - self.worth) / self.bound)


def choose(options: Options, limits: Limits, *, seconds: float = _SECONDS) -> Choice:
    """Take the options that are worth most in sum within the limits.

    Equal input gives an equal choice unless `seconds` (for the exact part) run out. Raises
    `InvalidInput` for worth or cost below 0 or not finite.
    """
    _check(options, limits)
    if not len(options):
        return Choice(np.zeros(0, np.bool_), 0.0, 0.0, binding=False)
    problem = _Problem.of(options, limits)
    best, _ = problem.best_at(np.zeros(len(problem.room)))
    free = problem.value(best)
    if problem.fits(best):
        return Choice(problem.marked(best), free, free, binding=False)
    if len(problem.starts) <= 2 * _CORE:
        taken, proved = problem.exactly(seconds)
        if proved:
            worth = problem.value(taken)
            return Choice(problem.marked(taken), worth, worth, binding=True)
    prices, bound = problem.prices()
    taken = problem.in_order(prices)
    better = problem.near_the_edge(taken, prices, seconds)
    if problem.value(better) > problem.value(taken):
        taken = better
    worth = problem.value(taken)
    return Choice(problem.marked(taken), worth, max(min(bound, free), worth), binding=True)


class _Problem(NamedTuple):
    """Options sorted by customer; `use` (limits, n) and `room` (limits,) are whole numbers.

    Of `size` options those that fit no limit by themselves are left out; `order` names the others.
    """

    size: int
    order: Ints
    starts: Ints
    owner: Ints
    worth: Floats
    use: Ints
    room: Ints

    @classmethod
    def of(cls, options: Options, limits: Limits) -> "_Problem":
        cost = np.rint(options.cost * MICROS).astype(np.int64)
        rows = [cost, *(options.channel == channel for channel in limits.capacity)]
        room = [int(limits.budget * MICROS + 0.5), *limits.capacity.values()]
        use = np.stack([np.asarray(row, np.int64) for row in rows])
        order = np.lexsort((np.arange(len(options)), options.customer))
        order = order[(use[:, order] <= np.array(room)[:, None]).all(axis=0)]
        who = options.customer[order]
        starts = np.flatnonzero(np.r_[True, who[1:] != who[:-1]]) if len(who) else np.zeros(0, int)
        owner = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(who)]))
        room_left = np.array(room, np.int64)
        return cls(
            len(options), order, starts, owner, options.worth[order], use[:, order], room_left
        )

    def marked(self, taken: Ints) -> NDArray[np.bool_]:
        """Say of each option in the given order whether it is taken."""
        found = np.zeros(self.size, np.bool_)
        found[self.order[taken]] = True
        return found

    def value(self, taken: Ints) -> float:
        return float(self.worth[taken].sum())

    def fits(self, taken: Ints) -> bool:
        return bool((self.use[:, taken].sum(axis=1) <= self.room).all())

    def best_at(self, prices: Floats) -> tuple[Ints, Floats]:
        """Give each customer's best option at these prices, and what each option then brings."""
        brings = self.worth - prices @ self.use
        if not len(self.starts):
            return np.zeros(0, np.int64), brings
        most = np.maximum.reduceat(brings, self.starts)
        where = np.flatnonzero(brings == most[self.owner])
        first = where[np.unique(self.owner[where], return_index=True)[1]]
        return first[brings[first] >= 0], brings

    def prices(self) -> tuple[Floats, float]:
        """Give the prices of the limits under which least is left, and the bound they prove."""
        limits = len(self.room)
        scale = np.maximum(self.room, 1)
        top = np.array(
            [
                (self.worth[used > 0] / used[used > 0]).max(initial=0.0) * size
                for used, size in zip(self.use, scale, strict=True)
            ]
        )
        prices, best, bound = np.zeros(limits), np.zeros(limits), np.inf
        slopes: list[Floats] = []
        heights: list[float] = []
        for _ in range(_CUTS):
            taken, brings = self.best_at(prices / scale)
            height = float(brings[taken].sum() + (prices / scale) @ self.room)
            slope = (self.room - self.use[:, taken].sum(axis=1)) / scale
            if height < bound:
                bound, best = height, prices
            slopes.append(slope)
            heights.append(height - float(slope @ prices))
            lower, prices = _lowest(slopes, heights, top)
            if bound - lower <= _CLOSE * max(bound, 1e-300):
                break
        return best / scale, bound

    def in_order(self, prices: Floats) -> Ints:
        """Take each customer's options, those that bring most first, while there is room."""
        brings = self.worth - prices @ self.use
        queue = np.lexsort((self.owner, -self.worth, -brings))
        done = np.zeros(len(self.starts), np.bool_)
        room = self.room.copy()
        taken = []
        for place in queue:
            used = self.use[:, place]
            if not done[self.owner[place]] and (used <= room).all():
                done[self.owner[place]] = True
                room -= used
                taken.append(place)
                if room[0] <= 0 and (self.use[0] > 0).all():
                    break
        return np.array(taken, np.int64)

    def exactly(self, seconds: float) -> tuple[Ints, bool]:
        """Solve the whole problem by HiGHS, and say whether the solution is proved best."""
        solved, proved = _solve(self.worth, self.use, self.room, self.owner, seconds)
        taken = np.flatnonzero(solved)
        return taken, proved and self.fits(taken)

    def near_the_edge(self, taken: Ints, prices: Floats, seconds: float) -> Ints:
        """Solve exactly for the customers whose verdict is closest; all others stay as they are."""
        brings = self.worth - prices @ self.use
        margin = np.full(len(self.starts), -np.inf)
        np.maximum.at(margin, self.owner, brings)
        mine = np.zeros(len(self.starts), np.bool_)
        mine[self.owner[taken]] = True
        core = np.zeros(len(self.starts), np.bool_)
        for group, sign in ((mine, 1.0), (~mine, -1.0)):
            members = np.flatnonzero(group)
            nearest = np.argsort(sign * margin[members], kind="stable")[:_CORE]
            core[members[nearest]] = True
        kept = taken[~core[self.owner[taken]]]
        places = np.flatnonzero(core[self.owner])
        room = self.room - self.use[:, kept].sum(axis=1)
        solved, _ = _solve(
            self.worth[places], self.use[:, places], room, self.owner[places], seconds
        )
        found = np.concatenate([kept, places[solved]])
        return found if self.fits(found) else taken


def _lowest(
    slopes: Sequence[Floats], heights: Sequence[float], top: Floats
) -> tuple[float, Floats]:
    """Give the lowest point of the cuts found so far (Kelley's master problem), by HiGHS."""
    from scipy.optimize import linprog  # slow to load, and a service seldom chooses

    size = max(max(map(abs, heights)), 1.0)
    cuts = np.column_stack([np.stack(slopes) / size, -np.ones(len(slopes))])
    limits = [(0.0, float(each)) for each in top]
    found = linprog(
        np.r_[np.zeros(len(top)), 1.0],
        A_ub=cuts,
        b_ub=-np.array(heights) / size,
        bounds=[*limits, (None, None)],
        method="highs",
    )
    if found.x is None:
        return -np.inf, np.zeros(len(top))
    return float(found.x[-1]) * size, np.asarray(found.x[:-1], np.float64)


def _solve(
    worth: Floats, use: Ints, room: Ints, owner: Ints, seconds: float
) -> tuple[NDArray[np.bool_], bool]:
    """Solve one small problem by HiGHS, and say whether it was proved best in time."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array, vstack

    if not len(worth):
        return np.zeros(0, np.bool_), True
    _, row = np.unique(owner, return_inverse=True)
    columns = np.arange(len(worth))
    once = csr_array((np.ones(len(worth)), (row, columns)))
    scale = np.maximum(room, 1).astype(np.float64)
    matrix = vstack([once, csr_array(use / scale[:, None])])
    upper = np.r_[np.ones(once.shape[0]), room / scale]
    found = milp(
        -worth / max(float(worth.max()), 1e-300),
        constraints=LinearConstraint(matrix, -np.inf, upper),
        bounds=Bounds(0, 1),
        integrality=np.ones(len(worth)),
        options={"time_limit": seconds, "mip_rel_gap": 0.0},
    )
    if found.x is None:
        return np.zeros(len(worth), np.bool_), False
    return np.asarray(found.x > 0.5, np.bool_), bool(found.status == 0)


def _check(options: Options, limits: Limits) -> None:
    for name, values in (("worth", options.worth), ("cost", options.cost)):
        if len(values) and not (np.isfinite(values).all() and (values >= 0).all()):
            raise InvalidInput(
                f"an option has a {name} below 0 or none, must be 0 or more",
                hint="check the playbook's cost and the margins",
            )
    if limits.budget < 0 or any(each < 0 for each in limits.capacity.values()):
        raise InvalidInput("a limit lies below 0, must be 0 or more")
