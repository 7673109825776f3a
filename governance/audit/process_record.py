"""What happened around a model while it was in use: figures of the process, none about anyone.

Each part is None where it was not measured, empty where nothing happened. Small numbers of people
are hidden: a count is None where 1 to 4 people stand behind it, or where it would give such a count
away by subtraction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from governance.instants import parse_instant, to_text
from governance.intervals import Interval, as_json, from_json


class MonthlyCount(NamedTuple):
    """How often something happened in a month (`2026-03`): `name` is a reason, purpose or kind."""

    month: str
    name: str
    n: int | None


class Requests(NamedTuple):
    """What became of the requests of one kind (`review` or `appeal`) that came in a month.

    `overdue` are open beyond their due date; `median_days` is from receipt to decision, None where
    fewer than 5 are decided.
    """

    month: str
    kind: str
    received: int | None
    open: int | None
    upheld: int | None
    overturned: int | None
    withdrawn: int | None
    overdue: int | None
    median_days: float | None


class Approvals(NamedTuple):
    """How people decided on the contacts proposed in a month.

    `rejected` and `changed` are the overrides: a person said no to what the model and the playbook
    proposed, or let it go with other words; `approved` went as proposed. Many quick yeses and no
    noes look like a rubber stamp: `median_minutes` is the time a proposal waited for its person,
    `median_seconds` how long it lay before them, and `quick_rate` the share that lay there for less
    than ten seconds or was never opened.
    """

    month: str
    approved: int | None
    rejected: int | None
    override_rate: Interval | None
    median_minutes: float | None
    changed: int | None = None
    median_seconds: float | None = None
    quick_rate: Interval | None = None


class Exposure(NamedTuple):
    """Who of a group was contacted, and whether it helped; over people who permit the audit alone.

    `n` people of the group were scored, `contacted` of them reached. `effect` is the share of good
    outcomes among those assigned to contact minus that among the held out (intention to treat);
    None where there is no holdout or too few people. All None where the cell is hidden.
    """

    attribute: str
    group: str
    n: int | None
    contacted: int | None = None
    contact_rate: Interval | None = None
    treated: int | None = None
    held_out: int | None = None
    effect: Interval | None = None


class GapAt(NamedTuple):
    """One comparison of a group in the audit of one model, so that gaps can be seen over time."""

    model_digest: str
    trained_at: datetime
    attribute: str
    group: str
    measure: str
    difference: Interval
    verdict: str


class Harm(NamedTuple):
    """Something that went wrong or might, as a person wrote it down; names nobody."""

    noted_at: datetime
    target: str
    text: str


@dataclass(frozen=True, kw_only=True)
class EthicsFigures:
    """Refusals, withdrawals, complaints, reviews, approvals by month; exposure and gaps by group.

    Counts are of [`since`, `until`). `refusals` are by reason, `withdrawals` and `objections` by
    purpose, `complaints` by category. `exposure_reason` says why `exposure` is None.
    """

    since: datetime
    until: datetime
    refusals: tuple[MonthlyCount, ...] | None = None
    withdrawals: tuple[MonthlyCount, ...] | None = None
    objections: tuple[MonthlyCount, ...] | None = None
    complaints: tuple[MonthlyCount, ...] | None = None
    requests: tuple[Requests, ...] | None = None
    approvals: tuple[Approvals, ...] | None = None
    exposure: tuple[Exposure, ...] | None = None
    exposure_reason: str = ""
    gaps: tuple[GapAt, ...] | None = None
    harms: tuple[Harm, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON that `from_json` reads back."""
        found: dict[str, Any] = {
            "since": to_text(self.since),
            "until": to_text(self.until),
            "exposure_reason": self.exposure_reason,
        }
        for name in _ROWS:
            rows = getattr(self, name)
            found[name] = None if rows is None else [_plain(row) for row in rows]
        return found

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "EthicsFigures":
        """Read what `to_json` wrote."""
        rows: dict[str, Any] = {
            name: None if found[name] is None else tuple(_row(kind, each) for each in found[name])
            for name, kind in _ROWS.items()
        }
        return cls(
            since=parse_instant(found["since"], UTC),
            until=parse_instant(found["until"], UTC),
            exposure_reason=found["exposure_reason"],
            **rows,
        )


_ROWS: dict[str, Any] = {
    "refusals": MonthlyCount,
    "withdrawals": MonthlyCount,
    "objections": MonthlyCount,
    "complaints": MonthlyCount,
    "requests": Requests,
    "approvals": Approvals,
    "exposure": Exposure,
    "gaps": GapAt,
    "harms": Harm,
}
_INTERVALS = {"override_rate", "quick_rate", "contact_rate", "effect", "difference"}
_INSTANTS = {"trained_at", "noted_at"}


def _plain(row: Any) -> dict[str, Any]:
    return {name: _value(each) for name, each in row._asdict().items()}


def _value(each: Any) -> Any:
    if isinstance(each, Interval):
        return as_json(each)
    return to_text(each) if isinstance(each, datetime) else each


def _row(kind: Any, found: Mapping[str, Any]) -> Any:
    read = dict(found)
    for name in _INTERVALS & read.keys():
        read[name] = from_json(read[name])
    for name in _INSTANTS & read.keys():
        read[name] = parse_instant(read[name], UTC)
    return kind(**read)
