"""What experiments showed becomes points, people and money, each with its interval or its why."""

from datetime import datetime
from typing import Any

import pytest

from serving.bootstrap import Keepwell
from serving.dashboard import tried as module
from serving.dashboard.figure import Cell
from serving.dashboard.tried import tried
from serving.reporting.record import Trial
from serving.reporting.trial_look import TrialLook
from tests.serving.conftest import Shop

STAYED = {
    "outcome": "retained",
    "raw": {"difference": 0.04, "low": 0.01, "high": 0.07},
    "verdict": "helped",
    "reason": "more stayed",
}
LIFT: dict[str, Any] = {
    "experiment": "note/2026-05-01",
    "randomised": True,
    "treated": 250,
    "held_out": 50,
    "waiting": 0,
    "horizon_days": 90,
    "level": 0.96,
    "outcomes": [STAYED],
    "verdict": "helped",
    "reason": "more stayed",
}
ROI: dict[str, Any] = {
    "treated": 250,
    "held_out": 50,
    "verdict": "pays",
    "reason": "the whole interval of the net lies above 0",
    "figures": {
        "margin_preserved_over_90_days": {"value": 900.0, "low": 300.0, "high": 1500.0},
        "cost_saved_over_90_days": {"value": 100.0, "low": 0.0, "high": 200.0},
        "pilot_cost_over_90_days": 500.0,
        "net_over_90_days": {"value": 500.0, "low": -200.0, "high": 1200.0},
        "net_roi_over_90_days": {"value": 1.0, "low": -0.4, "high": 2.4},
    },
}
TRIAL = Trial("note", LIFT, ROI, "", "")


def cells(shop: Shop, monkeypatch: pytest.MonkeyPatch, trial: Trial) -> dict[str, Cell]:
    def known(keepwell: Keepwell, *, now: datetime) -> tuple[TrialLook, ...]:
        return (TrialLook(now, trial),)

    monkeypatch.setattr(module, "newest_looks", known)
    return {each.name: each.cells[0] for each in tried(shop.keepwell, now=shop.clock())}


def test_a_lift_is_told_in_points_and_in_people(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = cells(shop, monkeypatch, TRIAL)
    lift, helped = found["retention_lift"], found["people_helped"]
    assert (lift.value, lift.low, lift.people) == (4.0, 1.0, 300)
    assert lift.high == pytest.approx(7.0)
    assert (helped.value, helped.low) == (10.0, 2.5)
    assert helped.high == pytest.approx(17.5)
    assert lift.row == "note/2026-05-01"


def test_each_line_of_a_return_has_its_interval(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = cells(shop, monkeypatch, TRIAL)
    told = {
        name: (found[name].value, found[name].low, found[name].high)
        for name in ("margin_preserved", "cost_saved", "net", "net_roi")
    }
    assert told == {
        "margin_preserved": (900.0, 300.0, 1500.0),
        "cost_saved": (100.0, 0.0, 200.0),
        "net": (500.0, -200.0, 1200.0),
        "net_roi": (1.0, -0.4, 2.4),
    }


def test_while_people_are_followed_nothing_is_said(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = STAYED | {"raw": {"difference": None, "low": None, "high": None}}
    waits = LIFT | {"waiting": 22, "outcomes": [nothing]}
    found = cells(shop, monkeypatch, TRIAL._replace(lift=waits, roi=None, why_no_roi="no cost"))
    assert found["retention_lift"].value is None
    assert found["retention_lift"].note == "cannot say yet: 22 people are within their 90 days"
    assert found["net"].note == "no cost"


@pytest.mark.parametrize(("level", "said"), [(0.99, "99 %"), (0.96, "96 %")])
def test_an_interval_says_of_which_level_it_is(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, level: float, said: str
) -> None:
    found = cells(shop, monkeypatch, TRIAL._replace(lift=LIFT | {"level": level}))
    for name in ("retention_lift", "people_helped"):
        assert found[name].note == f"helped: more stayed; the interval is one of {said}"
    for figure in tried(shop.keepwell, now=shop.clock()):
        assert "95 %" not in {column.heading[:4] for column in figure.columns}
        assert "its interval is one of" in figure.about


def test_what_is_withheld_is_not_said_to_wait(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    withheld = LIFT | {"verdict": "withheld", "reason": "the arms do not fit", "waiting": 22}
    found = cells(shop, monkeypatch, TRIAL._replace(lift=withheld))
    for name in ("retention_lift", "people_helped"):
        assert (found[name].value, found[name].note) == (None, "withheld: the arms do not fit")


def test_nobody_counts_as_helped_where_chance_did_not_decide(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = cells(shop, monkeypatch, TRIAL._replace(lift=LIFT | {"randomised": False}))
    assert (found["people_helped"].value, found["people_helped"].note) == (
        None,
        "chance did not decide",
    )


def test_without_an_experiment_there_is_advice(shop: Shop) -> None:
    for figure in tried(shop.keepwell, now=shop.clock()):
        assert figure.cells == ()
        assert "holdout_share" in figure.note
