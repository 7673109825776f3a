"""The weekly list: who may be leaving, by the margin at stake, and where each may be reached.

Nobody is on it who does not permit scoring now, whose decision is contested, or who is left alone
so that it can be learnt whether contacting helps. Which of these it was is not told.
"""

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, select

from features.history import read_all
from features.labels import Target
from governance.consent.queries import spoken_of
from governance.instants import from_micros, to_micros, to_text
from serving.bootstrap import Keepwell
from serving.crm.cells import in_words
from serving.crm.margins import Margins, margins_of
from serving.crm.score_rows import Reader, batches, target_of
from serving.interventions.deciding.contest import contested_candidates
from serving.interventions.policy.policy import Candidate
from serving.interventions.tables import interventions

_OUTREACH = "outreach."
_FEW = 5
_CONTACTS = ("contact_outside", "email_delivered", "intervention_sent", "call")


class Money(NamedTuple):
    """An amount between two bounds: what is at stake if every probability is at its low or high."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Line:
    """One customer on the list.

    `low` and `high` are the 90 % interval of `probability`; `at_risk` is probability × margin.
    `channels` are those the customer permits now; `last_contact` is what the history knows of.
    """

    customer_id: str
    probability: float
    low: float
    high: float
    margin: float
    at_risk: Money
    reasons: tuple[str, ...]
    channels: tuple[str, ...]
    last_contact: str | None
    decision_id: str


@dataclass(frozen=True, kw_only=True)
class WeeklyList:
    """The list and what it is part of: all customers who permit scoring and have a score.

    `left_out` counts people of the file who are not suggested; None for fewer than five.
    `contactable` is the share of `at_risk` of those who can be reached by some channel.
    """

    target: str
    outcome: str
    home: str
    currency: str
    as_of: str
    made_at: str
    customers: int
    at_risk: Money
    contactable: float
    left_out: int | None
    assumption: str
    lines: tuple[Line, ...]

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON."""
        found = asdict(self)
        found["at_risk"] = self.at_risk._asdict()
        for line, each in zip(found["lines"], self.lines, strict=True):
            line["at_risk"] = each.at_risk._asdict()
        return found


def weekly_list(
    keepwell: Keepwell,
    scores: Path,
    *,
    top: int,
    margin: float | None,
    clock: Callable[[], datetime],
) -> WeeklyList:
    """Make the list from a file of scores; the log keeps that they were read.

    Permission, for scoring and for each channel, is judged now. Raises `InvalidInput` for what is
    no file of scores.
    """
    target = target_of(keepwell, scores)
    sums = _Sums(keepwell, target, top)
    outcome, as_of = "", clock()
    margins: Margins | None = None
    for batch in batches(scores):
        rows = batch.to_pylist()
        now = clock()
        with keepwell.database.read() as conn:
            if margins is None:
                outcome, as_of = rows[0]["outcome"] or target.say(), rows[0]["as_of"]
                margins = margins_of(
                    keepwell, conn, purpose=target.purpose, stated=margin, as_of=as_of, now=now
                )
            sums.add(conn, rows, margins, now)
    chosen = [row for _, _, row in sorted(sums.best, reverse=True)]
    now = clock()
    with keepwell.database.read() as conn:
        last = _last_contacts(keepwell, conn, [row["customer_id"] for row in chosen], now)
    found = WeeklyList(
        target=target.name,
        outcome=outcome,
        home=keepwell.kind,
        currency=keepwell.settings.currency,
        as_of=to_text(as_of),
        made_at=to_text(now),
        customers=sums.customers,
        at_risk=Money(*map(float, sums.at_risk)),
        contactable=float(sums.reachable / sums.at_risk[0]) if sums.at_risk[0] else 0.0,
        left_out=None if sums.left_out < _FEW else sums.left_out,
        assumption="" if margins is None else margins.assumption,
        lines=tuple(_line(row, last) for row in chosen),
    )
    body = {"target": target.name, "customers": found.customers, "listed": len(found.lines)}
    with keepwell.database.write() as conn:
        keepwell.ledger.append(conn, "scores_listed", body, now=now)
    return found


