"""What a training run is asked for, and what it works with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from features.home_features import HomeFeatures
from features.labels import Target
from features.store import HistoryStore
from governance.consent.registry import ConsentRegistry
from governance.log.ledger import Ledger
from governance.model.gate import GatePolicy
from training.evaluation.costs import Costs
from training.extract import Transactions
from training.mitigation import Ask
from training.tracking import Tracking


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """What to train and how.

    `test_as_of`: None takes the latest date whose horizon is over. `trials`: tree shapes tried.
    `submitted_by`: the machine's own name of who runs this, beside the stated author.
    `inside_id`: turns the customer ids of `split_file` into those of the data. `exclude`: features
    left out, by name. `features`: what the home adds to the catalogue. `costs`: what contacting
    costs and brings, if the company stated it. `mitigate`: how gaps between groups are to be
    narrowed, if at all. `command`, `commit` and
    `lock_hash` go into the report's reproducibility stamp.
    """

    target: Target
    author: str
    home_kind: str
    submitted_by: str = ""
    test_as_of: datetime | None = None
    trials: int = 3
    split_file: Path | None = None
    inside_id: Callable[[str], str] = str
    exclude: tuple[str, ...] = ()
    features: HomeFeatures = field(default_factory=HomeFeatures)
    seed: int = 0
    costs: Costs | None = None
    mitigate: Ask | None = None
    calibration: str = "auto"
    command: str = ""
    commit: str = ""
    lock_hash: str = ""


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What a training run works with: where it reads, and where it writes."""

    database: Transactions
    registry: ConsentRegistry
    ledger: Ledger
    store: HistoryStore
    tracking: Tracking
    bundles: Path
    reports: Path
    policy: GatePolicy
