"""A model on disk as a directory of plain files; nothing in it is ever run.

    manifest.json   target, horizons, features with their definitions, facts
    risk.json       the members' weights, the calibrator, the scale of the intervals
    lightgbm.txt    the trees (absent when the blend has none)
    linear.json     the curves of the additive member (absent when the blend has none)
    spread.txt      the trees that say how wide an interval is (absent without intervals)
    30.….txt …      the same of the step to a horizon of 30 days, where the target has it
    value.…         the amount, category.… the kind of what happens, where the target has them
    digests.json    the sha256 of each of the above

`model_digest` is the sha256 over the sorted lines `<sha256>  <file>`. Every byte is checked against
it before anything is parsed: a damaged tree file can end the interpreter or load silently.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from governance.errors import IntegrityBroken, NotFound
from training.forecasts import category, value
from training.forecasts.category import CategoryModel
from training.forecasts.value import ValueModel
from training.model import Matrix, RiskModel, Scores
from training.target_model import Step, TargetModel

FORMAT = 2
MANIFEST, DIGESTS = "manifest.json", "digests.json"
_KINDS = (".json", ".txt")
_PROBE_SECONDS = 60


@dataclass(frozen=True)
class Support:
    """What training saw of each feature: the range of its middle 99.8 % and the share missing."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    missing: tuple[float, ...]


@dataclass(frozen=True)
class Description:
    """What a bundle says of itself beside its numbers.

    `names` (k,): features in the order of the columns. `definitions` (k,): each feature's
    definition as JSON. `created_at`: an instant in canonical text. `facts`: anything else about the
    training that is free of personal data.
    """

    target: str
    horizon_days: int
    purpose: str
    names: tuple[str, ...]
    definitions: tuple[Mapping[str, Any], ...]
    support: Support
    created_at: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LoadedModel:
    """A checked bundle, ready to score; safe to share between threads."""

    digest: str
    description: Description
    whole: TargetModel

    @property
    def model(self) -> RiskModel:
        """The risk within the main horizon."""
        return self.whole.risk

    @property
    def target(self) -> str:
        """What the probability is of, for example `churn`."""
        return self.description.target

    @property
    def horizon_days(self) -> int:
        """Within how many days."""
        return self.description.horizon_days

    @property
    def purpose(self) -> str:
        """The purpose a customer must permit to be scored by it."""
        return self.description.purpose

    @property
    def names(self) -> tuple[str, ...]:
        """The features, in the order of the columns of `predict`."""
        return self.description.names

    @property
    def definitions(self) -> tuple[Mapping[str, Any], ...]:
        """Each feature's definition as JSON, in the same order."""
        return self.description.definitions

    def predict(self, values: Matrix) -> Scores:
        """Score rows of shape (n, k), columns in the order of `names`; NaN is missing."""
        return self.model.predict(values)

    def outside_support(self, values: Matrix) -> NDArray[np.int64]:
        """How many features of each row lie outside what training saw, shape (n,)."""
        support = self.description.support
        with np.errstate(invalid="ignore"):
            outside = (values < np.asarray(support.low)) | (values > np.asarray(support.high))
        unseen = np.isnan(values) & (np.asarray(support.missing) == 0.0)
        return np.asarray(np.sum(outside | unseen, axis=1), dtype=np.int64)


def support_of(values: Matrix) -> Support:
    """Measure the range and missing share of each column of a training table (n, k)."""
    missing = np.mean(np.isnan(values), axis=0)
    low, high = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    for j in range(values.shape[1]):
        seen = values[~np.isnan(values[:, j]), j]
        if len(seen):
            low[j], high[j] = np.quantile(seen, [0.001, 0.999], method="nearest")
    return Support(tuple(low.tolist()), tuple(high.tolist()), tuple(missing.tolist()))


