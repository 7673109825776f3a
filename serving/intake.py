"""Events from outside, as they happen: checked one by one, durable when the answer goes out."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from features.events import Event, Problem, parse, validate
from features.live import append, as_rows
from features.storable import text_problem
from serving.bootstrap import Keepwell
from serving.locks import lock_customers
from serving.record.dropped_events import drop_events


class EventOutcome(NamedTuple):
    """What became of one event: written, duplicate, conflict or rejected, and then why."""

    event_id: str | None
    status: str
    problems: tuple[str, ...] = ()


class Intake(NamedTuple):
    """One outcome per event, in the order they were sent."""

    results: tuple[EventOutcome, ...]

    def count(self, status: str) -> int:
        """How many events ended with this status."""
        return sum(each.status == status for each in self.results)


def take_events(
    keepwell: Keepwell,
    sent: Sequence[Mapping[str, Any]],
    *,
    clock: Callable[[], datetime],
    tells_erased: bool = True,
) -> Intake:
    """Take events into history, each by itself, known from the moment of this transaction.

    Sending an event again changes nothing (`duplicate`); the same id with other content is a
    `conflict` and is not written: corrections name what they correct. Erased people stay erased;
    without `tells_erased` what is sent about them is dropped, and answered like a stranger's, also
    when it is sent again. In an evaluation home customers are pseudonymised on the way in.
    """
    checked_at = clock()
    inside = [_inside(keepwell, fields) for fields in sent]
    problems = [
        tuple(dict.fromkeys(map(_sentence, validate(fields, checked_at)))) for fields in inside
    ]
    fine = [index for index, found in enumerate(problems) if not found]
    outcomes = {
        index: EventOutcome(event_id_of(sent[index]), "rejected", found)
        for index, found in enumerate(problems)
        if found
    }
    if fine:
        with keepwell.database.write() as conn:
            people = {str(inside[index]["customer_id"]) for index in fine}
            lock_customers(conn, people)
            now = max(clock(), checked_at)
            erased = keepwell.suppression.suppressed_among(conn, people, now=now)
            events: dict[int, Event] = {}
            dropped: dict[int, Event] = {}
            for index in fine:
                if inside[index]["customer_id"] not in erased:
                    events[index] = parse(inside[index], now=now)
                elif tells_erased:
                    outcomes[index] = EventOutcome(
                        event_id_of(sent[index]), "rejected", ("customer_id was erased",)
                    )
                else:
                    dropped[index] = parse(inside[index], now=now)
            done = append(conn, list(events.values()))
            seeming = drop_events(
                conn,
                keepwell.suppression,
                keepwell.keys.suppression,
                as_rows(list(dropped.values())),
            )
            for index, outcome in zip((*events, *dropped), (*done, *seeming), strict=True):
                outcomes[index] = EventOutcome(event_id_of(sent[index]), outcome)
    return Intake(tuple(outcomes[index] for index in range(len(sent))))


def _sentence(problem: Problem) -> str:
    """Say what is wrong with an event; a name or a kind of someone's own making is left out."""
    if problem.message == "is not a field of an event":
        return "a field is not one of an event"
    if problem.field == "kind" and problem.message.endswith("is written by Keepwell alone"):
        return "kind is one that Keepwell alone writes"
    return f"{problem.field} {problem.message}"


def _inside(keepwell: Keepwell, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    kept = dict(fields)
    customer_id = kept.get("customer_id")
    if isinstance(customer_id, int) and not isinstance(customer_id, bool):
        customer_id = kept["customer_id"] = str(customer_id)
    if isinstance(customer_id, str) and customer_id.strip() and text_problem(customer_id) is None:
        kept["customer_id"] = keepwell.inside_id(customer_id)
    if not keepwell.settings.keep_text:
        kept.pop("text", None)
    return kept


def event_id_of(fields: Mapping[str, Any]) -> str | None:
    """Give the id a sender gave an event, None where it has none that could be stored."""
    found = fields.get("event_id")
    return found if isinstance(found, str) and text_problem(found) is None else None
