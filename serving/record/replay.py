"""A past decision, computed again from the same event versions, features and model.

A replay never tells a score: it says `same`, `differs` and in what, or `cannot_say` and why.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from features.history import read_customer
from governance.consent.registry import Refusal
from governance.errors import ConfigurationError, IntegrityBroken, NotFound
from governance.log.decision import RecordedDecision, load
from governance.proof import Permit
from serving.bootstrap import Keepwell
from serving.links import person_permit
from serving.record.retention_runs import forgot_since
from serving.scoring.champions import open_bundle
from serving.scoring.estimate import Estimate, estimate, reasons, result_of
from serving.scoring.whatif import what_if, what_if_result


class Replay(NamedTuple):
    """What came of computing a decision again.

    `outcome` is same, differs or cannot_say; `differences` names the parts that are not as they
    were (event_versions, features, probability, reasons, …), or why it cannot be said.
    """

    decision_id: str
    outcome: str
    differences: tuple[str, ...]


def replay(keepwell: Keepwell, decision_id: str, *, now: datetime) -> Replay:
    """Recompute a decision; raises `NotFound` when there is none of that id."""
    with keepwell.database.read() as conn:
        found = load(conn, decision_id)
        differences, why = _compare(keepwell, conn, found, now)
        if differences and forgot_since(conn, found.recorded_at):
            why = "retention: history of that time is not kept any more"
    if why is not None:
        return Replay(decision_id, "cannot_say", (why,))
    return Replay(decision_id, "differs" if differences else "same", tuple(differences))


def _compare(
    keepwell: Keepwell, conn: Connection, found: RecordedDecision, now: datetime
) -> tuple[list[str], str | None]:
    if found.retired_at is not None:
        return [], "retention: it was kept as long as the settings say"
    if found.kind not in ("score", "what_if"):
        return [], f"a {found.kind} decision is a record of an act, not a computation"
    customer_id = (
        None if found.person_id is None else keepwell.persons.customer_of(conn, found.person_id)
    )
    if found.outcome == "unknown":
        return [], "unknown customer: there was nothing to compute"
    if found.person_id is None:
        return [], "nobody was known by this id: there was nothing to compute"
    if customer_id is None:
        return [], "erased"
    if found.outcome == "refused":
        return _compare_refusal(keepwell, conn, found, customer_id)
    if found.model_digest is None or found.target is None or found.as_of is None:
        return [], "no model was involved"
    purposes = (found.result or {}).get("purposes", [found.purpose])
    permits: dict[str, Permit] = {}
    for purpose in purposes:
        judged = person_permit(keepwell, conn, customer_id, purpose, now=now)
        if isinstance(judged, Refusal):
            return [], f"permission for {purpose} is gone: {judged.reason}"
        permits[purpose] = judged
    if found.result_forgotten:
        return [], "the result was forgotten when permission was withdrawn"
    try:
        champion = open_bundle(keepwell.home, found.model_digest)
    except (NotFound, IntegrityBroken, ConfigurationError) as problem:
        return [], f"the model cannot be read: {problem.message}"
    histories = read_customer(conn, permits[found.purpose], customer_id)
    if not len(histories):
        return (["event_versions"] if found.event_digest is not None else []), None
    target = keepwell.target(found.target)
    [again] = estimate(champion, target, histories, as_of=found.as_of, permits=permits)
    if found.kind == "what_if" and again.outcome == "scored":
        asked = (found.result or {}).get("question", {})
        answer = what_if(again, champion, asked, permits)
        again = again._replace(outcome=answer.outcome)
        return _differences(found, again, what_if_result(answer, asked, again, permits)), None
    return _differences(found, again, _result_again(found, again, champion, permits)), None


def _result_again(
    found: RecordedDecision, again: Estimate, champion: Any, permits: Mapping[str, Permit]
) -> dict[str, Any] | None:
    told = (found.result or {}).get("reasons", ())
    given = reasons(again, champion.definitions, limit=len(told))
    currency = ((found.result or {}).get("value") or {}).get("currency")
    members = all("members" in each for each in told)
    return result_of(again, given, champion, permits=permits, currency=currency, members=members)


def _differences(
    found: RecordedDecision, again: Estimate, result: Mapping[str, Any] | None
) -> list[str]:
    differences = []
    if (again.outcome, again.reason) != (found.outcome, found.reason):
        differences.append("outcome")
    if again.event_digest != found.event_digest:
        differences.append("event_versions")
    if again.feature_digest != found.feature_digest:
        differences.append("features")
    was, now = found.result or {}, result or {}
    differences += [name for name in sorted({*was, *now}) if was.get(name) != now.get(name)]
    return differences


def _compare_refusal(
    keepwell: Keepwell, conn: Connection, found: RecordedDecision, customer_id: str
) -> tuple[list[str], str | None]:
    """Judge the refusal again at its own instant, by the words that stood in the registry then."""
    later = any(
        event.recorded_at > found.recorded_at and event.occurred_at <= found.recorded_at
        for event in keepwell.registry.history(conn, customer_id)
    )
    if later:
        return [], "words about that time were recorded since"
    if found.reason == "changed_since":
        return [], "permission changed while the batch ran"
    state = keepwell.registry.state(conn, customer_id, found.purpose, now=found.recorded_at)
    if state.permitted:
        return ["outcome"], None
    return ([] if state.reason == found.reason else ["reason"]), None
