"""The models that may serve now: one per target, from plain files, never without approval."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from fcntl import LOCK_EX, flock
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import lightgbm
import numpy as np
import structlog
from sqlalchemy import Connection

from features.definitions import FeatureDefinition
from features.own_functions import OwnFunction, load_functions
from features.plan import Plan, plan_of
from governance.errors import ConfigurationError, IntegrityBroken, KeepwellError, NotFound
from governance.proof import Approval
from governance.review.reviews import approval as approval_of
from governance.review.reviews import champion
from serving.home import Home
from serving.scoring.staleness import is_stale
from training.bundle import LoadedModel, digest, load, probe
from training.forecasts.value import combine

log = structlog.get_logger("keepwell.models")

ASK_AGAIN = timedelta(seconds=1)
"""How long an answer about who may serve is kept; a revoked approval stops serving within this."""


Trial = Callable[[Path, str], None]
"""Tries the bundle in a directory under its digest and raises `IntegrityBroken` if that fails."""


def try_in_child(directory: Path, digest: str) -> None:
    """Load and score once in a process of its own: a damaged model may end its interpreter.

    A bundle that passed under this LightGBM is not tried again, as its digest says that not a byte
    of it changed.
    """
    passed = directory.parents[1] / "tried" / digest
    with _one_at_a_time(passed.parent):
        with suppress(OSError):
            known = passed.read_text(encoding="utf-8") == lightgbm.__version__
            if known and _is(directory, digest):
                return
        probe(directory, expected_digest=digest)
        with suppress(OSError):
            passed.write_text(lightgbm.__version__, encoding="utf-8")


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Let several workers wait for the one that tries; where nothing can be kept, each tries."""
    try:
        folder.mkdir(exist_ok=True)
        turn = (folder / "turn").open("w")
    except OSError:
        yield
        return
    with turn:
        flock(turn, LOCK_EX)
        yield


def _is(directory: Path, expected: str) -> bool:
    with suppress(NotFound):
        return digest(directory) == expected
    return False


class Champion(NamedTuple):
    """A loaded model with the plan of its features, in the order of its columns.

    `functions` are the company's own that they name.
    """

    model: LoadedModel
    plan: Plan
    functions: Mapping[str, OwnFunction] = MappingProxyType({})

    @property
    def definitions(self) -> tuple[FeatureDefinition, ...]:
        """What its features are."""
        return self.plan.definitions

    @property
    def purposes(self) -> tuple[str, ...]:
        """Every purpose its features name, beside the one it scores for, sorted."""
        named = {purpose for each in self.definitions for purpose in each.purposes}
        return tuple(sorted(named - {self.model.purpose}))


class NotLoaded(Exception):
    """An approved model is not in memory yet; load it outside the transaction and ask again."""

    def __init__(self, digest: str) -> None:
        super().__init__(digest)
        self.digest = digest


