"""A company's own features from settings to scores: listed, checked, trained with, held to."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from features.definitions import FeatureDefinition
from features.own_functions import pin
from governance.errors import ConfigurationError, IntegrityBroken
from governance.instants import to_text
from serving.scoring.champions import open_bundle
from tests.serving.conftest import START, Shop, register_model
from tests.serving.test_cli import Commands
from training.bundle import Description, Support, save
from training.calibrator import Calibrator
from training.model import AdditiveMember, RiskModel
from training.spread import Spread
from training.target_model import TargetModel

pytestmark = pytest.mark.xdist_group("command line")

ORDERS = """customer,at,amount,shop
A1,2025-01-03T10:00:00Z,12.5,north
A1,2025-02-03T23:00:00Z,14.0,south
A2,2025-02-20T10:00:00Z,7,north
"""
MAPPING = """[source]
path = "orders.csv"
[customer]
id = "customer"
[[event]]
kind = "order"
occurred_at = "at"
value = "amount"
properties = { shop = "shop" }
"""
OWN = """
[[feature]]
name = "orders_north_365d"
kinds = ["order"]
aggregate = "count"
window_days = 365
where = { shop = "north" }
text = "{value} orders in the north in the last 365 days"

[[feature]]
name = "late_orders"
aggregate = "function"
function = "own_features.py:late_orders"
"""
FUNCTION = """
def late_orders(customer):
    return sum(event.occurred_at.hour >= 22 for event in customer.events)
"""


@pytest.fixture
def home(tmp_path: Path) -> Commands:
    """Give an evaluation home with three orders, two own features and the file of one."""
    (tmp_path / "orders.csv").write_text(ORDERS, encoding="utf-8")
    (tmp_path / "orders.toml").write_text(MAPPING, encoding="utf-8")
    made = Commands(tmp_path / "home")
    assert made("init", "--evaluation").code == 0
    assert made("import", tmp_path / "orders.toml").code == 0
    (made.home / "own_features.py").write_text(FUNCTION, encoding="utf-8")
    _settle(made, OWN)
    return made


def _settle(home: Commands, own: str) -> None:
    (home.home / "keepwell.toml").write_text('kind = "evaluation"\n' + own, encoding="utf-8")


def test_the_list_names_every_feature_with_its_meaning(home: Commands) -> None:
    listed = {each["name"]: each for each in home("features", "list").json["features"]}
    assert listed["order_count_90d"]["meaning"] == "… orders in the last 90 days"
    assert listed["order_count_90d"]["purposes"] == ["risk_scoring"]
    own = {name: each["window_days"] for name, each in listed.items() if each["own"]}
    assert own == {"orders_north_365d": 365, "late_orders": None}


def test_the_list_can_be_read_by_people(home: Commands) -> None:
    shown = home.plain("features", "list").out
    assert "… orders in the north in the last 365 days" in shown
    assert "2 of your own" in shown


def test_the_table_holds_own_features(home: Commands, tmp_path: Path) -> None:
    out = tmp_path / "table.parquet"
    assert home("features", "build", "--as-of", "2025-03-01", "--out", out).code == 0
    found = pq.read_table(out, columns=["orders_north_365d", "late_orders"]).to_pylist()
    assert sorted(tuple(row.values()) for row in found) == [(1.0, 0.0), (1.0, 1.0)]


def test_nothing_to_mend_is_said(home: Commands) -> None:
    told = home("features", "check")
    assert (told.code, told.json["features"], told.json["problems"]) == (0, 2, [])


def test_everything_to_mend_is_said_at_once_with_its_line(home: Commands) -> None:
    _settle(home, OWN.replace("window_days = 365", "window_days = 0").replace(":late", ":gone"))
    problems = home("features", "check").error["problems"]
    assert [each.split(":")[0] for each in problems] == ["line 7", "line 14"]


def test_what_no_event_has_is_found_beside_the_histories(home: Commands) -> None:
    _settle(home, OWN.replace('shop = "north"', 'shp = "north"'))
    assert home("features", "check").error["problems"] == [
        "line 8: feature orders_north_365d: no order has the property shp; did you mean shop?"
    ]


def test_a_file_elsewhere_is_checked_beside_the_histories_of_the_home(
    home: Commands, tmp_path: Path
) -> None:
    other = tmp_path / "draft.toml"
    other.write_text(OWN, encoding="utf-8")
    assert home("features", "check", other).error["problems"] == [
        f"line 13: feature late_orders: own_features.py cannot be read in {tmp_path.name}/"
    ]


def test_a_home_with_a_broken_feature_says_so_before_it_opens(home: Commands) -> None:
    _settle(home, OWN.replace('"count"', '"cuont"'))
    assert "did you mean count?" in home("features", "list").error["problems"][0]


def _model_with(shop: Shop, definition: FeatureDefinition) -> str:
    """Save a model of one feature and have it approved."""
    model = RiskModel(
        features=1,
        intercept=0.0,
        trees=None,
        tree_weight=0.0,
        additive=AdditiveMember.from_curves(
            [np.array([0.0, 5.0])], [np.array([-1.0, 1.0])], np.zeros(1), 0.0
        ),
        additive_weight=1.0,
        calibrator=Calibrator("platt", 1.0, 0.0),
        spread=Spread(shared=0.3),
    )
    description = Description(
        target="churn",
        horizon_days=90,
        purpose="risk_scoring",
        names=(definition.name,),
        definitions=(json.loads(json.dumps(definition.to_json())),),
        support=Support((0.0,), (10.0,), (0.0,)),
        created_at=to_text(START),
    )
    saved = save(
        TargetModel(description.horizon_days, model), description, shop.keepwell.home.bundles
    )
    with shop.keepwell.database.write() as conn:
        register_model(conn, shop.keepwell, saved, now=shop.clock())
    shop.review("approve")
    return saved


@pytest.fixture
def with_function(shop: Shop) -> tuple[Shop, str]:
    """Ann ordered three times and permits scoring; the model counts with the shop's function."""
    (shop.keepwell.home.root / "own.py").write_text(
        "def orders(customer):\n    return len(customer.events)\n", encoding="utf-8"
    )
    definition = FeatureDefinition(
        "own_orders",
        ("order",),
        "function",
        function="own.py:orders",
        text="{value} orders, counted our way",
    )
    shop.order("ann", 80, 60, 40)
    shop.permit("ann")
    return shop, _model_with(shop, *pin([definition], shop.keepwell.home.root))


