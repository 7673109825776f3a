"""Everyone's scores into one Parquet file: permission read first, and again before publishing."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection

from features.history import Histories, customer_ids, read_all
from features.labels import Target
from features.links import contributors
from governance.errors import InsufficientData
from governance.log.decision import Decision, new_decision_id, record
from governance.proof import Permit
from governance.review.reviews import champion as approval_of
from serving.bootstrap import Keepwell
from serving.scoring.champions import Champion, open_bundle
from serving.scoring.estimate import Estimate, Reason, estimate, reasons, result_of
from serving.scoring.scorer import home_clock
from serving.scoring.staleness import STALE, is_stale

CHUNK = 20_000
VALID_FOR = timedelta(days=30)
"""How long a score in a file may be used; a withdrawal ends that at once, file or not."""
_REASONS = 3
_MEMBER = pa.struct(
    [("feature", pa.string()), ("value", pa.float64()), ("contribution", pa.float64())]
)
_HORIZON = pa.struct(
    [
        ("horizon_days", pa.int32()),
        ("probability", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
    ]
)
_AMOUNT = pa.struct(
    [
        ("expected", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("currency", pa.string()),
        ("horizon_days", pa.int32()),
    ]
)
_LIKELY = pa.struct([("category", pa.string()), ("probability", pa.float64())])
_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("target", pa.string()),
        ("status", pa.string()),
        ("probability", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("horizon_days", pa.int32()),
        (
            "reasons",
            pa.list_(
                pa.struct(
                    [
                        ("feature", pa.string()),
                        ("value", pa.float64()),
                        ("contribution", pa.float64()),
                        ("text", pa.string()),
                        ("group", pa.string()),
                        ("members", pa.list_(_MEMBER)),
                    ]
                )
            ),
        ),
        ("outcome", pa.string()),
        ("horizons", pa.list_(_HORIZON)),
        (
            "days",
            pa.struct([("median", pa.float64()), ("low", pa.float64()), ("high", pa.float64())]),
        ),
        ("value", _AMOUNT),
        ("categories", pa.list_(_LIKELY)),
        ("decision_id", pa.string()),
        ("model_digest", pa.string()),
        ("as_of", pa.timestamp("us", tz="UTC")),
        ("expires_at", pa.timestamp("us", tz="UTC")),
        ("home", pa.string()),
    ]
)


class Batch(NamedTuple):
    """What a batch came to; each person counts once. `withdrew` changed their mind meanwhile."""

    scored: int
    refused: int
    insufficient_data: int
    unknown: int
    withdrew: int
    reasons: Mapping[str, int]
    model_digest: str
    as_of: datetime
    out: Path | None


class _Reading(NamedTuple):
    champion: Champion
    permit: Permit
    refusals: Mapping[str, str]
    permits: Mapping[str, Permit]
    histories: Histories
    as_of: datetime
    known: frozenset[str]
    others: frozenset[str]  # read for those they are merged with, not asked about themselves
    is_stale: bool  # the model is past its limits, and the settings say stop


def score_everyone(
    keepwell: Keepwell,
    target: Target,
    *,
    out: Path | None,
    clock: Callable[[], datetime],
    as_of: datetime | None = None,
    customers: Sequence[str] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Batch:
    """Score all customers, or those named, and write one row for each who permits it.

    Permission is read at one point, and whoever changed it since is dropped in the transaction that
    records the decisions, before the file appears under its name. Refusals are decisions, too, but
    never rows. Raises `InsufficientData` when no model is approved.
    """
    with keepwell.database.read() as conn:
        progress("reading histories")
        found = _read(keepwell, conn, target, customers, as_of, now=clock())
    progress(f"estimating {len(found.histories):,} customers")
    estimates = _estimates(found, target)
    with keepwell.database.write() as conn:
        progress("recording decisions")
        now = clock()
        kept, decisions, counts = _decide(keepwell, conn, target, found, estimates, now)
        record(conn, keepwell.ledger, decisions, now=now)
        written = None if out is None else _write_aside(keepwell, kept, out, found, target, now)
    if written is not None and out is not None:
        written.replace(out)
    return Batch(
        scored=counts["scored"],
        refused=counts["refused"],
        insufficient_data=counts["insufficient_data"],
        unknown=counts["unknown"],
        withdrew=counts["withdrew"],
        reasons=dict(Counter(found.refusals.values())),
        model_digest=found.champion.model.digest,
        as_of=found.as_of,
        out=out,
    )


class _Kept(NamedTuple):
    estimate: Estimate
    reasons: tuple[Reason, ...]
    decision_id: str


def _read(
    keepwell: Keepwell,
    conn: Connection,
    target: Target,
    customers: Sequence[str] | None,
    as_of: datetime | None,
    *,
    now: datetime,
) -> _Reading:
    approval = approval_of(conn, target.name, now=now)
    if approval is None:
        raise InsufficientData(
            f"no model is approved for {target.name}",
            hint=f"keepwell train {target.name}, then keepwell review approve",
        )
    champion = open_bundle(keepwell.home, approval.model_digest)
    everyone = customer_ids(conn)
    people = (
        everyone
        if customers is None
        else list(dict.fromkeys(keepwell.inside_id(each) for each in customers))
    )
    others = frozenset().union(*contributors(conn, people).values()).difference(people)
    permit, refusals = keepwell.registry.permit_many(
        conn, target.purpose, {*people, *others}, now=now
    )
    refusals = {each: why for each, why in refusals.items() if each not in others}
    permits = {target.purpose: permit}
    for purpose in champion.purposes:
        permits[purpose], _ = keepwell.registry.permit_many(
            conn, purpose, permit.customers, now=now
        )
    histories = read_all(conn, keepwell.store, permit)
    instant = as_of if as_of is not None else home_clock(keepwell, conn, now=now)
    known = frozenset(everyone).intersection(people)
    stale = keepwell.settings.monitoring.on_stale == "stop" and is_stale(conn, approval)
    return _Reading(champion, permit, refusals, permits, histories, instant, known, others, stale)


def _estimates(found: _Reading, target: Target) -> tuple[Estimate, ...]:
    if found.is_stale:
        asked = (str(each) for each in found.histories.customers)
        return tuple(
            Estimate(each, "insufficient_data", STALE, None, None)
            for each in asked
            if each not in found.others
        )
    estimates = estimate(
        found.champion, target, found.histories, as_of=found.as_of, permits=found.permits
    )
    return tuple(each for each in estimates if each.customer_id not in found.others)


def _decide(
    keepwell: Keepwell,
    conn: Connection,
    target: Target,
    found: _Reading,
    estimates: Sequence[Estimate],
    now: datetime,
) -> tuple[list[_Kept], list[Decision], Counter[str]]:
    changed = {
        customer
        for permit in found.permits.values()
        for customer in keepwell.registry.changed_since(conn, permit, hold=True)
    }
    changed |= found.histories.carriers(changed)
    counts: Counter[str] = Counter({"refused": len(found.refusals)})
    read = {each.customer_id for each in estimates}
    persons = keepwell.persons.person_ids(conn, {*read, *found.known})
    digest = found.champion.model.digest

    def decision(customer_id: str, outcome: str, reason: str, **more: Any) -> Decision:
        return Decision(
            decision_id=new_decision_id(),
            kind="score",
            person_id=persons.get(customer_id),
            purpose=target.purpose,
            outcome=outcome,
            reason=reason,
            as_of=found.as_of,
            target=target.name,
            **more,
        )

    kept: list[_Kept] = []
    decisions: list[Decision] = []
    for each in estimates:
        if each.customer_id in changed:
            counts["withdrew"] += 1
            decisions.append(decision(each.customer_id, "refused", "changed_since"))
            continue
        given = reasons(each, found.champion.definitions, limit=_REASONS)
        made = decision(
            each.customer_id,
            each.outcome,
            each.reason,
            model_digest=None if found.is_stale else digest,
            event_digest=each.event_digest,
            feature_digest=each.feature_digest,
            result=result_of(
                each,
                given,
                found.champion,
                permits=found.permits,
                currency=keepwell.settings.currency,
            ),
        )
        counts[each.outcome] += 1
        decisions.append(made)
        kept.append(_Kept(each, given, made.decision_id))
    for customer_id in sorted(found.permit.customers - read - changed - found.others):
        told = customer_id in found.permit.consent_event_ids
        outcome, why = (
            ("insufficient_data", "no_history") if told else ("unknown", "unknown_customer")
        )
        counts[outcome] += 1
        decisions.append(decision(customer_id, outcome, why))
    decisions += [decision(each, "refused", why) for each, why in sorted(found.refusals.items())]
    return kept, decisions, counts


def _write_aside(
    keepwell: Keepwell,
    kept: Sequence[_Kept],
    out: Path,
    found: _Reading,
    target: Target,
    now: datetime,
) -> Path:
    """Write the file next to where it will appear, durably."""
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.name}.writing")
    with pq.ParquetWriter(aside, _SCHEMA, compression="zstd") as writer:
        for some in _chunks(kept):
            rows = [_row(keepwell, each, found, target, now) for each in some]
            writer.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA))
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    return aside


def _row(
    keepwell: Keepwell, each: _Kept, found: _Reading, target: Target, now: datetime
) -> dict[str, Any]:
    scored = each.estimate.outcome == "scored"
    return {
        "customer_id": each.estimate.customer_id,
        "target": target.name,
        "status": each.estimate.outcome,
        "probability": each.estimate.probability,
        "low": each.estimate.low,
        "high": each.estimate.high,
        "horizon_days": found.champion.model.horizon_days,
        "reasons": [reason.to_json() for reason in each.reasons] if scored else [],
        "outcome": target.say(found.champion.model.horizon_days),
        **each.estimate.outlook.to_json(keepwell.settings.currency),
        "decision_id": each.decision_id,
        "model_digest": found.champion.model.digest,
        "as_of": found.as_of,
        "expires_at": now + VALID_FOR,
        "home": keepwell.kind,
    }


def _chunks(kept: Sequence[_Kept]) -> Iterator[Sequence[_Kept]]:
    for start in range(0, len(kept), CHUNK):
        yield kept[start : start + CHUNK]
