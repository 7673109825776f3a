"""The made-up company: reproducible, plausible, with a truth that tests can recover."""

import json
import tomllib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.importing.mapping import load_mapping
from features.importing.run import import_source
from features.simulate.company import Simulation, simulate, write_company
from features.simulate.life import UNDER_RECORDED_BAND
from features.store import HistoryStore
from governance.errors import InvalidInput
from serving.database import Database

END = datetime(2026, 11, 1, 15, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def company() -> Simulation:
    return simulate(1_500, 7, end=END)


def test_same_seed_gives_the_same_company(company: Simulation) -> None:
    again = simulate(1_500, 7, end=END)

    assert again.orders.equals(company.orders)
    assert again.permissions.equals(company.permissions)


def test_nothing_happens_at_or_after_the_end(company: Simulation) -> None:
    last = company.end.strftime("%Y-%m-%dT%H:%M:%S")

    assert company.orders["ordered_at"].max() < last
    assert company.tickets["changed_at"].max() < last
    assert company.surveys["answered_at"].max() < last
    assert company.web["seen_at"].max() < pd.Timestamp(company.end)


def test_a_customer_has_some_forty_events_or_more(company: Simulation) -> None:
    events = company.orders["order_id"].nunique() + len(company.web) + len(company.tickets)

    assert events / 1_500 > 40


def test_nobody_orders_after_leaving(company: Simulation) -> None:
    gone = company.truth[company.truth["left_at"] != ""].set_index("customer_id")["left_at"]
    bought = company.orders[company.orders["quantity"] > 0]
    last = bought.groupby("customer_id")["ordered_at"].max().reindex(gone.index).dropna()

    assert (last < gone[last.index]).all()


def test_every_ticket_is_opened_before_it_is_escalated_and_closed(company: Simulation) -> None:
    steps = company.tickets.pivot_table(
        index="ticket_id", columns="status", values="changed_at", aggfunc="first"
    ).dropna()

    assert (steps["opened"] <= steps["escalated"]).all()
    assert (steps["escalated"] <= steps["closed"]).all()
    assert len(steps) > 20


def test_frustrated_customers_leave_more_often(company: Simulation) -> None:
    hazard = company.truth["weekly_hazard"]
    frustrated = company.truth["frustration"] > company.truth["frustration"].quantile(0.9)
    here = company.truth["left_at"] == ""

    assert hazard[frustrated & here].mean() > 1.5 * hazard[~frustrated & here].mean()


def test_the_under_recorded_band_leaves_no_more_often_but_is_seen_less(
    company: Simulation,
) -> None:
    table = company.customers.merge(company.truth, on="customer_id")
    hidden = (table["age_band"] == UNDER_RECORDED_BAND).to_numpy()
    left = (table["left_at"] != "").to_numpy()
    sessions = company.web[company.web["action"] == "session"].groupby("customer_id").size()
    seen = sessions.reindex(table["customer_id"]).fillna(0).to_numpy()

    assert abs(left[hidden].mean() - left[~hidden].mean()) < 0.06
    assert seen[hidden].mean() < 0.8 * seen[~hidden].mean()


def test_without_a_planted_bias_every_band_is_seen_alike() -> None:
    fair = simulate(1_500, 7, end=END, under_recorded_share=0)
    band = fair.customers.set_index("customer_id")["age_band"]
    seen = fair.web.groupby("customer_id").size().reindex(band.index).fillna(0)
    means = seen.groupby(band).mean()

    assert means.max() / means.min() < 1.2


def test_permissions_hold_every_answer_and_some_people_were_never_asked(
    company: Simulation,
) -> None:
    states = company.permissions.groupby("state").size()

    assert set(states.index) == {"given", "refused", "withdrawn"}
    assert 0 < company.permissions["customer_id"].nunique() < 1_500
    assert (company.permissions["evidence"].str.len() > 0).all()


def test_a_withdrawal_follows_its_consent(company: Simulation) -> None:
    keys = ["customer_id", "purpose"]
    given = company.permissions[company.permissions["state"] == "given"].set_index(keys)
    gone = company.permissions[company.permissions["state"] == "withdrawn"].set_index(keys)

    assert (given.loc[gone.index, "occurred_at"] < gone["occurred_at"]).all()


def test_only_the_words_of_wellbeing_are_asked_for_explicitly(company: Simulation) -> None:
    explicit = company.permissions[company.permissions["explicit"]]

    assert set(explicit["purpose"]) == {"wellbeing_inference"}


def test_written_files_match_their_mappings(company: Simulation, tmp_path: Path) -> None:
    files = write_company(company, tmp_path)

    for mapping in files.mappings:
        source = tomllib.loads(mapping.read_text())["source"]["path"]
        assert (tmp_path / source).exists()
    first = json.loads(files.permissions.read_text().splitlines()[0])
    assert {"customer_id", "purpose", "state", "occurred_at", "evidence"} <= set(first)
    assert "expires_at" not in first


def test_truth_is_not_among_the_files(company: Simulation, tmp_path: Path) -> None:
    write_company(company, tmp_path)

    text = " ".join(p.name for p in tmp_path.iterdir())
    assert "truth" not in text


def test_pilot_arms_are_randomised_among_those_still_here(company: Simulation) -> None:
    share = (company.pilot["arm"] == "personal note").mean()

    assert 0.45 < share < 0.55
    assert company.contacts["customer_id"].is_unique
    assert np.isin(company.contacts["customer_id"], company.pilot["customer_id"]).all()


@pytest.mark.parametrize(
    ("customers", "share", "end"),
    [(0, 0.5, END), (5, 1.5, END), (5, 0.5, END.replace(tzinfo=None))],
)
def test_impossible_company_is_refused(customers: int, share: float, end: datetime) -> None:
    with pytest.raises(InvalidInput):
        simulate(customers, 1, end=end, under_recorded_share=share)


def test_one_customer_is_a_company(tmp_path: Path) -> None:
    write_company(simulate(1, 3, end=END), tmp_path)


def test_the_real_import_takes_every_line_of_the_company(
    tmp_path: Path, sqlite_database: Database
) -> None:
    company = simulate(120, 5, end=END)
    files = write_company(company, tmp_path / "company")
    store = HistoryStore(tmp_path / "history")

    kinds: Counter[str] = Counter()
    for path in files.mappings:
        done = import_source(
            load_mapping(path),
            database=sqlite_database,
            store=store,
            now=END,
            rejects_path=tmp_path / f"{path.stem}.csv",
        )
        assert (done.rejected, done.conflicts, done.not_selected) == (0, 0, 0)
        kinds.update(done.kinds)

    assert kinds["joined"] == 120
    assert kinds["order"] + kinds["return"] == company.orders["order_id"].nunique()
    assert kinds["session"] + kinds["page_view"] == len(company.web)
    assert kinds["survey"] == len(company.surveys)
