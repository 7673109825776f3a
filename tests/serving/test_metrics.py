"""What Prometheus reads, and the dashboard and rules that are made of it."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from serving.http.metering import Meter, counts_text, total
from serving.http.metrics import Metrics
from serving.http.worker_counts import WorkerCounts
from serving.scoring.staleness import Monitored, keep
from tests.serving.conftest import Shop

DEPLOY = Path(__file__).parents[2] / "deploy"
NAME = re.compile(r"\bkeepwell_[a-z0-9_]+")
SAMPLE = re.compile(r'keepwell_[a-z0-9_]+(\{([a-z_]+="[^"]*",?)*\})? [-+0-9.eInf]+')
WITH_LOOKS = {"drift_features", "score_psi", "expected_auc", "realised_auc", "status"}
SELDOM = {
    "keepwell_last_month_count",  # where enough people stand behind a month that is over
    "keepwell_override_share",  # where something was decided
    "keepwell_approval_minutes",
    *(f"keepwell_model_{name}" for name in WITH_LOOKS),
}
"""What is told only where there is something to tell; each has a test of its own elsewhere."""


def scraped(shop: Shop) -> str:
    meter = Meter()
    meter.note("GET", "/v1/models", 200, 0.003)
    return Metrics(shop.keepwell, meter, shop.scorer).text(now=shop.clock())


def told(text: str) -> set[str]:
    return set(re.findall(r"^# TYPE (\S+)", text, re.M)) | set(
        re.findall(r"^keepwell_\w+", text, re.M)
    )


def asked(expressions: list[str]) -> set[str]:
    return {name for each in expressions for name in NAME.findall(each)}


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DEPLOY / "grafana-dashboard.json").read_text("utf-8"))
    return found


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((DEPLOY / "alerts.yml").read_text("utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def test_every_panel_asks_for_what_is_told(regular: Shop) -> None:
    targets = [each for panel in dashboard()["panels"] for each in panel.get("targets", ())]
    assert len(targets) > 30
    assert asked([each["expr"] for each in targets]) - told(scraped(regular)) - SELDOM == set()


def test_every_figure_is_on_the_dashboard(regular: Shop) -> None:
    shown = asked([json.dumps(dashboard())])
    families = set(re.findall(r"^# TYPE (\S+)", scraped(regular), re.M)) - {
        "keepwell_request_seconds"
    }
    assert families - shown == set()


def test_every_rule_asks_for_what_is_told_and_says_what_to_do(regular: Shop) -> None:
    found = rules()
    assert asked([each["expr"] for each in found]) - told(scraped(regular)) - SELDOM == set()
    assert all(each["annotations"].keys() == {"summary", "action"} for each in found)
    assert len({each["alert"] for each in found}) == len(found) >= 10


def test_names_follow_prometheus(regular: Shop) -> None:
    text = scraped(regular)
    samples = [each for each in text.splitlines() if not each.startswith("#")]
    assert [each for each in samples if not SAMPLE.fullmatch(each)] == []
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)", text, re.M):
        assert name.endswith("_total") == (kind == "counter"), name


def test_no_family_is_told_twice(regular: Shop) -> None:
    families = re.findall(r"^# TYPE (\S+)", scraped(regular), re.M)
    assert len(families) == len(set(families))


def test_counts_of_several_workers_add_up() -> None:
    one, two = Meter(), Meter()
    for meter, n in ((one, 2), (two, 3)):
        for _ in range(n):
            meter.note("GET", "/v1/models", 200, 0.003)
        meter.count("keepwell_scores_total", ["scored", "refused"])
    text = counts_text(total([one.counts(), two.counts()]))
    assert 'keepwell_requests_total{method="GET",route="/v1/models",status="200"} 5\n' in text
    assert 'keepwell_request_seconds_bucket{route="/v1/models",le="0.005"} 5\n' in text
    assert 'keepwell_scores_total{status="scored"} 2\n' in text


def test_a_worker_reads_what_the_others_wrote(tmp_path: Path) -> None:
    here = WorkerCounts(Meter(), worker=0, folder=tmp_path, figures=dict)
    other = Meter()
    other.count("keepwell_scores_total", ["scored"])
    WorkerCounts(other, worker=1, folder=tmp_path, figures=lambda: {"a": 1.0}).write(tmp_path)
    written = next(tmp_path.glob("1-*.json"))
    parts = json.loads(written.read_text("utf-8"))
    written.write_text(json.dumps([parts[0], os.getppid(), *parts[2:]]), encoding="utf-8")
    own, found = here.told()
    assert (own.worker, found.worker, found.figures, found.is_alive) == (0, 1, {"a": 1.0}, True)
    assert [tuple(each) for each in found.counts.outcomes] == [
        ("keepwell_scores_total", "scored", 1)
    ]


def test_a_half_written_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "1-1.json").write_text("[1, 1", encoding="utf-8")
    counts = WorkerCounts(Meter(), worker=0, folder=tmp_path, figures=dict)
    assert [each.worker for each in counts.told()] == [0]


@pytest.mark.parametrize(("status", "figure"), [("fine", 0), ("retrain", 2)])
def test_a_look_is_told_with_the_rest(regular: Shop, status: str, figure: int) -> None:
    digest = regular.scorer.score(["ann"], targets=["churn"]).results[0].model_digest
    with regular.keepwell.database.write() as conn:
        keep(conn, Monitored("churn", str(digest), regular.clock(), status, {}))
    assert f'keepwell_model_status{{target="churn"}} {figure}\n' in scraped(regular)