class _Sums:
    """What is kept while the rows go by: a few sums, and the best rows so far."""

    def __init__(self, keepwell: Keepwell, target: Target, top: int) -> None:
        self._keepwell, self._target, self._top = keepwell, target, top
        self._reader = Reader(keepwell, target)
        self.at_risk = np.zeros(3)
        self.reachable = 0.0
        self.customers = self.left_out = 0
        self.best: list[tuple[float, str, dict[str, Any]]] = []

    def add(
        self, conn: Connection, rows: Sequence[dict[str, Any]], margins: Margins, now: datetime
    ) -> None:
        """Add some rows, as permission stands now."""
        verdicts = self._reader.judge(conn, rows, now=now)
        told = [row for row, why in zip(rows, verdicts, strict=True) if why is None]
        self.left_out += sum(why not in (None, "no_score") for why in verdicts)
        channels = channels_of(self._keepwell, conn, [row["customer_id"] for row in told], now)
        alone = _left_alone(self._keepwell, conn, self._target, told, now)
        for row in told:
            who = row["customer_id"]
            row["margin"], row["channels"] = margins.of(who), channels.get(who, ())
            spans = np.array([row["probability"], row["low"], row["high"]]) * row["margin"]
            row["at_risk"] = Money(*map(float, spans))
            self.customers += 1
            self.at_risk += spans
            self.reachable += spans[0] if row["channels"] else 0.0
            if who in alone:
                self.left_out += 1
                continue
            entry = (row["at_risk"].value, who, row)
            if len(self.best) < self._top:
                heapq.heappush(self.best, entry)
            elif entry[:2] > self.best[0][:2]:
                heapq.heapreplace(self.best, entry)


def channels_of(
    keepwell: Keepwell, conn: Connection, people: Sequence[str], now: datetime
) -> dict[str, tuple[str, ...]]:
    """Name the channels each person permits outreach on; none in an evaluation home."""
    if keepwell.kind == "evaluation" or not people:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for purpose in sorted(spoken_of(conn).purposes):
        if purpose.startswith(_OUTREACH):
            permit, _ = keepwell.registry.permit_many(conn, purpose, people, now=now)
            channel = purpose.removeprefix(_OUTREACH)
            for who in permit.customers:
                found[who] = (*found.get(who, ()), channel)
    return found


def _left_alone(
    keepwell: Keepwell,
    conn: Connection,
    target: Target,
    rows: Sequence[Mapping[str, Any]],
    now: datetime,
) -> frozenset[str]:
    """Who is not suggested: held out of this target, or with a decision that is contested."""
    held = conn.execute(
        select(interventions.c.customer_id).where(
            interventions.c.arm == "holdout",
            interventions.c.target == target.name,
            interventions.c.holdout_until > now,
        )
    ).scalars()
    candidates = [
        Candidate(
            customer_id=row["customer_id"],
            target=target.name,
            score_decision_id=row["decision_id"],
            purpose=target.purpose,
        )
        for row in rows
    ]
    return frozenset(held) | frozenset(contested_candidates(conn, keepwell.persons, candidates))


def _last_contacts(
    keepwell: Keepwell, conn: Connection, people: Sequence[str], now: datetime
) -> dict[str, str]:
    """Give the day of each person's last contact that their history knows of."""
    permit, _ = keepwell.registry.permit_many(conn, "operations", people, now=now)
    histories = read_all(conn, keepwell.store, permit)
    counted = histories.kind_mask(*_CONTACTS) & histories.visible(to_micros(now))
    last: dict[str, int] = {}
    for place, at in zip(
        histories.customer_of_event[counted], histories.occurred_at[counted], strict=True
    ):
        who = str(histories.customers[place])
        last[who] = max(int(at), last.get(who, int(at)))
    return {who: to_text(from_micros(at))[:10] for who, at in last.items()}


def _line(row: Mapping[str, Any], last: Mapping[str, str]) -> Line:
    return Line(
        customer_id=row["customer_id"],
        probability=row["probability"],
        low=row["low"],
        high=row["high"],
        margin=row["margin"],
        at_risk=row["at_risk"],
        reasons=tuple(in_words(each["text"]) for each in row["reasons"] or ()),
        channels=row["channels"],
        last_contact=last.get(row["customer_id"]),
        decision_id=row["decision_id"],
    )
