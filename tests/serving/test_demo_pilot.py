"""The demo's past: a pilot in the home's own records, found as every experiment is."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from features.simulate.company import Simulation, simulate, write_company
from features.simulate.permissions import NOTICE_LOCALE, NOTICE_VERSION, NOTICES, notice_id
from governance.consent.notices import publish_notice
from governance.errors import ConfigurationError
from governance.log.decision import load
from governance.log.ledger import entries, verify
from serving.bootstrap import Keepwell, create_home
from serving.dashboard.tried import tried
from serving.demo import COSTS
from serving.demo_pilot import PILOT, SIMULATED, add_playbook, record_pilot
from serving.home import Home
from serving.interventions.lots.experiments import list_experiments
from serving.interventions.playbooks.playbook import STARTERS, find_playbook, load_playbooks
from serving.interventions.policy.under_way import busy, own_contacts
from serving.interventions.tables import interventions
from serving.pages.start import summarise_lift
from serving.permission.consent_files import read_consents
from serving.permission.consents import record_all
from serving.settings import Settings
from serving.sources import import_file
from serving.trials.lift import lift_of
from serving.trials.roi import roi_of
from serving.trials.terms import money_terms

NOW = datetime.now(UTC)
CUSTOMERS, SEED = 300, 1


@pytest.fixture(scope="module")
def company() -> Simulation:
    return simulate(CUSTOMERS, SEED, end=NOW)


@pytest.fixture(scope="module")
def home(company: Simulation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keepwell]:
    """Give a demo home with the company's orders and permissions, and its pilot recorded."""
    folder = tmp_path_factory.mktemp("pilot")
    files = write_company(company, folder / "files")
    keepwell = create_home(folder / "home", Settings(kind="demo", costs=COSTS), now=NOW)
    add_playbook(keepwell.home)
    for mapping in files.mappings:
        if mapping.stem in ("customers", "orders"):
            import_file(keepwell, mapping, None, now=NOW)
    with keepwell.database.write() as conn:
        for purpose, words in NOTICES.items():
            publish_notice(
                conn,
                notice_id=notice_id(purpose),
                version=NOTICE_VERSION,
                locale=NOTICE_LOCALE,
                content=words,
                purposes=[purpose],
                material=True,
                now=NOW,
            )
    answers = read_consents(
        files.permissions, zone=keepwell.settings.zone, rename=keepwell.inside_id
    )
    record_all(keepwell, answers.changes, clock=lambda: NOW)
    record_pilot(keepwell, company, now=NOW)
    yield keepwell
    keepwell.close()


def test_the_executive_figures_of_the_pilot_have_intervals(home: Keepwell) -> None:
    found = {
        figure.name: cell
        for figure in tried(home, now=NOW)
        for cell in figure.cells
        if cell.row.startswith(PILOT)
    }

    for name in ("retention_lift", "people_helped", "margin_preserved", "net", "net_roi"):
        cell = found[name]
        assert cell.value is not None, (name, cell.note)
        assert cell.low is not None
        assert cell.high is not None
        assert cell.low < cell.value < cell.high


def test_the_pilot_is_an_experiment_that_ended_when_its_time_was_over(
    home: Keepwell, company: Simulation
) -> None:
    began, ended = company.pilot_period
    with home.database.read() as conn:
        [trial] = list_experiments(conn, PILOT)

    assert trial.experiment == f"{PILOT}/{began:%Y-%m-%d}"
    assert (trial.status, trial.reason) == ("ended", SIMULATED)
    assert began <= trial.started_at < began + timedelta(days=1)
    assert trial.ended_at == trial.ends_at
    assert ended <= trial.ends_at < ended + timedelta(days=1)


def test_its_lift_compares_those_the_simulations_lot_drew(
    home: Keepwell, company: Simulation
) -> None:
    found = lift_of(home, PILOT, horizon_days=None, file=None, now=NOW).lift
    retained = found.outcome("retained")

    assert (found.waiting, found.looked) == (0, "fixed")
    assert found.sample_ratio is not None
    assert found.sample_ratio.outcome == "as expected"
    with home.database.read() as conn:
        drawn = {row.customer_id: row.arm for row in conn.execute(select(interventions))}
    people = company.pilot[company.pilot["customer_id"].isin(drawn)]
    stayed = people.groupby("arm")["retained"].mean()
    assert retained is not None
    assert retained.raw.difference == pytest.approx(  # 13 weeks there, 90 days here
        stayed["personal note"] - stayed["holdout"], abs=0.05
    )
    assert [row.outcome for row in summarise_lift(found)] == ["retained", "margin"]


def test_its_return_has_three_lines_by_what_the_settings_state(home: Keepwell) -> None:
    money = money_terms(home.settings)
    found = roi_of(
        home, PILOT, cost=200.0, cost_per="pilot", money=money, horizon_days=None, file=None,
        now=NOW,
    )  # fmt: skip

    assert found.roi is not None
    assert found.roi.margin_preserved.low < found.roi.margin_preserved.high
    assert any("simulated" in each.source for each in found.assumptions)


def test_nobody_is_in_it_who_did_not_permit_it_then(home: Keepwell, company: Simulation) -> None:
    began, _ = company.pilot_period
    answers = company.permissions.query("purpose == 'outreach.email'")
    given = answers[(answers["state"] == "given") & (answers["occurred_at"] < f"{began:%F}T08")]
    withdrawn = set(answers[answers["state"] == "withdrawn"]["customer_id"])
    allowed = set(given["customer_id"]) - withdrawn
    with home.database.read() as conn:
        drawn = {row.customer_id for row in conn.execute(select(interventions))}

    assert drawn == allowed & set(company.pilot["customer_id"])
    assert drawn < set(company.pilot["customer_id"])


def test_it_keeps_nobody_from_being_helped_today(home: Keepwell) -> None:
    starters = load_playbooks(STARTERS)
    with home.database.read() as conn:
        people = {row.customer_id for row in conn.execute(select(interventions))}
        assert busy(conn, find_playbook(starters, "personal_note"), people, now=NOW) == {}
        counts = own_contacts(conn, people, now=NOW)
    assert not counts.month
    assert not counts.week


def test_the_log_says_today_that_it_is_simulated(home: Keepwell) -> None:
    with home.database.read() as conn:
        [entry] = [each for each in entries(conn, limit=1_000) if each.kind == "experiment_ended"]
        row = conn.execute(select(interventions).limit(1)).one()
        decision = load(conn, row.decision_id)
        assert verify(conn, home.keys.ledger_public).outcome == "intact"

    assert entry.recorded_at == decision.recorded_at == NOW
    assert json.loads(entry.body)["simulated"] is True
    assert decision.as_of == row.created_at
    assert decision.result is not None
    assert decision.result["simulated"] is True


def test_no_other_home_gets_a_made_up_past(home: Keepwell, company: Simulation) -> None:
    real = replace(home, kind="production")
    with pytest.raises(ConfigurationError, match="production home"):
        record_pilot(real, company, now=NOW)


def test_its_playbook_stands_beside_those_that_are_there(tmp_path: Path) -> None:
    place = Home(tmp_path)
    add_playbook(place)
    first = place.playbooks.read_text(encoding="utf-8")
    add_playbook(place)

    assert place.playbooks.read_text(encoding="utf-8") == first
    names = [each.name for each in load_playbooks(place.playbooks)]
    assert names == [*(each.name for each in load_playbooks(STARTERS)), PILOT]
