"""Churn by inactivity through Keepwell itself: a home, an import, a training run, its test set."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.quality_figures import Table, beside_published, compare_probabilities
from governance.instants import parse_instant
from serving.bootstrap import create_home
from serving.models import train_model
from serving.settings import Settings
from serving.sources import import_file
from training.pipeline import TrainResult

EXAMPLES = Path(__file__).parents[1] / "examples"
HORIZON_DAYS = 90
COMMON = 0.5


@dataclass(frozen=True)
class Company:
    """A file of orders and the protocol it is judged by.

    `measured` are figures of others on the same test customers, by name: measure, value, source.
    """

    name: str
    file: str
    test_as_of: str
    measured: Mapping[str, tuple[str, float, str]] = field(default_factory=dict)


CDNOW = Company(
    "cdnow",
    "cdnow/CDNOW_master.txt",
    "1998-04-01",
    {
        "BG/NBD": ("auc", 0.834, "fitted elsewhere to the same file, not computed here"),
        "small LightGBM": ("auc", 0.838, "from the data's SOURCE.md, not computed here"),
    },
)
ONLINE_RETAIL = Company(
    "online_retail",
    "online_retail/online_retail.parquet",
    "2011-09-10",
    {"small LightGBM": ("auc", 0.740, "from the data's SOURCE.md, not computed here")},
)


def cdnow(data_dir: Path) -> list[Table]:
    return [_judged(CDNOW, data_dir)]


def online_retail(data_dir: Path) -> list[Table]:
    return [_judged(ONLINE_RETAIL, data_dir)]


def _judged(company: Company, data_dir: Path) -> Table:
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found, training = _train(company, data_dir, Path(folder) / "home")
    scores = found.scores
    y = scores.y
    people = np.arange(len(y))
    rate = float(np.mean(y))
    lines = compare_probabilities(
        y,
        {"Keepwell": scores.probability, **scores.baselines},
        people,
        [people],
        returners=rate > COMMON,
    )
    others = [
        beside_published(name, measure, value, lines[0], source)
        for name, (measure, value, source) in company.measured.items()
    ]
    facts = found.facts
    return Table(
        company.name,
        f"no order within {HORIZON_DAYS} days",
        f"tested at {company.test_as_of}; {facts.split}; capacity by validation inside training",
        f"{len(y):,} test customers, {rate:.3f} left; {facts.rows:,} training rows",
        (*lines, *others),
        (f"training run, report and MLflow included: {training:.1f} s", _season(found)),
        time.perf_counter() - began,
    )


def _train(company: Company, data_dir: Path, root: Path) -> tuple[TrainResult, float]:
    now = datetime.now(UTC)
    keepwell = create_home(root, Settings(kind="evaluation"), now=now)
    try:
        import_file(keepwell, EXAMPLES / f"{company.name}.toml", data_dir / company.file, now=now)
        start = time.perf_counter()
        found = train_model(
            keepwell,
            keepwell.target("churn", horizon_days=HORIZON_DAYS),
            test_as_of=parse_instant(company.test_as_of, keepwell.settings.zone),
            author="benchmark",
            command=f"keepwell train churn --horizon-days {HORIZON_DAYS} "
            f"--test-as-of {company.test_as_of}",
            now=datetime.now(UTC),
        )
        return found, time.perf_counter() - start
    finally:
        keepwell.close()


def _season(found: TrainResult) -> str:
    scores = found.scores
    expected, happened = float(np.mean(scores.probability)), float(np.mean(scores.y))
    season = found.facts.evaluation.season if found.facts.evaluation is not None else None
    said = f"level: {expected:.3f} expected, {happened:.3f} left"
    if season is None:
        return said
    verdict = "the season has shifted, as the report warns" if season.shifted else "no shift"
    return f"{said}, observed − expected {season.gap}: {verdict}"
