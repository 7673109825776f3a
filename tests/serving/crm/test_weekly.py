"""The weekly list: by what is at stake, of those who permit it, nobody told apart."""

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest

from governance.errors import ConfigurationError
from governance.instants import to_text
from serving.bootstrap import open_home
from serving.crm.weekly import WeeklyList, weekly_list
from serving.crm.weekly_page import weekly_csv, weekly_html
from serving.intake import take_events
from serving.interventions.tables import interventions
from serving.permission.consents import withdraw
from serving.reporting.executive import at_risk
from serving.scoring.batch import score_everyone
from tests.serving.conftest import Shop


@pytest.fixture
def shop_with_scores(regular: Shop, tmp_path: Path) -> Shop:
    """Ann (three orders) may be e-mailed, Bob (one, longer ago) may not; both are scored."""
    regular.permit("ann", "outreach.email")
    regular.order("bob", 90)
    regular.permit("bob")
    score(regular, tmp_path)
    return regular


def score(shop: Shop, folder: Path) -> None:
    target = shop.keepwell.target("churn")
    score_everyone(shop.keepwell, target, out=folder / "scores.parquet", clock=shop.clock)


def listed(shop: Shop, folder: Path, *, top: int = 50, margin: float | None = None) -> WeeklyList:
    scores = folder / "scores.parquet"
    return weekly_list(shop.keepwell, scores, top=top, margin=margin, clock=shop.clock)


def who(found: WeeklyList) -> list[str]:
    return [line.customer_id for line in found.lines]


def hold_out(shop: Shop, customer_id: str) -> None:
    now = shop.clock()
    row = {
        "intervention_id": f"i-{customer_id}", "customer_id": customer_id, "playbook": "note",
        "playbook_class": "outreach", "channel": "email", "arm": "holdout", "status": "held_out",
        "reason": "", "experiment": "e", "stratum": "", "target": "churn", "decision_id": "d",
        "permissions": "{}", "message": "{}", "cost": 0.0, "needs_person": False,
        "created_at": now, "valid_until": now, "holdout_until": now + timedelta(days=9),
    }  # fmt: skip
    with shop.keepwell.database.write() as conn:
        conn.execute(interventions.insert(), row)


def test_whoever_has_more_at_stake_comes_first(shop_with_scores: Shop, tmp_path: Path) -> None:
    assert who(listed(shop_with_scores, tmp_path)) == ["ann", "bob"]
    assert who(listed(shop_with_scores, tmp_path, margin=100.0)) == ["bob", "ann"]


def test_what_is_at_stake_is_probability_times_margin(
    shop_with_scores: Shop, tmp_path: Path
) -> None:
    found = listed(shop_with_scores, tmp_path, margin=100.0)
    line = found.lines[0]
    assert line.at_risk == pytest.approx((100 * line.probability, 100 * line.low, 100 * line.high))
    assert found.at_risk.value == pytest.approx(sum(each.at_risk.value for each in found.lines))


def test_without_a_margin_last_years_orders_stand_for_it(
    shop_with_scores: Shop, tmp_path: Path
) -> None:
    found = listed(shop_with_scores, tmp_path)
    assert {line.customer_id: line.margin for line in found.lines} == {"ann": 60.0, "bob": 20.0}
    assert "sales, not margin" in found.assumption


def test_the_share_that_can_be_contacted_is_of_the_money(
    shop_with_scores: Shop, tmp_path: Path
) -> None:
    found = listed(shop_with_scores, tmp_path)
    ann, bob = found.lines
    assert (ann.channels, bob.channels) == (("email",), ())
    assert found.contactable == pytest.approx(ann.at_risk.value / found.at_risk.value)


def test_a_report_adds_up_what_the_list_does_but_never_over_a_few(
    shop_with_scores: Shop, tmp_path: Path
) -> None:
    shop = shop_with_scores
    score(shop, shop.keepwell.home.scores.parent)
    assert at_risk(shop.keepwell, now=shop.clock()) == (None, "too few people to show")
    for name in ("cem", "dia", "eva"):
        shop.order(name, 30)
        shop.permit(name)
    score(shop, shop.keepwell.home.scores.parent)
    found, why = at_risk(shop.keepwell, now=shop.clock())
    own = listed(shop, shop.keepwell.home.scores.parent)
    assert found is not None, why
    assert found.customers == own.customers
    assert found.value == pytest.approx(own.at_risk.value)
    assert found.contactable == pytest.approx(own.contactable)


