"""A home's own experiments: what they show, how they are stopped, what they bring in money."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from math import inf, nan
from typing import Any

import pytest

from features.events import Event, keepwell_event
from features.live import append
from governance.errors import InvalidInput, NotFound
from governance.log.ledger import entries
from serving.interventions.lots.experiments import find_experiment, halted, open_experiment
from serving.interventions.playbooks.playbook import (
    STARTERS,
    Playbook,
    find_playbook,
    load_playbooks,
)
from serving.trials.document import lift_document, roi_document
from serving.trials.lift import UNPLANNED, HomeLift, lift_of
from serving.trials.roi import HomeRoi, roi_of
from serving.trials.terms import MoneyTerms, money_terms
from serving.trials.watch import ExperimentLook, judged, watch
from tests.serving.conftest import Shop
from tests.serving.test_api import Crm

NOTE = find_playbook(load_playbooks(STARTERS), "personal_note")
HALF = replace(NOTE, holdout_share=0.5)


@dataclass
class Experiment:
    """One experiment of the starters' personal note, begun 100 days before what is looked at now.

    `treated` and `held` people were drawn on its first day; what they do is told in days since.
    """

    shop: Shop
    name: str
    treated: list[str]
    held: list[str]

    def draws(self, people: Iterable[str], arm: str) -> None:
        start = self.shop.clock.now
        self.has_done(
            keepwell_event(
                "intervention_assigned",
                who,
                event_id=f"{who}-drawn",
                occurred_at=start,
                known_at=start,
                properties={
                    "playbook": NOTE.name,
                    "arm": arm,
                    "experiment": self.name,
                    "stratum": "risk_50",
                    "propensity": 0.5,
                    "by_lot": True,
                },
            )
            for who in people
        )

    def did(self, kind: str, people: Iterable[str], day: float, value: float = 1.0) -> None:
        at = self.shop.clock.now + timedelta(days=day)
        self.has_done(
            Event(who, kind, at, at, event_id=f"{who}-{kind}-{day}", value=value) for who in people
        )

    def has_done(self, events: Iterable[Event]) -> None:
        with self.shop.keepwell.database.write() as conn:
            append(conn, list(events))

    def lift(self, days: int = 90, **more: Any) -> HomeLift:
        return lift_of(
            self.shop.keepwell, NOTE.name, horizon_days=days, file=None, now=self.shop.clock(),
            **more,
        )  # fmt: skip

    def roi(self, money: MoneyTerms, **more: Any) -> HomeRoi:
        arguments: dict[str, Any] = {"cost": 100.0, "cost_per": "pilot", "horizon_days": 90}
        return roi_of(
            self.shop.keepwell, NOTE.name, money=money, file=None, now=self.shop.clock(),
            **{**arguments, **more},
        )  # fmt: skip

    def looks(self) -> ExperimentLook:
        [found] = watch(self.shop.keepwell, now=self.shop.clock())
        return found


def begun(shop: Shop, people: int = 120, playbook: Playbook = HALF) -> Experiment:
    """Open an experiment and draw so many people into each arm."""
    with shop.keepwell.database.write() as conn:
        name = open_experiment(conn, playbook, shop.clock.now).experiment
    treated = [f"t{k:03}" for k in range(people)]
    held = [f"h{k:03}" for k in range(people)]
    made = Experiment(shop, name, treated, held)
    made.draws(treated, "treated")
    made.draws(held, "holdout")
    return made


def passed(made: Experiment, days: float) -> Experiment:
    """Let days pass, and something happen at their end, so that they count as observed."""
    made.did("session", ["someone"], days)
    made.shop.pass_days(days + 1)
    return made


def test_a_lift_says_what_the_playbook_changed(shop: Shop) -> None:
    made = begun(shop)
    made.did("order", made.treated[:90], 20.0)
    made.did("order", made.held[:40], 20.0)

    found = passed(made, 95).lift()

    retained = found.lift.outcome("retained")
    assert retained is not None
    assert retained.raw.difference == pytest.approx(50 / 120)
    assert found.lift.verdict == "helped"
    assert found.experiment is not None
    assert found.experiment.experiment == made.name


def test_without_a_plan_only_a_horizon_chosen_before_counts(shop: Shop) -> None:
    found = passed(begun(shop), 181).lift()

    assert UNPLANNED in found.lift.notes


def test_while_people_wait_the_intervals_hold_at_every_look(shop: Shop) -> None:
    made = begun(shop)
    made.did("order", made.treated, 20.0)

    found = passed(made, 40).lift(30)

    assert found.lift.looked == "always valid"


def test_one_more_person_is_not_told_from_two_lifts(shop: Shop) -> None:
    made = begun(shop, 40)
    made.did("order", made.treated[:20], 20.0)
    passed(made, 95)
    first = made.lift()
    shop.clock.now -= timedelta(days=96)
    made.draws(["late"], "treated")
    made.did("order", ["late"], 5.0)
    shop.clock.now += timedelta(days=96)

    again = made.lift()

    before, after = first.lift.outcome("retained"), again.lift.outcome("retained")
    assert before is not None
    assert after is not None
    assert after.raw == before.raw
    assert after.note.startswith("as given")


def test_over_another_horizon_few_people_cannot_be_told(shop: Shop) -> None:
    made = begun(shop, 40)
    made.did("order", made.treated[:20], 20.0)
    made.did("order", made.treated[20:22], 80.5)
    passed(made, 95)
    made.lift(80)

    retained = made.lift(81).lift.outcome("retained")

    assert retained is not None
    assert retained.raw.difference is None
    assert retained.note


def test_the_time_before_and_the_profile_are_asked_only_before_the_draw(shop: Shop) -> None:
    made = begun(shop)
    at = shop.clock.now + timedelta(days=3)
    made.has_done(
        Event(who, "profile", at, at, event_id=f"{who}-p", properties={"plan": "plus"})
        for who in made.treated
    )
    passed(made, 95)

    with pytest.raises(InvalidInput, match="no profile says anything of 'plan' from before"):
        made.lift(segments=["plan"])


def test_an_experiment_of_another_playbook_is_not_shown(shop: Shop) -> None:
    made = begun(shop)

    with pytest.raises(NotFound):
        made.lift(experiment="other/2026-01-01")


def test_what_http_says_is_what_the_command_says(shop: Shop) -> None:
    made = begun(shop)
    made.did("order", made.treated[:90], 20.0)
    passed(made, 95)
    crm = Crm(shop, "outcomes:read")

    told = crm.http.get("/v1/outcomes/lift/personal_note").json()

    found = lift_document(made.lift(), today=shop.clock.now.date())
    assert told["outcomes"][0] == found["outcomes"][0]
    assert told["verdict"] == "helped"
    [listed] = crm.http.get("/v1/outcomes/experiments").json()["experiments"]
    assert listed["experiment"] == made.name


def test_another_scope_learns_nothing(shop: Shop) -> None:
    crm = Crm(shop, "score:read")

    for path in ("lift/personal_note", "roi/personal_note?cost=1", "plans", "experiments"):
        assert crm.http.get(f"/v1/outcomes/{path}").status_code == 403


def test_clear_harm_stops_the_playbook(shop: Shop) -> None:
    made = begun(shop)
    made.did("order", made.treated[:30], 20.0)
    made.did("order", made.held[:90], 20.0)
    passed(made, 40)

    look = made.looks()

    assert look.outcome == "stopped for harm"
    with shop.keepwell.database.read() as conn:
        assert halted(conn, NOTE) == "stopped_for_harm"
        assert find_experiment(conn, made.name).looks == 1
        assert "experiment_stopped" in {each.kind for each in entries(conn, limit=1_000)}


def test_a_guardrail_stops_the_playbook_too(shop: Shop) -> None:
    made = begun(shop)
    made.did("unsubscribed", made.treated[:60], 3.0)
    made.did("unsubscribed", made.held[:12], 3.0)
    passed(made, 40)

    look = made.looks()

    assert look.outcome == "stopped for harm"
    assert look.reason.startswith("unsubscribed is worse than without a contact (+40.0 points")


@pytest.mark.parametrize(
    ("p_value", "low", "high"), [(nan, nan, nan), (nan, -2.0, -1.0), (0.0, -inf, -1.0)]
)
def test_figures_that_are_no_numbers_stop_nothing(
    shop: Shop, p_value: float, low: float, high: float
) -> None:
    made = begun(shop)
    passed(made, 40)
    lift = made.lift().lift
    broken: dict[str, Any] = {"p_value": p_value, "low": low, "high": high, "difference": -1.5}
    outcomes = tuple(each._replace(raw=each.raw._replace(**broken)) for each in lift.outcomes)

    assert judged(lift._replace(outcomes=outcomes), "retained")[0] == "goes on"


def test_clear_benefit_ends_the_holdout(shop: Shop) -> None:
    made = begun(shop)
    made.did("order", made.treated[:90], 20.0)
    made.did("order", made.held[:30], 20.0)
    passed(made, 40)

    assert made.looks().outcome == "stopped for benefit"
    with shop.keepwell.database.write() as conn:
        assert open_experiment(conn, HALF, shop.clock.now).contacts == "everyone"


def test_what_is_not_clear_goes_on_and_the_look_is_counted(shop: Shop) -> None:
    made = begun(shop)
    made.did("order", made.treated[:60], 20.0)
    made.did("order", made.held[:55], 20.0)
    passed(made, 40)

    looks = [made.looks(), made.looks()]

    assert [(each.outcome, each.looks) for each in looks] == [("goes on", 1), ("goes on", 2)]


def test_a_mismatch_stops_nothing_and_says_nothing(shop: Shop) -> None:
    made = begun(shop, playbook=NOTE)  # a fifth was to be left alone, half was
    made.did("order", made.treated[:90], 20.0)
    made.did("order", made.held[:30], 20.0)
    passed(made, 40)

    assert made.looks().outcome == "withheld"
    assert made.lift(30).lift.verdict == "withheld"


def test_an_experiment_is_ended_when_its_time_is_over(shop: Shop) -> None:
    made = passed(begun(shop), HALF.holdout_days)

    assert made.looks().outcome == "ended"
    assert watch(shop.keepwell, now=shop.clock()) == ()


def rate(shop: Shop, **more: float) -> MoneyTerms:
    return money_terms(shop.keepwell.settings, margin_rate=0.5, **more)


def paid(shop: Shop) -> Experiment:
    """Treated people spend 20 each, the others 10; the others also open a ticket each."""
    made = begun(shop)
    made.did("order", made.treated, 20.0, 20.0)
    made.did("order", made.held, 20.0, 10.0)
    made.did("ticket_opened", made.held, 30.0)
    return passed(made, 95)


def test_three_lines_of_a_return_by_hand(shop: Shop) -> None:
    found = roi_document(paid(shop).roi(rate(shop, service_cost=2.0)))

    figures = found["figures"]
    assert figures["margin_preserved_over_90_days"]["value"] == pytest.approx(120 * 0.5 * 10)
    assert figures["cost_saved_over_90_days"]["value"] == pytest.approx(120 * 2)
    assert figures["net_roi_over_90_days"]["value"] == pytest.approx((600 + 240 - 100) / 100)
    assert found["verdict"] == "pays"
    assert len(found["lines"]) == 3


def test_every_figure_of_a_return_names_its_period(shop: Shop) -> None:
    found = roi_document(paid(shop).roi(rate(shop)))

    assert all(name.endswith("_over_90_days") for name in found["figures"])
    assert "over 90 days after each draw" in found["lines"][0]
    assert "over 90 days after each draw" in found["lines"][2]


def test_a_monthly_cost_is_brought_to_the_length_of_the_pilot(shop: Shop) -> None:
    found = paid(shop).roi(rate(shop), cost=100.0, cost_per="month")

    assert found.roi is not None
    assert found.roi.cost == pytest.approx(100 * 90 / (365.25 / 12), rel=0.01)
    assert "a month" in found.assumptions[0].value


def test_every_assumption_has_a_source(shop: Shop) -> None:
    found = paid(shop).roi(rate(shop))

    assert {"margin per unit of net sales", "period"} <= {each.name for each in found.assumptions}
    assert all(each.source for each in found.assumptions)


def test_sales_without_a_margin_rate_are_no_return(shop: Shop) -> None:
    made = paid(shop)

    with pytest.raises(InvalidInput, match="sales are not margin"):
        made.roi(money_terms(shop.keepwell.settings))


def test_with_too_few_people_a_return_cannot_be_said(shop: Shop) -> None:
    found = passed(begun(shop, 20), 95).roi(rate(shop))

    assert (found.roi, found.verdict) == (None, "cannot say")
    assert "at least 30 in each" in found.reason


def test_while_it_runs_a_return_is_not_called_one(shop: Shop) -> None:
    made = begun(shop)
    made.did("order", made.treated, 5.0, 20.0)
    found = passed(made, 40).roi(rate(shop), horizon_days=30)

    assert found.roi is not None
    assert found.verdict == "cannot say"


def test_arms_that_the_draw_cannot_have_made_bring_no_return(shop: Shop) -> None:
    made = begun(shop, playbook=NOTE)
    made.did("order", made.treated, 5.0, 20.0)

    assert passed(made, 95).roi(rate(shop)).verdict == "withheld"


def test_one_more_person_is_not_told_from_two_returns(shop: Shop) -> None:
    made = paid(shop)
    first = made.roi(rate(shop))
    shop.clock.now -= timedelta(days=96)
    made.draws(["late"], "treated")
    made.did("order", ["late"], 5.0, 9_999.0)
    shop.clock.now += timedelta(days=96)

    again, other = made.roi(rate(shop)), made.roi(money_terms(shop.keepwell.settings,
                                                             margin_rate=0.4))  # fmt: skip

    assert again.roi == first.roi
    assert other.roi is None
