"""The start page: what just happened, with decision ids, and how to call.

`StartPage` is what the page says, as plain values; it is written when a home has something to show
(the demo does) and read by whoever serves it. Without one the page only says that Keepwell runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import TypeAdapter

from governance.audit.record import verdict_word
from governance.intervals import Interval
from governance.review.standing import Standing
from outcomes.trials.records import TrialLift
from serving.interventions.choosing.run import InterventionRun
from serving.interventions.playbooks.playbook import Playbook
from serving.pages.staff.frame import static
from serving.pages.tour_strip import STRIP, Choice
from serving.refusals import say_refusal
from serving.scoring.chance import percent
from serving.tour.roles import STAFF_ROLES

FILE_NAME = "start.json"
_ROWS = 6
_TOLD = ("retained", "margin", "net_sales")


@dataclass(frozen=True, kw_only=True)
class ModelSummary:
    """The model that answers: how well it ranks, beside simple rules, and what its audit says.

    `auc` and each of `baselines` are (value, low, high). `groups` says, as its audit does, whether
    groups of people are treated alike. `report` is the address of the report.
    """

    target: str
    horizon_days: int
    digest: str
    auc: tuple[float, float, float]
    baselines: Mapping[str, tuple[float, float, float]]
    test_people: int
    gate: str
    groups: str = ""
    findings: tuple[str, ...] = ()
    signed_by: str = ""
    self_signed: bool = False
    report: str | None = None


class Why(NamedTuple):
    """One reason of an estimate, and whether it raised or lowered it."""

    text: str
    raised: bool


@dataclass(frozen=True, kw_only=True)
class SampleDecision:
    """One verdict about one customer; without a probability, `reason` says why there is none."""

    decision_id: str
    customer_id: str
    status: str
    probability: float | None = None
    low: float | None = None
    high: float | None = None
    why: tuple[Why, ...] = ()
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ActionRow:
    """One customer of the playbook's run."""

    customer_id: str
    decision_id: str
    status: str
    probability: float | None


