"""Decisions as they may be told at this instant: a result only while its purposes are permitted."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from governance.log.decision import RecordedDecision
from serving.bootstrap import Keepwell


def tellable(
    keepwell: Keepwell, conn: Connection, decided: Sequence[RecordedDecision], *, now: datetime
) -> list[RecordedDecision]:
    """Give decisions, read before in this transaction, without the results that are refused now.

    A permission can end without anyone's word: at its instant, or by a notice that changed. All
    purposes a result rests on are asked. What is left out looks like what was forgotten.
    """
    told = [each for each in decided if each.result is not None]
    if not told:
        return list(decided)
    people = keepwell.persons.customers_of(conn, {each.person_id or "" for each in told})
    purposes = set[str]().union(*map(_purposes, told))
    judged = keepwell.registry.permit_purposes(conn, purposes, set(people.values()), now=now)

    def may(each: RecordedDecision) -> bool:
        customer = people.get(each.person_id or "")
        return customer is not None and all(
            customer not in judged[purpose][1] for purpose in _purposes(each)
        )

    return [each if each.result is None or may(each) else _untold(each) for each in decided]


def _purposes(decided: RecordedDecision) -> frozenset[str]:
    return frozenset({decided.purpose, *(decided.result or {}).get("purposes", ())})


def _untold(decided: RecordedDecision) -> RecordedDecision:
    return replace(decided, result=None)