def test_who_withdrew_since_is_not_listed_nor_counted(
    shop_with_scores: Shop, tmp_path: Path
) -> None:
    shop = shop_with_scores
    withdraw(shop.keepwell, "bob", "risk_scoring", actor="customer", clock=shop.clock)
    found = listed(shop, tmp_path)
    assert (who(found), found.customers) == (["ann"], 1)


def test_who_is_held_out_is_not_suggested_and_not_told_apart(
    shop_with_scores: Shop, tmp_path: Path
) -> None:
    hold_out(shop_with_scores, "bob")
    found = listed(shop_with_scores, tmp_path)
    assert who(found) == ["ann"]
    assert found.left_out is None, "one person would be told apart"
    assert "bob" not in weekly_html(found) + weekly_csv(found)


def test_only_as_many_as_asked_for_are_listed(shop_with_scores: Shop, tmp_path: Path) -> None:
    found = listed(shop_with_scores, tmp_path, top=1)
    assert (who(found), found.customers) == (["ann"], 2)


def test_the_last_contact_is_the_newest_the_history_knows(
    shop_with_scores: Shop, tmp_path: Path
) -> None:
    shop = shop_with_scores
    events = [
        {
            "customer_id": "ann", "kind": "contact_outside", "event_id": f"c{days}",
            "occurred_at": to_text(shop.clock() - timedelta(days=days)),
        }
        for days in (9, 2)
    ]  # fmt: skip
    take_events(shop.keepwell, events, clock=shop.clock)
    shop.permit("ann", "operations")
    assert listed(shop, tmp_path).lines[0].last_contact == "2026-05-30"


def test_costs_may_name_a_feature_for_the_margin(shop_with_scores: Shop, tmp_path: Path) -> None:
    shop = with_costs(shop_with_scores, 'margin_feature = "order_value_sum_365d"')
    assert listed(shop, tmp_path).lines[0].margin == pytest.approx(0.5 * 60.0)


def test_a_feature_that_does_not_exist_is_named(shop_with_scores: Shop, tmp_path: Path) -> None:
    shop = with_costs(shop_with_scores, 'margin_feature = "guess"')
    with pytest.raises(ConfigurationError, match="guess"):
        listed(shop, tmp_path)


def with_costs(shop: Shop, line: str) -> Shop:
    settings = shop.keepwell.home.settings_file
    costs = f"\n[costs]\ncontact_cost = 1\nsuccess_rate = 0.1\nmargin_share = 0.5\n{line}\n"
    settings.write_text(settings.read_text() + costs)
    root = shop.keepwell.home.root
    shop.keepwell.close()
    shop.keepwell = open_home(root)
    return shop


def test_that_scores_were_read_is_in_the_log(shop_with_scores: Shop, tmp_path: Path) -> None:
    from governance.log.ledger import entries

    listed(shop_with_scores, tmp_path)
    with shop_with_scores.keepwell.database.read() as conn:
        last = list(entries(conn, limit=10_000))[-1]
    assert last.kind == "scores_listed"
    assert "ann" not in last.body


def test_the_page_is_whole_in_itself(shop_with_scores: Shop, tmp_path: Path) -> None:
    page = weekly_html(listed(shop_with_scores, tmp_path))
    assert "<script" not in page
    assert "http" not in page
    assert "ann" in page


def test_a_name_that_looks_like_markup_or_a_formula_is_neither(
    regular: Shop, tmp_path: Path
) -> None:
    regular.order("=<i>1", 90)
    regular.permit("=<i>1")
    score(regular, tmp_path)
    found = listed(regular, tmp_path, margin=10.0)
    assert "<i>1" not in weekly_html(found)
    cells = [row["customer_id"] for row in csv.DictReader(io.StringIO(weekly_csv(found)))]
    assert sorted(cells) == ["'=<i>1", "ann"]
