"""What the demo did: for the start page, for the terminal and as JSON."""

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shutil import which
from typing import Any, NamedTuple

import pyarrow.parquet as pq
from sqlalchemy import Connection, func, select

from features.history import customer_ids
from governance.audit.words import fairness_words
from governance.log.ledger import verify
from governance.review.reviews import champion
from governance.tables import decisions
from outcomes.trials.records import TrialLift
from serving.bootstrap import Keepwell
from serving.crm.contacts import PlaybookRun
from serving.interventions.delivery.desk import OWN_ADDRESS
from serving.pages.start import (
    ModelSummary,
    SampleDecision,
    StartPage,
    Why,
    summarise_action,
    summarise_lift,
    triple,
    write_start,
)
from serving.scoring.answers import CustomerScore
from serving.scoring.batch import Batch
from serving.scoring.scorer import Scorer
from training.pipeline import TrainResult

_SAMPLES = 12
_SHOWN_SCORED, _SHOWN_REFUSED, _LOOKED_AT = 4, 2, 60


class Imported(NamedTuple):
    """How many customers and events came in, from how many files."""

    customers: int
    events: int
    sources: int


class Acted(NamedTuple):
    """What the demo's playbooks came to, the one that is shown first; `sent` counts by playbook."""

    runs: tuple[PlaybookRun, ...]
    sent: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Story:
    """What `keepwell demo` prints."""

    page: StartPage
    model_digest: str
    interventions: int
    delivered: int
    decisions: int
    further: tuple[str, ...]
    sample_customers: tuple[str, ...]
    url: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Shape it as the interface has it."""
        model = self.page.model
        found = model.auc if model is not None else (0.0, 0.0, 0.0)
        return {
            "home": self.page.home_kind,
            "customers": self.page.customers,
            "events": self.page.events,
            "models": {
                "churn": {
                    "model_digest": self.model_digest,
                    "auc": dict(zip(("value", "low", "high"), found, strict=True)),
                    "gate": model.gate if model is not None else None,
                }
            },
            "decisions": self.decisions,
            "interventions": self.interventions,
            "delivered": self.delivered,
            "sample_customers": self.sample_customers,
            "url": self.url,
            "seconds": round(self.seconds, 1),
        }

    def invitation(self) -> list[str]:
        """Say what somebody can do now who has never seen this."""
        return [
            f"open {self.url}; to serve it another time: {self.page.command} serve"
            f"{'' if self.url == OWN_ADDRESS else ' --port ' + self.url.rpartition(':')[2]}",
            "follow one of three customers: send an event, see the score change, take a permission "
            "back, see the next score refused; it takes two minutes",
            "or look around as head of retention, data scientist, ethics reviewer or customer",
        ]

    def lines(self) -> list[str]:
        """Say in a few sentences what just happened."""
        page, model, action = self.page, self.page.model, self.page.action
        told = [
            f"{page.events:,} events of {page.customers:,} customers came in "
            f"from {page.sources} files"
        ]
        if model is not None:
            value, low, high = model.auc
            told.append(
                f"churn model: AUC {value:.3f} [{low:.3f}, {high:.3f}] on {model.test_people:,} "
                f"customers; gate: {model.gate}; signed by the demo itself, nobody reviewed it"
            )
            told += [f"audit: {finding}" for finding in model.findings]
        told.append(f"{page.scored:,} scored with reasons, {page.refused:,} do not permit it")
        if action is not None:
            told.append(
                f"playbook {action.playbook}: {action.delivered:,} messages delivered, their "
                f"signatures verified; {action.held_out:,} customers held out, "
                f"{sum(action.refused.values()):,} left alone"
            )
        told += self.further
        told += [
            f"the note that was tried by lot last year: {100 * row.difference:+.1f} points stayed "
            f"[{100 * row.low:+.1f}, {100 * row.high:+.1f}], contacted less left alone"
            for row in page.lift
            if row.is_share
        ]
        told.append(f"ledger: {page.ledger_entries or 0:,} entries, {page.ledger_outcome}")
        return told


def tell(
    keepwell: Keepwell,
    *,
    imported: Imported,
    trained: TrainResult,
    batch: Batch,
    scores: Path,
    acted: Acted,
    pilot: TrialLift,
    purposes: Sequence[str],
    url: str,
    started: datetime,
    clock: Callable[[], datetime],
) -> Story:
    """Put the story together and keep what the start page shows."""
    scored = [row for row in pq.read_table(scores).to_pylist() if row["status"] == "scored"]
    scored.sort(key=lambda row: (-row["probability"], row["customer_id"]))
    shown = _samples(keepwell, scored, clock)
    now = clock()
    with keepwell.database.read() as conn:
        people = customer_ids(conn)
        permitted = {
            purpose: len(keepwell.registry.permit_many(conn, purpose, people, now=now)[0].customers)
            for purpose in purposes
        }
        model = _model(conn, trained, now)
        checked = verify(conn, keepwell.keys.ledger_public)
        decided = conn.execute(select(func.count()).select_from(decisions)).scalar_one()
    seconds = (clock() - started).total_seconds()
    first = acted.runs[0]
    page = StartPage(
        home_kind=keepwell.kind,
        made_at=now.strftime("%Y-%m-%d %H:%M UTC"),
        base_url=url,
        command=_command(keepwell),
        seconds=round(seconds, 1),
        customers=imported.customers,
        events=imported.events,
        sources=imported.sources,
        permitted=permitted,
        scored=batch.scored,
        refused=batch.refused,
        insufficient=batch.insufficient_data,
        model=model,
        decisions=shown,
        messages=sum(acted.sent.values()),
        action=summarise_action(first.done, first.playbook, acted.sent[first.playbook.name]),
        lift=summarise_lift(pilot),
        currency=keepwell.settings.currency,
        ledger_entries=checked.entries,
        ledger_outcome=checked.outcome,
    )
    write_start(page, keepwell.home.reports)
    return Story(
        page=page,
        model_digest=trained.facts.model_digest,
        interventions=sum(len(each.done.assigned) for each in acted.runs),
        delivered=sum(acted.sent.values()),
        further=tuple(_further(keepwell, each, acted.sent) for each in acted.runs[1:]),
        decisions=decided,
        sample_customers=tuple(row["customer_id"] for row in scored[:_SAMPLES]),
        url=url,
        seconds=seconds,
    )


def _model(conn: Connection, trained: TrainResult, now: datetime) -> ModelSummary:
    facts = trained.facts
    approval = champion(conn, facts.target, now=now)
    return ModelSummary(
        target=facts.target,
        horizon_days=facts.horizon_days,
        digest=facts.model_digest,
        auc=triple(facts.test.auc),
        baselines={name: triple(found.auc) for name, found in facts.baselines.items()},
        test_people=facts.test.n,
        gate=trained.verdict.outcome,
        groups=fairness_words(trained.fairness),
        findings=tuple(finding.text for finding in trained.fairness.gaps),
        signed_by=approval.reviewer if approval is not None else "nobody",
        self_signed=approval.self_signed if approval is not None else False,
        report=f"/reports/{facts.model_digest}",
    )


def _further(keepwell: Keepwell, run: PlaybookRun, sent: Mapping[str, int]) -> str:
    name, waiting = run.playbook.name, run.done.count("proposed")
    if waiting:
        return (
            f"playbook {name}: {waiting:,} proposals wait for a person: "
            f"{_command(keepwell)} interventions list --waiting"
        )
    return (
        f"playbook {name}: {sent[name]:,} messages delivered, {run.done.count('held_out'):,} "
        f"customers held out, {sum(run.done.refused.values()):,} left alone"
    )


def _command(keepwell: Keepwell) -> str:
    """Say how to call Keepwell for this home from where the demo was started."""
    program = "keepwell" if which("keepwell") else Path(sys.executable).with_name("keepwell")
    called = program if isinstance(program, str) else shlex.quote(_short(program))
    return f"{called} --home {shlex.quote(_short(keepwell.home.root))}"


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _samples(
    keepwell: Keepwell, scored: Sequence[dict[str, Any]], clock: Callable[[], datetime]
) -> tuple[SampleDecision, ...]:
    """Ask for a few scores as a CRM would: from high to low risk, and some who do not permit it."""
    known = {row["customer_id"] for row in scored}
    with keepwell.database.read() as conn:
        others = [each for each in customer_ids(conn) if each not in known]
    step = max(len(scored) // _SHOWN_SCORED, 1)
    asked = [row["customer_id"] for row in scored[::step][:_SHOWN_SCORED]]
    scorer = Scorer(keepwell, clock=clock)
    answer = scorer.score([*asked, *others[:_LOOKED_AT]], targets=["churn"], may_see_refusals=True)
    told: list[SampleDecision] = []
    reasons: set[str | None] = set()
    for each in answer.results:
        if each.status == "scored":
            told.append(_sample(each))
        elif each.status == "refused" and each.reason not in reasons:
            if len(reasons) < _SHOWN_REFUSED:
                told.append(_sample(each))
            reasons.add(each.reason)
    return tuple(told)


def _sample(found: CustomerScore) -> SampleDecision:
    score = found.scores.get("churn")
    return SampleDecision(
        decision_id=found.decision_id,
        customer_id=found.customer_id,
        status=found.status,
        probability=score.probability if score is not None else None,
        low=score.low if score is not None else None,
        high=score.high if score is not None else None,
        why=()
        if score is None
        else tuple(Why(each.text, each.contribution > 0) for each in score.reasons),
        reason=found.reason or "",
    )
