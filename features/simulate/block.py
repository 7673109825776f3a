"""Some customers of a made-up company as one table of events, with late and wrong rows.

A block is a function of the seed and its number alone: it is the same whatever else is made.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.simulate.exports import answers
from features.simulate.life import (
    UNDER_RECORDED_BAND,
    WEEK_S,
    WEEKS,
    Floats,
    Ints,
    People,
    Weeks,
    live,
    make_people,
    spread,
)
from features.simulate.permissions import permissions
from features.simulate.signals import Rows, signals, tickets_text
from features.simulate.states import States, help_some, wander
from features.simulate.words import graded_texts
from features.simulate.world import DIMENSIONS, World

ORIGINAL, DOUBLE, UNDONE, MENDED = range(4)
"""What a row is: itself, a booking made twice, the retraction of one, a correction of itself."""
_SUFFIX = np.array(["", "d", "u", "m"], np.object_)
_IMPOSSIBLE_ANSWER, _IMPOSSIBLE_TIMES = 99.0, 100.0


@dataclass(frozen=True)
class Block:
    """`events` as the import reads them, `customers` one row each, `permissions` one per answer.

    `truth_people`, `truth_weeks`, `truth_texts` and `truth_faults` are what no company knows.
    """

    events: pa.Table
    customers: pa.Table
    permissions: pd.DataFrame
    truth_people: pa.Table
    truth_weeks: pa.Table
    truth_texts: pa.Table
    truth_faults: pa.Table


class _Table(NamedTuple):
    """Events as arrays `(k,)`; `base` numbers the event within its block, `role` says what it is.

    `wrong` marks values that cannot be; `mended` whether that, or a double, is put right later.
    """

    kinds: tuple[str, ...]
    details: tuple[str, ...]
    kind: Ints
    detail: Ints
    customer: Ints
    seconds: Floats
    known: Floats
    value: Floats
    text: Ints
    base: Ints
    role: Ints
    wrong: NDArray[np.bool_]
    mended: NDArray[np.bool_]


_ARRAYS = _Table._fields[2:]


def make_block(
    number: int,
    seed: int,
    *,
    size: int,
    keep: int,
    end: datetime,
    world: World,
    truth_every_weeks: int = 4,
) -> Block:
    """Make block `number` of `size` customers; the first `keep` of them, whose rows never change
    with `keep`. `end` is a UTC midnight.
    """
    names = ("people", "states", "life", "signals", "rows", "permissions", "faults")
    children = np.random.SeedSequence([seed, number]).spawn(len(names))
    rng = {name: np.random.default_rng(child) for name, child in zip(names, children, strict=True)}
    start = end - timedelta(weeks=WEEKS)
    people = make_people(size, rng["people"], first=number * size + 1)
    states = wander(size, rng["states"], world)
    strain = -world.hazard_per_10_points * (states.mean - np.mean(world.level)) / 10
    weeks = live(people, rng["life"], world, strain=strain, season=_season(start, world))
    states = help_some(states, weeks.treated, world)
    days = _days(start, world)
    rows = [
        *_trade(people, weeks, rng["rows"], days),
        *_visits(people, weeks, rng["rows"], days, world),
        *_tickets(weeks, states, rng["rows"], days),
        *_csat_nps(people, weeks, rng["rows"], days),
        *signals(people, weeks, states, rng["signals"], days),
    ]
    table = _spoil(_join(rows), rng["faults"], world)
    inside = (table.customer < keep) & (table.known < WEEKS * WEEK_S)
    made = permissions(people, rng["permissions"], start)
    asked = made["customer_id"].isin(set(people.ids[:keep].tolist()))
    return Block(
        events=_events(table, inside, number, people, start),
        customers=_customers(people, states, rng["people"], keep, start),
        permissions=made[asked],
        truth_people=_truth_people(people, weeks, states, keep, start),
        truth_weeks=_truth_weeks(people, weeks, states, keep, start, truth_every_weeks),
        truth_texts=_truth_texts(table, inside, number, people),
        truth_faults=_truth_faults(table, inside, number),
    )


def _season(start: datetime, world: World) -> Floats:
    middle = [(start + timedelta(days=7 * week + 3.5)).timetuple().tm_yday for week in range(WEEKS)]
    turn = 2 * np.pi * (np.array(middle) - world.peak_day) / 365.25
    found: Floats = 1 + world.yearly_amplitude * np.cos(turn)
    return found


def _days(start: datetime, world: World) -> Floats | None:
    if world.weekday_share is None:
        return None
    shares: Floats = np.roll(np.array(world.weekday_share), -start.weekday())
    return shares / float(shares.sum())


def _trade(
    people: People, weeks: Weeks, rng: np.random.Generator, days: Floats | None
) -> list[Rows]:
    customer, _, seconds = spread(weeks.orders, rng, days=days)
    value = people.basket_eur[customer] * np.exp(0.4 * rng.standard_normal(len(customer)))
    value, nothing = np.round(value, 2), np.full(len(customer), -1)
    back = rng.random(len(customer)) < 0.04
    when = seconds[back] + rng.integers(3, 15, int(back.sum())) * 86_400
    return [
        Rows("order", customer, seconds, value, nothing),
        Rows("return", customer[back], when, value[back], nothing[back]),
    ]


def _visits(
    people: People, weeks: Weeks, rng: np.random.Generator, days: Floats | None, world: World
) -> list[Rows]:
    customer, _, seconds = spread(weeks.sessions, rng, days=days)
    hit = (rng.random(len(customer)) < 0.7) & (people.age_band[customer] == UNDER_RECORDED_BAND)
    kept = ~(hit & (rng.random(len(customer)) < world.under_recorded_share))
    customer, seconds = customer[kept], seconds[kept]
    view = np.repeat(np.arange(len(customer)), rng.poisson(1.1, len(customer)))
    later = seconds[view] + rng.integers(5, 900, len(view))
    return [_bare("session", customer, seconds), _bare("page_view", customer[view], later)]


def _tickets(
    weeks: Weeks, states: States, rng: np.random.Generator, days: Floats | None
) -> list[Rows]:
    customer, week, seconds = spread(weeks.tickets, rng, days=days)
    cell = week * weeks.tickets.shape[1] + customer
    place = np.arange(len(cell)) - np.searchsorted(cell, cell)
    raised = place < weeks.escalated[week, customer]
    wait = np.where(raised, 30, 6) * (0.5 + rng.random(len(cell))) * 3_600
    text, _ = tickets_text(customer, week, states, rng)
    return [
        Rows("ticket_opened", customer, seconds, np.full(len(cell), np.nan), text),
        _bare("ticket_escalated", customer[raised], (seconds + wait * 0.2)[raised]),
        _bare("ticket_closed", customer, seconds + wait),
    ]


def _csat_nps(
    people: People, weeks: Weeks, rng: np.random.Generator, days: Floats | None
) -> list[Rows]:
    asked = (weeks.tickets > 0) & (rng.random(weeks.tickets.shape) < 0.4)
    polled = np.zeros_like(asked)
    rounds = np.arange(13, WEEKS, 26)
    polled[rounds] = (people.joined_week <= rounds[:, None]) & (weeks.left_week > rounds[:, None])
    polled &= rng.random(asked.shape) < 0.3
    found = []
    for name, who, low, high in (("csat", asked, 1, 5), ("nps", polled, 0, 10)):
        customer, seconds, score = answers(weeks, who, rng, low=low, high=high, days=days)
        nothing = np.full(len(customer), -1)
        found.append(Rows("survey", customer, seconds, score.astype(np.float64), nothing, name))
    return found


def _bare(kind: str, customer: Ints, seconds: Floats) -> Rows:
    return Rows(kind, customer, seconds, np.full(len(customer), np.nan), np.full(len(customer), -1))


def _join(rows: list[Rows]) -> _Table:
    kinds = tuple(dict.fromkeys(each.kind for each in rows))
    details = tuple(dict.fromkeys(each.detail for each in rows))
    sizes = [len(each.customer) for each in rows]
    total = sum(sizes)
    seconds = np.floor(np.concatenate([each.seconds for each in rows]))
    return _Table(
        kinds=kinds,
        details=details,
        kind=np.repeat([kinds.index(each.kind) for each in rows], sizes),
        detail=np.repeat([details.index(each.detail) for each in rows], sizes),
        customer=np.concatenate([each.customer for each in rows]),
        seconds=seconds,
        known=seconds,
        value=np.concatenate([each.value for each in rows]),
        text=np.concatenate([each.text for each in rows]),
        base=np.arange(total),
        role=np.zeros(total, np.int64),
        wrong=np.zeros(total, np.bool_),
        mended=np.zeros(total, np.bool_),
    )


def _spoil(table: _Table, rng: np.random.Generator, world: World) -> _Table:
    """Make rows late, book some twice and get some wrong; put most of the two right again."""
    n = len(table.base)
    order = table.kind == table.kinds.index("order")
    answer = table.kind == table.kinds.index("survey")
    late = rng.random(n) < world.late_share
    delay = np.where(late, np.ceil(rng.exponential(world.late_days, n) * 86_400), 0)
    double = order & (rng.random(n) < world.double_share)
    wrong = (order | answer) & ~double & (rng.random(n) < world.wrong_share)
    mended = (double | wrong) & (rng.random(n) < world.mended_share)
    later = 3_600 + np.ceil(rng.exponential(world.late_days, n) * 86_400)
    known = table.seconds + delay
    spoilt = np.where(order, table.value * _IMPOSSIBLE_TIMES, _IMPOSSIBLE_ANSWER)
    whole = table._replace(
        known=known, value=np.where(wrong, spoilt, table.value), wrong=wrong, mended=mended & wrong
    )
    parts = [whole]
    for role, rows, value, when in (
        (DOUBLE, double, table.value, known + 60),
        (UNDONE, double & mended, np.full(n, np.nan), known + later),
        (MENDED, wrong & mended, table.value, known + later),
    ):
        chosen = whole._replace(
            value=value,
            known=when,
            role=np.full(n, role),
            wrong=np.full(n, role == DOUBLE),
            mended=mended & (role == DOUBLE),
        )
        arrays: dict[str, Any] = {name: getattr(chosen, name)[rows] for name in _ARRAYS}
        parts.append(chosen._replace(**arrays))
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS
    }
    return table._replace(**joined)


def _instants(seconds: Floats | Ints, start: datetime) -> pa.Array:
    micros = int(start.timestamp()) * 1_000_000 + np.asarray(seconds).astype(np.int64) * 1_000_000
    return pa.array(micros, pa.timestamp("us", tz="UTC"))


def _names(number: int, base: Ints, role: Ints) -> pa.Array:
    head = pa.scalar(f"B{number}-")
    suffix = pa.array(_SUFFIX[role], pa.string())
    return pc.binary_join_element_wise(head, pa.array(base).cast(pa.string()), suffix, "")


def _events(
    table: _Table, inside: NDArray[np.bool_], number: int, people: People, start: datetime
) -> pa.Table:
    order = np.flatnonzero(inside)
    order = order[np.lexsort((table.base[order], table.seconds[order], table.customer[order]))]
    kind, detail, role = table.kind[order], table.detail[order], table.role[order]
    base, text, value = table.base[order], table.text[order], table.value[order]

    def coded(codes: Ints, words: tuple[str, ...]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(words))

    survey = kind == table.kinds.index("survey")
    some = detail != table.details.index("")
    points_at = _names(number, base, np.where(role == UNDONE, DOUBLE, ORIGINAL))
    nothing = pa.nulls(len(order), pa.string())

    def only(rows: NDArray[np.bool_], column: pa.Array) -> pa.Array:
        return pc.if_else(pa.array(rows), column, nothing)

    words = pa.array(graded_texts().text, pa.string())
    return pa.table(
        {
            "customer_id": coded(table.customer[order], tuple(people.ids.tolist())),
            "kind": coded(kind, table.kinds),
            "event_id": _names(number, base, role),
            "occurred_at": _instants(table.seconds[order], start),
            "known_at": _instants(table.known[order], start),
            "value": pa.array(value, mask=np.isnan(value)),
            "text": words.take(pa.array(text, mask=(text < 0) | (role == UNDONE))),
            "instrument": pa.DictionaryArray.from_arrays(
                pa.array(detail.astype(np.int32), mask=~(survey & some)), pa.array(table.details)
            ),
            "metric": pa.DictionaryArray.from_arrays(
                pa.array(detail.astype(np.int32), mask=~(~survey & some)), pa.array(table.details)
            ),
            "corrects": only(role == MENDED, points_at),
            "retracts": only(role == UNDONE, points_at),
        }
    )


def _customers(
    people: People, states: States, rng: np.random.Generator, keep: int, start: datetime
) -> pa.Table:
    n = len(people.ids)
    plan = rng.choice(["basic", "plus", "family"], n, p=[0.6, 0.3, 0.1])
    joined = people.joined_week * WEEK_S - people.days_before * 86_400
    return pa.table(
        {
            "customer_id": people.ids[:keep],
            "joined_at": _instants(joined[:keep], start),
            "plan": plan[:keep],
            "area": states.area[:keep],
            "age_band": people.age_band[:keep],
        }
    )


def _truth_people(
    people: People, weeks: Weeks, states: States, keep: int, start: datetime
) -> pa.Table:
    left = weeks.left_week[:keep]
    return pa.table(
        {
            "customer_id": people.ids[:keep],
            "area": states.area[:keep],
            "in_pilot": weeks.in_pilot[:keep],
            "treated": weeks.treated[:keep],
            "joined_week": people.joined_week[:keep],
            "left_week": left,
            "left_at": pc.if_else(
                pa.array(left < WEEKS),
                _instants(left * WEEK_S, start),
                pa.nulls(keep, pa.timestamp("us", tz="UTC")),
            ),
        }
    )


def _truth_weeks(
    people: People, weeks: Weeks, states: States, keep: int, start: datetime, every: int
) -> pa.Table:
    chosen = np.arange(0, WEEKS, every)
    points = states.points[chosen, :keep]
    week = np.repeat(chosen, keep)
    columns = {
        "customer_id": np.tile(people.ids[:keep], len(chosen)),
        "week": week,
        "week_start": _instants(week * WEEK_S, start),
        "hazard": weeks.hazard[chosen, :keep].astype(np.float32).ravel(),
    }
    return pa.table(columns | {name: points[:, :, k].ravel() for k, name in enumerate(DIMENSIONS)})


def _truth_texts(table: _Table, inside: NDArray[np.bool_], number: int, people: People) -> pa.Table:
    rows = np.flatnonzero(inside & (table.text >= 0) & (table.role == ORIGINAL))
    return pa.table(
        {
            "customer_id": people.ids[table.customer[rows]],
            "event_id": _names(number, table.base[rows], table.role[rows]),
            "meant": graded_texts().meant[table.text[rows]],
        }
    )


def _truth_faults(table: _Table, inside: NDArray[np.bool_], number: int) -> pa.Table:
    rows = np.flatnonzero(inside & table.wrong)
    return pa.table(
        {
            "event_id": _names(number, table.base[rows], table.role[rows]),
            "fault": np.where(table.role[rows] == DOUBLE, "booked twice", "impossible value"),
            "mended": table.mended[rows],
        }
    )
