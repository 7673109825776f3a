"""Requests that arrive together are answered in one transaction, and touch nobody else's answer."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import datetime

import pytest
from sqlalchemy import select

from features.tables import history_chunks
from governance.log.decision import check_commitments
from governance.tables import decisions
from serving.access.auth import ScopeMissing, Unauthenticated
from serving.permission.consents import withdraw
from serving.record.replay import replay
from serving.scoring.answers import ScoreAnswer
from serving.scoring.questions import Question
from serving.scoring.together import AT_ONCE, Together
from tests.serving.conftest import Shop


def question(
    shop: Shop, *customer_ids: str, key: str | None = None, as_of: datetime | None = None
) -> Question:
    return Question(customer_ids, shop.scorer.targets(["churn"]), 3, as_of, key=key)


def asked_together(shop: Shop, *questions: Question) -> list[ScoreAnswer | BaseException]:
    """Put questions in line before anyone works, then let them be answered."""
    futures = [shop.scorer.line.add(each)[0] for each in questions]
    shop.scorer.line.drain()
    return [each.exception() or each.result() for each in futures]


def statuses(answer: ScoreAnswer | BaseException) -> list[str]:
    assert isinstance(answer, ScoreAnswer), answer
    return [each.status for each in answer.results]


def test_questions_of_one_moment_share_a_ledger_entry(regular: Shop) -> None:
    asked_together(regular, question(regular, "ann"), question(regular, "nobody", "ann"))
    with regular.keepwell.database.read() as conn:
        entries = conn.execute(select(decisions.c.ledger_seq)).scalars().all()
        assert check_commitments(conn).bad == ()
    assert len(entries) == 3
    assert len(set(entries)) == 1


def test_the_same_customer_gets_a_decision_per_question(regular: Shop) -> None:
    found = asked_together(regular, question(regular, "ann"), question(regular, "ann"))
    ids = {each.results[0].decision_id for each in found if isinstance(each, ScoreAnswer)}
    assert len(ids) == 2


def test_answered_together_is_what_is_answered_alone(regular: Shop) -> None:
    regular.order("bob", 3, 9, 30)
    regular.permit("bob")
    at = regular.clock()
    alone = [
        regular.scorer.score([each], targets=["churn"], as_of=at).results[0].scores["churn"]
        for each in ("ann", "bob")
    ]
    [found] = asked_together(regular, question(regular, "ann", "bob", as_of=at))
    assert isinstance(found, ScoreAnswer)
    together = [each.scores["churn"] for each in found.results]
    assert [each._replace(decision_id="") for each in together] == [
        each._replace(decision_id="") for each in alone
    ]


def test_what_was_answered_together_replays(regular: Shop) -> None:
    regular.order("bob", 3, 9, 30)
    regular.permit("bob")
    [found] = asked_together(regular, question(regular, "ann", "bob"))
    assert isinstance(found, ScoreAnswer)
    outcomes = [
        replay(regular.keepwell, each.decision_id, now=regular.clock()).outcome
        for each in found.results
    ]
    assert outcomes == ["same", "same"]


def test_a_wrong_key_stops_its_own_question_alone(regular: Shop) -> None:
    good, other = regular.key("score:read"), regular.key("events:write")
    found = asked_together(
        regular,
        question(regular, "ann", key=good),
        question(regular, "ann", key="kw_abc_wrong"),
        question(regular, "ann", key=other),
        question(regular, "nobody", key=good),
    )
    assert statuses(found[0]) == ["scored"]
    assert isinstance(found[1], Unauthenticated)
    assert isinstance(found[2], ScopeMissing)
    assert statuses(found[3]) == ["not_available"]


def test_a_wrong_key_leaves_no_decision(regular: Shop) -> None:
    asked_together(regular, question(regular, "ann", key="kw_abc_wrong"))
    with regular.keepwell.database.read() as conn:
        assert conn.execute(select(decisions.c.decision_id)).scalars().all() == []


@pytest.mark.parametrize("payload", [b"", b"KW1", b"nonsense"])
def test_a_damaged_history_spoils_nobody_elses_score(regular: Shop, payload: bytes) -> None:
    regular.order("bob", 3, 9, 30)
    regular.permit("bob")
    with regular.keepwell.database.write() as conn:
        chunk = {"customer_id": "ann", "subject": "customer", "segment_id": "x", "payload": payload}
        conn.execute(history_chunks.insert(), chunk)
    [found] = asked_together(regular, question(regular, "bob", "ann"))
    assert statuses(found) == ["scored", "insufficient_data"]
    alone = regular.scorer.score(["ann"], targets=["churn"], may_see_refusals=True).results[0]
    assert (alone.status, alone.reason) == ("insufficient_data", "history_damaged")


def test_who_may_see_refusals_is_decided_question_by_question(regular: Shop) -> None:
    withdraw(regular.keepwell, "ann", "risk_scoring", actor="customer", clock=regular.clock)
    insider, outsider = regular.key("score:read", "consent:read"), regular.key("score:read")
    found = asked_together(
        regular,
        question(regular, "ann", key=insider),
        question(regular, "ann", key=outsider),
    )
    assert [statuses(each) for each in found] == [["refused"], ["not_available"]]


def test_awaited_answers_are_those_of_the_line(regular: Shop) -> None:
    async def all_at_once() -> list[ScoreAnswer]:
        questions = [question(regular, "ann") for _ in range(5)]
        return list(await asyncio.gather(*map(regular.scorer.answer, questions)))

    assert [statuses(each) for each in asyncio.run(all_at_once())] == [["scored"]] * 5


def halves(numbers: Sequence[int]) -> list[float | BaseException]:
    if 0 in numbers:
        raise ZeroDivisionError
    return [1 / each for each in numbers]


def test_an_error_of_one_question_does_not_reach_the_others() -> None:
    line = Together(halves)
    futures = [line.add(each)[0] for each in (2, 0, 4)]
    line.drain()
    assert (futures[0].result(), futures[2].result()) == (0.5, 0.25)
    with pytest.raises(ZeroDivisionError):
        futures[1].result()


def test_whoever_gave_up_waiting_is_left_out() -> None:
    line: Together[int, int] = Together(list)
    gone, waiting = line.add(1)[0], line.add(2)[0]
    gone.cancel()
    line.drain()
    assert waiting.result() == 2


def test_a_line_goes_on_after_work_that_was_wrong() -> None:
    line: Together[int, int] = Together(lambda some: [])
    with pytest.raises(RuntimeError):
        line.ask(1)
    with pytest.raises(RuntimeError):
        line.ask(2)


def test_no_more_than_so_many_are_taken_at_once() -> None:
    sizes: list[int] = []

    def work(some: Sequence[int]) -> list[int | BaseException]:
        sizes.append(len(some))
        return list(some)

    line = Together(work)
    futures = [line.add(each)[0] for each in range(2 * AT_ONCE + 1)]
    line.drain()
    assert [each.result() for each in futures] == list(range(2 * AT_ONCE + 1))
    assert sizes == [AT_ONCE, AT_ONCE, 1]


def test_askers_in_many_threads_all_get_their_own_answer() -> None:
    line: Together[int, int] = Together(list)
    found: dict[int, int] = {}
    threads = [
        threading.Thread(target=lambda k=k: found.update({k: line.ask(k)})) for k in range(200)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == {k: k for k in range(200)}
