"""Upload files: what leaves is permitted now, what may be outside is cleared, nothing is run."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import serving.crm.export as export
from features.definitions import sentence
from features.suggestions.rhythm import course
from governance.errors import InsufficientData, InvalidInput
from serving.crm.cells import cell, in_words, is_safe_key
from serving.crm.export import Exported, export_scores
from serving.crm.fields import CUSTOMER, Field, System
from serving.permission.consents import withdraw
from serving.rights.acts import erase
from serving.scoring.batch import score_everyone
from serving.settings import Settings
from tests.serving.conftest import Shop
from tests.serving.homes import new_home

TEXT = Field(source="reason", words=("Reason",), label="", help="", kind="text", length=12)
SHARE = Field(source="low", words=("Low",), label="", help="", kind="share")
INSTANT = Field(source="as_of", words=("As_Of",), label="", help="", kind="instant")
FLAG = Field(source="may:email", words=("May",), label="", help="", kind="flag")


@pytest.fixture
def scored(regular: Shop, tmp_path: Path) -> Path:
    """Ann permits scoring and e-mail, Bob scoring alone; both are scored."""
    regular.permit("ann", "outreach.email")
    regular.order("bob", 50, 30)
    regular.permit("bob")
    path = tmp_path / "scores.parquet"
    target = regular.keepwell.target("churn")
    score_everyone(regular.keepwell, target, out=path, clock=regular.clock)
    return path


def exported(shop: Shop, scores: Path, system: System = "salesforce") -> Exported:
    return export_scores(
        shop.keepwell,
        scores,
        scores.with_name("upload.csv"),
        system=system,
        channels=["email"],
        clock=shop.clock,
    )


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return {row["Keepwell_Customer_Id__c"]: row for row in csv.DictReader(file)}


def withdraws(shop: Shop, customer_id: str) -> None:
    withdraw(shop.keepwell, customer_id, "risk_scoring", actor="customer", clock=shop.clock)


def test_a_row_carries_the_score_its_reason_and_its_end(regular: Shop, scored: Path) -> None:
    found = rows(exported(regular, scored).out)["ann"]
    [ann] = [each for each in pq.read_table(scored).to_pylist() if each["customer_id"] == "ann"]
    assert found["Keepwell_Churn_Probability__c"] == f"{100 * ann['probability']:.2f}"
    assert found["Keepwell_Churn_Reason__c"] == ann["reasons"][0]["text"]
    assert found["Keepwell_Churn_Expires__c"] == f"{ann['expires_at']:%Y-%m-%dT%H:%M:%S}.000Z"
    assert found["Keepwell_Home__c"] == "production"


def test_permission_to_contact_is_told_per_channel(regular: Shop, scored: Path) -> None:
    found = rows(exported(regular, scored).out)
    assert {who: row["Keepwell_May_Email__c"] for who, row in found.items()} == {
        "ann": "true",
        "bob": "false",
    }


def test_who_withdrew_since_is_left_out_and_cleared(regular: Shop, scored: Path) -> None:
    withdraws(regular, "ann")
    done = exported(regular, scored)
    assert list(rows(done.out)) == ["bob"]
    assert rows(done.clear)["ann"]["Keepwell_Churn_Probability__c"] == "#N/A"
    assert (done.exported, done.cleared, done.left_out) == (1, 1, {"no_permission": 1})


def test_who_withdrew_before_tonight_is_cleared_of_an_earlier_score(
    regular: Shop, scored: Path
) -> None:
    withdraws(regular, "ann")
    target = regular.keepwell.target("churn")
    score_everyone(regular.keepwell, target, out=scored, clock=regular.clock)
    assert list(rows(exported(regular, scored).clear)) == ["ann"]


def test_a_new_yes_does_not_bring_an_old_score_back(regular: Shop, scored: Path) -> None:
    withdraws(regular, "ann")
    regular.permit("ann")
    done = exported(regular, scored)
    assert done.left_out == {"taken_back": 1}
    assert list(rows(done.clear)) == ["ann"]


def test_an_erased_person_is_in_neither_upload(regular: Shop, scored: Path) -> None:
    erase(regular.keepwell, "ann", now=regular.clock())
    assert list(rows(exported(regular, scored).out)) == ["bob"]


def test_a_score_past_its_end_is_cleared(regular: Shop, scored: Path) -> None:
    regular.pass_days(31)
    assert exported(regular, scored).left_out == {"expired": 2}


def test_hubspot_is_cleared_by_bodies_for_its_batch_update(regular: Shop, scored: Path) -> None:
    withdraws(regular, "ann")
    done = exported(regular, scored, "hubspot")
    [body] = [json.loads(line) for line in done.clear.read_text().splitlines()]
    [found] = body["inputs"]
    assert (found["idProperty"], found["id"]) == ("keepwell_customer_id", "ann")
    assert found["properties"]["keepwell_churn_probability"] == ""


def test_who_withdraws_while_it_is_written_is_not_in_the_file(
    regular: Shop, scored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = export._Work.write

    def write(work: Any, *args: Any) -> Any:
        marks = written(work, *args)
        if work.exported == 2:
            withdraws(regular, "ann")
        return marks

    monkeypatch.setattr(export._Work, "write", write)
    assert list(rows(exported(regular, scored).out)) == ["bob"]


def test_nothing_appears_where_permissions_never_rest(
    regular: Shop, scored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export._Work, "still_so", lambda *_: False)
    with pytest.raises(InsufficientData, match="changed"):
        exported(regular, scored)
    assert sorted(each.name for each in scored.parent.glob("*upload*")) == []


def test_only_the_owner_may_read_the_files(regular: Shop, scored: Path) -> None:
    done = exported(regular, scored)
    assert [path.stat().st_mode & 0o777 for path in (done.out, done.clear)] == [0o600, 0o600]


def test_another_file_is_no_file_of_scores(regular: Shop, tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    pq.write_table(pa.table({"customer_id": ["ann"]}), path)
    with pytest.raises(InvalidInput, match="not a file of scores"):
        exported(regular, path)


def test_an_evaluation_home_says_so_in_every_row_and_permits_no_contact(tmp_path: Path) -> None:
    keepwell = new_home(tmp_path / "eval", Settings(kind="evaluation"), now=datetime.now(UTC))
    shop = Shop(keepwell)
    with keepwell.database.read() as conn:
        found = export._Work(keepwell, keepwell.target("churn"), "hubspot", ["email"])._contacts(
            conn, ["p_1"], now=shop.clock()
        )
    assert found == {"may:email": frozenset()}
    keepwell.close()


@pytest.mark.parametrize("text", ["=1+1", "+49", "-x", "@sum", "\t=1", " =1"])
def test_no_text_is_a_formula(text: str) -> None:
    assert cell(TEXT, text, "hubspot")[0] not in "=+-@\t"


def test_a_text_is_one_line_that_fits() -> None:
    assert cell(TEXT, "one\nand two and three", "salesforce") == "one and two…"


@pytest.mark.parametrize(
    ("customer_id", "safe"),
    [("C1", True), ("-12", True), ("+4915112", True), ("=1+1", False), ("@x", False),
     ("-1-2", False), ("a\nb", False)],
)  # fmt: skip
def test_an_id_that_a_spreadsheet_would_run_is_left_out(customer_id: str, safe: bool) -> None:
    assert is_safe_key(customer_id) is safe


@pytest.mark.parametrize(
    ("field", "value", "salesforce", "hubspot"),
    [
        (SHARE, 0.31, "31.00", "0.310000"),
        (SHARE, None, "#N/A", ""),
        (FLAG, True, "true", "true"),
        (INSTANT, datetime(2026, 12, 1, 3, tzinfo=UTC), *["2026-12-01T03:00:00.000Z"] * 2),
        (CUSTOMER, "C1", "C1", "C1"),
    ],
)
def test_a_value_is_written_as_its_importer_expects(
    field: Field, value: Any, salesforce: str, hubspot: str
) -> None:
    assert (cell(field, value, "salesforce"), cell(field, value, "hubspot")) == (
        salesforce,
        hubspot,
    )


def test_a_course_is_told_in_words_alone() -> None:
    [trend] = (each for each in course("order", ()) if each.name == "order_trend_30d")
    assert in_words(sentence(trend, 1.0)) == (
        "orders in the last 30 days: more than in the 30 days before"
    )


def test_a_figure_that_no_word_stands_for_is_kept() -> None:
    told = "average tone of calls in the last 90 days was -0.4 (from -1 to 1)"
    assert in_words(told) == told
