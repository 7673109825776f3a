"""Scores with reasons for people who permit it, each verdict logged in the transaction it is made.

Permission is judged at the wall clock inside that transaction; `as_of` only selects what was known.
Questions that arrive together are answered in one transaction.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from sqlalchemy import Connection

from features.groups import protected_names
from features.labels import Target
from features.links import links_around
from governance.errors import InvalidInput
from governance.log.decision import record
from serving.access.auth import ScopeMissing, Unauthenticated, authenticate_many, note_use
from serving.bootstrap import Keepwell
from serving.links import lock_linked
from serving.scoring.answers import ScoreAnswer, WhatIfAnswer, may_know
from serving.scoring.champions import Champions, NotLoaded, Trial, try_in_child
from serving.scoring.home_clock import home_clock
from serving.scoring.judgement import Judgement
from serving.scoring.questions import Question, Round
from serving.scoring.together import Together
from serving.scoring.whatif import check_question

_LOOK_AGAIN = timedelta(milliseconds=500)


class Scorer:
    """Answers scoring requests for one home; share one per process.

    `line` is where requests meet: what arrives while some are answered is answered together.
    `champions` holds the models that may serve.
    """

    def __init__(
        self, keepwell: Keepwell, *, clock: Callable[[], datetime], trial: Trial = try_in_child
    ) -> None:
        self._keepwell = keepwell
        self._clock = clock
        self.champions = Champions(
            keepwell.home,
            home_kind=keepwell.kind,
            trial=trial,
            stop_when_stale=keepwell.settings.monitoring.on_stale == "stop",
        )
        self.line: Together[Question, ScoreAnswer] = Together(self._answer)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scorer")
        self._looked: tuple[datetime, datetime] | None = None  # when, and what as_of was then

    def warm(self) -> None:
        """Load every model that may serve, so that the first request does not wait for it."""
        for name in self._keepwell.targets:
            try:
                with self._keepwell.database.read() as conn:
                    self.champions.of(conn, name, now=self._clock())
            except NotLoaded as missing:
                self.champions.load(missing.digest)

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
        chosen = self.targets(targets)
        return self.line.ask(
            Question(tuple(customer_ids), chosen, reasons_limit, as_of, may_see_refusals)
        )

    async def answer(self, question: Question) -> ScoreAnswer:
        """Answer a question without holding up the event loop; raises what `score` raises.

        One with a key raises `Unauthenticated` or `ScopeMissing`, too.
        """
        future, leads = self.line.add(question)
        if leads:
            self._thread.submit(self.line.drain)
        return await asyncio.wrap_future(future)

    def targets(self, names: Sequence[str]) -> tuple[Target, ...]:
        """Give the targets of these names, each once; raises `InvalidInput` for unknown ones."""
        known = self._keepwell.targets
        if not names or not known.keys() >= set(names):
            raise InvalidInput(
                "this home has no such target" if names else "name a target",
                hint="it has " + ", ".join(sorted(known)),
            )
        return tuple(known[name] for name in dict.fromkeys(names))

    def _answer(self, questions: Sequence[Question]) -> Sequence[ScoreAnswer | BaseException]:
        while True:
            try:
                with self._keepwell.database.write() as conn:
                    return self._score(conn, questions)
            except NotLoaded as missing:
                self.champions.load(missing.digest)

    def _score(
        self, conn: Connection, questions: Sequence[Question]
    ) -> Sequence[ScoreAnswer | BaseException]:
        views = self._views(conn, questions)
        served = [
            each
            for each, view in zip(questions, views, strict=True)
            if not isinstance(view, BaseException)
        ]
        inside = {
            each: self._keepwell.inside_id(each)
            for question in served
            for each in question.customer_ids
        }
        people = set(inside.values())
        lock_linked(conn, people)
        now = self._clock()
        round_ = Round(
            self._keepwell,
            conn,
            self.champions,
            self._as_of(conn, now) if served else now,
            now,
            links_around(conn, people) if people else [],
        )
        round_.look(served, inside)
        answers = [
            view if isinstance(view, BaseException) else round_.answer(question, inside, view)
            for question, view in zip(questions, views, strict=True)
        ]
        record(conn, self._keepwell.ledger, [each.decision for each in round_.verdicts], now=now)
        return answers

    def _views(
        self, conn: Connection, questions: Sequence[Question]
    ) -> Sequence[bool | Unauthenticated | ScopeMissing]:
        """Say of each question whether its caller may see refusals, or why it is not answered."""
        keys = {each.key for each in questions if each.key is not None}
        if not keys:
            return [each.may_see_refusals for each in questions]
        now = self._clock()
        callers = authenticate_many(conn, keys, now=now)
        views: list[bool | Unauthenticated | ScopeMissing] = []
        for each in questions:
            caller = None if each.key is None else callers[each.key]
            if caller is None:
                views.append(each.may_see_refusals)
            elif isinstance(caller, Unauthenticated):
                views.append(caller)
            elif not caller[0].may("score:read"):
                views.append(ScopeMissing("score:read"))
            else:
                views.append(caller[0].may("consent:read"))
        for caller in callers.values():
            if not isinstance(caller, Unauthenticated) and caller[1]:
                note_use(conn, caller[0].key_id, now=now)
        return views

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
        [chosen] = self.targets([target])
        while True:
            try:
                with self._keepwell.database.write() as conn:
                    return self._what_if(conn, customer_id, asked, chosen, as_of, may_see_refusals)
            except NotLoaded as missing:
                self.champions.load(missing.digest)

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
        judgement = Judgement(
            self._keepwell,
            conn,
            self.champions,
            target,
            as_of=instant,
            now=now,
            links=links_around(conn, (inside,)),
            asked=asked,
        )
        if judgement.champion is not None:
            check_question(judgement.champion, asked, protected=protected_names(conn))
        [found] = judgement.look((inside,)).values()
        verdict = judgement.verdict(found, limit=0)
        record(conn, self._keepwell.ledger, [verdict.decision], now=now)
        status, reason = may_know(verdict, may_see_refusals)
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
        looked_at, as_of = self._looked
        return now if as_of == looked_at else as_of  # a lively home's clock does not stand still
