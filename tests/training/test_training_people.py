"""A model that was trained says whose rows it learned from, to whoever may look."""

from pathlib import Path

from features.labels import Target
from governance.lineage import people_of
from governance.pseudonym import PersonIds
from serving.database import Database
from tests.training.company import NOW, ORDERS, bring_in, found, write_orders
from training.pipeline import train
from training.request import TrainRequest


def test_a_training_run_writes_down_whose_rows_it_read(
    sqlite_database: Database, tmp_path: Path
) -> None:
    company = found(sqlite_database, tmp_path, tmp_path / "mlruns", home_kind="evaluation")
    bring_in(company, ORDERS, write_orders(tmp_path / "orders.csv"))
    request = TrainRequest(
        target=Target("churn", horizon_days=60), author="ada", home_kind="evaluation", trials=1
    )
    result = train(request, company.workshop, now=NOW)
    with company.database.read() as conn:
        learned = people_of(conn, result.facts.model_digest)
        assert learned is not None
        known = PersonIds().customers_of(conn, learned)
    assert len(learned) == len(known) == result.facts.customers
