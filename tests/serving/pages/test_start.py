"""The start page: plain, self-contained, silent about people outside a demo."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import cast

import pytest

from governance.review.candidates import ModelRecord
from governance.review.standing import Standing
from governance.signing.record import Review
from serving.interventions.choosing.exposure import Exposure
from serving.interventions.choosing.run import Assigned, InterventionRun
from serving.interventions.choosing.selection import ChoiceNote
from serving.interventions.playbooks.playbook import STARTERS, load_playbooks
from serving.interventions.policy.modes import ModeStanding
from serving.pages.start import (
    ActionRow,
    ActionSummary,
    LiftRow,
    ModelSummary,
    SampleDecision,
    StartPage,
    Why,
    read_start,
    render_start,
    summarise_action,
    write_start,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
STORY = StartPage(
    home_kind="demo",
    made_at="2026-06-01 12:00 UTC",
    seconds=70.0,
    customers=2_000,
    events=194_560,
    sources=6,
    permitted={"model_training": 1_577},
    scored=1_598,
    refused=367,
    model=ModelSummary(
        target="churn",
        horizon_days=90,
        digest="ab" * 32,
        auc=(0.83, 0.81, 0.85),
        baselines={"recency": (0.79, 0.76, 0.81)},
        test_people=1_412,
        gate="approved",
        groups="It does not treat groups of people alike: people aged 65+ are flagged more often.",
        findings=("people aged 65+ are flagged more often",),
        signed_by="the demo home",
        self_signed=True,
        report="/reports/" + "ab" * 32,
    ),
    decisions=(
        SampleDecision(
            decision_id="d-1",
            customer_id="C1",
            status="scored",
            probability=0.81,
            low=0.72,
            high=0.88,
            why=(
                Why("last order was 96 days ago, usually every 31", raised=True),
                Why("orders: 12 so far", raised=False),
            ),
        ),
        SampleDecision(
            decision_id="d-2", customer_id="C2", status="refused", reason="risk_scoring: withdrawn"
        ),
    ),
    messages=417,
    action=ActionSummary(
        playbook="personal_note",
        channel="email",
        subject="Is there anything we can do better?",
        meant_for=10,
        refused={"outreach.email: no_record": 3},
        held_out=2,
        holdout_days=90,
        waiting=0,
        delivered=5,
        rows=(ActionRow(customer_id="C1", decision_id="d-3", status="sent", probability=0.81),),
    ),
    lift=(
        LiftRow(
            outcome="retained",
            arm="note",
            is_share=True,
            control=0.79,
            treated=0.84,
            difference=0.05,
            low=0.01,
            high=0.09,
            verdict="higher",
        ),
    ),
    ledger_entries=41,
    ledger_outcome="intact",
)


class Balance(HTMLParser):
    """Notes tags that are closed in the wrong order or never."""

    VOID = frozenset({"meta", "link", "br", "rect", "path", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def text_of(page: StartPage) -> str:
    return words_of(render_start(page))


def words_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_every_decision_is_shown_with_its_id() -> None:
    html = render_start(STORY)

    for decision in ("d-1", "d-2", "d-3"):
        assert f"<code>{decision}</code>" in html


def test_a_demo_says_loudly_that_it_is_one_and_signed_itself() -> None:
    said = text_of(STORY)

    assert "Demo · simulated people" in said
    assert "this demo home itself; nobody reviewed it" in said


def test_one_word_for_the_gate_and_one_sentence_for_groups_as_the_report_has_them() -> None:
    said = text_of(STORY)

    assert "gate pass: it met every rule" in said
    assert "Are groups of people treated alike? It does not treat groups of people alike" in said


def test_each_reason_says_which_way_it_pushes() -> None:
    said = text_of(STORY)

    assert "usually every 31 ▲ raises it" in said
    assert "12 so far ▼ lowers it" in said


def test_a_model_that_was_rejected_is_told_with_how_to_go_on() -> None:
    review = Review(
        "r-1", "ab" * 32, "churn", "reject", "not read", "k-1", "Visitor as ethics reviewer (demo)",
        NOW, NOW, "", self_signed=False,
    )  # fmt: skip
    record = cast("ModelRecord", None)
    said = words_of(render_start(STORY, standing=Standing(record, review, "rejected")))
    again = words_of(
        render_start(STORY, standing=Standing(record, review._replace(outcome="approve"), "serves"))
    )

    assert "Visitor as ethics reviewer (demo) rejected the model on 2026-06-01." in said
    assert "approve it" in said
    assert "No model serves" not in again
    assert "Visitor as ethics reviewer (demo), who approved it on 2026-06-01" in again


def test_the_log_is_told_as_it_was_when_the_page_was_written() -> None:
    assert "the log held 41 signed entries then" in text_of(STORY)


def test_refusals_are_said_in_plain_words() -> None:
    said = text_of(STORY)

    assert "they took their permission back (risk scoring)" in said
    assert "they were never asked (e-mail)" in said


def test_nothing_is_loaded_from_afar_and_nothing_is_inline() -> None:
    html = render_start(STORY)

    assert re.findall(r'(?:src|href)="(?!/|#)', html) == []
    assert "<script" not in html
    assert "<style" not in html
    assert " style=" not in html
    assert " onclick" not in html


@pytest.mark.parametrize(
    "page", [STORY, StartPage(home_kind="production", made_at="today"), replace(STORY, action=None)]
)
def test_every_tag_is_closed_in_order(page: StartPage) -> None:
    balance = Balance()
    balance.feed(render_start(page))

    assert (balance.open, balance.wrong) == ([], [])


def test_words_from_outside_cannot_become_markup() -> None:
    odd = replace(
        STORY.decisions[0], customer_id="<img src=x>", why=(Why("<b>hi</b>", raised=True),)
    )

    html = render_start(replace(STORY, decisions=(odd,)))

    assert "<img" not in html
    assert "&lt;b&gt;hi" in html


def test_the_example_calls_name_someone_who_can_be_scored() -> None:
    assert '"customer_id": "C1"' in render_start(STORY).replace("&#34;", '"')


def test_the_messages_of_all_playbooks_are_counted() -> None:
    assert "<b>417</b><span>messages were delivered" in render_start(STORY)


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    write_start(STORY, tmp_path)

    assert read_start(tmp_path, home_kind="demo", now=NOW) == STORY


@pytest.mark.parametrize("kind", ["production", "evaluation"])
def test_no_other_home_shows_anyone(tmp_path: Path, kind: str) -> None:
    write_start(STORY, tmp_path)

    page = read_start(tmp_path, home_kind=kind, now=NOW)

    assert "C1" not in render_start(page)
    assert page.customers == 0


def test_a_run_is_summed_up() -> None:
    note = load_playbooks(STARTERS)[0]
    run = InterventionRun(
        playbook=note.name,
        considered=10,
        outside=4,
        refused={"contact_cap": 1},
        assigned=tuple(
            Assigned(f"i{k}", f"d{k}", f"c{k}", arm, status, 0.5)  # type: ignore[arg-type]
            for k, (arm, status) in enumerate(
                [("treated", "queued")] * 3 + [("holdout", "held_out")] * 2
            )
        ),
        decisions=(),
        mode=ModeStanding("act", "act", "act", ""),
        choice=ChoiceNote(6, 1.0, 1.0, 0.0, binding=False, unit="customers kept"),
        exposure=Exposure("cannot_say", "", 0.8),
    )

    found = summarise_action(run, note, 3)

    assert (found.meant_for, found.held_out, found.delivered) == (6, 2, 3)
    assert [row.status for row in found.rows] == ["sent"] * 3 + ["held_out"] * 2