class Champions:
    """Keeps loaded bundles; which of them may serve the database is asked every second."""

    def __init__(
        self, home: Home, *, home_kind: str, trial: Trial, stop_when_stale: bool = False
    ) -> None:
        self._home = home
        self._kind = home_kind
        self._trial = trial
        self._loaded: dict[str, Champion] = {}
        self._broken: dict[str, KeepwellError] = {}
        self._serving: dict[str, str] = {}
        self._asked: dict[str, tuple[datetime, Approval | None]] = {}
        self._stops = stop_when_stale
        self._stale: dict[str, tuple[datetime, bool]] = {}
        self._loading = threading.Lock()
        self._beside = False

    @property
    def damaged(self) -> Collection[str]:
        """The digests of approved models that could not be loaded."""
        return frozenset(self._broken)

    @property
    def reads_texts(self) -> bool:
        """Whether a loaded model has features of what people write."""
        return any(
            each.column == "sentiment"
            for found in self._loaded.values()
            for each in found.definitions
        )

    def load_beside(self) -> None:
        """Load newly approved models beside the requests: whoever calls `missing` sees to it.

        Until one is in memory the model that served before it goes on.
        """
        self._beside = True

    def of(
        self, conn: Connection, target: str, *, now: datetime
    ) -> tuple[Champion, Approval] | None:
        """Give the model approved for `target` and its approval; None when there is none.

        What a demo or evaluation home signed for itself never serves in a production home.

        Raises `NotLoaded` when that model must be brought in by `load` first, and `IntegrityBroken`
        or `NotFound` when its files are damaged or gone and no other model is approved.
        """
        approval = self._approval(conn, target, now)
        if approval is None or (approval.self_signed and self._kind == "production"):
            return None
        approval.require(approval.model_digest, now=now)
        found = self._loaded.get(approval.model_digest)
        if found is None:
            before = self._before(conn, target, now) if self._beside else None
            if before is None:
                raise NotLoaded(approval.model_digest)
            return before
        if self._serving.get(target) != approval.model_digest:
            self._now_serves(target, approval.model_digest)
        return found, approval

    def can_answer(self, conn: Connection, target: str, *, now: datetime) -> bool:
        """Whether nothing keeps the model approved for `target` from answering."""
        try:
            self.of(conn, target, now=now)
        except NotLoaded:
            return True  # it will be, when somebody asks
        except KeepwellError:
            return False
        return True

    def missing(self, conn: Connection, target: str, *, now: datetime) -> str | None:
        """Name the model approved for `target` that is not in memory yet; `load` brings it in.

        One that was damaged is named again once its files are whole.
        """
        approval = champion(conn, target, now=now)
        if approval is not None and (digest := approval.model_digest) in self._broken:
            if _is(self._home.bundles / digest, digest):
                self._broken = {each: why for each, why in self._broken.items() if each != digest}
            else:
                approval = champion(conn, target, now=now, besides=self._broken)
        if approval is None or approval.model_digest in self._loaded:
            return None
        return approval.model_digest

    def _now_serves(self, target: str, digest: str) -> None:
        """Note which model answers, and let go of the one it replaces."""
        before, self._serving = self._serving.get(target), {**self._serving, target: digest}
        if before not in self._serving.values():
            self._loaded = {each: found for each, found in self._loaded.items() if each != before}

    def _before(
        self, conn: Connection, target: str, now: datetime
    ) -> tuple[Champion, Approval] | None:
        """Give the model that served until now, while it may."""
        digest = self._serving.get(target)
        found = None if digest is None else self._loaded.get(digest)
        kept = None if found is None or digest is None else approval_of(conn, digest, now=now)
        return None if found is None or kept is None else (found, kept)

    def is_stale(self, conn: Connection, approval: Approval, *, now: datetime) -> bool:
        """Whether this model is past its limits and must stay silent until it is renewed.

        Never where settings only warn. Asked of the database as often as who may serve.
        """
        if not self._stops:
            return False
        asked_at, stale = self._stale.get(approval.review_id, (None, False))
        if asked_at is None or not timedelta(0) <= now - asked_at < ASK_AGAIN:
            stale = is_stale(conn, approval)
            self._stale[approval.review_id] = now, stale
        return stale

    def _approval(self, conn: Connection, target: str, now: datetime) -> Approval | None:
        """Give the approval that counts now: of a damaged model that of the one before it."""
        asked_at, approval = self._asked.get(target, (None, None))
        stale = asked_at is None or not timedelta(0) <= now - asked_at < ASK_AGAIN
        if stale or (approval is not None and now >= approval.expires_at):
            approval = champion(conn, target, now=now)
            if approval is not None and approval.model_digest in self._broken:
                broken = self._broken[approval.model_digest]
                approval = champion(conn, target, now=now, besides=self._broken)
                if approval is None:
                    raise broken
            self._asked[target] = now, approval
        return approval

    def load(self, digest: str) -> None:
        """Bring a bundle into memory, once: tried, checked, then loaded.

        One that fails is logged and set aside; the model that serves now stays.
        """
        with self._loading:
            if digest in self._loaded or digest in self._broken:
                return
            try:
                self._trial(self._home.bundles / digest, digest)
                found = open_bundle(self._home, digest)
                _work_out(found.model)
            except (ConfigurationError, IntegrityBroken, NotFound) as error:
                log.error("a model cannot serve", digest=digest, message=error.message)
                self._broken, self._asked = {**self._broken, digest: error}, {}
                return
            self._loaded = {**self._loaded, digest: found}


def _work_out(model: LoadedModel) -> None:
    """Have tables of trees made now, by an empty row, and not by the first request."""
    row = np.full((1, len(model.names)), np.nan)
    scores = model.predict(row)
    model.whole.horizons(row, scores)
    if model.whole.value is not None:
        combine(scores.probability, model.whole.value, row)
    if model.whole.category is not None:
        model.whole.category.predict(row)


def open_bundle(home: Home, digest: str) -> Champion:
    """Read the bundle with this digest from the home; raises `NotFound` or `IntegrityBroken`.

    Own functions must be, byte for byte, those it was trained with.
    """
    directory = home.bundles / digest
    if not directory.is_dir():
        raise NotFound(
            f"the files of model {digest[:12]}… are not in {home.bundles.name}/",
            hint="restore them from a backup, or train again",
        )
    model = load(directory, expected_digest=digest)
    definitions = tuple(FeatureDefinition.from_json(each) for each in model.definitions)
    if tuple(each.name for each in definitions) != model.names:
        raise IntegrityBroken(
            f"model {digest[:12]}… names other features than it defines", hint="train again"
        )
    return Champion(model, plan_of(definitions), load_functions(definitions, home.root))