def test_the_service_scores_with_own_functions(with_function: tuple[Shop, str]) -> None:
    shop, _ = with_function
    [told] = shop.scorer.score(["ann"], targets=["churn"]).results
    assert told.scores["churn"].reasons[0].text == "3 orders, counted our way"


def test_a_model_whose_function_was_changed_does_not_serve(
    with_function: tuple[Shop, str],
) -> None:
    shop, digest = with_function
    file = shop.keepwell.home.root / "own.py"
    file.write_text(file.read_text() + "# changed\n", encoding="utf-8")
    with pytest.raises(IntegrityBroken) as refused:
        open_bundle(shop.keepwell.home, digest)
    assert refused.value.hint == "train again, or bring the former file back"
    with pytest.raises(IntegrityBroken, match=r"own\.py is not the file"):
        shop.scorer.score(["ann"], targets=["churn"])


def test_a_function_that_fails_while_serving_shows_no_data(with_function: tuple[Shop, str]) -> None:
    shop, _ = with_function
    (shop.keepwell.home.root / "bad.py").write_text(
        "def orders(customer):\n    return customer.events[99].value\n", encoding="utf-8"
    )
    definition = FeatureDefinition("bad", ("order",), "function", function="bad.py:orders")
    _model_with(shop, *pin([definition], shop.keepwell.home.root))
    with pytest.raises(ConfigurationError, match=r"bad: IndexError at bad\.py line 2"):
        shop.scorer.score(["ann"], targets=["churn"])
