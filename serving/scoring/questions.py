"""What is asked of the scorer, and some questions answered in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from features.labels import Target
from features.links import Link
from serving.bootstrap import Keepwell
from serving.scoring.answers import ScoreAnswer, Verdict, told
from serving.scoring.champions import Champions
from serving.scoring.judgement import Finding, Judgement


class Question(NamedTuple):
    """Whom to score, for what, as things were known at `as_of` (None: now).

    With a `key` its scopes decide, looked at in the transaction that scores; without one the caller
    has seen to that and says what it may see.
    """

    customer_ids: tuple[str, ...]
    targets: tuple[Target, ...]
    reasons_limit: int
    as_of: datetime | None
    may_see_refusals: bool = False
    key: str | None = None


class Round:
    """Some questions in one transaction: everyone is looked at once for each target and instant."""

    def __init__(
        self,
        keepwell: Keepwell,
        conn: Connection,
        champions: Champions,
        as_of: datetime,
        now: datetime,
        links: Sequence[Link],
    ) -> None:
        self.keepwell, self.conn, self.champions = keepwell, conn, champions
        self.as_of, self.now, self.links = as_of, now, links
        self.verdicts: list[Verdict] = []
        self._looked: dict[tuple[str, datetime], tuple[Judgement, dict[str, Finding]]] = {}

    def look(self, questions: Iterable[Question], inside: Mapping[str, str]) -> None:
        """Find out about everyone these questions name, by their id `inside` the home."""
        people: dict[tuple[str, datetime], dict[str, None]] = {}
        targets = {}
        for question in questions:
            for target in question.targets:
                targets[target.name] = target
                asked = people.setdefault((target.name, question.as_of or self.as_of), {})
                asked.update((inside[each], None) for each in question.customer_ids)
        for (name, as_of), asked in people.items():
            judgement = Judgement(
                self.keepwell,
                self.conn,
                self.champions,
                targets[name],
                as_of=as_of,
                now=self.now,
                links=self.links,
            )
            self._looked[name, as_of] = judgement, judgement.look(tuple(asked))

    def answer(
        self, question: Question, inside: Mapping[str, str], may_see_refusals: bool
    ) -> ScoreAnswer:
        """Answer one question out of what was found; its verdicts are its own."""
        as_of = question.as_of or self.as_of
        found: dict[str, dict[str, Verdict]] = {inside[each]: {} for each in question.customer_ids}
        for target in question.targets:
            judgement, findings = self._looked[target.name, as_of]
            for customer_id, own in found.items():
                verdict = judgement.verdict(findings[customer_id], limit=question.reasons_limit)
                own[target.name] = verdict
                self.verdicts.append(verdict)
        return ScoreAnswer(
            tuple(
                told(each, found[inside[each]], may_see_refusals) for each in question.customer_ids
            ),
            as_of,
        )
