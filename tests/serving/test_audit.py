"""The audit report drawn afresh: what was judged then, what is known today, and nobody's data."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from starlette.testclient import TestClient

from features.tables import protected_attributes
from governance.audit.record import AuditReport
from governance.audit.report import report_digest, to_text_json
from governance.audit.seal import verify_report
from governance.consent.record import ConsentChange
from governance.errors import NotFound
from governance.fairness.assess import not_assessed
from governance.lineage import note_people
from governance.model.gate import GateVerdict
from governance.review.candidates import Candidate, submit
from governance.tables import ledger_entries
from serving.audit.drawing import Drawn, draw_report
from serving.cli.models import _command
from serving.http.api import create_app
from serving.permission.consents import record_all
from serving.scoring.staleness import Monitored, keep
from serving.settings import Settings
from tests.governance.sample import facts, result
from tests.serving.conftest import Clock, Shop
from tests.serving.homes import new_home
from tests.serving.test_cli import Commands

ANN = "ann.miller@example.org"


def submit_model(shop: Shop, digest: str = "ab" * 32, *, auc: float = 0.74) -> str:
    """Put a made-up model with its report before the reviewers."""
    made = facts(
        model_digest=digest,
        created_at=shop.clock(),
        home_kind=shop.keepwell.kind,
        test=result(auc),
    )
    fairness = not_assessed("there are no protected attributes to assess by")
    verdict = GateVerdict("approved", ())
    report = AuditReport(facts=made, fairness=fairness, verdict=verdict, generated_at=shop.clock())
    candidate = Candidate(made, digest, verdict, to_text_json(report), "ada")
    with shop.keepwell.database.write() as conn:
        submit(conn, shop.keepwell.ledger, candidate, now=shop.clock())
    return digest


def draw(shop: Shop, model: str = "churn", *, card: bool = False) -> Drawn:
    return draw_report(shop.keepwell, model, now=shop.clock(), card=card)


def page(drawn: Drawn) -> str:
    return drawn.html.read_text(encoding="utf-8")


def test_a_review_after_the_training_is_in_the_report(shop: Shop) -> None:
    submit_model(shop)
    assert "Nobody has signed it yet" in page(draw(shop))
    shop.review("approve")
    assert "Grace approved it" in page(draw(shop))


def test_what_the_reviewer_signed_are_the_figures_of_every_later_drawing(shop: Shop) -> None:
    submit_model(shop)
    shop.review("approve")
    shop.pass_days(30)
    twin = draw(shop).twin.read_text(encoding="utf-8")
    (signed,) = json.loads(twin)["sign_offs"]
    assert signed["report_digest"] == report_digest(twin)
    assert verify_report(twin, now=shop.clock()).outcome == "intact"


def test_a_report_stands_beside_the_last_signed_model(shop: Shop) -> None:
    submit_model(shop, "ab" * 32, auc=0.61)
    shop.review("approve")
    shop.pass_days(1)
    submit_model(shop, "cd" * 32, auc=0.81)
    before = draw(shop, "cd" * 32).report.before
    assert before is not None
    assert (before.facts.model_digest, before.reviewer) == ("ab" * 32, "Grace")
    assert draw(shop, "ab" * 32).report.before is None


def test_a_rejected_model_is_nothing_to_stand_beside(shop: Shop) -> None:
    submit_model(shop, "ab" * 32)
    shop.review("reject")
    shop.pass_days(1)
    submit_model(shop, "cd" * 32)
    assert draw(shop, "cd" * 32).report.before is None


def test_the_last_look_is_in_the_report(shop: Shop) -> None:
    model = submit_model(shop)
    assert draw(shop).report.drift is None
    look = {"reasons": ["the scores have moved"], "people": 40, "drift": None, "realised": {}}
    with shop.keepwell.database.write() as conn:
        keep(conn, Monitored("churn", model, shop.clock(), "retrain", look))
    assert "the scores have moved" in page(draw(shop))


@pytest.mark.parametrize(("stays", "said"), [(12, "at least 5"), (17, "fewer than 5"), (20, "0")])
def test_withdrawals_since_the_training_are_counted(shop: Shop, stays: int, said: str) -> None:
    model = submit_model(shop)
    names = [f"c{i}" for i in range(20)]
    for name in names:
        shop.order(name, 30)
    for name in names[:stays]:
        shop.permit(name, "model_training")
    with shop.keepwell.database.write() as conn:
        persons = shop.keepwell.persons.person_ids(conn, names)
        note_people(
            conn, model_digest=model, dataset_digest="", persons=persons.values(), now=shop.clock()
        )
    where = draw(shop).report.provenance
    assert where is not None
    assert where.withdrawn_since == said


def test_permission_today_is_counted_and_a_few_are_not_told(shop: Shop) -> None:
    submit_model(shop)
    for i in range(30):
        shop.order(f"c{i}", 30)
    for i in range(23):
        shop.permit(f"c{i}", "model_training")
    where = draw(shop).report.provenance
    assert where is not None
    assert where.permission == {"permitted": 23, "refused:no_record": 7}
    for i in range(23, 27):
        shop.permit(f"c{i}", "model_training")
    where = draw(shop).report.provenance
    assert where is not None
    assert where.permission == {"permitted": 23, "refused:no_record": None}  # as given before


def audited(shop: Shop) -> None:
    """Let 40 people permit the audit, 30 of them training; every other one is a woman."""
    submit_model(shop)
    for i in range(40):
        name = f"c{i}"
        shop.order(name, 30)
        shop.permit(name, "fairness_audit", *(["model_training"] if i % 4 else []))
        with shop.keepwell.database.write() as conn:
            row = {"customer_id": name, "name": "gender", "value": "fm"[i % 2]}
            conn.execute(insert(protected_attributes), row)


def withdraw(shop: Shop, *customers: str) -> None:
    changes = [
        ConsentChange(
            customer_id=each,
            purpose="model_training",
            state="withdrawn",
            mechanism="link_followed",
            evidence="stop link",
        )
        for each in customers
    ]
    done = record_all(shop.keepwell, changes, clock=shop.clock)
    assert not done.refused, done.reasons


def missing(shop: Shop) -> dict[str, tuple[int | None, int | None]]:
    where = draw(shop).report.provenance
    assert where is not None
    return {each.group: (each.permitted, each.missing) for each in where.coverage}


def test_who_is_missing_by_group_is_told_of_those_who_permit_the_audit(shop: Shop) -> None:
    audited(shop)
    assert missing(shop) == {"f": (10, 10), "m": (20, 0)}


def test_two_reports_do_not_tell_that_one_person_withdrew(shop: Shop) -> None:
    audited(shop)
    before = missing(shop)
    withdraw(shop, "c2")
    assert missing(shop) == before
    withdraw(shop, "c6", "c10", "c14", "c18")
    assert missing(shop) == {"f": (5, 15), "m": (20, 0)}


def test_settings_in_force_are_in_the_impact_assessment(shop: Shop) -> None:
    submit_model(shop)
    practice = draw(shop).report.practice
    assert practice is not None
    assert practice.mode == "observe"
    assert {each.purpose: each.basis for each in practice.bases}["risk_scoring"] == "consent"
    assert "observe: scores are seen, nothing is proposed or sent" in page(draw(shop))


def test_neither_people_nor_places_are_in_report_and_card(shop: Shop) -> None:
    submit_model(shop)
    shop.order(ANN, 80, 60)
    shop.permit(ANN, "risk_scoring", "model_training", "fairness_audit")
    drawn = draw(shop, card=True)
    files = (drawn.html, drawn.twin, drawn.card, drawn.card_html)
    for path in files:
        assert path is not None
        text = path.read_text(encoding="utf-8")
        assert ANN not in text
        assert "example.org" not in text
        assert str(shop.keepwell.home.root) not in text


def test_drawing_is_logged_with_its_seal(shop: Shop) -> None:
    submit_model(shop)
    twin = json.loads(draw(shop).twin.read_text(encoding="utf-8"))
    with shop.keepwell.database.read() as conn:
        query = select(ledger_entries.c.body).where(ledger_entries.c.kind == "audit_report")
        body = json.loads(conn.execute(query).scalar_one())
    assert body["seal"] == twin["seal"]["digest"]


def test_a_model_without_a_report_says_what_to_do(regular: Shop) -> None:
    with pytest.raises(NotFound, match="without a report"):
        draw(regular)


def test_a_report_is_verified_where_there_is_no_home(shop: Shop, tmp_path: Path) -> None:
    submit_model(shop)
    shop.review("approve")
    drawn = draw(shop)
    kw = Commands(tmp_path / "nowhere")
    told = kw("audit", "verify", drawn.twin)
    assert (told.code, told.json["outcome"]) == (0, "intact")
    changed = tmp_path / "changed.json"
    changed.write_text(drawn.twin.read_text().replace("0.74", "0.94"), encoding="utf-8")
    told = kw("audit", "verify", changed)
    assert (told.code, told.json["outcome"]) == (1, "changed")
    assert "do not rely on this file" in kw.plain("audit", "verify", changed).out


def test_the_command_says_whose_key_was_named(shop: Shop, tmp_path: Path) -> None:
    submit_model(shop)
    shop.review("approve")
    twin = draw(shop).twin
    found = json.loads(twin.read_text())
    kw = Commands(tmp_path / "nowhere")
    reviewer = ("--public-key", found["sign_offs"][0]["public_key"])
    sealing = ("--public-key", found["seal"]["public_key"])
    told = kw("audit", "verify", twin, *reviewer)
    assert (told.code, told.json["outcome"], told.json["known_key"]) == (
        1,
        "signed_only",
        "reviewing",
    )
    assert "sealed by a key you did not name" in kw.plain("audit", "verify", twin, *reviewer).out
    assert kw("audit", "verify", twin, *sealing).code == 0
    assert "you named no key" not in kw.plain("audit", "verify", twin, *sealing).out
    assert "you named no key" in kw.plain("audit", "verify", twin).out


def test_a_page_is_not_the_file_that_verifies(shop: Shop, tmp_path: Path) -> None:
    submit_model(shop)
    told = Commands(tmp_path)("audit", "verify", draw(shop).html)
    assert (told.code, told.error["code"]) == (2, "invalid_input")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Shop]:
    """Give a demo home, whose people are made up."""
    clock = Clock()
    keepwell = new_home(tmp_path / "demo", Settings(kind="demo"), now=clock())
    yield Shop(keepwell, clock)
    keepwell.close()


def test_a_demo_shows_its_report_as_a_page_with_a_style_of_its_own(demo: Shop) -> None:
    model = submit_model(demo)
    http = TestClient(create_app(demo.keepwell, demo.scorer, clock=demo.clock))
    shown = http.get(f"/reports/{model}")
    assert shown.status_code == 200
    assert "DEMO" in shown.text
    assert "<style" not in shown.text
    assert ".verdict" in http.get(f"/reports/{model}/style.css").text


def test_other_homes_show_no_report_without_a_key(shop: Shop) -> None:
    model = submit_model(shop)
    http = TestClient(create_app(shop.keepwell, shop.scorer, clock=shop.clock))
    assert http.get(f"/reports/{model}").status_code == 404


def test_audit_without_a_command_takes_a_model(shop: Shop) -> None:
    model = submit_model(shop)
    kw = Commands(shop.keepwell.home.root)
    told = kw("audit", model[:12], "--card").json
    assert told["verdict"] == "pass"
    for name in ("report_html", "report_json", "card_md", "card_html"):
        assert Path(told[name]).is_file()
    assert kw("audit").json["model_digest"] == model


def test_the_command_on_record_says_everything_that_was_asked() -> None:
    said = _command("churn", seed=(3,), trials=(None,), exclude=("a", "b c"), split=("s.csv",))
    assert said == "keepwell train churn --seed 3 --exclude a --exclude 'b c' --split s.csv"
