"""One target over some customers inside one transaction: permission, history, estimate, verdict."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Connection

from features.history import Histories, read_customer, read_customers
from features.labels import Target
from features.links import Link, contributors_by, other_ids_by
from governance.consent.registry import Refusal
from governance.errors import IntegrityBroken
from governance.instants import to_micros
from governance.log.decision import Decision, new_decision_id
from governance.proof import Permit
from serving.bootstrap import Keepwell
from serving.scoring.answers import TargetScore, Verdict
from serving.scoring.champions import Champion, Champions
from serving.scoring.estimate import MERGED, Estimate, estimate, reasons, result_of
from serving.scoring.rule import judge
from serving.scoring.staleness import STALE
from serving.scoring.whatif import what_if, what_if_result

_NOBODY = frozenset({"no_record", "unknown_customer", "suppressed"})  # whom we need not know
_NOT_SCORED = "insufficient_data"
DAMAGED = "history_damaged"
"""Why nothing is said of someone whose history cannot be read; the log tells who runs the home."""

log = structlog.get_logger("keepwell.scoring")


class Finding(NamedTuple):
    """What was found out about one customer; every question about them gets its own verdict.

    `place` is that of the customer in `histories`, which were read where permission was there.
    """

    customer_id: str
    status: str
    reason: str
    histories: Histories | None = None
    place: int = 0
    estimate: Estimate | None = None


class Judgement:
    """One target over the customers of some questions; `asked` turns it into a what-if."""

    def __init__(
        self,
        keepwell: Keepwell,
        conn: Connection,
        champions: Champions,
        target: Target,
        *,
        as_of: datetime,
        now: datetime,
        links: Sequence[Link],
        asked: Mapping[str, float] | None = None,
    ) -> None:
        self.keepwell, self.conn, self.target, self.links = keepwell, conn, target, links
        self.as_of, self.now, self.asked = as_of, now, asked
        serving = champions.of(conn, target.name, now=now)
        self.champion: Champion | None = None if serving is None else serving[0]
        self.is_stale = serving is not None and champions.is_stale(conn, serving[1], now=now)
        self._permits: dict[str, Permit] = {}
        self._persons: dict[str, str] = {}
        self._damaged: set[str] = set()

    def look(self, customer_ids: Sequence[str]) -> dict[str, Finding]:
        """Find out about these customers, each once: asked for permission first, then read."""
        self._permits, refusals = self._ask(customer_ids)
        found = {each.customer_id: each for each in self._findings(customer_ids, refusals)}
        known = {each.customer_id for each in found.values() if _is_known(each)}
        persons = self.keepwell.persons
        self._persons = {
            **persons.find_many(self.conn, found.keys() - known),
            **persons.person_ids(self.conn, known),
        }
        return found

    def verdict(self, found: Finding, *, limit: int) -> Verdict:
        """Put a finding into words, with up to `limit` reasons, ready to be recorded."""
        if found.estimate is not None and self.champion is not None:
            return self._of_model(found, found.estimate, self.champion, limit)
        if found.histories is not None and found.status == _NOT_SCORED and self.asked is None:
            return self._of_rule(found, found.histories)
        return Verdict(found.status, found.reason, self._decision(found, found.status))

    def _ask(self, customer_ids: Sequence[str]) -> tuple[dict[str, Permit], Mapping[str, str]]:
        """Ask for permission for every purpose; the refusals are those of the target's own.

        A permit covers the ids merged into a customer, too, as far as those permit it.
        """
        registry, own = self.keepwell.registry, self.target.purpose
        purposes = (own, *(self.champion.purposes if self.champion is not None else ()))
        same = other_ids_by(self.links)
        merged = frozenset().union(*contributors_by(self.links, customer_ids).values())
        permits: dict[str, Permit] = {}
        refusals: Mapping[str, str] = {}
        if len(customer_ids) == 1 and not merged:
            [customer_id] = customer_ids
            others = same.get(customer_id, frozenset())
            for purpose in purposes:
                answer = registry.permit(
                    self.conn, customer_id, purpose, now=self.now, others=others
                )
                if not isinstance(answer, Refusal):
                    permits[purpose] = answer
                elif purpose == own:
                    refusals = {customer_id: answer.reason}
            return permits, refusals
        found = registry.permit_purposes(
            self.conn,
            purposes,
            {*customer_ids, *merged},
            now=self.now,
            hold=True,
            others=same,
        )
        return {purpose: permit for purpose, (permit, _) in found.items()}, found[own][1]

    def _findings(
        self, customer_ids: Sequence[str], refusals: Mapping[str, str]
    ) -> Iterator[Finding]:
        permit = self._permits.get(self.target.purpose)
        may = {each for each in customer_ids if permit is not None and permit.covers(each)}
        for each in customer_ids:
            if each not in may:
                yield Finding(each, "refused", refusals.get(each, "no_record"))
        if permit is None or not may:
            return
        read: set[str] = set()
        for histories in self._read(permit, may):
            read.update(str(each) for each in histories.customers)
            yield from self._of_histories(histories)
        for each in sorted(may - read):
            if each in self._damaged:
                yield Finding(each, _NOT_SCORED, DAMAGED)
            elif each in permit.consent_event_ids:
                yield Finding(each, _NOT_SCORED, "no_history")
            else:
                yield Finding(each, "unknown", "unknown_customer")

    def _read(self, permit: Permit, customer_ids: set[str]) -> Iterator[Histories]:
        """Read everyone together, but for those who are or were linked to another id."""
        linked = {each for link in self.links for each in (link.keep, link.other)}
        alone = customer_ids & linked if len(customer_ids) > 1 else customer_ids
        together = sorted(customer_ids - alone)
        if together:
            try:
                yield read_customers(self.conn, permit, together)
            except IntegrityBroken:  # of one of them: nobody else waits for its repair
                alone = customer_ids
        for each in sorted(alone):
            try:
                found = read_customer(self.conn, permit, each, own_acts=False)
            except IntegrityBroken as error:
                log.error("a history cannot be read", message=error.message)
                self._damaged.add(each)
                continue
            if len(found):
                yield found

    def _of_histories(self, histories: Histories) -> Iterator[Finding]:
        away = histories.is_away(to_micros(self.as_of))
        estimates: Sequence[Estimate | None] = [None] * len(histories)
        if self.champion is not None and not self.is_stale and not away.all():
            estimates = estimate(
                self.champion, self.target, histories, as_of=self.as_of, permits=self._permits
            )
        silent = STALE if self.is_stale else "no_model"
        for place, (customer_id, found) in enumerate(
            zip(histories.customers.tolist(), estimates, strict=True)
        ):
            if away[place]:
                yield Finding(customer_id, _NOT_SCORED, MERGED)
            elif found is None:
                yield Finding(customer_id, _NOT_SCORED, silent, histories, place)
            else:
                yield Finding(customer_id, found.outcome, found.reason, histories, place, found)

    def _of_model(
        self, found: Finding, estimate: Estimate, champion: Champion, limit: int
    ) -> Verdict:
        digests = {
            "model_digest": champion.model.digest,
            "event_digest": estimate.event_digest,
            "feature_digest": estimate.feature_digest,
        }
        scored = found.status == "scored"
        if self.asked is not None and scored:
            answer = what_if(estimate, champion, self.asked, self._permits)
            result = what_if_result(answer, self.asked, estimate, self._permits)
            decision = self._decision(found, answer.outcome, result=result, **digests)
            return Verdict(answer.outcome, found.reason, decision, answer=answer)
        given = reasons(estimate, champion.definitions, limit=limit)
        currency = self.keepwell.settings.currency
        told = result_of(estimate, given, champion, permits=self._permits, currency=currency)
        decision = self._decision(found, found.status, result=told, **digests)
        if not scored:
            return Verdict(found.status, found.reason, decision)
        horizon_days = champion.model.horizon_days
        score = TargetScore(
            decision.decision_id,
            horizon_days,
            "model",
            estimate.probability,
            estimate.low,
            estimate.high,
            given,
            champion.model.digest,
            None,
            self.target.say(horizon_days),
            estimate.outlook,
            currency,
        )
        return Verdict(found.status, found.reason, decision, score)

    def _of_rule(self, found: Finding, histories: Histories) -> Verdict:
        ruled = judge(histories, self.target, as_of=self.as_of, place=found.place)
        if ruled is None:
            return Verdict(found.status, found.reason, self._decision(found, found.status))
        result = {"method": "rule", **ruled._asdict()}
        decision = self._decision(found, found.status, result=result)
        score = TargetScore(
            decision.decision_id,
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
        return Verdict(found.status, found.reason, decision, score)

    def _decision(
        self,
        found: Finding,
        outcome: str,
        *,
        result: Mapping[str, Any] | None = None,
        **digests: str | None,
    ) -> Decision:
        return Decision(
            decision_id=new_decision_id(),
            kind="score" if self.asked is None else "what_if",
            person_id=self._persons.get(found.customer_id),
            purpose=self.target.purpose,
            outcome=outcome,
            reason=found.reason,
            as_of=self.as_of,
            target=self.target.name,
            result=result,
            **digests,
        )


def _is_known(found: Finding) -> bool:
    """Whether a person id is made for them; of a stranger's no we need not know whose it is."""
    return found.status in ("scored", _NOT_SCORED) or found.reason not in _NOBODY
