"""A first day: make a home, read a plain orders file, and say what is at stake.

The back-test always runs in an evaluation home: pseudonymised data and no way to contact anyone. A
production home gets one of its own for the purpose, which is gone afterwards.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from features.history import customer_ids
from features.importing.guess import guess_mapping
from features.importing.result import ImportResult
from features.own_functions import function_files
from governance.errors import GateRefused, InsufficientData
from serving.backtest import Backtest, Stake, back_test, stake_of
from serving.bootstrap import Keepwell, create_home, open_home
from serving.home import Home
from serving.models import train_model
from serving.rights.acts import settle
from serving.scoring.batch import score_everyone
from serving.settings import HomeKind, Settings, TargetSettings
from serving.signing_desk import review_model
from serving.sources import import_file

Clock = Callable[[], datetime]
Progress = Callable[[str], None]

MAPPING = "mapping.toml"
_YEAR_DAYS = 365
_TARGETS = {"churn": TargetSettings(active_window_days=_YEAR_DAYS)}


@dataclass(frozen=True)
class Onboarded:
    """What came in and what it says; `sentence` is the one to remember, `remarks` the caveats."""

    home: Path
    kind: HomeKind
    mapping: Path
    imported: ImportResult
    backtest: Backtest | None
    stake: Stake | None
    sentence: str
    remarks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Shape it for `keepwell init --json`."""
        return {
            "home": self.home,
            "kind": self.kind,
            "mapping": self.mapping,
            "import": vars(self.imported),
            "backtest": self.backtest,
            "stake": self.stake,
            "sentence": self.sentence,
            "remarks": self.remarks,
        }


def propose(file: Path, root: Path | None = None) -> str:
    """Guess how to read `file` and keep the mapping in the home; gives what to show a person.

    Without a `root` nothing is kept. Raises `InvalidInput` for a file that is no plain orders file.
    """
    if root is None:
        return guess_mapping(file).toml
    with _opened(root) as keepwell:
        guessed = guess_mapping(file, timezone=keepwell.settings.timezone)
        (keepwell.home.root / MAPPING).write_text(guessed.toml, encoding="utf-8")
    return "\n".join([*(f"# {line}" for line in guessed.explanation), guessed.toml])


def onboard(root: Path, file: Path, *, progress: Progress, clock: Clock) -> Onboarded:
    """Import `file` through the mapping that was proposed, and back-test a first model."""
    with _opened(root) as keepwell:
        mapping = keepwell.home.root / MAPPING
        progress("importing")
        imported = import_file(keepwell, mapping, file, now=clock(), progress=progress)
        found, stake, sentence, remarks = None, None, "", list[str]()
        with _evaluation_home(keepwell, mapping, file, progress, clock) as laboratory:
            try:
                found, stake = _measure(laboratory, keepwell, progress, clock)
                sentence = _sentence(found, stake, keepwell.settings.currency)
                remarks = _remarks(found, stake, keepwell.kind)
            except InsufficientData as missing:
                sentence = f"Too little to back-test: {missing.message}."
                remarks = ["bring a longer history, or more customers, and say init again"]
        return Onboarded(
            keepwell.home.root, keepwell.kind, mapping, imported, found, stake, sentence,
            tuple(remarks),
        )  # fmt: skip


@contextmanager
def _opened(root: Path) -> Iterator[Keepwell]:
    keepwell = open_home(root)
    try:
        settle(keepwell, now=datetime.now(UTC))
        yield keepwell
    finally:
        keepwell.close()


@contextmanager
def _evaluation_home(
    keepwell: Keepwell, mapping: Path, file: Path, progress: Progress, clock: Clock
) -> Iterator[Keepwell]:
    """Give the home itself if it is one for evaluation, or one that lasts as long as the block."""
    if keepwell.kind == "evaluation":
        yield keepwell
        return
    with tempfile.TemporaryDirectory(prefix="back-test-", dir=keepwell.home.var) as place:
        settings = Settings(
            kind="evaluation",
            timezone=keepwell.settings.timezone,
            currency=keepwell.settings.currency,
            targets=_TARGETS,
            feature=keepwell.settings.feature,
        )
        for name in function_files(each.definition for each in keepwell.features.own):
            (Path(place) / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(keepwell.home.root / name, Path(place) / name)
        laboratory = create_home(Home(Path(place)).root, settings, now=clock())
        try:
            progress("pseudonymising a copy for the back-test")
            import_file(laboratory, mapping, file, now=clock(), progress=progress)
            yield laboratory
        finally:
            laboratory.close()


def _measure(
    laboratory: Keepwell, keepwell: Keepwell, progress: Progress, clock: Clock
) -> tuple[Backtest, Stake | None]:
    progress("back-testing against a simple rule")
    target = laboratory.target("churn")
    if "targets" not in laboratory.settings.model_fields_set:
        target = replace(target, active_window_days=_YEAR_DAYS)
    trained = train_model(
        laboratory, target, command="keepwell init", now=clock(), progress=progress
    )
    found = back_test(trained)
    try:
        review_model(
            laboratory, found.model_digest, outcome="approve", key=None, reason="", now=clock()
        )
    except GateRefused:
        return found, None
    scores = laboratory.home.scores
    progress("scoring everyone as of today")
    score_everyone(laboratory, target, out=scores, clock=clock, progress=progress)
    with keepwell.database.read() as conn:
        people = customer_ids(conn)
        permit, _ = keepwell.registry.permit_many(conn, "outreach.email", people, now=clock())
        reachable = {laboratory.inside_id(each) for each in permit.customers}
    with laboratory.database.read() as conn:
        stake = stake_of(laboratory, conn, scores, target, contactable=reachable, now=clock())
    return found, stake


def _sentence(found: Backtest, stake: Stake | None, currency: str) -> str:
    said = (
        f"Last quarter (as of {found.as_of:%Y-%m-%d}) your simple rule's top {found.top} held "
        f"{found.rule_hits} leavers, ours {found.our_hits} [{found.low}, {found.high}]"
    )
    if stake is None:
        return said + "; the model did not pass the gate, so nothing is said about today."
    share = f"{stake.contactable_share:.0%}" if stake.contactable_share else "none"
    return (
        said + f"; now {_money(stake.at_risk)} {currency} of revenue at risk, "
        f"{share} of it contactable."
    )


def _remarks(found: Backtest, stake: Stake | None, kind: HomeKind) -> list[str]:
    told = [
        f"the simple rule: whoever has been silent longest; leaver: no order in the "
        f"{found.horizon_days} days after, among {found.customers:,} customers with an order in "
        f"the year before; {found.leavers:,} of them left",
        f"AUC {found.auc.value:.3f} [{found.auc.low:.3f}, {found.auc.high:.3f}], the rule "
        f"{found.rule_auc.value:.3f}; {found.verdict}",
    ]
    if stake is not None:
        told.append(
            f"at risk: each customer's revenue of the last year for {found.horizon_days} days, "
            f"times the probability of leaving, over {stake.customers:,} customers"
        )
    if kind == "evaluation":
        told.append("evaluation home: pseudonymised, nobody can be contacted from here")
    else:
        told.append("nobody is scored or contacted here before they permit it: consent import")
    return told


def _money(amount: float) -> str:
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if amount >= limit:
            return f"{amount / limit:.3g} {unit}"
    return f"{amount:.0f}"