def save(model: TargetModel, description: Description, bundles: Path) -> str:
    """Write a bundle to `bundles`/<digest> in one rename; returns its digest.

    A bundle is never changed: when that very bundle is there already, it is kept as it is.
    """
    files = {MANIFEST: _json_bytes(_manifest(model, description)), **model.risk.to_files()}
    for step in model.steps:
        own = step.model.to_files()
        files |= {f"{step.horizon_days}.{name}": content for name, content in own.items()}
    for part in (model.value, model.category):
        files |= {} if part is None else part.to_files()
    digests = _hashes(files)
    found = _digest_of(digests)
    bundles.mkdir(parents=True, exist_ok=True)
    if (bundles / found).exists() and digest(bundles / found) == found:
        return found
    growing = Path(tempfile.mkdtemp(prefix=".growing-", dir=bundles))
    try:
        for name, content in {**files, DIGESTS: _json_bytes(digests)}.items():
            with (growing / name).open("wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
        growing.chmod(0o755)
        growing.rename(bundles / found)
    except OSError:
        shutil.rmtree(growing, ignore_errors=True)
        raise
    return found


def digest(directory: Path) -> str:
    """Compute the model digest of the files as they are now."""
    return _digest_of(_hashes(_read(directory)))


def load(directory: Path, *, expected_digest: str) -> LoadedModel:
    """Read a bundle whose every byte is what `expected_digest` says.

    Raises `IntegrityBroken` when it is not, before anything is parsed, and `NotFound` when there is
    no bundle. Call `probe` first for a bundle this process has not loaded before.
    """
    files = _whole(directory, expected_digest)
    manifest = json.loads(files[MANIFEST])
    if manifest.get("format") != FORMAT:
        raise IntegrityBroken(
            f"model {expected_digest[:12]}… has bundle format {manifest.get('format')!r}, expected "
            f"{FORMAT}",
            hint="another version of Keepwell made it: train again",
        )
    return LoadedModel(expected_digest, _description(manifest), _model(manifest, files))


def probe(directory: Path, *, expected_digest: str) -> None:
    """Load and score once in a child process; raises `IntegrityBroken` if that child fails.

    Files that are not those of `expected_digest` are named without trying them.
    """
    _whole(directory, expected_digest)
    command = [sys.executable, "-m", "training.trial", str(directory), expected_digest]
    try:
        child = subprocess.run(  # noqa: S603 - our own interpreter and module
            command, capture_output=True, timeout=_PROBE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise IntegrityBroken(f"trying the model took over {_PROBE_SECONDS} s") from None
    if child.returncode != 0:
        raise IntegrityBroken(
            f"trying the model in a child process ended with code {child.returncode}",
            hint="the model that serves now stays; train again",
        )


def _read(directory: Path) -> dict[str, bytes]:
    files = {
        each.name: each.read_bytes()
        for each in directory.glob("*.*")
        if each.suffix in _KINDS and each.name != DIGESTS and each.is_file()
    }
    if MANIFEST not in files:
        raise NotFound(f"no model bundle named {directory.name}")
    return files


def _whole(directory: Path, expected_digest: str) -> dict[str, bytes]:
    """Read the files of a bundle; raises `IntegrityBroken`, naming those that changed."""
    files = _read(directory)
    hashes = _hashes(files)
    if _digest_of(hashes) == expected_digest:
        return files
    try:
        stated = json.loads((directory / DIGESTS).read_bytes())
        known = stated if _digest_of(stated) == expected_digest else {}
    except (OSError, ValueError, TypeError, LookupError):
        known = {}
    changed = sorted(name for name in known if hashes.get(name) != known[name])
    raise IntegrityBroken(
        f"the files of model {expected_digest[:12]}… are not those that were approved: "
        + (f"{', '.join(changed)} changed" if changed else "their digests differ"),
        hint="restore the bundle from a backup, or train and approve again",
    )


def _hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def _digest_of(digests: Mapping[str, str]) -> str:
    lines = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()


def _json_bytes(content: Mapping[str, Any]) -> bytes:
    text = json.dumps(content, sort_keys=True, allow_nan=False, ensure_ascii=False, indent=1)
    return (text + "\n").encode()


def _manifest(model: TargetModel, description: Description) -> dict[str, Any]:
    support = description.support
    return {
        "format": FORMAT,
        "target": description.target,
        "horizon_days": description.horizon_days,
        "purpose": description.purpose,
        "features": list(description.names),
        "definitions": [dict(found) for found in description.definitions],
        "support": {
            "low": list(support.low),
            "high": list(support.high),
            "missing": list(support.missing),
        },
        "created_at": description.created_at,
        "facts": dict(description.facts),
        "steps": [step.horizon_days for step in model.steps],
    }


def _description(manifest: Mapping[str, Any]) -> Description:
    support = manifest["support"]
    return Description(
        target=manifest["target"],
        horizon_days=int(manifest["horizon_days"]),
        purpose=manifest["purpose"],
        names=tuple(manifest["features"]),
        definitions=tuple(manifest["definitions"]),
        support=Support(tuple(support["low"]), tuple(support["high"]), tuple(support["missing"])),
        created_at=manifest["created_at"],
        facts=manifest["facts"],
    )


def _model(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> TargetModel:
    def step(horizon_days: int) -> Step:
        start = f"{horizon_days}."
        own = {
            name.removeprefix(start): content
            for name, content in files.items()
            if name.startswith(start)
        }
        return Step(horizon_days, RiskModel.from_files(own))

    return TargetModel(
        horizon_days=int(manifest["horizon_days"]),
        risk=RiskModel.from_files(files),
        steps=tuple(step(int(days)) for days in manifest["steps"]),
        value=ValueModel.from_files(files) if value.VALUE in files else None,
        category=CategoryModel.from_files(files) if category.CATEGORY in files else None,
    )
