"""Questions that arrive at the same time, answered in one go: one transaction, one commit.

Nobody waits for company: whoever finds no work going on starts at once, with what is there; what
arrives meanwhile is taken together next.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")

AT_ONCE = 64
"""So many questions are answered together at most."""


class Together(Generic[Question, Answer]):
    """Answers questions by `work`, which takes some and gives an answer or an error for each.

    `work` runs in one thread at a time. Where it raises, every question is asked again alone, so
    that what is wrong with one touches no other.
    """

    def __init__(
        self, work: Callable[[Sequence[Question]], Sequence[Answer | BaseException]]
    ) -> None:
        self._work = work
        self._waiting: deque[tuple[Question, Future[Answer]]] = deque()
        self._lock = threading.Lock()
        self._busy = False

    def add(self, question: Question) -> tuple["Future[Answer]", bool]:
        """Put a question in line; the second value says that the caller must `drain` the line."""
        future: Future[Answer] = Future()
        with self._lock:
            self._waiting.append((question, future))
            leads, self._busy = not self._busy, True
        return future, leads

    def ask(self, question: Question) -> Answer:
        """Put a question in line and wait for its answer, or raise its error."""
        future, leads = self.add(question)
        if leads:
            self.drain()
        return future.result()

    def drain(self) -> None:
        """Answer what waits, and what comes while that goes on, until nothing is left."""
        while some := self._take():
            answers = self._answers([question for question, _ in some])
            for (_, future), answer in zip(some, answers, strict=True):
                if isinstance(answer, BaseException):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    def __len__(self) -> int:
        """How many questions wait."""
        return len(self._waiting)

    def _take(self) -> list[tuple[Question, "Future[Answer]"]]:
        """Take who is next; whoever gave up waiting is left out."""
        with self._lock:
            some: list[tuple[Question, Future[Answer]]] = []
            while self._waiting and len(some) < AT_ONCE:
                question, future = self._waiting.popleft()
                if future.set_running_or_notify_cancel():
                    some.append((question, future))
            self._busy = bool(some)
        return some

    def _answers(self, questions: Sequence[Question]) -> Sequence[Answer | BaseException]:
        try:
            answers = self._work(questions)
            if len(answers) != len(questions):
                raise RuntimeError(f"{len(questions)} questions got {len(answers)} answers")
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
            if len(questions) == 1:
                return [error]
        else:
            return answers
        return [answer for each in questions for answer in self._answers([each])]
