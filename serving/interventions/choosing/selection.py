"""From those who may be contacted to those who are: one choice over all playbooks asked together.

Duties are owed to everyone. Of outreach each customer gets at most one, all of it within the
budget and what each channel carries, as much worth as possible (`choice`). Where a playbook is
chosen by a shown effect and not everyone can be reached, a share of the budget is set apart for
people drawn at random among those left: only so can it be learned later what the choice misses.
Everyone's chance of being taken is kept.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from serving.interventions.choosing.choice import MICROS, Choice, Limits, Options, choose
from serving.interventions.choosing.worth import ChosenBy, Effect, worth_of
from serving.interventions.playbooks.playbook import Playbook
from serving.interventions.policy.policy import Judged


class Asked(NamedTuple):
    """One playbook, who may be contacted by it, and what its experiment showed."""

    playbook: Playbook
    judged: Judged
    effect: Effect | None = None


class Pick(NamedTuple):
    """Why someone was taken; `chance` (0-1) is how likely the choice was to take them."""

    chosen_by: ChosenBy
    expected_effect: float | None
    chance: float


class Room(NamedTuple):
    """What a run may cost, how many each channel carries, and the share that explores (0-1)."""

    budget: float
    capacity: Mapping[str, int]
    exploration_share: float = 0.0


class ChoiceNote(NamedTuple):
    """How good the choice is: its worth, a bound no choice could pass, and the gap between them.

    `optimality_gap` is (bound − worth) ÷ bound, 0 where the choice is proved best; it speaks of
    what was not set apart for exploring. `binding`: whether the limits left anybody out. `unit`
    says what is counted. `explored` people were drawn at random out of `explorable`.
    """

    options: int
    worth: float
    bound: float
    optimality_gap: float
    binding: bool
    unit: str
    explored: int = 0
    explorable: int = 0


class Selection(NamedTuple):
    """Per playbook asked, in order: who is taken, why others are not, chances of those not taken.

    `chances` has those alone who might have been drawn; everyone else left out had none.
    """

    picks: tuple[Mapping[str, Pick], ...]
    left_out: tuple[Mapping[str, str], ...]
    chances: tuple[Mapping[str, float], ...]
    note: ChoiceNote


def select(
    asked: Sequence[Asked],
    room: Room,
    *,
    margins: Mapping[str, float] | None = None,
    rng: np.random.Generator,
) -> Selection:
    """Choose among all who may be contacted; duties are always done and cost no budget."""
    table = _Table.of(asked, room, margins)
    limits = table.limits(room, 1.0)
    found = choose(table.options, limits)
    drawn = _Drawn(np.zeros(0, np.int64), np.zeros(0, np.int64), {})
    if found.binding and room.exploration_share > 0 and table.by_effect.any():
        apart = table.limits(room, 1.0 - room.exploration_share)
        rest = choose(table.options, apart)
        drawn = _explore(table, rest, limits, room.exploration_share, rng)
        if len(drawn.places):
            found = rest
    return _told(asked, table, found, drawn, limits, room, stated=margins is not None)


class _Table(NamedTuple):
    options: Options
    playbook: np.ndarray[tuple[int], np.dtype[np.int64]]
    people: tuple[str, ...]
    by_effect: np.ndarray[tuple[int], np.dtype[np.bool_]]
    by: tuple[ChosenBy, ...]
    expected: tuple[float | None, ...]
    channels: tuple[str, ...]

    @classmethod
    def of(
        cls, asked: Sequence[Asked], room: Room, margins: Mapping[str, float] | None
    ) -> "_Table":
        codes: dict[str, int] = {}
        channels = tuple(sorted(room.capacity))
        parts: list[tuple[list[int], np.ndarray[tuple[int], np.dtype[np.float64]]]] = []
        by: list[ChosenBy] = []
        expected: list[float | None] = []
        for each in asked:
            people = () if each.playbook.kind == "service" else each.judged.eligible
            worth = worth_of(each.playbook, people, effect=each.effect, margins=margins)
            by.append("duty" if each.playbook.kind == "service" else worth.chosen_by)
            expected.append(worth.expected_effect)
            parts.append(
                ([codes.setdefault(c.customer_id, len(codes)) for c in people], worth.each)
            )
        sizes = [len(people) for people, _ in parts]
        cost = [each.playbook.cost for each in asked]
        channel = [
            channels.index(each.playbook.channel) if each.playbook.channel in channels else -1
            for each in asked
        ]
        options = Options(
            customer=np.concatenate([np.array(people, np.int64) for people, _ in parts]),
            worth=np.concatenate([worth for _, worth in parts]),
            cost=np.repeat(np.array(cost, np.float64), sizes),
            channel=np.repeat(np.array(channel, np.int64), sizes),
        )
        effect = np.repeat(np.array([each == "effect" for each in by], np.bool_), sizes)
        playbook = np.repeat(np.arange(len(asked)), sizes)
        return cls(options, playbook, tuple(codes), effect, tuple(by), tuple(expected), channels)

    def limits(self, room: Room, share: float) -> Limits:
        """Give the limits of the room, or the whole part of a share of it."""
        capacity = {
            code: int(room.capacity[name] * share + 1e-9) for code, name in enumerate(self.channels)
        }
        return Limits(room.budget * share, capacity)


class _Drawn(NamedTuple):
    """Which options were drawn at random, among which, and the chance of each of those."""

    places: np.ndarray[tuple[int], np.dtype[np.int64]]
    pool: np.ndarray[tuple[int], np.dtype[np.int64]]
    chance: Mapping[int, float]


def _explore(
    table: _Table, rest: Choice, limits: Limits, share: float, rng: np.random.Generator
) -> _Drawn:
    """Draw people among those not taken, each with the same chance, one option of theirs each.

    How many is settled before the draw, by the dearest option, so that chances are exact.
    """
    options = table.options
    taken = np.zeros(len(table.people), np.bool_)
    taken[options.customer[rest.taken]] = True
    fits = options.cost <= limits.budget * share
    pool = np.flatnonzero(table.by_effect & ~taken[options.customer] & fits)
    nothing = np.zeros(0, np.int64)
    if not len(pool):
        return _Drawn(nothing, nothing, {})
    dearest = int(np.rint(options.cost[pool].max() * MICROS))
    people = np.unique(options.customer[pool])
    room = [len(people)]
    if dearest > 0:
        room.append(int(limits.budget * share * MICROS + 0.5) // dearest)
    for channel, most in limits.capacity.items():
        if (options.channel[pool] == channel).any():
            used = int((options.channel[rest.taken] == channel).sum())
            room.append(most - used)
    number = max(min(room), 0)
    if number == 0:
        return _Drawn(nothing, nothing, {})
    who = rng.choice(people, size=number, replace=False)
    per_person = np.bincount(options.customer[pool], minlength=len(table.people))
    chance = {
        int(place): number / len(people) / int(per_person[options.customer[place]])
        for place in pool
    }
    mine = pool[np.isin(options.customer[pool], who)]
    order = rng.permutation(len(mine))
    _, first = np.unique(options.customer[mine[order]], return_index=True)
    return _Drawn(np.sort(mine[order][first]), pool, chance)


def _told(
    asked: Sequence[Asked],
    table: _Table,
    found: Choice,
    drawn: _Drawn,
    limits: Limits,
    room: Room,
    *,
    stated: bool,
) -> Selection:
    options = table.options
    picks: list[dict[str, Pick]] = [{} for _ in asked]
    left_out: list[dict[str, str]] = [{} for _ in asked]
    chances: list[dict[str, float]] = [{} for _ in asked]
    for number, each in enumerate(asked):
        if each.playbook.kind == "service":
            picks[number] = {c.customer_id: Pick("duty", None, 1.0) for c in each.judged.eligible}
    for place in np.flatnonzero(found.taken):
        number = int(table.playbook[place])
        pick = Pick(table.by[number], table.expected[number], 1.0)
        picks[number][table.people[options.customer[place]]] = pick
    for place in drawn.places:
        number = int(table.playbook[place])
        pick = Pick("explored", table.expected[number], drawn.chance[int(place)])
        picks[number][table.people[options.customer[place]]] = pick
    taken = found.taken.copy()
    taken[drawn.places] = True
    reached = np.zeros(len(table.people), np.bool_)
    reached[options.customer[taken]] = True
    full = {
        channel
        for channel, most in limits.capacity.items()
        if int((options.channel[taken] == channel).sum()) >= most
    }
    for place in np.flatnonzero(~taken):
        number, code = int(table.playbook[place]), int(options.customer[place])
        customer = table.people[code]
        reason = "budget_used_up"
        if reached[code]:
            reason = "another_playbook_chosen"
        elif int(options.channel[place]) in full:
            reason = "channel_used_up"
        left_out[number][customer] = reason
        if int(place) in drawn.chance:
            chances[number][customer] = drawn.chance[int(place)]
    pool = len(np.unique(options.customer[drawn.pool]))
    note = ChoiceNote(
        options=len(options),
        worth=found.worth,
        bound=found.bound,
        optimality_gap=found.gap,
        binding=found.binding,
        unit="margin at stake that contacting keeps" if stated else "customers kept",
        explored=len(drawn.places),
        explorable=pool,
    )
    return Selection(tuple(picks), tuple(left_out), tuple(chances), note)