@dataclass(frozen=True, kw_only=True)
class ActionSummary:
    """What one playbook did: how many it was meant for, and what became of them."""

    playbook: str
    channel: str
    subject: str
    meant_for: int
    refused: Mapping[str, int]
    held_out: int
    holdout_days: int
    waiting: int
    delivered: int
    rows: tuple[ActionRow, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LiftRow:
    """One outcome of a randomised test; shares are shown in percentage points."""

    outcome: str
    arm: str
    is_share: bool
    control: float
    treated: float
    difference: float
    low: float
    high: float
    verdict: str


@dataclass(frozen=True, kw_only=True)
class StartPage:
    """Everything the page says. `permitted` maps a purpose to how many customers permit it.

    `messages` counts what all playbooks delivered, `action` tells of one of them.
    `command` is how to call Keepwell for this home in a shell.
    """

    home_kind: str
    made_at: str
    base_url: str = "http://127.0.0.1:3000"
    command: str = "keepwell"
    seconds: float | None = None
    customers: int = 0
    events: int = 0
    sources: int = 0
    permitted: Mapping[str, int] = field(default_factory=dict)
    scored: int = 0
    refused: int = 0
    insufficient: int = 0
    model: ModelSummary | None = None
    decisions: tuple[SampleDecision, ...] = ()
    action: ActionSummary | None = None
    messages: int = 0
    lift: tuple[LiftRow, ...] = ()
    currency: str = "EUR"
    ledger_entries: int | None = None
    ledger_outcome: str = ""

    @property
    def permitting(self) -> int:
        """How many permit an estimate: those scored and those of whom nothing can be said."""
        return self.scored + self.insufficient

    @property
    def example_customer(self) -> str:
        """Someone whose score can be asked for in the example calls."""
        scored = [each.customer_id for each in self.decisions if each.probability is not None]
        return scored[0] if scored else "CUSTOMER"

    @property
    def example_decision(self) -> str:
        """A decision to replay in the example calls."""
        scored = [each.decision_id for each in self.decisions if each.probability is not None]
        return scored[0] if scored else "DECISION"


_SHAPE = TypeAdapter(StartPage)


def summarise_action(run: InterventionRun, playbook: Playbook, delivered: int) -> ActionSummary:
    """Say what a playbook's run came to, and how many of its messages arrived."""
    shown = sorted(run.assigned, key=lambda each: (each.status, -(each.probability or 0)))
    held = [each for each in shown if each.status == "held_out"][: _ROWS // 3]
    others = [each for each in shown if each.status != "held_out"][: _ROWS - len(held)]
    return ActionSummary(
        playbook=playbook.name,
        channel=playbook.channel,
        subject=playbook.subject,
        meant_for=run.considered - run.outside,
        refused=run.refused,
        held_out=run.count("held_out"),
        holdout_days=playbook.holdout_days,
        waiting=run.count("proposed"),
        delivered=delivered,
        rows=tuple(
            ActionRow(
                customer_id=each.customer_id,
                decision_id=each.decision_id,
                status="sent" if each.status == "queued" and delivered else each.status,
                probability=each.probability,
            )
            for each in others + held
        ),
    )


def summarise_lift(found: TrialLift) -> tuple[LiftRow, ...]:
    """Turn an experiment into rows: who stayed and what they brought, where it may be told."""
    rows = []
    for name in _TOLD:
        each = found.outcome(name)
        d = None if each is None else each.raw
        if each is None or d is None or d.difference is None or d.low is None or d.high is None:
            continue
        rows.append(
            LiftRow(
                outcome=name,
                arm=found.playbook,
                is_share=each.unit == "share",
                control=d.control_mean or 0.0,
                treated=d.treated_mean or 0.0,
                difference=d.difference,
                low=d.low,
                high=d.high,
                verdict=each.verdict,
            )
        )
    return tuple(rows)


def triple(interval: Interval) -> tuple[float, float, float]:
    """Give an interval as (value, low, high)."""
    return interval.value, interval.low, interval.high


def write_start(page: StartPage, reports: Path) -> Path:
    """Keep the page's content among the home's reports; gives the file."""
    path = reports / FILE_NAME
    path.write_bytes(_SHAPE.dump_json(page, indent=1))
    return path


def read_start(reports: Path, *, home_kind: str, now: datetime) -> StartPage:
    """Read what `write_start` kept; without it, or outside a demo, a page that tells nothing."""
    path = reports / FILE_NAME
    if home_kind != "demo" or not path.exists():
        return StartPage(home_kind=home_kind, made_at=now.strftime("%Y-%m-%d %H:%M UTC"))
    return _SHAPE.validate_json(path.read_bytes())


def render_start(
    page: StartPage,
    *,
    cast: Sequence[Choice] = (),
    enter_token: str = "",
    standing: Standing | None = None,
) -> str:
    """Fill the template; the result needs `/static/start.css` and nothing else.

    `cast` are the customers a visitor of a demo may follow, `enter_token` is what lets them look
    around as its staff. `standing` is where the page's model stands by now.
    """
    return (
        _environment()
        .get_template("start.html.j2")
        .render(
            page=page,
            cast=cast,
            strip=STRIP,
            roles=STAFF_ROLES,
            walk_token=enter_token,
            level="h3",
            standing=standing,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("serving.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static"] = static
    environment.filters |= {
        "count": lambda n: f"{n:,}".replace(",", "\u202f"),
        "words": lambda text: str(text).replace("_", " "),
        "percent": percent,
        "two": lambda x: f"{x:.2f}",
        "short": lambda text: str(text)[:12],
        "points": points,
        "refusal": say_refusal,
        "gate_word": verdict_word,
        "day": lambda at: f"{at:%Y-%m-%d}",
    }
    return environment


def points(row: LiftRow, currency: str) -> str:
    """Write a difference with its interval: percentage points for shares, money otherwise."""
    factor, unit = (100, " points") if row.is_share else (1, f" {currency}")
    value, low, high = (factor * x for x in (row.difference, row.low, row.high))
    return f"{value:+.1f} [{low:.1f}, {high:.1f}]{unit}"
