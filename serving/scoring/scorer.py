"""Scores with reasons for people who permit it, each verdict logged in the transaction it is made.

Permission is judged at the wall clock inside that transaction; `as_of` only selects what was known.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from features.groups import protected_names
from features.history import Histories, observed_until, read_customer
from features.labels import Target
from features.links import Link, contributors_by, links_around, other_ids_by
from governance.consent.purposes import quoted
from governance.consent.registry import Refusal
from governance.errors import InvalidInput
from governance.instants import to_micros
from governance.log.decision import Decision, new_decision_id, record
from governance.proof import Permit
from serving.bootstrap import Keepwell
from serving.links import lock_linked
from serving.scoring.champions import Champion, Champions, NotLoaded, Trial, try_in_child
from serving.scoring.estimate import MERGED, Estimate, Reason, estimate, reasons, result_of
from serving.scoring.outlook import NOTHING, Outlook
from serving.scoring.rule import judge
from serving.scoring.staleness import STALE
from serving.scoring.whatif import WhatIf, check_question, what_if, what_if_result

_TICK = timedelta(microseconds=1)
_LIVELY = timedelta(days=2)
_FEW = 4  # people asked about one by one; more are asked about together
_LOOK_AGAIN = timedelta(milliseconds=500)


class TargetScore(NamedTuple):
    """One target's score of one customer; without numbers where `method` is `rule`.

    `outcome` says in words what the probability is of. `currency` is that of an amount.
    """

    decision_id: str
    horizon_days: int
    method: str
    probability: float | None
    low: float | None
    high: float | None
    reasons: tuple[Reason, ...]
    model_digest: str | None
    rule: str | None
    outcome: str = ""
    outlook: Outlook = NOTHING
    currency: str | None = None


class CustomerScore(NamedTuple):
    """What can be said of one customer.

    `status` is scored, insufficient_data, refused or not_available; `reason` is for those who may
    know it.
    """

    customer_id: str
    status: str
    reason: str | None
    decision_id: str
    model_digest: str | None
    scores: Mapping[str, TargetScore]


class ScoreAnswer(NamedTuple):
    """One result per customer asked for, in that order, as things were known at `as_of`."""

    results: tuple[CustomerScore, ...]
    as_of: datetime


class WhatIfAnswer(NamedTuple):
    """What came of a question about one customer; `answer` is None where there is no score.

    `status` is answered, impossible, or as of a score: insufficient_data, refused, not_available.
    """

    customer_id: str
    target: str
    horizon_days: int
    status: str
    reason: str | None
    decision_id: str
    model_digest: str | None
    as_of: datetime
    answer: WhatIf | None


class _Verdict(NamedTuple):
    status: str
    reason: str
    decision: Decision
    score: TargetScore | None = None
    answer: WhatIf | None = None


class Scorer:
    """Answers scoring requests for one home; share one per process."""

    def __init__(
        self, keepwell: Keepwell, *, clock: Callable[[], datetime], trial: Trial = try_in_child
    ) -> None:
        self._keepwell = keepwell
        self._clock = clock
        self._champions = Champions(
            keepwell.home,
            home_kind=keepwell.kind,
            trial=trial,
            stop_when_stale=keepwell.settings.monitoring.on_stale == "stop",
        )
        self._looked: tuple[datetime, datetime] | None = None  # when, and what as_of was then

    def warm(self) -> None:
        """Load every model that may serve, so that the first request does not wait for it."""
        for name in self._keepwell.targets:
            try:
                with self._keepwell.database.read() as conn:
                    self._champions.of(conn, name, now=self._clock())
            except NotLoaded as missing:
                self._champions.load(missing.digest)

    def score(
        self,
        customer_ids: Sequence[str],
        *,
        targets: Sequence[str],
        reasons_limit: int = 3,
        as_of: datetime | None = None,
        may_see_refusals: bool = False,
    ) -> ScoreAnswer:
        """Score customers, in order; one person's refusal touches no one else's answer.

        Whoever may not see refusals gets `not_available` for a refusal and for an unknown customer
        alike. Without `as_of` a production home scores at the wall clock, a demo or evaluation home
        where its history ends. Raises `InvalidInput` for a target this home does not have.
        """
        chosen = self._targets(targets)
        while True:
            try:
                with self._keepwell.database.write() as conn:
                    return self._score(
                        conn, customer_ids, chosen, reasons_limit, as_of, may_see_refusals
                    )
            except NotLoaded as missing:
                self._champions.load(missing.digest)

    def _score(
        self,
        conn: Connection,
        asked: Sequence[str],
        targets: Sequence[Target],
        reasons_limit: int,
        as_of: datetime | None,
        may_see_refusals: bool,
    ) -> ScoreAnswer:
        keepwell = self._keepwell
        inside = {each: keepwell.inside_id(each) for each in asked}
        customer_ids = tuple(dict.fromkeys(inside.values()))
        lock_linked(conn, customer_ids)
        now = self._clock()
        instant = as_of if as_of is not None else self._as_of(conn, now)
        links = links_around(conn, customer_ids)
        judged = {
            target.name: _Judgement(
                keepwell,
                conn,
                self._champions,
                target,
                as_of=instant,
                now=now,
                limit=reasons_limit,
                links=links,
            ).of(customer_ids)
            for target in targets
        }
        record(
            conn,
            keepwell.ledger,
            [verdict.decision for found in judged.values() for verdict in found.values()],
            now=now,
        )
        return ScoreAnswer(
            tuple(
                _told(
                    each,
                    {name: found[inside[each]] for name, found in judged.items()},
                    may_see_refusals,
                )
                for each in asked
            ),
            instant,
        )

    def what_if(
        self,
        customer_id: str,
        asked: Mapping[str, float],
        *,
        target: str,
        as_of: datetime | None = None,
        may_see_refusals: bool = False,
    ) -> WhatIfAnswer:
        """Say what the score would be with some features otherwise; nothing asked lists what can.

        Permission, refusals and `as_of` are as for a score, and so is the record: a decision of
        the kind `what_if`, which nothing takes for a score. Raises `InvalidInput` for a feature
        nobody may ask about.
        """
        [chosen] = self._targets([target])
        while True:
            try:
                with self._keepwell.database.write() as conn:
                    return self._what_if(conn, customer_id, asked, chosen, as_of, may_see_refusals)
            except NotLoaded as missing:
                self._champions.load(missing.digest)

    def _what_if(
        self,
        conn: Connection,
        customer_id: str,
        asked: Mapping[str, float],
        target: Target,
        as_of: datetime | None,
        may_see_refusals: bool,
    ) -> WhatIfAnswer:
        inside = self._keepwell.inside_id(customer_id)
        lock_linked(conn, (inside,))
        now = self._clock()
        instant = as_of if as_of is not None else self._as_of(conn, now)
        judgement = _Judgement(
            self._keepwell,
            conn,
            self._champions,
            target,
            as_of=instant,
            now=now,
            limit=0,
            links=links_around(conn, (inside,)),
            asked=asked,
        )
        if judgement.champion is not None:
            check_question(judgement.champion, asked, protected=protected_names(conn))
        [verdict] = judgement.of((inside,)).values()
        record(conn, self._keepwell.ledger, [verdict.decision], now=now)
        status, reason = _may_know(verdict, may_see_refusals)
        champion = judgement.champion
        return WhatIfAnswer(
            customer_id,
            target.name,
            target.horizon_days if champion is None else champion.model.horizon_days,
            status,
            reason,
            verdict.decision.decision_id,
            verdict.decision.model_digest,
            instant,
            verdict.answer,
        )

    def _as_of(self, conn: Connection, now: datetime) -> datetime:
        if self._keepwell.kind == "production":
            return now
        if self._looked is None or now - self._looked[0] > _LOOK_AGAIN:
            self._looked = now, home_clock(self._keepwell, conn, now=now)
        return self._looked[1]

    def _targets(self, names: Sequence[str]) -> tuple[Target, ...]:
        known = self._keepwell.targets
        unknown = sorted(set(names) - set(known))
        if unknown or not names:
            raise InvalidInput(
                f"this home has no target {', '.join(map(quoted, unknown))}"
                if unknown
                else "name a target",
                hint="it has " + ", ".join(sorted(known)),
            )
        return tuple(known[name] for name in dict.fromkeys(names))


def home_clock(keepwell: Keepwell, conn: Connection, *, now: datetime) -> datetime:
    """Say what `as_of` means when none is given.

    A production home scores at the wall clock. An evaluation home holds a past that does not go on,
    in which by the wall clock everyone would have left long ago: it scores just after its last
    event. So does a demo home, unless something happened in it within the last two days.
    """
    if keepwell.kind == "production":
        return now
    last = observed_until(conn)
    if last is None or (keepwell.kind == "demo" and now - last < _LIVELY):
        return now
    return min(last + _TICK, now)


class _Judgement:
    """One target over the customers of one request, inside one transaction."""

    def __init__(
        self,
        keepwell: Keepwell,
        conn: Connection,
        champions: Champions,
        target: Target,
        *,
        as_of: datetime,
        now: datetime,
        limit: int,
        links: Sequence[Link],
        asked: Mapping[str, float] | None = None,
    ) -> None:
        self.keepwell, self.conn, self.target, self.links = keepwell, conn, target, links
        self.as_of, self.now, self.limit, self.asked = as_of, now, limit, asked
        serving = champions.of(conn, target.name, now=now)
        self.champion: Champion | None = None if serving is None else serving[0]
        self.is_stale = serving is not None and champions.is_stale(conn, serving[1], now=now)

    def of(self, customer_ids: Sequence[str]) -> dict[str, _Verdict]:
        extra = self.champion.purposes if self.champion is not None else ()
        judged = {
            purpose: self._judge(purpose, customer_ids) for purpose in (self.target.purpose, *extra)
        }
        verdicts = {}
        for customer_id in customer_ids:
            answers = {purpose: found[customer_id] for purpose, found in judged.items()}
            permit = answers[self.target.purpose]
            if isinstance(permit, Permit):
                permits = {
                    purpose: each for purpose, each in answers.items() if isinstance(each, Permit)
                }
                verdicts[customer_id] = self._permitted(customer_id, permit, permits)
            else:
                verdicts[customer_id] = self._verdict(customer_id, "refused", permit)
        return verdicts

    def _judge(self, purpose: str, customer_ids: Sequence[str]) -> Mapping[str, Permit | str]:
        """Ask for permission: a permit that covers the customer, or the reason for the no.

        It covers the ids merged into them, too, as far as those permit it.
        """
        registry = self.keepwell.registry
        same = other_ids_by(self.links)
        others = frozenset().union(*contributors_by(self.links, customer_ids).values())
        if len(customer_ids) <= _FEW and not others:
            answers = {
                each: registry.permit(
                    self.conn, each, purpose, now=self.now, others=same.get(each, frozenset())
                )
                for each in customer_ids
            }
            return {
                each: answer.reason if isinstance(answer, Refusal) else answer
                for each, answer in answers.items()
            }
        permit, refusals = registry.permit_many(
            self.conn,
            purpose,
            {*customer_ids, *others},
            now=self.now,
            hold=True,
            others=same,
        )
        return {
            each: permit if permit.covers(each) else refusals.get(each, "no_record")
            for each in customer_ids
        }

    def _permitted(
        self, customer_id: str, permit: Permit, permits: Mapping[str, Permit]
    ) -> _Verdict:
        histories = read_customer(self.conn, permit, customer_id)
        if len(histories) and histories.is_away(to_micros(self.as_of))[0]:
            return self._verdict(customer_id, "insufficient_data", MERGED)
        if not len(histories.occurred_at):
            if customer_id in permit.consent_event_ids:
                return self._verdict(customer_id, "insufficient_data", "no_history")
            return self._verdict(customer_id, "unknown", "unknown_customer")
        if self.champion is None or self.is_stale:
            return self._by_rule(customer_id, histories)
        [found] = estimate(self.champion, self.target, histories, as_of=self.as_of, permits=permits)
        if self.asked is not None and found.outcome == "scored":
            return self._answer(found, self.champion, self.asked, permits)
        given = reasons(found, self.champion.definitions, limit=self.limit)
        currency = self.keepwell.settings.currency
        result = result_of(found, given, self.champion, permits=permits, currency=currency)
        verdict = self._verdict(
            customer_id,
            found.outcome,
            found.reason,
            model_digest=self.champion.model.digest,
            event_digest=found.event_digest,
            feature_digest=found.feature_digest,
            result=result,
        )
        if found.outcome != "scored":
            return verdict
        score = TargetScore(
            verdict.decision.decision_id,
            self.champion.model.horizon_days,
            "model",
            found.probability,
            found.low,
            found.high,
            given,
            self.champion.model.digest,
            None,
            self.target.say(self.champion.model.horizon_days),
            found.outlook,
            currency,
        )
        return verdict._replace(score=score)

    def _answer(
        self,
        found: Estimate,
        champion: Champion,
        asked: Mapping[str, float],
        permits: Mapping[str, Permit],
    ) -> _Verdict:
        answer = what_if(found, champion, asked, permits)
        verdict = self._verdict(
            found.customer_id,
            answer.outcome,
            found.reason,
            model_digest=champion.model.digest,
            event_digest=found.event_digest,
            feature_digest=found.feature_digest,
            result=what_if_result(answer, asked, found, permits),
        )
        return verdict._replace(answer=answer)

    def _by_rule(self, customer_id: str, histories: Histories) -> _Verdict:
        why = STALE if self.is_stale else "no_model"
        if self.asked is not None:
            return self._verdict(customer_id, "insufficient_data", why)
        ruled = judge(histories, self.target, as_of=self.as_of)
        if ruled is None:
            return self._verdict(customer_id, "insufficient_data", why)
        verdict = self._verdict(
            customer_id,
            "insufficient_data",
            why,
            result={"method": "rule", **ruled._asdict()},
        )
        score = TargetScore(
            verdict.decision.decision_id,
            self.target.horizon_days,
            "rule",
            None,
            None,
            None,
            (),
            None,
            ruled.text,
            self.target.say(),
        )
        return verdict._replace(score=score)

    def _verdict(
        self,
        customer_id: str,
        outcome: str,
        reason: str,
        *,
        model_digest: str | None = None,
        event_digest: str | None = None,
        feature_digest: str | None = None,
        result: Mapping[str, Any] | None = None,
    ) -> _Verdict:
        persons = self.keepwell.persons
        known = outcome in ("scored", "insufficient_data") or reason not in _NOBODY
        decision = Decision(
            decision_id=new_decision_id(),
            kind="score" if self.asked is None else "what_if",
            person_id=persons.person_id(self.conn, customer_id)
            if known
            else persons.find(self.conn, customer_id),
            purpose=self.target.purpose,
            outcome=outcome,
            reason=reason,
            as_of=self.as_of,
            model_digest=model_digest,
            target=self.target.name,
            event_digest=event_digest,
            feature_digest=feature_digest,
            result=result,
        )
        return _Verdict(outcome, reason, decision)


_NOBODY = frozenset({"no_record", "unknown_customer", "suppressed"})  # whom we need not know
_ANSWERED = frozenset({"scored", "answered", "impossible"})
_RANK = ("scored", "insufficient_data", "refused", "unknown")


def _told(customer_id: str, found: Mapping[str, _Verdict], may_see_refusals: bool) -> CustomerScore:
    """Turn the verdicts on one customer into what this caller may know."""
    best = min(found.values(), key=lambda verdict: _RANK.index(verdict.status))
    status, reason = _may_know(best, may_see_refusals)
    return CustomerScore(
        customer_id,
        status,
        reason,
        best.decision.decision_id,
        best.decision.model_digest,
        {name: each.score for name, each in found.items() if each.score is not None},
    )


def _may_know(verdict: _Verdict, may_see_refusals: bool) -> tuple[str, str | None]:
    """Give status and reason as this caller may know them."""
    status, reason = verdict.status, None if verdict.status in _ANSWERED else verdict.reason
    if status == "unknown" or (status == "refused" and not may_see_refusals):
        status = "not_available"
    if status == "not_available" and not may_see_refusals:
        reason = None
    if reason == MERGED and not may_see_refusals:
        reason = "no_history"
    return status, reason
